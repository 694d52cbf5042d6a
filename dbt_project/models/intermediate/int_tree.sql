{{ config(meta={'slice': 'catalogue'}) }}

-- grain: tree: a stretch of days on which no version of a unit begins or ends and no unit goes on in another
with unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

succession as (
    select * from {{ ref('stg_succession') }}
),

candidate as (
    select * from {{ ref('stg_candidate') }}
),

edge as (
    select valid_from as day from unit_version
    union
    select valid_to + 1 as day from unit_version
    where valid_to < '9999-12-31'
    union
    select on_date as day from succession
),

stretch as (
    select
        day as valid_from,
        coalesce(lead(day) over (order by day) - 1, date '9999-12-31') as valid_to
    from edge
),

final as (
    select
        -- the first day as a number, so that a tree keeps its number whatever is learned of others
        (
            extract(year from s.valid_from) * 10000 + extract(month from s.valid_from) * 100 + extract(day from s.valid_from)
        )::integer as tree_id,
        s.valid_from,
        s.valid_to,
        c.opened_on between s.valid_from and s.valid_to as is_today
    from stretch as s
    cross join candidate as c
)

select * from final
