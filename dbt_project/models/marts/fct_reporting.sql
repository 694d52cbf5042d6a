{{ config(unique_key=['period_id', 'unit_id', 'table_code', 'scope'], meta={'slice': 'touched'}) }}

-- grain: unit x period x form table x scope: a report that is owed, or that came and nobody owes
with int_reporting as (
    select * from {{ ref('int_reporting') }}
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.table_code,
        s.scope,
        s.is_owed,
        s.due_on,
        s.received_at,
        s.is_received,
        s.is_on_time,
        s.is_nil,
        s.submission_id,
        {{ release_columns() }}
    from int_reporting as s
    where {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
