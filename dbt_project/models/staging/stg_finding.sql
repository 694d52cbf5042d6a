-- grain: receipt x decision x finding
with finding as (
    select * from {{ source('intake', 'finding') }}
),

final as (
    select
        receipt_id,
        decision,
        ordinal,
        rule,
        rule_version,
        kind,
        unit_id,
        sheet,
        cell,
        message_vi,
        message_en,
        waiver_id is not null as is_waived
    from finding
)

select * from final
