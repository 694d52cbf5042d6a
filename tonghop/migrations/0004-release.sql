-- Releases: at most one candidate, one pointer that readers follow, and what the gate said.
-- depends: 0003-intake

create table ctl.release (
    release_id integer primary key,
    status text not null check (status in ('candidate', 'published', 'discarded')),
    opened_at timestamptz not null default now(),
    published_at timestamptz,
    -- what the release was built from: acts up to this ledger number, and this catalogue
    cutoff_seq bigint not null,
    catalogue_id integer not null references catalogue.version,
    check ((status = 'published') = (published_at is not null))
);
create unique index one_candidate on ctl.release (status) where status = 'candidate';

create table ctl.current_release (
    singleton boolean primary key default true check (singleton),
    release_id integer not null
);
insert into ctl.current_release (release_id) values (0);  -- nothing published: readers see empty views

create table ctl.gate_result (
    release_id integer not null references ctl.release, run_at timestamptz not null,
    suite text not null, expectation text not null, severity text not null check (severity in ('critical', 'warning')),
    success boolean not null, rows_checked bigint, rows_failed bigint, message text,
    primary key (release_id, run_at, suite, expectation)
);

create view build.candidate as
select release_id, cutoff_seq, catalogue_id, opened_at,
       (select release_id from ctl.current_release) as base_release_id
from ctl.release where status = 'candidate';

-- The slice that the candidate rebuilds: unit and period, ancestors and the following period included; frozen when
-- the candidate is opened. everything = true rebuilds all (the first release, or a new catalogue).
create table build.scope (singleton boolean primary key default true check (singleton), everything boolean not null);
create table build.touched (period_id integer not null, unit_id integer not null, primary key (period_id, unit_id));
