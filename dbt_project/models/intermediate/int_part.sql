-- grain: tree x period x unit of the slice x part: what the figures of a unit are made of, on the tree of the period's end
-- (reported) and on today's. A part is the unit itself or one below it, with its own figures (is_own); a published unit below
-- that the candidate does not touch stands for all that is below it (is_kept), with what an earlier release made of that. What is
-- below such a unit is here on today's tree alone, where units are counted one by one. Opened once per period: facts then join on
-- equality, because a join on date ranges per fact is many times slower.
with recursive candidate as (
    select * from {{ ref('stg_candidate') }}
),

reported_period as (
    select * from {{ ref('int_reported_period') }}
),

obligation as (
    select * from {{ ref('int_obligation') }}
),

stg_period as (
    select * from {{ ref('stg_period') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

-- with those of which nothing has come: what is missing is counted as well
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

tree as (
    select
        'reported' as tree,
        period_id,
        ends_on as day
    from period
    union all
    select
        'today' as tree,
        p.period_id,
        c.opened_on as day
    from reported_period as p
    cross join candidate as c
),

-- of a claim without a sum beside it nobody can tell whether blanks were reported or nothing was: such a unit is opened
untold as (
    select
        period_id,
        unit_id
    from {{ kept('fct_rollup') }} as k
    where value is null and claimed is not null
),

unit_at as materialized (
    select
        t.tree,
        t.period_id,
        v.unit_id,
        v.parent_id,
        v.level,
        l.published,
        (
            l.published and not ({{ slice('touched', 't.period_id', 'v.unit_id') }})
            and not exists (
                select 1 from untold as u
                where u.period_id = t.period_id and u.unit_id = v.unit_id
            )
        ) as is_kept
    from tree as t
    inner join unit_version as v on t.day between v.valid_from and v.valid_to
    inner join level as l on l.level = v.level
),

-- each row once: where units lie in a circle, which a test of int_org_tree refuses, the way down ends as well
part as (
    select
        u.tree,
        u.period_id,
        u.unit_id as ancestor_id,
        u.unit_id,
        true as is_own,
        false as is_kept
    from unit_at as u
    where {{ slice('touched', 'u.period_id', 'u.unit_id') }}
    union
    select
        p.tree,
        p.period_id,
        p.ancestor_id,
        u.unit_id,
        p.is_own and not u.is_kept as is_own,
        p.is_own and u.is_kept as is_kept
    from part as p
    inner join unit_at as u on u.tree = p.tree and u.period_id = p.period_id and u.parent_id = p.unit_id
    where p.is_own or p.tree = 'today'
),

final as (
    select
        p.tree,
        p.period_id,
        p.ancestor_id,
        p.unit_id,
        p.is_own,
        p.is_kept,
        a.level as ancestor_level,
        a.published
    from part as p
    inner join unit_at as a on a.tree = p.tree and a.period_id = p.period_id and a.unit_id = p.ancestor_id
    -- a cell rolls up nothing but itself, and on today's tree sums are of published units alone
    where a.published or (p.tree = 'reported' and p.unit_id <> p.ancestor_id)
)

select * from final
