{{ config(unique_key=['submission_id'], meta={'slice': 'touched'}) }}

-- grain: submission
with int_submission as (
    select * from {{ ref('int_submission') }}
),

final as (
    select
        s.submission_id,
        s.sha256,
        s.unit_id,
        s.form_code,
        s.form_version,
        s.period_id,
        s.scope,
        s.is_nil,
        s.received_at,
        s.cells,
        s.status,
        s.superseded_by,
        {{ release_columns() }}
    from int_submission as s
    where {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
