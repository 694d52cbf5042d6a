-- grain: period x ancestor on today's tree x unit that reported or owed then. weight is the share of the unit's figures that
-- lands on the ancestor or below it; undivided is the share that lands on the ancestor itself and can be divided no further.
-- Opened once per period, as int_tree_at_period is.
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

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

-- today's tree, with where the figures of every life land on it
above_today as (
    select
        t.ancestor_id,
        s.unit_id,
        s.facts_from,
        s.facts_to,
        {{ landed('s', 'share', 't') }}
    from candidate as c
    inner join landing as s on c.opened_on between s.valid_from and s.valid_to
    inner join tree as t on t.unit_id = s.lands_on_id and c.opened_on between t.valid_from and t.valid_to
    inner join unit_version as v on v.unit_id = t.ancestor_id and c.opened_on between v.valid_from and v.valid_to
    inner join level as l on l.level = v.level
    where l.published
    group by t.ancestor_id, s.unit_id, s.facts_from, s.facts_to
),

final as (
    select
        p.period_id,
        a.ancestor_id,
        a.unit_id,
        a.weight,
        a.undivided,
        a.is_whole,
        a.is_same
    from reported_period as p
    inner join above_today as a on p.ends_on between a.facts_from and a.facts_to
    where {{ slice('touched', 'p.period_id', 'a.ancestor_id') }}
)

select * from final
