{{ config(meta={'slice': 'catalogue'}) }}

-- grain: published unit x stretch of days (both ends included) on which neither it nor any unit above it changes
with tree as (
    select * from {{ ref('int_org_tree') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

above as (
    select
        t.unit_id,
        v.code,
        v.name,
        l.rank,
        greatest(t.valid_from, v.valid_from) as valid_from,
        least(t.valid_to, v.valid_to) as valid_to
    from tree as t
    inner join unit_version as v
        on v.unit_id = t.ancestor_id and v.valid_from <= t.valid_to and t.valid_from <= v.valid_to
    inner join level as l on l.level = v.level
),

edge as (
    select
        unit_id,
        valid_from as day
    from above
    union
    select
        unit_id,
        valid_to + 1 as day
    from above
    where valid_to < '9999-12-31'
),

stretch as (
    select
        unit_id,
        day as valid_from,
        coalesce(lead(day) over (partition by unit_id order by day) - 1, date '9999-12-31') as valid_to
    from edge
),

-- at each published level the unit above of that level; where there is none, the next one above that, of whose direct share the
-- figures are: its code and name say so, so that no two of them fall together in a group
at_level as (
    select distinct on (s.unit_id, s.valid_from, l.level)
        s.unit_id,
        s.valid_from,
        l.level,
        case when a.rank = l.rank then a.code else '(' || a.code || ')' end as code,
        case when a.rank = l.rank then a.name else '(' || a.name || ': trực tiếp)' end as name
    from stretch as s
    inner join above as a on a.unit_id = s.unit_id and s.valid_from between a.valid_from and a.valid_to
    inner join level as l on l.rank <= a.rank and l.published
    order by s.unit_id asc, s.valid_from asc, l.level asc, a.rank asc
),

named as (
    select
        unit_id,
        valid_from,
        jsonb_object_agg(level, jsonb_build_object('code', code, 'name', name)) as above
    from at_level
    group by unit_id, valid_from
),

final as (
    select
        v.unit_id,
        s.valid_from,
        s.valid_to,
        v.unit_key,
        v.code,
        v.name,
        v.level,
        n.above
    from stretch as s
    inner join unit_version as v on v.unit_id = s.unit_id and s.valid_from between v.valid_from and v.valid_to
    inner join level as l on l.level = v.level
    inner join named as n on n.unit_id = s.unit_id and n.valid_from = s.valid_from
    where l.published
)

select * from final
