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
        valid_from,
        valid_to
    from unit_version
    union all
    -- who was above whom on the same days: the stretch is where both versions held
    select
        l.unit_id,
        v.unit_id as ancestor_id,
        v.parent_id as above_id,
        l.depth + 1 as depth,
        greatest(l.valid_from, v.valid_from) as valid_from,
        least(l.valid_to, v.valid_to) as valid_to
    from line as l
    inner join unit_version as v
        on v.unit_id = l.above_id and l.valid_from <= v.valid_to and v.valid_from <= l.valid_to
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
