-- grain: line of a report that was accepted, or form table of a nil return x scope
with covered as (
    select * from {{ source('intake', 'covered') }}
),

final as (
    select
        receipt_id as submission_id,
        unit_id,
        period_id,
        table_code,
        scope,
        is_nil
    from covered
)

select * from final
