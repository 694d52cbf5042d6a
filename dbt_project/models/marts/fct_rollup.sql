{{ config(unique_key=['period_id', 'unit_id', 'indicator_id', 'row_id'], meta={'slice': 'touched'}) }}

-- grain: unit x period x row x indicator
with int_rollup as (
    select * from {{ ref('int_rollup') }}
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.row_id,
        s.indicator_id,
        s.value,
        s.claimed,
        s.units_reported,
        s.units_due,
        s.units_unowed,
        {{ release_columns() }}
    from int_rollup as s
    where s.published and {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
