{{ config(materialized='view') }}

-- grain: period x other period x link. Where the terms of a rule are looked up that go beyond their own period:
--   previous: the period that ends on the day before this one starts; the same type first, then the longest
--   months:   the months of a quarter
with period as (
    select * from {{ ref('stg_period') }}
),

final as (
    select
        p.period_id,
        o.period_id as other_id,
        'previous' as term_at,
        row_number() over (
            partition by p.period_id
            order by o.scheme = p.scheme desc, o.period_type = p.period_type desc, o.starts_on
        ) as preference
    from period as p
    -- of another scheme where one goes on where the other ends: no two that run side by side close a day apart
    inner join period as o on o.ends_on = p.starts_on - 1
    union all
    select
        p.period_id,
        o.period_id as other_id,
        'months' as term_at,
        1 as preference
    from period as p
    inner join period as o on o.scheme = p.scheme and o.starts_on >= p.starts_on and o.ends_on <= p.ends_on
    where p.period_type = 'Q' and o.period_type = 'M'
)

select * from final
