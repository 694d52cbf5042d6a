-- grain: unit x period x row x rate x basis. Summed: over the units that gave every part of the rate. Claimed: from the unit's
-- own statement for the whole.
with rate_part as (
    select * from {{ ref('int_rate_part') }}
),

tree as (
    select * from {{ ref('int_tree_at_period') }}
),

unit_rate as (
    select
        unit_id,
        period_id,
        row_id,
        scope,
        rate_code,
        sum(value) filter (where part = 'numerator') as numerator,
        sum(value) filter (where part = 'denominator') as denominator
    from rate_part
    group by unit_id, period_id, row_id, scope, rate_code
),

summed as (
    select
        t.ancestor_id as unit_id,
        t.period_id,
        u.row_id,
        u.rate_code,
        'summed' as basis,
        sum(u.numerator) as numerator,
        sum(u.denominator) as denominator
    from tree as t
    inner join unit_rate as u on u.period_id = t.period_id and u.unit_id = t.unit_id
    where t.published and u.scope = 'own'
    group by t.ancestor_id, t.period_id, u.row_id, u.rate_code
),

claimed as (
    select
        t.ancestor_id as unit_id,
        t.period_id,
        u.row_id,
        u.rate_code,
        'claimed' as basis,
        u.numerator,
        u.denominator
    from tree as t
    inner join unit_rate as u on u.period_id = t.period_id and u.unit_id = t.unit_id
    where t.published and t.depth = 0 and u.scope = 'rollup'
),

rates as (
    select * from summed
    union all
    select * from claimed
),

final as (
    select
        unit_id,
        period_id,
        row_id,
        rate_code,
        basis,
        numerator,
        denominator,
        {{ rate('numerator', 'denominator') }} as value
    from rates
)

select * from final
