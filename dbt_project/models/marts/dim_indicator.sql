{{ config(unique_key=['indicator_id'], meta={'slice': 'catalogue'}) }}

-- grain: indicator. The newest form version gives an indicator its labels; withheld in any version is withheld in all.
with field as (
    select * from {{ ref('stg_field') }}
),

newest as (
    select distinct on (indicator_id)
        indicator_id,
        table_code,
        field_code,
        label_vi,
        label_en,
        value_type,
        measure_unit,
        aggregation,
        bool_or(restricted) over (partition by indicator_id) as restricted
    from field
    order by indicator_id asc, form_version desc
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
        restricted,
        {{ release_columns() }}
    from newest
    where {{ slice('catalogue') }}
)

select * from final
