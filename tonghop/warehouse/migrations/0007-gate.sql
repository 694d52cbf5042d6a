-- What readers would see if the candidate were published: the pointer is moved, the views are asked, and the move is undone
-- before anyone can see it. For the gate, which acts as the auditor and may not move the pointer itself.
-- depends: 0006-bi

create function ctl.preview_bi() returns table (view_name text, shows_withheld boolean)
language plpgsql security definer set search_path = ''
-- the planner takes a tree for one row, and a loop over what is ten thousand does not end
set enable_nestloop = off as $$
declare
    v record;
    question text;
    found boolean;
    names text[] := '{}';
    answers boolean[] := '{}';
begin
    begin
        update ctl.current_release set release_id = (select c.release_id from build.candidate as c);
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
            select coalesce(pg_catalog.string_agg(pg_catalog.format('exists (select from %I.%I as shown where %s%s%s)',
                v.schema, v.name, withheld.condition,
                -- of what is kept by release, and of what is summed when asked for, as the candidate has it today
                case when v.schema = 'star_asof' then ' and shown.release_id = (select c.release_id from build.candidate as c)' end,
                case when 'tree_id' = any(v.columns) and v.name <> 'dim_tree'
                    then ' and shown.tree_id = (select t.tree_id from star.dim_tree as t where t.is_today)' end), ' or '), 'false')
            into question
            from (
                select known.condition
                from (values
                    ('unit_id', 'shown.unit_id = any(array(select w.unit_id from ctl.withheld_unit as w))'),
                    ('part_unit_id', 'shown.part_unit_id = any(array(select w.unit_id from ctl.withheld_unit as w))'),
                    ('indicator_id', 'shown.indicator_id = any(array(select w.indicator_id from ctl.withheld_indicator as w))'),
                    ('rate_code', 'shown.rate_code = any(array(select r.code from catalogue.metric as r where r.shown_from is not null))'),
                    -- a rule may name published units after its text
                    ('message_vi', 'shown.message_vi is not null and not exists (select from catalogue.check_rule as c
                        where pg_catalog.starts_with(shown.message_vi, c.message_vi))')
                ) as known (name, condition)
                where known.name = any(v.columns)
            ) as withheld;
            execute 'select ' || question into found;
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
create function ctl.marts_written() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    perform ctl.end_verdict(tg_table_schema || '.' || tg_table_name || ' was written');
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
