-- grain: receipt: a file that was received, whatever became of it
with receipt as (
    select * from {{ source('intake', 'receipt') }}
),

final as (
    select
        receipt_id,
        sha256,
        unit_id,
        form_code,
        form_version,
        period_id,
        scope,
        is_nil,
        received_at,
        cells
    from receipt
)

select * from final
