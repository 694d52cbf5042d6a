-- grain: period of the slice of which a report counts
with submission as (
    select * from {{ ref('int_submission') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

final as (
    select
        p.period_id,
        p.ends_on
    from period as p
    where
        exists (
            select 1 from submission as s
            where s.period_id = p.period_id and s.status = 'accepted'
        )
        and {{ slice('period', 'p.period_id') }}
)

select * from final
