-- grain: tree x period x unit that was there then x published unit x whether its figures stand there undivided. Which published
-- unit's direct share the figures of a unit belong to, on the tree of the period's end (reported) and on today's; weight is the
-- part of them that does. Opened once per period, as int_part is.
with reported_period as (
    select * from {{ ref('int_reported_period') }}
),

obligation as (
    select * from {{ ref('int_obligation') }}
),

stg_period as (
    select * from {{ ref('stg_period') }}
),

candidate as (
    select * from {{ ref('stg_candidate') }}
),

shown_at as (
    select * from {{ ref('int_shown_at') }}
),

landing as (
    select * from {{ ref('stg_landing') }}
),

-- with those of which nothing has come: what is missing is a row as well
period as (
    select
        period_id,
        ends_on
    from stg_period
    where
        (
            period_id in (select r.period_id from reported_period as r)
            or period_id in (select o.period_id from obligation as o)
        )
        and {{ slice('period', 'period_id') }}
),

on_today as (
    select
        l.unit_id,
        l.facts_from,
        l.facts_to,
        s.shown_at_id,
        -- below the published levels nobody sees what is divided there
        not l.is_whole and s.shown_at_id = l.lands_on_id as is_undivided,
        sum(l.share) as weight
    from candidate as c
    inner join landing as l on c.opened_on between l.valid_from and l.valid_to
    inner join shown_at as s on s.unit_id = l.lands_on_id and c.opened_on between s.valid_from and s.valid_to
    group by l.unit_id, l.facts_from, l.facts_to, s.shown_at_id, is_undivided
),

final as (
    select
        'reported' as tree,
        p.period_id,
        s.unit_id,
        s.shown_at_id,
        false as is_undivided,
        1 as weight
    from period as p
    inner join shown_at as s on p.ends_on between s.valid_from and s.valid_to
    where {{ slice('touched', 'p.period_id', 's.shown_at_id') }}
    union all
    select
        'today' as tree,
        p.period_id,
        t.unit_id,
        t.shown_at_id,
        t.is_undivided,
        t.weight
    from period as p
    inner join on_today as t on p.ends_on between t.facts_from and t.facts_to
    where {{ slice('touched', 'p.period_id', 't.shown_at_id') }}
)

select * from final
