-- functions that readers call, what they take, and what is written at each
select p.pronamespace::regnamespace::text, p.proname, pg_get_function_identity_arguments(p.oid), obj_description(p.oid, 'pg_proc')
from pg_proc as p
inner join ctl.view_text as v on v.view = p.pronamespace::regnamespace || '.' || p.proname
where p.pronamespace::regnamespace::text in ('bi', 'star')
