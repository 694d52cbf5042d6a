-- grain: period
with period as (
    select * from {{ source('catalogue', 'period') }}
),

final as (
    select
        period_id,
        scheme,
        period_type,
        code,
        starts_on,
        ends_on
    from period
)

select * from final
