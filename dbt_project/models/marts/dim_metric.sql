{{ config(unique_key=['code'], meta={'slice': 'catalogue'}) }}

-- grain: metric
with stg_metric as (
    select * from {{ ref('stg_metric') }}
),

final as (
    select
        s.code,
        s.kind,
        s.table_code,
        s.indicator_id,
        s.label_vi,
        s.label_en,
        s.measure_unit,
        s.numerator,
        s.denominator,
        s.over_units,
        s.over_time,
        s.broken_on,
        s.formula_vi,
        s.formula_en,
        s.shown_from,
        {{ release_columns() }}
    from stg_metric as s
    where {{ slice('catalogue') }}
)

select * from final
