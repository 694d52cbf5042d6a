-- What must be as it was for a slice to be enough: the server and the database (another one was restored), how its tables were
-- made, the views, and who may change what.
with part (name, content) as (
    select 'server', version()
    union all
    select 'cluster', system_identifier::text from pg_control_system()
    union all
    select 'timeline', timeline_id::text from pg_control_checkpoint()
    union all
    select 'database', oid::text from pg_database
    where datname = current_database()
    union all
    select migration_id, sha256 from public._migration_text
    union all
    select view, sha256 || ctl.made(view) from ctl.view_text
    union all
    select polrelid::regclass || ' ' || polname, policy::text from pg_policy as policy
    union all
    select oid::regprocedure::text, concat(pg_get_functiondef(oid), proacl) from pg_proc
    where pronamespace::regnamespace::text in ('ctl', 'gate', 'build', 'marts', 'intake', 'catalogue') and prokind = 'f'
    union all
    select oid::regclass::text, concat_ws(' ', relowner::regrole, relacl, relrowsecurity) from pg_class
    where relnamespace = 'marts'::regnamespace and relkind in ('r', 'p')
    union all
    select rolname, concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls) from pg_roles
    where rolname like 'tonghop%'
    union all
    select roleid::regrole::text, member::regrole::text from pg_auth_members
    where roleid::regrole::text like 'tonghop%'
)

select md5(string_agg(concat(name, ' ', content), E'\n' order by name, content)) from part
