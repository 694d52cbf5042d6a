{{ config(unique_key=['unit_id', 'valid_from'], meta={'slice': 'catalogue'}) }}

-- grain: published unit x stretch of days
with int_place as (
    select * from {{ ref('int_place') }}
),

final as (
    select
        s.unit_id,
        s.valid_from,
        s.valid_to,
        s.unit_key,
        s.code,
        s.name,
        s.level,
        s.above,
        {{ release_columns() }}
    from int_place as s
    where {{ slice('catalogue') }}
)

select * from final
