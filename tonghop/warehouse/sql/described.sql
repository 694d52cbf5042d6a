-- views that readers read, with their columns, and what is written at each
select c.relnamespace::regnamespace::text, c.relname, a.attname, d.description
from pg_class as c
cross join
    lateral (
        select 0 as attnum, null as attname
        union all
        select a.attnum, a.attname from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as a
left join pg_description as d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = a.attnum
where c.relkind = 'v' and c.relnamespace::regnamespace::text = any(%(schemas)s)
    and exists (
        select from ctl.view_text
        where view = c.relnamespace::regnamespace || '.' || c.relname
    )
