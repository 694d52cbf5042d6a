with city as (
    select u.unit_id from unit as u
    join unit as d on d.unit_id = u.parent_id and d.day = 'old' and d.code = %(city)s
    where u.day = 'old'
),

heir as (
    select lands_on_id as unit_id from stands join city using (unit_id)
    where is_whole
    union
    select s.successor_id from catalogue.succession as s join city as c on c.unit_id = s.predecessor_id
)

select n.code, n.name, b.reason, at.name as lands_on, trim_scale(f.value)
from heir
join unit as n on n.unit_id = heir.unit_id and '2025-07-01' between n.valid_from and n.valid_to
join back as b on b.unit_id = n.unit_id
join fact as f on f.unit_id = n.unit_id and f.side = 'after' and f.code = %(members)s
join unit as at on at.unit_id = b.lands_on_id and '2025-06-30' between at.valid_from and at.valid_to
order by 1
