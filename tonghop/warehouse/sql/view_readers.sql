-- all that reads a view, through others too; what is no view (a policy, a function) by its own name
with recursive reader as (
    select %(view)s::regclass::oid as oid
    union
    select coalesce(rule.ev_class, d.objid)
    from reader
    join pg_depend as d on d.refclassid = 'pg_class'::regclass and d.refobjid = reader.oid and d.deptype = 'n'
    left join pg_rewrite as rule on d.classid = 'pg_rewrite'::regclass and rule.oid = d.objid
)

select
    coalesce(
        c.relnamespace::regnamespace || '.' || c.relname, p.pronamespace::regnamespace || '.' || p.proname, reader.oid::text
    ),
    c.relnamespace::regnamespace::text
from reader
left join pg_class as c on c.oid = reader.oid
left join pg_proc as p on p.oid = reader.oid
where reader.oid <> %(view)s::regclass
