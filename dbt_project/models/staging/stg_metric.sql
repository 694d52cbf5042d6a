-- grain: metric
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

metric as (
    select * from {{ source('catalogue', 'metric') }}
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
        s.shown_from
    from metric as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
