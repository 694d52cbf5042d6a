-- grain: month or quarter
with period_in_year as (
    select * from {{ source('catalogue', 'period_in_year') }}
),

final as (
    select
        period_id,
        year_id,
        period_type,
        periods_in_year
    from period_in_year
)

select * from final
