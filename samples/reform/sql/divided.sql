with heirs as (
    select s.predecessor_id as unit_id, string_agg(x.code || ' ' || x.name, '; ' order by x.code) as names
    from catalogue.succession as s
    join unit as x on x.unit_id = s.successor_id and '2025-07-01' between x.valid_from and x.valid_to
    group by 1
)

select
    u.code, u.name, d.name as district, p.name as province, h.names, at.code || ' ' || at.name, trim_scale(f.value)
from stands as s
join unit as u on u.unit_id = s.unit_id and u.day = 'old'
join unit as d on d.unit_id = u.parent_id and d.day = 'old'
join unit as p on p.unit_id = d.parent_id and p.day = 'old'
join unit as at on at.unit_id = s.lands_on_id and '2025-07-01' between at.valid_from and at.valid_to
join heirs as h on h.unit_id = s.unit_id
join fact as f on f.unit_id = s.unit_id and f.side = 'before' and f.code = %(members)s
where s.reason = 'divided'
order by 1
