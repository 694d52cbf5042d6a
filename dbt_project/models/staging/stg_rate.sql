-- grain: rate
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

rate as (
    select * from {{ source('catalogue', 'rate') }}
),

final as (
    select
        s.rate_code,
        s.table_code,
        s.name_vi,
        s.name_en,
        s.shown_from
    from rate as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
