{{ config(meta={'slice': 'catalogue'}) }}

-- grain: unit x stretch of days (both ends included). shown_at_id is the unit in which its figures are shown: itself, or
-- the nearest above it, that is of a published level
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
        t.ancestor_id,
        t.depth,
        greatest(t.valid_from, v.valid_from) as valid_from,
        least(t.valid_to, v.valid_to) as valid_to
    from tree as t
    inner join unit_version as v
        on v.unit_id = t.ancestor_id and v.valid_from <= t.valid_to and t.valid_from <= v.valid_to
    inner join level as l on l.level = v.level
    where l.published
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

final as (
    select distinct on (s.unit_id, s.valid_from)
        s.unit_id,
        s.valid_from,
        s.valid_to,
        a.ancestor_id as shown_at_id
    from stretch as s
    inner join above as a on a.unit_id = s.unit_id and s.valid_from between a.valid_from and a.valid_to
    order by s.unit_id asc, s.valid_from asc, a.depth asc
)

select * from final
