-- grain: level
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

level as (
    select * from {{ source('catalogue', 'level') }}
),

final as (
    select
        s.level,
        s.rank,
        s.published,
        s.name_vi,
        s.name_en
    from level as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
