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

tree as (
    select * from {{ ref('int_org_tree') }}
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

above_today as (
    select
        t.ancestor_id,
        t.unit_id,
        t.depth
    from candidate as c
    inner join tree as t on c.opened_on between t.valid_from and t.valid_to
),

ancestor as (
    select distinct
        period_id,
        ancestor_id
    from part
),

own as (
    select
        period_id,
        ancestor_id,
        unit_id
    from part
    where not is_kept
),

final as (
    select
        a.period_id,
        a.ancestor_id,
        s.unit_id,
        {{ landed('s', 'share', 't') }},
        coalesce(sum(s.share) filter (
            where (a.period_id, a.ancestor_id, s.lands_on_id) in (select o.period_id, o.ancestor_id, o.unit_id from own as o)
        ), 0) as own_weight
    from ancestor as a
    inner join above_today as t on t.ancestor_id = a.ancestor_id
    inner join landed as s on s.period_id = a.period_id and s.lands_on_id = t.unit_id
    group by a.period_id, a.ancestor_id, s.unit_id
)

select * from final
