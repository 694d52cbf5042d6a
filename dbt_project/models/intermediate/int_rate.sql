-- grain: unit x period x row x rate x basis. Summed: over the units that gave every part of the rate, so that a unit with a
-- blank is in neither the numerator nor the denominator. Claimed: from the unit's own statement for the whole.
with observation as (
    select * from {{ ref('int_observation') }}
),

tree as (
    select * from {{ ref('int_tree_at_period') }}
),

rate_term as (
    select * from {{ ref('stg_rate_term') }}
),

parts as (
    select
        rate_code,
        count(*) as terms
    from rate_term
    group by rate_code
),

unit_rate as (
    select
        o.unit_id,
        o.period_id,
        o.row_id,
        o.scope,
        r.rate_code,
        {{ rate_parts('r', 'o.value') }}
    from observation as o
    inner join rate_term as r on r.indicator_id = o.indicator_id
    inner join parts as p on p.rate_code = r.rate_code
    where o.value is not null and {{ slice('period', 'o.period_id') }}
    group by o.unit_id, o.period_id, o.row_id, o.scope, r.rate_code
    having {{ has_every_term('p') }}
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
