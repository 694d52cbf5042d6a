-- grain: unit x life (facts_from) x stretch of days x unit on which the figures land x whether they are whole there
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

landing as (
    select * from {{ source('catalogue', 'landing') }}
),

final as (
    select
        s.unit_id,
        s.facts_from,
        s.facts_to,
        s.valid_from,
        s.valid_to,
        s.lands_on_id,
        s.share,
        s.is_whole,
        s.reason
    from landing as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
