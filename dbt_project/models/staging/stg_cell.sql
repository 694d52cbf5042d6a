-- grain: unit x period x row x indicator x scope x submission: a cell of a report that was accepted
with cell as (
    select * from {{ source('intake', 'cell') }}
),

final as (
    select
        receipt_id as submission_id,
        unit_id,
        period_id,
        row_id,
        indicator_id,
        scope,
        state,
        value,
        sheet,
        cell
    from cell
)

select * from final
