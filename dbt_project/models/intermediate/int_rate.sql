-- grain: unit x period x row x rate x basis. Summed: over the units that gave every part of the rate. Claimed: from the unit's
-- own statement for the whole.
with rate_part as (
    select * from {{ ref('int_rate_part') }}
),

part as (
    select * from {{ ref('int_part') }}
    where tree = 'reported' and published
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

given as (
    select
        p.ancestor_id as unit_id,
        p.period_id,
        u.row_id,
        u.rate_code,
        u.numerator,
        u.denominator
    from part as p
    inner join unit_rate as u on u.period_id = p.period_id and u.unit_id = p.unit_id
    where u.scope = 'own' and p.is_own
    union all
    select
        p.ancestor_id as unit_id,
        p.period_id,
        k.row_id,
        k.rate_code,
        k.numerator,
        k.denominator
    from part as p
    cross join {{ kept('fct_rate', 'p') }} as k
    where k.basis = 'summed' and p.is_kept
),

summed as (
    select
        unit_id,
        period_id,
        row_id,
        rate_code,
        'summed' as basis,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from given
    group by unit_id, period_id, row_id, rate_code
),

claimed as (
    select
        p.ancestor_id as unit_id,
        p.period_id,
        u.row_id,
        u.rate_code,
        'claimed' as basis,
        u.numerator,
        u.denominator
    from part as p
    inner join unit_rate as u on u.period_id = p.period_id and u.unit_id = p.unit_id
    where p.unit_id = p.ancestor_id and u.scope = 'rollup'
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
