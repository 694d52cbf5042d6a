{{ config(unique_key=['period_id', 'unit_id', 'indicator_id', 'row_id'], meta={'slice': 'touched'}) }}

-- grain: unit of today's tree x period x row x indicator
with int_restated as (
    select * from {{ ref('int_restated') }}
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.row_id,
        s.indicator_id,
        s.value,
        s.not_restatable,
        s.units_reported,
        s.units_due,
        s.units_unowed,
        s.units_restated,
        s.units_not_restatable,
        {{ release_columns() }}
    from int_restated as s
    where {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
