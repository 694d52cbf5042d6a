-- grain: unit x period x row x indicator. What the unit and all below it reported, summed on the tree of the period's end,
-- beside what the unit itself claimed for the whole. Blanks stay out: a sum of nothing is null, not zero.
with observation as (
    select * from {{ ref('int_observation') }}
),

part as (
    select * from {{ ref('int_part') }}
    where tree = 'reported'
),

completeness as (
    select * from {{ ref('int_completeness') }}
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

figures as (
    select
        p.ancestor_id as unit_id,
        p.period_id,
        o.row_id,
        o.indicator_id,
        o.value,
        p.unit_id <> p.ancestor_id as is_below
    from part as p
    inner join observation as o on o.period_id = p.period_id and o.unit_id = p.unit_id
    where o.scope = 'own' and p.is_own
    union all
    select
        p.ancestor_id as unit_id,
        p.period_id,
        k.row_id,
        k.indicator_id,
        k.value,
        true as is_below
    from part as p
    cross join {{ kept('fct_rollup', 'p') }} as k
    where p.is_kept
),

summed as (
    select
        unit_id,
        period_id,
        row_id,
        indicator_id,
        sum(value) as value,
        -- whether the sum has a figure of any unit below
        coalesce(bool_or(is_below and value is not null), false) as has_below
    from figures
    group by unit_id, period_id, row_id, indicator_id
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

levels as (
    select distinct
        period_id,
        ancestor_id as unit_id,
        ancestor_level as level,
        published
    from part
),

beside as (
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
        coalesce(v.received, 0) as units_reported,
        coalesce(v.due, 0) as units_due,
        coalesce(v.unowed, 0) as units_unowed
    from beside as f
    inner join levels as l on l.unit_id = f.unit_id and l.period_id = f.period_id
    inner join table_indicator as i on i.indicator_id = f.indicator_id
    left join completeness as v
        on v.unit_id = f.unit_id and v.period_id = f.period_id and v.table_code = i.table_code
)

select * from final
