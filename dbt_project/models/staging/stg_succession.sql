-- grain: predecessor x successor x day
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

succession as (
    select * from {{ source('catalogue', 'succession') }}
),

final as (
    select
        s.predecessor_id,
        s.successor_id,
        s.on_date,
        s.weight,
        s.event
    from succession as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
