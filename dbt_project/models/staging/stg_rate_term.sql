-- grain: rate x part x indicator
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

rate_term as (
    select * from {{ source('catalogue', 'rate_term') }}
),

final as (
    select
        s.rate_code,
        s.part,
        s.indicator_id,
        s.coefficient,
        s.over_time
    from rate_term as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
