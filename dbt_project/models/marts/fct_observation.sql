{{ config(unique_key=['period_id', 'unit_id', 'indicator_id', 'row_id', 'scope'], meta={'slice': 'touched'}) }}

-- grain: unit x period x row x indicator x scope
with int_observation as (
    select * from {{ ref('int_observation') }}
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.row_id,
        s.indicator_id,
        s.scope,
        s.submission_id,
        s.state,
        s.value,
        s.sheet,
        s.cell,
        {{ release_columns() }}
    from int_observation as s
    where {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
