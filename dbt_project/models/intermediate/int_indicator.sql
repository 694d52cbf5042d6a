{{ config(meta={'slice': 'catalogue'}) }}

-- grain: indicator. The newest form version gives it its labels; of the levels from which versions show it the highest counts, so
-- that what one version withholds is withheld in all.
with field as (
    select * from {{ ref('stg_field') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

ranked as (
    select
        f.*,
        row_number() over (partition by f.indicator_id order by f.form_version desc) as place,
        first_value(f.shown_from) over (
            partition by f.indicator_id
            order by case when f.shown_from is null then 1 when l.level is null then 3 else 2 end desc, l.rank desc
        ) as strictest
    from field as f
    left join level as l on l.level = f.shown_from
),

final as (
    select
        indicator_id,
        table_code,
        field_code,
        label_vi,
        label_en,
        value_type,
        measure_unit,
        aggregation,
        strictest as shown_from
    from ranked
    where place = 1
)

select * from final
