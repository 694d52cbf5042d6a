-- What readers would see if the candidate were published: the pointer is moved, the views are asked, and the move is undone
-- before anyone can see it. For the gate, which acts as the auditor and may not move the pointer itself.
-- depends: 0006-bi

create function ctl.preview_bi() returns table (view_name text, withheld_rows bigint)
language plpgsql security definer set search_path = '' as $$
declare
    v record;
    rows_found bigint;
    names text[] := '{}';
    counts bigint[] := '{}';
begin
    begin
        update ctl.current_release set release_id = (select c.release_id from build.candidate as c);
        for v in
            select c.relname::text as name, c.relnamespace::pg_catalog.regnamespace::text as schema,
                array_agg(a.attname::text) as columns
            from pg_catalog.pg_class as c
            inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
            where c.relnamespace::pg_catalog.regnamespace::text in ('bi', 'bi_asof') and c.relkind in ('v', 'm', 'r', 'p')
            group by c.relname, c.relnamespace
        loop
            execute pg_catalog.format(case when 'part_unit_id' = any(v.columns)
                    -- the parts of all figures are many times the facts: some of them tell whether the view hides what it must
                    then 'select count(*) from (select * from %I.%I limit 10000) as shown where (false'
                    else 'select count(*) from %I.%I as shown where (false' end, v.schema, v.name)
                -- each view is known by the columns that it has; a wide view by the fields of its form table
                || case when 'unit_id' = any(v.columns) then ' or shown.unit_id = any(array(select w.unit_id from ctl.withheld_unit as w))' else '' end
                || case when 'part_unit_id' = any(v.columns)
                    then ' or shown.part_unit_id = any(array(select w.unit_id from ctl.withheld_unit as w))' else '' end
                || case when 'indicator_id' = any(v.columns)
                    then ' or shown.indicator_id = any(array(select w.indicator_id from ctl.withheld_indicator as w))' else '' end
                || case when 'rate_code' = any(v.columns)
                    then ' or shown.rate_code = any(array(select r.rate_code from catalogue.rate as r where r.restricted))' else '' end
                || case when 'unit_code' = any(v.columns)
                    then ' or not exists (select from bi.dim_org_unit as u where u.code = shown.unit_code)' else '' end
                || case when 'message_vi' = any(v.columns)
                    -- a rule may name published units after its text
                    then ' or shown.message_vi is not null and not exists (select from catalogue.check_rule as c
                        where pg_catalog.starts_with(shown.message_vi, c.message_vi))' else '' end
                -- a column may stay when its field is withheld later; figures in it may not
                || coalesce((select pg_catalog.string_agg(pg_catalog.format(' or shown.%I is not null', w.field_code), '')
                             from ctl.withheld_indicator as w
                             where pg_catalog.lower(w.table_code) = v.name and w.field_code = any(v.columns)), '')
                || ')'
                -- of what is kept by release, and of what is summed when asked for, as the candidate has it today
                || case when v.schema = 'bi_asof' then ' and shown.release_id = (select c.release_id from build.candidate as c)' else '' end
                || case when 'tree_id' = any(v.columns) and v.name <> 'dim_tree'
                    then ' and shown.tree_id = (select t.tree_id from bi.dim_tree as t where t.is_today)' else '' end
            into rows_found;
            names := names || (v.schema || '.' || v.name);
            counts := counts || rows_found;
        end loop;
        raise exception using errcode = 'TH001', message = 'undo';
    exception when sqlstate 'TH001' then null;
    end;
    return query select * from unnest(names, counts);
end $$;

-- by the candidate's catalogue: what no reader may see, whatever the marts say
create view ctl.withheld_unit as
select unit.unit_id from catalogue.unit as unit
where not exists (
    select from catalogue.unit_version as version
    inner join catalogue.level as level using (catalogue_id, level)
    inner join build.candidate as candidate using (catalogue_id)
    where version.unit_id = unit.unit_id and level.published);
create view ctl.withheld_indicator as
select indicator.* from catalogue.indicator as indicator
where exists (
    select from catalogue.field as field inner join build.candidate as candidate using (catalogue_id)
    where field.indicator_id = indicator.indicator_id and field.restricted);

revoke execute on function ctl.preview_bi() from public;
grant execute on function ctl.preview_bi() to tonghop_auditor;
-- the gate keeps what it counted in a temporary table, gone with its connection
do $$ begin execute format('grant temporary on database %I to tonghop_auditor', current_database()); end $$;
