{{ config(unique_key=['unit_id', 'valid_from'], meta={'slice': 'catalogue'}) }}

-- grain: unit x stretch of days
with unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

final as (
    select
        v.unit_id,
        v.valid_from,
        v.valid_to,
        v.code,
        v.name,
        v.sort_key,
        v.level,
        l.rank as level_rank,
        l.published,
        v.parent_id,
        v.synthetic,
        {{ release_columns() }}
    from unit_version as v
    inner join level as l on l.level = v.level
    where {{ slice('catalogue') }}
)

select * from final
