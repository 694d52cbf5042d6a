with old as (
    select * from in_release.fct_rollup(%(before)s)
    where release_to <= %(release)s
),

new as (
    select * from in_release.fct_rollup(%(release)s)
    where release_from > %(before)s
)

select
    u.name as unit, u.code as unit_code, p.code as period, i.table_code, i.label_vi, i.label_en,
    nullif(w.row_code, 'all') as row_code, w.label_vi as row_label,
    u.unit_id, p.period_id, p.ends_on, i.indicator_id, i.code, w.row_id,
    coalesce(old.value, old.claimed) as old_value, coalesce(new.value, new.claimed) as new_value,
    new.value is null and new.claimed is not null as is_claimed, count(*) over () as in_all
from old
full join new using (unit_id, period_id, row_id, indicator_id)
join in_release.dim_period(%(release)s) as p on p.period_id = coalesce(new.period_id, old.period_id)
join in_release.dim_org_unit(%(release)s) as u
    on u.unit_id = coalesce(new.unit_id, old.unit_id) and u.published
        and p.ends_on between u.valid_from and u.valid_to
join in_release.dim_indicator(%(release)s) as i
    on i.indicator_id = coalesce(new.indicator_id, old.indicator_id) and not i.restricted
join in_release.dim_form_row(%(release)s) as w on w.row_id = coalesce(new.row_id, old.row_id)
where coalesce(old.value, old.claimed) is distinct from coalesce(new.value, new.claimed)
order by u.level_rank desc, u.sort_key asc, p.period_id desc, i.table_code asc, w.row_id asc, i.indicator_id asc
limit %(shown)s
