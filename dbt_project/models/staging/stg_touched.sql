-- grain: unit x period that a candidate rebuilds which does not rebuild everything
with touched as (
    select * from {{ source('build', 'touched') }}
),

final as (
    select
        period_id,
        unit_id
    from touched
)

select * from final
