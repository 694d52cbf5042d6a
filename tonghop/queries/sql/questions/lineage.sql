-- On which units of another day's tree the figures of a unit and of all that was below it land, and why.
-- unit: a code that the unit bears or ever bore   was: a day on which it did, e.g. 2025-06-30
-- on: the day of the tree, e.g. 2025-07-01
-- shown: code, name, reason, lands_on, lands_on_name, weight, is_whole
with asked as (
    select u.unit_id from star.dim_org_unit as u
    where u.code = %(unit)s and %(was)s::date between u.valid_from and u.valid_to
),

below as (
    select t.unit_id from star.bridge_org_tree as t
    inner join asked as a on t.ancestor_id = a.unit_id
    where %(was)s::date between t.valid_from and t.valid_to
),

landing as (
    select b.* from star.bridge_restated as b
    where %(on)s::date between b.valid_from and b.valid_to
),

-- a unit that took in others as well has more figures than those that were asked about
others as (
    select
        s.lands_on_id,
        count(*) filter (where b.unit_id is null) as from_elsewhere
    from landing as s
    left join below as b on s.unit_id = b.unit_id
    where s.lands_on_id in (select x.lands_on_id from landing as x inner join below as y on x.unit_id = y.unit_id)
        and s.reason in ('passed on', 'divided') and s.is_whole and %(was)s::date between s.facts_from and s.facts_to
    group by s.lands_on_id
)

select
    was.code,
    was.name,
    s.reason,
    now_.code as lands_on,
    now_.name as lands_on_name,
    s.weight,
    s.is_whole,
    coalesce(o.from_elsewhere, 0) as with_units_from_elsewhere
from below as b
inner join star.dim_org_unit as was on b.unit_id = was.unit_id and %(was)s::date between was.valid_from and was.valid_to
inner join landing as s on b.unit_id = s.unit_id and %(was)s::date between s.facts_from and s.facts_to
inner join star.dim_org_unit as now_ on s.lands_on_id = now_.unit_id and %(on)s::date between now_.valid_from and now_.valid_to
left join others as o on s.lands_on_id = o.lands_on_id
order by was.level_rank desc, was.code asc, now_.code asc
