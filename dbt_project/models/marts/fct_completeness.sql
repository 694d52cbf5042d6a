{{ config(unique_key=['period_id', 'unit_id', 'table_code'], meta={'slice': 'touched'}) }}

-- grain: unit x period x form table
with int_completeness as (
    select * from {{ ref('int_completeness') }}
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.table_code,
        s.last_due_on,
        s.due,
        s.received,
        s.on_time,
        s.late,
        s.missing,
        s.nil,
        s.unowed,
        s.claims_due,
        s.claims_received,
        {{ release_columns() }}
    from int_completeness as s
    where s.published and {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
