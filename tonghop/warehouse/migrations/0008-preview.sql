-- What the views of rates and of completeness would show at the top of every tree if the candidate were published. For the gate, as
-- ctl.preview_bi is.
-- depends: 0007-gate

create function ctl.preview_tops() returns table (
    tree_id integer, period_id integer, about text, row_id integer, part numeric, whole numeric)
language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
declare
    asked gate.asked := (select a from gate.asked as a);
    periods integer[] := array(select distinct t.period_id from build.touched as t where not asked.whole);
    tops integer[] := array(
        select distinct v.unit_id from catalogue.unit_version as v inner join gate.release as c using (catalogue_id)
        where v.parent_id is null);
    found jsonb;
begin
    begin
        update ctl.current_release set release_id = asked.release_id;
        select pg_catalog.jsonb_agg(f) into found from (
            select r.tree_id, r.period_id, r.rate_code as about, r.row_id, sum(r.numerator) as part, sum(r.denominator) as whole
            from star_asof.fct_rate_on as r
            inner join star.dim_org_unit as u on u.unit_id = r.unit_id and u.parent_id is null
                and pg_catalog.to_date(r.tree_id::text, 'YYYYMMDD') between u.valid_from and u.valid_to
            where r.release_id = asked.release_id and r.unit_id = any(tops)
                and (asked.whole or r.period_id = any(periods))
            group by r.tree_id, r.period_id, r.rate_code, r.row_id
            union all
            select c.tree_id, c.period_id, c.table_code, null, sum(c.received), sum(c.due)
            from star_asof.fct_completeness_on as c
            inner join star.dim_org_unit as u on u.unit_id = c.unit_id and u.parent_id is null
                and pg_catalog.to_date(c.tree_id::text, 'YYYYMMDD') between u.valid_from and u.valid_to
            where c.release_id = asked.release_id and c.unit_id = any(tops)
                and (asked.whole or c.period_id = any(periods))
            group by c.tree_id, c.period_id, c.table_code
        ) as f;
        raise exception using errcode = 'TH001', message = 'undo';
    exception when sqlstate 'TH001' then null;
    end;
    return query select * from pg_catalog.jsonb_to_recordset(coalesce(found, '[]'))
        as f (tree_id integer, period_id integer, about text, row_id integer, part numeric, whole numeric);
end $$;
revoke execute on function ctl.preview_tops() from public;
grant execute on function ctl.preview_tops() to tonghop_auditor;
