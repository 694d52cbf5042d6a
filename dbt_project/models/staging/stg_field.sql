-- grain: indicator x form version; with the codes that the registry of indicators has for it
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

field as (
    select * from {{ source('catalogue', 'field') }}
),

indicator as (
    select * from {{ source('catalogue', 'indicator') }}
),

final as (
    select
        s.indicator_id,
        s.form_version,
        r.table_code,
        r.field_code,
        s.ordinal,
        s.label_vi,
        s.label_en,
        s.value_type,
        s.measure_unit,
        s.aggregation,
        s.shown_from
    from field as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
    inner join indicator as r on r.indicator_id = s.indicator_id
)

select * from final
