-- How complete and how timely reporting is, per unit with all below it, form table and period.
-- period: period code, e.g. 2021-Y   on: also on the tree of a day, e.g. 2025-07-01 [only that of the period's end]
-- shown: tree, unit, name, table, received/due, late, missing, claims_received/claims_due
with asked_period as (
    select period_id, ends_on from star.dim_period
    where code = %(period)s
),

counts as (
    select
        'as reported' as tree, p.ends_on as day, f.unit_id, f.table_code, f.last_due_on, f.due, f.received, f.on_time, f.late,
        f.missing, f.nil, f.unowed, f.claims_due, f.claims_received, null::integer as restated, null::integer as not_restatable
    from star.fct_completeness as f
    inner join asked_period as p on f.period_id = p.period_id
    union all
    select
        'on ' || %(on)s, nullif(%(on)s, '')::date, f.unit_id, f.table_code, f.last_due_on, f.due, f.received, f.on_time, f.late,
        f.missing, f.nil, f.unowed, f.claims_due, f.claims_received, f.restated, f.not_restatable
    from star.fct_completeness_on as f
    where f.period_id = any(array(select period_id from asked_period)) and f.tree_id = (
            select d.tree_id from star.dim_tree as d
            where nullif(%(on)s, '')::date between d.valid_from and d.valid_to
        )
)

select
    c.tree,
    u.code as unit,
    u.name,
    c.table_code as "table",
    c.last_due_on,
    c.due,
    c.received,
    c.on_time,
    c.late,
    c.missing,
    c.nil,
    c.unowed,
    c.claims_due,
    c.claims_received,
    c.restated,
    c.not_restatable,
    round(c.received::numeric / nullif(c.due, 0), 4) as completeness,
    round(c.on_time::numeric / nullif(c.due, 0), 4) as timeliness
from counts as c
inner join star.dim_org_unit as u on c.unit_id = u.unit_id and c.day between u.valid_from and u.valid_to
order by c.tree asc, u.level_rank desc, u.sort_key asc, c.table_code asc
