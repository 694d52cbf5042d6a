with now as (
    select * from unit
    where '2025-07-01' between valid_from and valid_to
)

select 'communes before', count(*) from unit
where day = 'old' and level = 'grassroots'
union all
select 'provinces before', count(*) from unit
where day = 'old' and level = 'province'
union all
select 'districts before', count(*) from unit
where day = 'old' and level = 'district'
union all
select 'communes after', count(*) from now
where level = 'grassroots'
union all
select 'provinces after', count(*) from now
where level = 'province'
union all
select 'successors', count(distinct n.unit_id) from now as n
where n.level = 'grassroots' and (
        exists (
            select from catalogue.succession as s
            where s.successor_id = n.unit_id
        )
        or exists (
            select from stands as s
            where s.unit_id = n.unit_id and s.reason = 'same'
        )
    )
union all
select 'divided', count(*) from stands
where reason = 'divided'
union all
select 'divided across provinces', count(*) from stands as s join unit as u on u.unit_id = s.lands_on_id
where s.reason = 'divided' and u.level = 'nation'
union all
select 'without a place', count(*) from unit as u
where u.day = 'old' and not exists (
        select from stands as s
        where s.unit_id = u.unit_id
    )
union all
select 'reports ' || side, count(distinct unit_id) from fact
where code = %(members)s
group by side
union all
select 'reports of the other forms ' || side, count(distinct unit_id) from fact
where code not like 'F1.%%'
group by side
