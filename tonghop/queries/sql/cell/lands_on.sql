-- The units of a tree on or below which a cell's figure lands, and the indicator and the rates that it is a term of.
select f.unit_id, u.code as unit, u.name, f.indicator_id, x.part, x.code, p.code as period, w.row_code as row
from intake.cell as c
join catalogue.period as p on p.period_id = c.period_id
join catalogue.form_row as w on w.row_id = c.row_id
join in_release.fct_observation(%(release)s) as f
    on f.indicator_id = c.indicator_id and f.unit_id = c.unit_id and f.period_id = c.period_id
        and f.row_id = c.row_id and f.scope = c.scope and f.submission_id = c.receipt_id and f.value is not null
        and f.period_id = %(period_id)s
join in_release.bridge_restated(%(release)s) as s
    on s.unit_id = f.unit_id and p.ends_on between s.facts_from and s.facts_to
        and %(day)s between s.valid_from and s.valid_to
join in_release.bridge_org_tree(%(release)s) as b on b.unit_id = s.lands_on_id and %(day)s between b.valid_from and b.valid_to
join in_release.dim_org_unit(%(release)s) as u
    on u.unit_id = b.ancestor_id and u.published and %(day)s between u.valid_from and u.valid_to
join lateral (
    select null as part, i.code from in_release.dim_indicator(%(release)s) as i
    where i.indicator_id = f.indicator_id
    union
    select t.part, t.rate_code from catalogue.rate_term as t
    where t.catalogue_id = %(catalogue)s and t.indicator_id = f.indicator_id
) as x on true
where c.receipt_id = %(receipt)s and c.sheet = %(sheet)s and c.cell = %(cell)s and c.scope = 'own'
group by f.unit_id, u.code, u.name, f.indicator_id, x.part, x.code, p.code, w.row_code, u.level_rank, u.sort_key
order by x.part nulls first, x.code, u.level_rank, u.sort_key
