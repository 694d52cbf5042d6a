-- grain: period x ancestor on today's tree x unit that reported or owed then. weight is the share of the unit's figures that
-- lands on the ancestor or below it, own_weight what of it is in no sum that is kept; undivided is the share that lands on the
-- ancestor itself and can be divided no further. Opened once per period, as int_part is.
with reported_period as (
    select * from {{ ref('int_reported_period') }}
),

candidate as (
    select * from {{ ref('stg_candidate') }}
),

landing as (
    select * from {{ ref('stg_landing') }}
),

part as (
    select * from {{ ref('int_part') }}
    where tree = 'today'
),

-- where the figures of the period land today
landed as (
    select
        p.period_id,
        s.unit_id,
        s.lands_on_id,
        s.share,
        s.is_whole,
        s.reason
    from candidate as c
    inner join landing as s on c.opened_on between s.valid_from and s.valid_to
    inner join reported_period as p on p.ends_on between s.facts_from and s.facts_to
),

final as (
    select
        p.period_id,
        p.ancestor_id,
        s.unit_id,
        {{ landed('s', 'share', 'p') }},
        coalesce(sum(s.share) filter (where p.is_own), 0) as own_weight
    from part as p
    inner join landed as s on s.period_id = p.period_id and s.lands_on_id = p.unit_id
    group by p.period_id, p.ancestor_id, s.unit_id
)

select * from final
