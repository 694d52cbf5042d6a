-- grain: life x life that it goes on in, once forward in time and once backward. share is the part of the one that the other
-- holds; null where it went to several and nobody knows the parts, which is always so backward, for what was put together.
with life as (
    select * from {{ ref('int_life') }}
),

succession as (
    select * from {{ ref('stg_succession') }}
),

link as (
    select
        a.unit_id as old_id,
        a.born as old_born,
        b.unit_id as new_id,
        b.born as new_born,
        s.weight
    from succession as s
    inner join life as a on a.unit_id = s.predecessor_id and a.died = s.on_date - 1
    inner join life as b on b.unit_id = s.successor_id and b.born = s.on_date
    union all
    select
        a.unit_id as old_id,
        a.born as old_born,
        b.unit_id as new_id,
        b.born as new_born,
        1 as weight
    from life as a
    inner join life as b on b.unit_id = a.unit_id and b.born = a.died + 1
),

ways as (
    select
        *,
        count(*) over (partition by old_id, old_born) as ways_on,
        count(*) over (partition by new_id, new_born) as ways_back,
        bool_and(weight is not null) over (partition by old_id, old_born) as weighted
    from link
),

final as (
    select
        true as is_forward,
        old_id as from_id,
        old_born as from_born,
        new_id as to_id,
        new_born as to_born,
        case when ways_on = 1 then 1 when weighted then weight end as share
    from ways
    union all
    select
        false as is_forward,
        new_id as from_id,
        new_born as from_born,
        old_id as to_id,
        old_born as to_born,
        case when ways_back = 1 then 1 end as share
    from ways
)

select * from final
