-- Of some units those that a catalogue has not on a day: each with its last name before it, and who followed it
with last as (
    select distinct on (v.unit_id)
        v.unit_id, v.code, v.name, v.valid_to
    from catalogue.unit_version as v
    where v.catalogue_id = %(catalogue)s and v.unit_id = any(%(units)s)
    order by v.unit_id asc, v.valid_from > %(ends_on)s asc, v.valid_from desc
),

heir as (
    select last.unit_id, string_agg(h.code || ' ' || h.name, ', ' order by h.sort_key) as names
    from last
    join catalogue.succession as s
        on s.catalogue_id = %(catalogue)s and s.predecessor_id = last.unit_id and s.on_date = last.valid_to + 1
    join catalogue.unit_version as h
        on h.catalogue_id = s.catalogue_id and h.unit_id = s.successor_id and s.on_date between h.valid_from and h.valid_to
    group by last.unit_id
)

select last.unit_id, last.code || ' ' || last.name || ' → ' || coalesce(heir.names, '–')
from last
left join heir using (unit_id)
where not exists (
        select from catalogue.unit_version as v
        where v.catalogue_id = %(catalogue)s and v.unit_id = last.unit_id
            and %(ends_on)s between v.valid_from and v.valid_to
    )
