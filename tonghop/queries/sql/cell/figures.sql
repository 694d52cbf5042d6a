-- A cell's figures that the marts keep, as reported and on today's tree.
with line as (
    select f.*, b.ancestor_id, f.releases * int4range(b.release_from, b.release_to) as in_tree
    from fact as f
    join marts.bridge_org_tree as b on b.unit_id = f.unit_id and f.ends_on between b.valid_from and b.valid_to
        and (f.scope = 'own' or b.depth = 0)
),

sums as (
    select
        l.ancestor_id as unit_id, l.period, l.ends_on, l.row_id, i.table_code || '.' || i.field_code as code,
        null as part, case l.scope when 'own' then 'summed' else 'claimed' end as basis, null as tree,
        l.in_tree * int4range(r.release_from, r.release_to) as releases,
        case l.scope when 'own' then r.value else r.claimed end as value
    from line as l
    join catalogue.indicator as i on i.indicator_id = l.indicator_id
    join marts.fct_rollup as r on r.unit_id = l.ancestor_id and r.period_id = l.period_id and r.row_id = l.row_id
        and r.indicator_id = l.indicator_id and r.period_id = %(period_id)s
        and l.in_tree && int4range(r.release_from, r.release_to)
),

-- the same restated on the tree that was today's in the release
restated as (
    select
        a.ancestor_id as unit_id, f.period, t.valid_from as ends_on, f.row_id, i.table_code || '.' || i.field_code as code,
        null as part, 'summed' as basis, 'today' as tree,
        f.releases * int4range(t.release_from, t.release_to) * int4range(b.release_from, b.release_to)
        * int4range(a.release_from, a.release_to) * int4range(r.release_from, r.release_to) as releases, r.value
    from fact as f
    join catalogue.indicator as i on i.indicator_id = f.indicator_id
    join marts.bridge_restated as b on b.unit_id = f.unit_id and f.ends_on between b.facts_from and b.facts_to
    join marts.dim_tree as t on t.is_today and t.valid_from between b.valid_from and b.valid_to
    join marts.bridge_org_tree as a on a.unit_id = b.lands_on_id and t.valid_from between a.valid_from and a.valid_to
    join marts.fct_restated as r
        on r.unit_id = a.ancestor_id and r.period_id = f.period_id and r.row_id = f.row_id
            and r.indicator_id = f.indicator_id and r.period_id = %(period_id)s
    where f.scope = 'own'
),

rates as (
    select
        l.ancestor_id as unit_id, l.period, l.ends_on, l.row_id, r.rate_code as code, c.part, r.basis, null as tree,
        unnest(c.releases * int4multirange(l.in_tree * int4range(r.release_from, r.release_to))) as releases, r.value
    from line as l
    join complete as c on c.unit_id = l.unit_id and c.period_id = l.period_id and c.row_id = l.row_id and c.scope = l.scope
    join marts.fct_rate as r on r.unit_id = l.ancestor_id and r.period_id = l.period_id and r.row_id = l.row_id
        and r.rate_code = c.rate_code and r.basis = case l.scope when 'own' then 'summed' else 'claimed' end
        and l.in_tree && int4range(r.release_from, r.release_to)
),

-- the years that a sum is in: with all periods of the year where it is a flow, as the last one where it is a stock, as the first
-- where it is an opening; a year with a label break has a figure for each set of labels
years as (
    select
        s.unit_id, y.code as period, s.ends_on, s.row_id, s.code, s.part, 'year of ' || r.period_type as basis, s.tree,
        s.releases * int4range(r.release_from, r.release_to) * int4range(i.release_from, i.release_to) as releases, r.value
    from (
        select * from sums
        union all
        select * from restated
    ) as s
    join marts.dim_indicator as i on i.code = s.code
    join catalogue.period as p on p.period_id = %(period_id)s
    join catalogue.period as y on y.period_id = %(year_id)s
    join marts.fct_year as r
        on r.unit_id = s.unit_id and r.period_id = %(year_id)s and r.row_id = s.row_id
            and r.indicator_id = i.indicator_id and r.tree = coalesce(s.tree, 'reported') and r.period_type = p.period_type
            and p.period_id = case i.aggregation
                when 'flow' then p.period_id when 'stock' then r.last_period_id when 'opening' then r.first_period_id
            end
    where s.basis = 'summed' and r.label_set = (
            select 1 + count(distinct b.broken_on) from in_release.bridge_label(r.release_from) as b
            where b.is_break and i.indicator_id in (b.old_id, b.new_id) and b.broken_on <= p.ends_on
        )
)

select * from sums
union
select * from restated
union
select * from rates
union
select * from years
