-- The owner (who runs this) makes tables; the builder is dbt's and owns only what it may rebuild; the auditor reads everything and
-- writes nothing; the reader sees the views in bi, in which nothing can mislead; who knows stars is given the star by name as well.
-- Roles belong to the whole server, so a second warehouse on the same server finds them there.

do $$
declare name text;
begin
    foreach name in array array['tonghop_builder', 'tonghop_auditor', 'tonghop_reader', 'tonghop_star', 'tonghop_bi'] loop
        if not exists (select from pg_roles where rolname = name) then
            begin
                execute format('create role %I', name);
            exception when duplicate_object or unique_violation then null;
            end;
        end if;
        if name <> 'tonghop_bi' then
            execute format('grant %I to current_user', name);
        end if;
    end loop;
end $$;

alter role tonghop_bi login;
grant tonghop_reader to tonghop_bi, tonghop_star;
-- a courtesy against mistakes only: the session may switch it off, and the grants must hold then
alter role tonghop_bi set default_transaction_read_only = on;
-- what a reader forgot keeps neither memory nor old rows nor the connections of others; a session may ask for more
alter role tonghop_bi set statement_timeout = '10min';
alter role tonghop_bi set idle_in_transaction_session_timeout = '5min';
alter role tonghop_bi set lock_timeout = '10s';
alter role tonghop_bi connection limit 100;
do $$ begin alter role tonghop_bi set temp_file_limit = '4GB';
            exception when insufficient_privilege then raise notice 'temp_file_limit of tonghop_bi is left to the administrator'; end $$;

create schema catalogue;
create schema intake;
create schema ctl;
create schema build;
create schema marts;
-- each mart as releases show it: the current one, every published one, the candidate, any one (see views/)
create schema current;
create schema released;
create schema candidate;
create schema in_release;
-- what readers read: bi; and who was given it, the star of the current release. The star of every release has no reader of its own:
-- its views are asked through functions that take the release, or the day of a tree
create schema bi;
create schema star;
create schema star_asof;
-- what the gate asks: a release, and of it everything or a slice
create schema gate;
create schema staging;
create schema intermediate;

revoke all on schema public from public;
do $$ begin execute format('revoke all on database %I from public', current_database());
            execute format('grant connect on database %I to tonghop_reader, tonghop_auditor, tonghop_builder', current_database());
            -- dbt issues "create schema if not exists" at every start, which asks for the right even where the schema exists
            execute format('grant create, temporary on database %I to tonghop_builder', current_database()); end $$;

grant all on schema staging, intermediate to tonghop_builder;
grant usage on schema catalogue, intake, ctl, build, marts to tonghop_builder;
grant usage on schema catalogue, intake, ctl, build, marts, current, released, candidate, in_release, gate, staging, intermediate, bi, star,
    star_asof to tonghop_auditor;
grant usage on schema bi to tonghop_reader;
grant usage on schema star to tonghop_star;

alter default privileges in schema catalogue, intake, ctl, build grant select on tables to tonghop_builder, tonghop_auditor;
alter default privileges in schema gate grant select on tables to tonghop_auditor;
alter default privileges in schema marts grant select on tables to tonghop_builder, tonghop_auditor;
-- what dbt makes, the gate reads as the auditor
alter default privileges for role tonghop_builder in schema staging, intermediate grant select on tables to tonghop_auditor;
