-- grain: unit x stretch of days (both ends included); with the key that the registry of units has for it
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

unit_version as (
    select * from {{ source('catalogue', 'unit_version') }}
),

unit as (
    select * from {{ source('catalogue', 'unit') }}
),

final as (
    select
        s.unit_id,
        r.unit_key,
        s.valid_from,
        s.valid_to,
        s.code,
        s.name,
        s.sort_key,
        s.level,
        s.also_level,
        s.parent_id,
        s.synthetic
    from unit_version as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
    inner join unit as r on r.unit_id = s.unit_id
)

select * from final
