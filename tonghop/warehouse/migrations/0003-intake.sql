-- What came in: receipts, lines of cells, findings and the ledger.
-- depends: 0002-catalogue

create table intake.receipt (
    receipt_id integer generated always as identity primary key,
    sha256 text not null unique,
    file_name text not null,
    bytes bigint not null,
    received_at timestamptz not null default now(),
    status text not null default 'pending' check (status in ('pending', 'accepted', 'returned', 'quarantined', 'withdrawn')),
    -- known once the file has been read; a quarantined file may never tell
    form_code text, form_version integer, unit_id integer references catalogue.unit, period_id integer references catalogue.period,
    scope text check (scope in ('own', 'rollup')), is_nil boolean, catalogue_id integer references catalogue.version,
    cells integer, cells_sha256 text,
    -- what was read and what was passed over, as the answer tells it
    read jsonb,
    -- decided, and the answer not yet where its sender finds it
    unanswered boolean not null default false,
    check (status not in ('accepted', 'withdrawn') or (form_code is not null and unit_id is not null and period_id is not null
           and scope is not null and is_nil is not null and cells is not null and cells_sha256 is not null))
);
create index on intake.receipt (unit_id, form_code, period_id, scope) where status in ('accepted', 'withdrawn');
create index on intake.receipt (period_id);
create index on intake.receipt (receipt_id) where status = 'pending';
create index on intake.receipt (receipt_id) where unanswered;

-- What an accepted report holds, written once, as its file does: which indicator stands in which column of a sheet, and below
-- that the figures of one unit and form row side by side. A row a cell would cost twenty times as much to write, so they are
-- split into cells when they are read: `intake.cell`.
create table intake.header (
    receipt_id integer not null references intake.receipt,
    header integer not null,
    sheet text not null,
    indicators integer[] not null,
    columns text[] not null,
    primary key (receipt_id, header),
    check (cardinality(indicators) > 0 and cardinality(columns) = cardinality(indicators)),
    check (array_position(indicators, null) is null and array_position(columns, null) is null)
);
create table intake.line (
    line_id bigint generated always as identity,
    receipt_id integer not null,
    header integer not null,
    unit_id integer not null,
    period_id integer not null,
    row_id integer not null,
    scope text not null check (scope in ('own', 'rollup')),
    -- a cell is called by its column's name and this after it
    place text not null,
    -- in the order of the header; null is a blank cell, NaN one that says "not applicable"
    figures numeric[] not null,
    primary key (receipt_id, line_id)
);
create index on intake.line (period_id, unit_id);
-- nobody asks by what stands in the arrays, and counting it would take longer than to load
alter table intake.header alter indicators set statistics 0, alter columns set statistics 0;
alter table intake.line alter figures set statistics 0;

-- A report is written at once and gives each figure once, and what it refers to is there (and can never go). Keys of the table
-- would look once a cell, which costs more than all else.
create function intake.whole() returns trigger language plpgsql set search_path = '' as $$
begin
    if exists (select distinct unit_id from fresh except select unit_id from catalogue.unit)
        or exists (select distinct period_id from fresh except select period_id from catalogue.period)
        or exists (select distinct row_id from fresh except select row_id from catalogue.form_row)
        or exists (
        select from (select distinct receipt_id, header, cardinality(figures) as width from fresh) n
        left join intake.header using (receipt_id, header)
        where cardinality(indicators) is distinct from width
    ) or exists (
        select unnest(indicators) from (select distinct indicators from intake.header where receipt_id in (
            select receipt_id from fresh)) n except select indicator_id from catalogue.indicator
    ) then
        raise foreign_key_violation using message = 'a cell refers to what is not there';
    end if;
    if exists (
        -- lines are numbered as they come
        select from (select receipt_id, min(line_id) as first from fresh group by 1) n
        where exists (select from intake.line where receipt_id = n.receipt_id and line_id < n.first)
    ) or exists (
        select from fresh join intake.header using (receipt_id, header), unnest(indicators) as indicator_id
        where (receipt_id, unit_id, row_id) in (select receipt_id, unit_id, row_id from fresh group by 1, 2, 3 having count(*) > 1)
        group by receipt_id, unit_id, row_id, indicator_id having count(*) > 1
    ) or exists (
        select from (select distinct indicators from intake.header where receipt_id in (select receipt_id from fresh)) n,
            unnest(indicators) as indicator_id
        group by indicators, indicator_id having count(*) > 1
    ) then
        raise unique_violation using message = 'a report is written at once, and gives each figure once';
    end if;
    return null;
end $$;
create trigger whole after insert on intake.line referencing new table as fresh
    for each statement execute function intake.whole();

-- the fingerprint of a receipt's cells: recorded at the loading, recomputed by the gate and by `tonghop verify`
create function intake.fingerprint(of_receipt integer) returns text stable language sql set search_path = '' as $$
    select encode(sha256(convert_to(concat_ws(E'\n',
        (select string_agg(row(header, sheet, indicators, columns)::text, E'\n' order by header)
         from intake.header where receipt_id = of_receipt),
        (select string_agg(row(header, unit_id, period_id, row_id, scope, place, figures)::text, E'\n' order by line_id)
         from intake.line where receipt_id = of_receipt)), 'UTF8')), 'hex')
$$;

-- Leave, given by an office above, to report figures that break one identity: for one unit and one period. It stands from its
-- act in the ledger to the act that ends it, for whatever is received by its last day.
create table intake.waiver (
    waiver_id integer generated always as identity primary key,
    rule text not null,
    unit_id integer not null references catalogue.unit,
    period_id integer not null references catalogue.period,
    reason text not null check (reason <> ''),
    -- an org unit: an office answers for it, never a person
    office_id integer not null references catalogue.unit check (office_id <> unit_id),
    valid_to date not null
);

create table intake.finding (
    receipt_id integer not null references intake.receipt,
    -- a receipt is decided again after a replay; what was found then stays beside what was found first
    decision integer not null default 1,
    ordinal integer not null,
    rule text not null,
    -- of a rule of the catalogue
    rule_version integer,
    kind text not null check (kind in ('template', 'cell', 'identity', 'consistency', 'compliance')),
    sheet text, cell text, unit_id integer references catalogue.unit,
    message_vi text not null, message_en text not null,
    -- the figures, for the sender: no model reads them, since from them a withheld figure could be worked out
    figures_vi text not null default '', figures_en text not null default '',
    -- every cell of the sheet that it is about, the likeliest wrong one first
    cells text[] not null default '{}',
    waiver_id integer references intake.waiver check (waiver_id is null or kind = 'identity'),
    primary key (receipt_id, decision, ordinal)
);

-- Templates that were given out, each time: to whom, for what, and by its fingerprint printed from what. A change of a form asks
-- what is in the field. Keys and codes as in the catalogue's files, which the warehouse may not know yet when a template is written.
create table intake.issued (
    issued_id integer generated always as identity primary key,
    issued_at timestamptz not null default clock_timestamp(),
    unit_key text not null, form_code text not null, form_version integer not null,
    scheme text not null, period_code text not null, scope text not null check (scope in ('own', 'rollup')),
    fingerprint text not null
);
create index on intake.issued (form_code, unit_key);

-- Every act, in the order in which it was committed: writers hold a lock from taking the number to commit.
create table intake.ledger (
    seq bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    act text not null check (act in ('received', 'accepted', 'returned', 'quarantined', 'replayed', 'superseded', 'withdrawn',
                                     'expired', 'waived', 'waiver_ended')),
    -- an act is about a receipt or about a waiver
    receipt_id integer references intake.receipt,
    waiver_id integer references intake.waiver,
    by_receipt_id integer references intake.receipt,
    cells integer, cells_sha256 text,
    reason text,
    check ((act = 'superseded') = (by_receipt_id is not null)),
    check ((act = 'accepted') = (cells_sha256 is not null)),
    check ((act in ('waived', 'waiver_ended')) = (waiver_id is not null)),
    check ((receipt_id is null) = (waiver_id is not null)),
    check (act not in ('withdrawn', 'waiver_ended') or reason is not null)
);
create index on intake.ledger (receipt_id);
create unique index on intake.ledger (waiver_id, act) where waiver_id is not null;

do $$
declare t text;
begin
    foreach t in array array['header', 'line', 'finding', 'waiver', 'ledger'] loop
        execute format('create trigger append_only before update or delete or truncate on intake.%I
                        for each statement execute function ctl.append_only()', t);
    end loop;
end $$;

-- a receipt is made once and never removed; only its status and what was read may be filled in
create function intake.keep_receipt() returns trigger language plpgsql as $$
begin
    if tg_op <> 'UPDATE' then raise exception 'a receipt is never removed'; end if;
    if (new.receipt_id, new.sha256, new.file_name, new.bytes, new.received_at)
       is distinct from (old.receipt_id, old.sha256, old.file_name, old.bytes, old.received_at) then
        raise exception 'receipt % is fixed', old.receipt_id;
    end if;
    return new;
end $$;
create trigger keep before update on intake.receipt for each row execute function intake.keep_receipt();
create trigger keep_all before delete or truncate on intake.receipt for each statement execute function intake.keep_receipt();
