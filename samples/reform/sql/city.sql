with city as (
    select u.unit_id from unit as u
    join unit as d on d.unit_id = u.parent_id and d.day = 'old' and d.code = %(city)s
    where u.day = 'old'
),

elsewhere as (
    select lands_on_id, count(*) as units from stands
    where is_whole and unit_id not in (select unit_id from city)
    group by lands_on_id
)

select s.reason, at.code, at.name, bool_and(s.is_whole), count(*), trim_scale(sum(f.value)), coalesce(max(e.units), 0)
from city as c
join stands as s using (unit_id)
join fact as f on f.unit_id = c.unit_id and f.side = 'before' and f.code = %(members)s
join unit as at on at.unit_id = s.lands_on_id and '2025-07-01' between at.valid_from and at.valid_to
left join elsewhere as e on e.lands_on_id = s.lands_on_id
group by s.reason, at.unit_id, at.code, at.name
order by s.reason desc, at.code asc
