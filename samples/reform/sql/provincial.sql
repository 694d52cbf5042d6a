-- a new province is the old ones that were put together in it: those whose communes now stand in it
with heir as (
    select distinct o.province_id as old_id, coalesce(s.successor_id, o.province_id) as new_id
    from province as o left join catalogue.succession as s on s.predecessor_id = o.province_id
    where o.day = 'old'
),

old as (
    select h.new_id as unit_id, f.side, f.code, sum(f.value) as value
    from figure as f join heir as h on h.old_id = f.unit_id
    where f.tree = 'old'
    group by 1, 2, 3
),

across as (
    -- put together from old provinces, or without a predecessor in a province that was: on the old tree it stands at the nation
    select n.province_id as unit_id, f.side, f.code, sum(f.value) as value
    from back as b
    join unit as vn on vn.unit_id = b.lands_on_id and vn.level = 'nation'
    join
        province
            as n
        on n.unit_id = b.unit_id and n.unit_id <> n.province_id
            and exists (
                select from unit as u
                where u.unit_id = n.province_id and '2025-07-01' between u.valid_from and u.valid_to
            )
    join fact as f on f.unit_id = b.unit_id and f.side = 'after'
    group by 1, 2, 3
)

select n.side, u.name, n.code, trim_scale(coalesce(o.value, 0)), trim_scale(coalesce(a.value, 0)), trim_scale(n.value)
from figure as n
join unit as u on u.unit_id = n.unit_id and '2025-07-01' between u.valid_from and u.valid_to
left join old as o on o.unit_id = n.unit_id and o.side = n.side and o.code = n.code
left join across as a on a.unit_id = n.unit_id and a.side = n.side and a.code = n.code
where n.tree = 'new' and n.level = 'province'
order by 1, 2, 3
