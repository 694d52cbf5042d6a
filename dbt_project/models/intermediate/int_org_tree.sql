{{ config(meta={'slice': 'catalogue'}) }}

-- grain: unit x ancestor x stretch of days (both ends included). A unit is its own ancestor at depth 0.
with recursive unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

line as (
    select
        unit_id,
        unit_id as ancestor_id,
        parent_id as above_id,
        0 as depth,
        '/' || unit_id || '/' as path,
        false as is_circle,
        valid_from,
        valid_to
    from unit_version
    union all
    -- who was above whom on the same days: the stretch is the days on which both versions are valid. The catalogue refuses units
    -- that lie in a circle; if they did, the way up ends where it meets one of them again, and a test of this model fails
    select
        l.unit_id,
        v.unit_id as ancestor_id,
        v.parent_id as above_id,
        l.depth + 1 as depth,
        l.path || v.unit_id || '/' as path,
        position('/' || v.unit_id || '/' in l.path) > 0 as is_circle,
        greatest(l.valid_from, v.valid_from) as valid_from,
        least(l.valid_to, v.valid_to) as valid_to
    from line as l
    inner join unit_version as v
        on v.unit_id = l.above_id and l.valid_from <= v.valid_to and v.valid_from <= l.valid_to
    where not l.is_circle
),

final as (
    select
        ancestor_id,
        unit_id,
        depth,
        valid_from,
        valid_to
    from line
)

select * from final
