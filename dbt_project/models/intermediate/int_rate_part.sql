-- grain: unit x period x row x scope x rate x part x way in which its terms add over time. Only of units that gave every term of
-- the rate, so that a unit with a blank is in neither the numerator nor the denominator.
with observation as (
    select * from {{ ref('int_observation') }}
),

rate_term as (
    select * from {{ ref('stg_rate_term') }}
),

final as (
    {{ rate_part('observation', 'rate_term', slice('period', 'o.period_id')) }}
)

select * from final
