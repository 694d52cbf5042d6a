-- grain: unit x period x row x indicator. What the unit and all below it reported, summed on the tree of the period's end,
-- beside what the unit itself claimed for the whole. Blanks stay out: a sum of nothing is null, not zero.
with observation as (
    select * from {{ ref('int_observation') }}
),

tree as (
    select * from {{ ref('int_tree_at_period') }}
),

reporting as (
    select * from {{ ref('int_reporting') }}
),

field as (
    select * from {{ ref('stg_field') }}
),

table_indicator as (
    select distinct
        table_code,
        indicator_id
    from field
),

summed as (
    select
        t.ancestor_id as unit_id,
        t.period_id,
        o.row_id,
        o.indicator_id,
        sum(o.value) as value,
        -- whether the sum has a figure of any unit below
        coalesce(bool_or(t.depth > 0 and o.value is not null), false) as has_below
    from tree as t
    inner join observation as o on o.period_id = t.period_id and o.unit_id = t.unit_id
    where o.scope = 'own' and {{ slice('period', 'o.period_id') }}
    group by t.ancestor_id, t.period_id, o.row_id, o.indicator_id
),

claimed as (
    select
        o.unit_id,
        o.period_id,
        o.row_id,
        o.indicator_id,
        o.value
    from observation as o
    where o.scope = 'rollup' and {{ slice('touched', 'o.period_id', 'o.unit_id') }}
),

coverage as (
    select
        t.ancestor_id as unit_id,
        t.period_id,
        r.table_code,
        {{ coverage('r') }}
    from tree as t
    inner join reporting as r on r.period_id = t.period_id and r.unit_id = t.unit_id
    group by t.ancestor_id, t.period_id, r.table_code
),

levels as (
    select distinct
        period_id,
        ancestor_id as unit_id,
        ancestor_level as level,
        published
    from tree
),

figures as (
    select
        coalesce(s.unit_id, c.unit_id) as unit_id,
        coalesce(s.period_id, c.period_id) as period_id,
        coalesce(s.row_id, c.row_id) as row_id,
        coalesce(s.indicator_id, c.indicator_id) as indicator_id,
        s.value,
        coalesce(s.has_below, false) as has_below,
        c.value as claimed
    from summed as s
    full outer join claimed as c
        on
            c.unit_id = s.unit_id and c.period_id = s.period_id
            and c.row_id = s.row_id and c.indicator_id = s.indicator_id
),

final as (
    select
        f.unit_id,
        f.period_id,
        f.row_id,
        f.indicator_id,
        l.level,
        l.published,
        f.value,
        f.has_below,
        f.claimed,
        coalesce(v.units_reported, 0) as units_reported,
        coalesce(v.units_due, 0) as units_due,
        coalesce(v.units_unowed, 0) as units_unowed
    from figures as f
    inner join levels as l on l.unit_id = f.unit_id and l.period_id = f.period_id
    inner join table_indicator as i on i.indicator_id = f.indicator_id
    left join coverage as v
        on v.unit_id = f.unit_id and v.period_id = f.period_id and v.table_code = i.table_code
)

select * from final
