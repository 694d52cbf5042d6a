-- grain: unit of today's tree x period x row x indicator: what was reported for the period, summed on today's tree. Blanks stay
-- out, as in int_rollup; so do claims.
with observation as (
    select * from {{ ref('int_observation') }}
),

part as (
    select * from {{ ref('int_part') }}
    where tree = 'today'
),

tree as (
    select * from {{ ref('int_restated_tree') }}
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

own as (
    select
        period_id,
        ancestor_id,
        unit_id,
        own_weight as weight,
        undivided
    from tree
    where own_weight > 0
),

landed as (
    select
        t.ancestor_id,
        t.period_id,
        o.row_id,
        o.indicator_id,
        o.value,
        t.weight,
        t.undivided
    from own as t
    inner join observation as o on o.period_id = t.period_id and o.unit_id = t.unit_id
    where o.scope = 'own'
    union all
    -- what can be divided no further below is whole here
    select
        p.ancestor_id,
        p.period_id,
        k.row_id,
        k.indicator_id,
        k.value,
        1 as weight,
        0 as undivided
    from part as p
    cross join {{ kept('fct_restated', 'p') }} as k
    where p.is_kept
),

summed as (
    select
        f.ancestor_id as unit_id,
        f.period_id,
        f.row_id,
        f.indicator_id,
        {{ restated_sum('f.value', 'f') }}
    from landed as f
    group by f.ancestor_id, f.period_id, f.row_id, f.indicator_id
),

coverage as (
    select
        t.ancestor_id as unit_id,
        t.period_id,
        r.table_code,
        {{ restated_coverage('r', 't') }}
    from tree as t
    inner join reporting as r on r.period_id = t.period_id and r.unit_id = t.unit_id
    group by t.ancestor_id, t.period_id, r.table_code
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.row_id,
        s.indicator_id,
        s.value,
        s.not_restatable,
        coalesce(v.units_reported, 0) as units_reported,
        coalesce(v.units_due, 0) as units_due,
        coalesce(v.units_unowed, 0) as units_unowed,
        coalesce(v.units_restated, 0) as units_restated,
        coalesce(v.units_not_restatable, 0) as units_not_restatable
    from summed as s
    inner join table_indicator as i on i.indicator_id = s.indicator_id
    left join coverage as v
        on v.unit_id = s.unit_id and v.period_id = s.period_id and v.table_code = i.table_code
)

select * from final
