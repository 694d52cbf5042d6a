-- Releases: at most one candidate, one pointer that readers follow, and what the gate said.
-- depends: 0003-intake

create table ctl.release (
    release_id integer primary key,
    -- removed: once published, and past its retention
    status text not null check (status in ('candidate', 'published', 'discarded', 'removed')),
    opened_at timestamptz not null default now(),
    published_at timestamptz,
    -- what the release was built from: acts up to this ledger number, and this catalogue
    cutoff_seq bigint not null,
    catalogue_id integer not null references catalogue.version,
    check ((status in ('published', 'removed')) = (published_at is not null))
);
create unique index one_candidate on ctl.release (status) where status = 'candidate';

create table ctl.current_release (
    singleton boolean primary key default true check (singleton),
    release_id integer not null
);
insert into ctl.current_release (release_id) values (0);  -- nothing published: readers see empty views

-- A run of the gate and what it saw: the models as the build recorded them, the suites as they were read, whether everything was
-- asked or the candidate's slice, and the ground that a slice needs to be the same. Its verdict ends when a layer is built again or
-- a table of the marts is written.
create table ctl.gate_run (
    release_id integer not null references ctl.release, run_at timestamptz not null default now(),
    models text not null, suites text not null, whole boolean not null default true, ground text not null default '',
    ended_at timestamptz, ended_by text, check ((ended_at is null) = (ended_by is null)),
    primary key (release_id, run_at)
);
create table ctl.gate_result (
    release_id integer not null, run_at timestamptz not null,
    suite text not null, expectation text not null, severity text not null check (severity in ('critical', 'warning')),
    success boolean not null, rows_checked bigint, rows_failed bigint, message text,
    primary key (release_id, run_at, suite, expectation),
    foreign key (release_id, run_at) references ctl.gate_run
);
create function ctl.end_verdict(reason text) returns void language sql as $$
    update ctl.gate_run set ended_at = now(), ended_by = reason
    where ended_at is null and release_id = (select release_id from ctl.release where status = 'candidate')
$$;
revoke execute on function ctl.end_verdict(text) from public;

-- The views and functions that the warehouse's files make (tonghop/warehouse/views.py): the text that each was made from, and what
-- it was in the database then. ctl.made says what it is now: its query, its options and who may do what.
create table ctl.view_text (view text primary key, sha256 text not null, made text not null);
create function ctl.made(view text) returns text stable language sql set search_path = 'pg_catalog' as $$
    select md5(concat_ws(' ', c.relkind, pg_get_viewdef(c.oid), c.reloptions, c.relacl))
    from pg_class as c where c.oid = to_regclass(view)
    union all
    select md5(concat_ws(' ', pg_get_functiondef(p.oid), p.proacl)) from pg_proc as p where p.oid = to_regproc(view)
$$;

-- The slice that the candidate rebuilds: unit and period, ancestors and the following period included; frozen when
-- the candidate is opened. everything = true rebuilds all (the first release, a new catalogue, or new models).
create table build.scope (singleton boolean primary key default true check (singleton), everything boolean not null);
create table build.touched (period_id integer not null, unit_id integer not null, primary key (period_id, unit_id));

-- The layers that are built for a candidate, and the fingerprint of the models that they and the layers below were built from.
-- Where release_id is null, the layer's views and what follows from the catalogue alone are there, from an earlier candidate.
-- The tables of the intermediate layer are unlogged: a crash of the server empties them, and its row here with them.
create table build.layer_built (
    layer text primary key, release_id integer, models text not null, built_at timestamptz not null default now()
) partition by list (layer);
create table build.layer_built_logged partition of build.layer_built for values in ('staging', 'marts');
create unlogged table build.layer_built_unlogged partition of build.layer_built for values in ('intermediate');
