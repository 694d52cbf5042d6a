-- grain: unit x life (facts_from) x stretch of days x unit on which its figures land on the tree of those days. Shares add up
-- to one. Where a unit went to several and nobody knows the parts, its figures land undivided on the lowest unit above them
-- all; where it went to nobody, on the lowest of those above it that goes on. Neither is whole there.
with recursive life as (
    select * from {{ ref('int_life') }}
),

life_link as (
    select * from {{ ref('int_life_link') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

org_tree as (
    select * from {{ ref('int_org_tree') }}
),

-- on from a life by its links; where there are none, to the parent of its last (backward: its first) day, as lost
next_life as (
    select
        k.is_forward,
        k.from_id,
        k.from_born,
        k.share,
        false as is_lost,
        l.unit_id as to_id,
        l.born as to_born,
        l.born as valid_from,
        l.died as valid_to
    from life_link as k
    inner join life as l on l.unit_id = k.to_id and l.born = k.to_born
    union all
    select
        way.is_forward,
        l.unit_id as from_id,
        l.born as from_born,
        1 as share,
        true as is_lost,
        p.unit_id as to_id,
        p.born as to_born,
        case when way.is_forward then l.died + 1 else p.born end as valid_from,
        case when way.is_forward then p.died else l.born - 1 end as valid_to
    from life as l
    cross join (values (true), (false)) as way (is_forward)
    inner join unit_version as v
        on v.unit_id = l.unit_id
            and case when way.is_forward then l.died else l.born end between v.valid_from and v.valid_to
    inner join life as p
        on p.unit_id = v.parent_id
            and case when way.is_forward then l.died else l.born end between p.born and p.died
    where not exists (
            select 1 from life_link as k
            where k.is_forward = way.is_forward and k.from_id = l.unit_id and k.from_born = l.born
        )
),

-- every way from a life through time. What nobody knows how to divide stays together under one name: the way up to the parting
way as (
    select
        l.unit_id,
        l.born as facts_from,
        l.died as facts_to,
        d.is_forward,
        l.unit_id as at_id,
        l.born as at_born,
        1::numeric as share,
        null::text as together,
        false as is_lost,
        l.unit_id || ':' || l.born as path,
        l.born as valid_from,
        l.died as valid_to
    from life as l
    cross join (values (true), (false)) as d (is_forward)
    union all
    select
        w.unit_id,
        w.facts_from,
        w.facts_to,
        w.is_forward,
        n.to_id as at_id,
        n.to_born as at_born,
        w.share * case when w.together is null then coalesce(n.share, 1) else 1 end as share,
        case when n.share is null then coalesce(w.together, w.path) else w.together end as together,
        w.is_lost or n.is_lost as is_lost,
        w.path || '/' || n.to_id || ':' || n.to_born as path,
        n.valid_from,
        n.valid_to
    from way as w
    inner join next_life as n
        on n.is_forward = w.is_forward and n.from_id = w.at_id and n.from_born = w.at_born
),

stop as (
    select
        unit_id,
        facts_from,
        facts_to,
        at_id,
        share,
        coalesce(together, path) as together,
        together is not null as is_parted,
        is_lost,
        valid_from,
        valid_to
    from way
    where valid_from <= valid_to and (is_forward or valid_to < facts_from)
),

-- the days on which a life's figures begin to land elsewhere, or the units above those that they land on change
edge as (
    select
        unit_id,
        facts_from,
        valid_from as day
    from stop
    union
    select
        unit_id,
        facts_from,
        valid_to + 1 as day
    from stop
    where valid_to < '9999-12-31'
    union
    select
        s.unit_id,
        s.facts_from,
        t.valid_from as day
    from stop as s
    inner join org_tree as t on t.unit_id = s.at_id and t.valid_from > s.valid_from and t.valid_from <= s.valid_to
    where s.is_parted
),

stretch as (
    select
        unit_id,
        facts_from,
        day as valid_from,
        coalesce(lead(day) over (partition by unit_id, facts_from order by day) - 1, date '9999-12-31') as valid_to
    from edge
),

line as (
    select
        s.unit_id,
        s.facts_from,
        s.facts_to,
        t.valid_from,
        t.valid_to,
        s.together,
        s.at_id,
        min(s.share) as share,
        bool_or(s.is_lost) as is_lost
    from stretch as t
    inner join stop as s
        on s.unit_id = t.unit_id and s.facts_from = t.facts_from and t.valid_from between s.valid_from and s.valid_to
    group by s.unit_id, s.facts_from, s.facts_to, t.valid_from, t.valid_to, s.together, s.at_id
),

-- no table is joined with itself from here on: without statistics on it, that becomes a nested loop
parted as (
    select
        *,
        count(*) over (partition by unit_id, facts_from, valid_from, together) as targets
    from line
),

-- everyone above all of them; the lowest has the shortest ways down
above as (
    select
        p.unit_id,
        p.facts_from,
        p.facts_to,
        p.valid_from,
        p.valid_to,
        p.together,
        t.ancestor_id,
        min(p.share) as share,
        bool_or(p.is_lost) as is_lost,
        sum(t.depth) as steps
    from parted as p
    inner join org_tree as t on t.unit_id = p.at_id and p.valid_from between t.valid_from and t.valid_to
    where p.targets > 1
    group by p.unit_id, p.facts_from, p.facts_to, p.valid_from, p.valid_to, p.together, p.targets, t.ancestor_id
    having count(*) = p.targets
),

lowest as (
    select distinct on (unit_id, facts_from, valid_from, together) *
    from above
    order by unit_id asc, facts_from asc, valid_from asc, together asc, steps asc
),

landed as (
    select
        unit_id,
        facts_from,
        facts_to,
        valid_from,
        valid_to,
        at_id as lands_on_id,
        share,
        is_lost,
        not is_lost as is_whole
    from parted
    where targets = 1
    union all
    select
        unit_id,
        facts_from,
        facts_to,
        valid_from,
        valid_to,
        ancestor_id as lands_on_id,
        share,
        is_lost,
        false as is_whole
    from lowest
),

final as (
    select
        unit_id,
        facts_from,
        facts_to,
        valid_from,
        valid_to,
        lands_on_id,
        is_whole,
        trim_scale(sum(share)) as share,
        case
            when is_whole and lands_on_id = unit_id then 'same'
            when is_whole then 'passed on'
            when bool_or(is_lost) and valid_from > facts_to then 'no successor'
            when bool_or(is_lost) then 'no predecessor'
            when valid_from > facts_to then 'divided'
            else 'put together'
        end as reason
    from landed
    group by unit_id, facts_from, facts_to, valid_from, valid_to, lands_on_id, is_whole
)

select * from final
