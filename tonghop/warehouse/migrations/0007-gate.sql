-- What the gate asks, and what ends its verdict.
-- depends: 0006-bi

-- The release that it asks, and whether it asks everything or the slice of the candidate (build.touched). The tables beside it are what
-- its questions range over, drawn from the ledger and the catalogue before it asks (expectations/ranges.sql). All of them are left as
-- they are after it, so that `tonghop failing` shows what failed.
create unlogged table gate.asked (singleton boolean primary key default true check (singleton), release_id integer not null,
    whole boolean not null, today date not null);
-- periods, with the first day of the tree that stood at the end of each
create unlogged table gate.period (period_id integer primary key, ends_on date not null, tree date not null);
-- units as they stand on those trees and on today's
create unlogged table gate.unit (tree date not null, unit_id integer not null, parent_id integer, level text not null, also_level text,
    published boolean not null, primary key (tree, unit_id));
-- what is in a unit's sum: its own figures and those of each part below it; of a slice, down to the next published units, whose kept
-- sums are taken in their place
create unlogged table gate.below (tree date not null, unit_id integer not null, part_id integer not null, is_sum boolean not null);
create index on gate.below (tree, part_id);
create index on gate.below (unit_id, tree);
-- of a slice alone: the periods of its years by unit, and its receipts: those acted on, and those with a line in it
create unlogged table gate.year_part (period_id integer not null, unit_id integer not null, primary key (period_id, unit_id));
create unlogged table gate.receipt (receipt_id integer primary key);

-- What the candidate opened or closed, by the unit and period that it belongs to, none in a dimension; nothing where it builds everything,
-- and where another release is asked about.
create function gate.changed() returns table (mart text, period_id integer, unit_id integer)
stable language plpgsql set search_path = '' as $$
declare
    candidate integer := (
        select a.release_id from gate.asked as a
        inner join build.candidate as c on a.release_id = c.release_id
        inner join build.scope as s on not s.everything);
    m record;
begin
    for m in
        select c.relname::text as name, count(*) filter (where a.attname in ('period_id', 'unit_id')) = 2 as is_sliced
        from pg_catalog.pg_class as c
        inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and candidate is not null
        group by c.relname
    loop
        return query execute pg_catalog.format(
            'select %1$L::text, %2$s from marts.%1$I as m where m.release_from::bigint = $1 '
            'union select %1$L::text, %2$s from marts.%1$I as m where m.release_to = $1 and m.release_to < 2147483647',
            m.name, case when m.is_sliced then 'm.period_id, m.unit_id' else 'null::integer, null::integer' end)
        using candidate;
    end loop;
end $$;
revoke execute on function gate.changed() from public;
grant execute on function gate.changed() to tonghop_auditor;

-- A release is what was judged: whoever writes a table of the marts, by a model or by hand, ends the gate's verdict on the candidate.
-- Before the first row is written, so that publish, which holds the verdict's row, either waits for the writer or goes first.
-- Row policies hold the builder to the candidate's own rows. Whoever else writes may have changed any: what was judged of the
-- published release is over too, so the next gate asks everything.
create function ctl.marts_written() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    perform ctl.end_verdict(tg_table_schema || '.' || tg_table_name || ' was written');
    if pg_catalog.current_setting('role') <> 'tonghop_builder' then
        update ctl.gate_run set ended_at = now(), ended_by = tg_table_schema || '.' || tg_table_name || ' was written by hand'
        where ended_at is null and release_id = (select release_id from ctl.current_release);
    end if;
    return null;
end $$;
revoke execute on function ctl.marts_written() from public;
do $$
declare t record;
begin
    for t in select c.relname from pg_class c
             where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') loop
        execute format('create trigger ends_verdict before insert or update or delete or truncate on marts.%I
                        for each statement execute function ctl.marts_written()', t.relname);
    end loop;
end $$;
