-- grain: period of which a report counts
with submission as (
    select * from {{ ref('int_submission') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

final as (
    select distinct
        p.period_id,
        p.ends_on
    from submission as s
    inner join period as p on p.period_id = s.period_id
    where s.status = 'accepted'
)

select * from final
