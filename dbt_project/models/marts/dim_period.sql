{{ config(unique_key=['period_id'], meta={'slice': 'catalogue'}) }}

-- grain: period
with stg_period as (
    select * from {{ ref('stg_period') }}
),

final as (
    select
        s.period_id,
        s.code,
        s.scheme,
        s.period_type,
        s.starts_on,
        s.ends_on,
        -- the year in which it ends: the number of a period starts with it
        floor(s.period_id / 100000)::integer as year,
        {{ release_columns() }}
    from stg_period as s
    where {{ slice('catalogue') }}
)

select * from final
