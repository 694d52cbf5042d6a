{{ config(unique_key=['indicator_id'], meta={'slice': 'catalogue'}) }}

-- grain: indicator
with int_indicator as (
    select * from {{ ref('int_indicator') }}
),

final as (
    select
        indicator_id,
        table_code,
        field_code,
        table_code || '.' || field_code as code,
        label_vi,
        label_en,
        value_type,
        measure_unit,
        aggregation,
        shown_from,
        {{ release_columns() }}
    from int_indicator
    where {{ slice('catalogue') }}
)

select * from final
