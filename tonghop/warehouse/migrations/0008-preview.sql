-- What readers would see if the candidate were published: the pointer is moved, the views are asked, and the move is undone
-- before anyone can see it. For the gate, which acts as the auditor and may not move the pointer itself.
-- depends: 0007-gate

-- whether a view would show anything that is withheld
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

-- what the views of rates and of completeness would show: at the top of every tree; of a slice, of each unit below the top on the tree of
-- the period's last day, which does not sum the nation for one report
create function ctl.preview_trees() returns table (
    tree_id integer, unit_id integer, period_id integer, about text, row_id integer, part numeric, whole numeric)
language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
declare
    asked gate.asked := (select a from gate.asked as a);
    periods integer[] := array(select distinct t.period_id from build.touched as t where not asked.whole);
    units integer[] := case
        when asked.whole then array(
            select distinct v.unit_id from catalogue.unit_version as v inner join gate.release as c using (catalogue_id)
            where v.parent_id is null)
        else array(
            select distinct t.unit_id from build.touched as t inner join gate.unit as u using (unit_id)
            where u.parent_id is not null) end;
    found jsonb;
begin
    perform pg_catalog.set_config('enable_nestloop', (not asked.whole)::text, true);
    begin
        update ctl.current_release set release_id = asked.release_id;
        select pg_catalog.jsonb_agg(f) into found from (
            select s.tree_id, case when u.parent_id is not null then s.unit_id end as unit_id, s.period_id, s.about, s.row_id,
                sum(s.part) as part, sum(s.whole) as whole
            from (
                select r.tree_id, r.unit_id, r.period_id, r.rate_code as about, r.row_id, r.numerator as part, r.denominator as whole
                from star_asof.fct_rate_on as r
                where r.release_id = asked.release_id and r.unit_id = any(units) and (asked.whole or r.period_id = any(periods))
                union all
                select c.tree_id, c.unit_id, c.period_id, c.table_code, null, c.received, c.due
                from star_asof.fct_completeness_on as c
                where c.release_id = asked.release_id and c.unit_id = any(units) and (asked.whole or c.period_id = any(periods))
            ) as s
            inner join star.dim_tree as t on t.tree_id = s.tree_id
            inner join star.dim_org_unit as u on u.unit_id = s.unit_id and t.valid_from between u.valid_from and u.valid_to
            where case
                when asked.whole then u.parent_id is null
                else u.parent_id is not null and exists (
                    select from gate.period as p where p.period_id = s.period_id and p.ends_on between t.valid_from and t.valid_to) end
            group by 1, 2, 3, 4, 5
        ) as f;
        raise exception using errcode = 'TH001', message = 'undo';
    exception when sqlstate 'TH001' then null;
    end;
    return query select * from pg_catalog.jsonb_to_recordset(coalesce(found, '[]'))
        as f (tree_id integer, unit_id integer, period_id integer, about text, row_id integer, part numeric, whole numeric);
end $$;
revoke execute on function ctl.preview_trees() from public;
grant execute on function ctl.preview_trees() to tonghop_auditor;
