{{ config(unique_key=['unit_id', 'facts_from', 'valid_from', 'lands_on_id', 'is_whole'], meta={'slice': 'catalogue'}) }}

-- grain: unit x life (facts_from) x stretch of days x unit on which the figures land x whether they are whole there
with landing as (
    select * from {{ ref('stg_landing') }}
),

final as (
    select
        s.unit_id,
        s.facts_from,
        s.facts_to,
        s.lands_on_id,
        s.share as weight,
        s.is_whole,
        s.reason,
        s.valid_from,
        s.valid_to,
        {{ release_columns() }}
    from landing as s
    where {{ slice('catalogue') }}
)

select * from final
