-- What the gate asks, and what readers would see of it.
-- depends: 0006-bi

-- The release that it asks, and whether it asks everything or the slice of the candidate (build.touched). The tables beside it are what
-- its questions range over, drawn from the ledger and the catalogue before it asks (expectations/asked.sql). All of them are left as
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

-- What readers would see if the candidate were published: the pointer is moved, the views are asked, and the move is undone
-- before anyone can see it. For the gate, which acts as the auditor and may not move the pointer itself.

create function ctl.preview_bi() returns table (view_name text, shows_withheld boolean)
language plpgsql security definer set search_path = ''
-- the planner takes a tree for one row, and a loop over what is ten thousand does not end
set enable_nestloop = off as $$
declare
    asked gate.asked := (select a from gate.asked as a);
    of_slice boolean := not asked.whole;
    indicators integer[] := array(select w.indicator_id from ctl.withheld_indicator as w);
    rates text[] := array(select r.code from catalogue.metric as r where r.shown_from is not null);
    -- of a slice, what is withheld of it, in its periods; withheld figures by the lowest units that have any anew: what is above
    -- them is summed for it, and a view shows of them what it shows of these
    units integer[] := array(
        select w.unit_id from ctl.withheld_unit as w where asked.whole or w.unit_id in (select t.unit_id from build.touched as t));
    periods integer[] := array(select distinct t.period_id from build.touched as t where of_slice);
    lowest integer[] := array(
        select f.unit_id from (
            select unit_id from marts.fct_rollup where release_from = asked.release_id and indicator_id = any(indicators)
            union
            select unit_id from marts.fct_rate where release_from = asked.release_id and rate_code = any(rates)
        ) as f
        inner join gate.unit as u on f.unit_id = u.unit_id
        inner join catalogue.level as l on u.level = l.level
        inner join ctl.release as r on l.catalogue_id = r.catalogue_id and r.release_id = asked.release_id
        where of_slice and u.published
        group by f.unit_id order by max(l.rank) desc limit 3);
    findings text[] := array(
        select f.finding_key from marts.fct_finding as f where of_slice and f.release_from = asked.release_id);
    v record;
    question text;
    found boolean;
    names text[] := '{}';
    answers boolean[] := '{}';
begin
    perform pg_catalog.set_config('enable_nestloop', of_slice::text, true);
    begin
        update ctl.current_release set release_id = asked.release_id;
        for v in
            select c.relname::text as name, c.relnamespace::pg_catalog.regnamespace::text as schema,
                array_agg(a.attname::text) as columns
            from pg_catalog.pg_class as c
            inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
            where c.relnamespace::pg_catalog.regnamespace::text in ('bi', 'star', 'star_asof') and c.relkind in ('v', 'm', 'r', 'p')
            group by c.relname, c.relnamespace
        loop
            -- each view is known by the columns that it has, and asked once for each: a condition of its own is looked up in the
            -- view's tables, where one of several is tried on every row
            select coalesce(pg_catalog.string_agg(pg_catalog.format('exists (select from %I.%I as shown where %s%s%s%s)',
                v.schema, v.name, withheld.condition,
                -- of what is kept by release, and of what is summed when asked for, as the candidate has it today
                case when v.schema = 'star_asof' then ' and shown.release_id = $1' end,
                case when 'tree_id' = any(v.columns) and v.name <> 'dim_tree'
                    then ' and shown.tree_id = (select t.tree_id from star.dim_tree as t where t.is_today)' end,
                case when of_slice then pg_catalog.concat(
                    case when withheld.by_figure and 'unit_id' = any(v.columns) then ' and shown.unit_id = any($5)' end,
                    case when withheld.name = 'message_vi' then ' and shown.finding_key = any($6)'
                        when 'period_id' = any(v.columns) then ' and shown.period_id = any($7)' end) end), ' or '), 'false')
            into question
            from (
                select known.*
                from (values
                    ('unit_id', units <> '{}', false, 'shown.unit_id = any($2)'),
                    ('part_unit_id', units <> '{}', false, 'shown.part_unit_id = any($2)'),
                    ('indicator_id', indicators <> '{}', true, 'shown.indicator_id = any($3)'),
                    ('rate_code', rates <> '{}', true, 'shown.rate_code = any($4)'),
                    -- a rule may name published units after its text
                    ('message_vi', true, false, 'shown.message_vi is not null and not exists (select from catalogue.check_rule as c
                        where pg_catalog.starts_with(shown.message_vi, c.message_vi))')
                ) as known (name, is_asked, by_figure, condition)
                where known.is_asked and known.name = any(v.columns)
                    and (known.name <> 'message_vi' or asked.whole or 'finding_key' = any(v.columns))
            ) as withheld;
            execute 'select ' || question into found
            using asked.release_id, units, indicators, rates, lowest, findings, periods;
            names := names || (v.schema || '.' || v.name);
            answers := answers || found;
        end loop;
        raise exception using errcode = 'TH001', message = 'undo';
    exception when sqlstate 'TH001' then null;
    end;
    return query select * from unnest(names, answers);
end $$;

revoke execute on function ctl.preview_bi() from public;
grant execute on function ctl.preview_bi() to tonghop_auditor;

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
