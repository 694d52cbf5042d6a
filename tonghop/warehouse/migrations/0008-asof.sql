-- As known on: the star of every published release, by release_id. The views of schema bi, with one more column; what is
-- withheld in the current release is withheld in all of them. And, in both schemas, what was reported on the tree of any day.
-- depends: 0007-gate

create schema bi_asof;
grant usage on schema bi_asof to tonghop_reader, tonghop_auditor;
alter default privileges in schema bi_asof grant select on tables to tonghop_reader, tonghop_auditor;

-- What is withheld today: units whose every version of the current release lies below the published levels, and indicators
create view ctl.withheld_today_unit as
select w.unit_id from marts.dim_org_unit as w
inner join ctl.current_release as c on w.release_from <= c.release_id and w.release_to > c.release_id
where not w.published and not exists (
    select from marts.dim_org_unit as p
    where p.unit_id = w.unit_id and p.published and p.release_from <= c.release_id and p.release_to > c.release_id);
create view ctl.withheld_today_indicator as
select w.indicator_id from marts.dim_indicator as w
inner join ctl.current_release as c on w.release_from <= c.release_id and w.release_to > c.release_id
where w.restricted;

do $$
declare
    t record;
    -- the pointer: the gate moves it to the candidate to see what readers would
    then_ text := '(r.status = ''published'' or r.release_id = (select c.release_id from ctl.current_release as c))';
    -- in the words of schema bi: see docs/decisions
    held text := '(%1$s.release_from > r.release_id and %1$s.release_to > r.release_id) is not true
        and (%1$s.release_from <= r.release_id and %1$s.release_to <= r.release_id) is not true';
    shown_unit text := '%1$s.published and not exists (select from ctl.withheld_today_unit as w where w.unit_id = %1$s.unit_id)';
    shown_indicator text := 'not %1$s.restricted
        and not exists (select from ctl.withheld_today_indicator as w where w.indicator_id = %1$s.indicator_id)';
    -- asked of the marts and not of the views, of which the planner knows nothing
    of_unit text := 'exists (select from marts.dim_org_unit as u where u.unit_id = m.%s and '
        || format(held || ' and ' || shown_unit, 'u') || ')';
    of_indicator text := 'exists (select from marts.dim_indicator as i where i.indicator_id = m.indicator_id and '
        || format(held || ' and ' || shown_indicator, 'i') || ')';
    rule text;
    cols text;
begin
    for t in
        select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as columns
        from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and a.attname not in ('release_from', 'release_to')
        group by c.relname
    loop
        rule := case t.name
            when 'dim_org_unit' then format(shown_unit, 'm')
            when 'dim_indicator' then format(shown_indicator, 'm')
            else concat_ws(' and ', 'true',
                case when 'unit_id' = any(t.columns) then format(of_unit, 'unit_id') end,
                case when 'lands_on_id' = any(t.columns) then format(of_unit, 'lands_on_id') end,
                case when 'indicator_id' = any(t.columns) then of_indicator end,
                case when 'old_id' = any(t.columns) then
                    'not exists (select from marts.dim_indicator as x where x.indicator_id in (m.old_id, m.new_id) and x.restricted)' end,
                case when 'rate_code' = any(t.columns) then
                    'not exists (select from catalogue.rate as x where x.rate_code = m.rate_code and x.restricted)' end,
                -- as in schema bi: looked up in the index
                case when t.name = 'fct_year' then 'm.release_to > r.release_id' end) end;
        select string_agg(case when c in ('message_vi', 'message_en') then
                              format('case when exists (select from catalogue.check_rule as x where x.rule = m.rule) then m.%1$I end as %1$I', c)
                          else 'm.' || quote_ident(c) end, ', ')
        into cols from unnest(t.columns) as c where c not in ('left_side', 'bound');
        execute format('create view bi_asof.%I with (security_barrier) as select r.release_id, %s from marts.%I as m, ctl.release as r where %s and %s and %s',
                       t.name, cols, t.name, then_, format(held, 'm'), rule);
    end loop;
end $$;

create view bi_asof.dim_release with (security_barrier) as
select release_id, published_at, true as is_current from ctl.release where status = 'published';

-- what was reported on the tree of any day: the same columns as fct_restated, and the tree. Summed when asked, so ask for a
-- unit or an indicator; on_day is any day.
create view ctl.standing_on as
select
    r.release_id, tree.tree_id, above.ancestor_id, b.unit_id, b.facts_from, b.facts_to, sum(b.weight) as weight,
    coalesce(sum(b.weight) filter (where not b.is_whole and above.depth = 0), 0) as undivided,
    bool_and(b.is_whole) as is_whole, bool_and(b.reason = 'same') as is_same
from ctl.release as r
inner join marts.dim_tree as tree on tree.release_from <= r.release_id and tree.release_to > r.release_id
inner join marts.bridge_restated as b on b.release_from <= r.release_id and b.release_to > r.release_id
    and tree.valid_from between b.valid_from and b.valid_to
inner join marts.bridge_org_tree as above on above.release_from <= r.release_id and above.release_to > r.release_id
    and above.unit_id = b.lands_on_id and tree.valid_from between above.valid_from and above.valid_to
inner join marts.dim_org_unit as u on u.release_from <= r.release_id and u.release_to > r.release_id
    and u.unit_id = above.ancestor_id and tree.valid_from between u.valid_from and u.valid_to and u.published
where (r.status = 'published' or r.release_id = (select c.release_id from ctl.current_release as c))
    and not exists (select from ctl.withheld_today_unit as w where w.unit_id = above.ancestor_id)
group by r.release_id, tree.tree_id, above.ancestor_id, b.unit_id, b.facts_from, b.facts_to;

-- Sums and coverage are stacked and the coverage spread over its sums, not joined: the planner takes either for one row.
create view bi_asof.fct_restated_on with (security_barrier) as
select
    f.release_id, f.tree_id, f.unit_id, f.period_id, f.row_id, f.indicator_id, f.value, f.not_restatable,
    f.units_reported, f.units_due, f.units_restated, f.units_not_restatable
from (
    select
        g.release_id, g.tree_id, g.unit_id, g.period_id, g.row_id, g.indicator_id, g.value, g.not_restatable,
        coalesce(sum(g.due) over coverage, 0)::integer as units_due,
        coalesce(sum(g.reported) over coverage, 0)::integer as units_reported,
        coalesce(sum(g.restated) over coverage, 0)::integer as units_restated,
        coalesce(sum(g.undivided) over coverage, 0)::integer as units_not_restatable
    from (
        select
            s.release_id, s.tree_id, s.ancestor_id as unit_id, o.period_id, i.table_code, o.row_id, o.indicator_id,
            trim_scale(sum(o.value * s.weight)) as value, trim_scale(sum(o.value * s.undivided)) as not_restatable,
            0 as due, 0 as reported, 0 as restated, 0 as undivided
        from ctl.standing_on as s
        inner join marts.fct_observation as o on o.release_from <= s.release_id and o.release_to > s.release_id
            and o.unit_id = s.unit_id and o.scope = 'own'
        inner join catalogue.period as p on p.period_id = o.period_id and p.ends_on between s.facts_from and s.facts_to
        inner join marts.dim_indicator as i on i.release_from <= s.release_id and i.release_to > s.release_id
            and i.indicator_id = o.indicator_id and not i.restricted
        where not exists (select from ctl.withheld_today_indicator as w where w.indicator_id = i.indicator_id)
        group by s.release_id, s.tree_id, s.ancestor_id, o.period_id, i.table_code, o.row_id, o.indicator_id
        union all
        select
            s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code, null, null, null, null,
            count(*), count(*) filter (where g.is_received),
            count(*) filter (where g.is_received and s.is_whole and not s.is_same),
            count(*) filter (where g.is_received and not s.is_whole)
        from ctl.standing_on as s
        inner join marts.fct_reporting as g on g.release_from <= s.release_id and g.release_to > s.release_id
            and g.unit_id = s.unit_id
        inner join catalogue.period as p on p.period_id = g.period_id and p.ends_on between s.facts_from and s.facts_to
        group by s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code
    ) as g
    window coverage as (partition by g.release_id, g.tree_id, g.unit_id, g.period_id, g.table_code)
) as f
where f.indicator_id is not null;

create view bi.fct_restated_on with (security_barrier) as
select
    tree_id, unit_id, period_id, row_id, indicator_id, value, not_restatable, units_reported, units_due, units_restated,
    units_not_restatable
from bi_asof.fct_restated_on
where release_id = (select c.release_id from ctl.current_release as c);

-- Rates on the tree of any day, from what stands there of their numerators and denominators; not_restatable is the part of the
-- denominator that stands undivided at the unit itself. What a unit claims for its whole is its own tree's, and not restated.
create view bi_asof.fct_rate_on with (security_barrier) as
select
    f.release_id, f.tree_id, f.unit_id, f.period_id, f.row_id, f.rate_code, f.numerator, f.denominator,
    trim_scale(f.numerator / nullif(f.denominator, 0)) as value, f.not_restatable
from (
    select
        g.release_id, g.tree_id, g.unit_id, g.period_id, g.row_id, g.rate_code,
        trim_scale(sum(g.numerator * g.weight)) as numerator, trim_scale(sum(g.denominator * g.weight)) as denominator,
        trim_scale(sum(g.denominator * g.undivided)) as not_restatable
    from (
        -- a unit that left a part of the rate blank is in neither side of it
        select
            s.release_id, s.tree_id, s.ancestor_id as unit_id, s.weight, s.undivided, o.period_id, o.row_id, t.rate_code,
            sum(t.coefficient * o.value) filter (where t.part = 'numerator') as numerator,
            sum(t.coefficient * o.value) filter (where t.part = 'denominator') as denominator
        from ctl.standing_on as s
        inner join ctl.release as r on r.release_id = s.release_id
        inner join marts.fct_observation as o on o.release_from <= s.release_id and o.release_to > s.release_id
            and o.unit_id = s.unit_id and o.scope = 'own' and o.value is not null
        inner join catalogue.period as p on p.period_id = o.period_id and p.ends_on between s.facts_from and s.facts_to
        inner join catalogue.rate_term as t on t.catalogue_id = r.catalogue_id and t.indicator_id = o.indicator_id
        inner join (
            select catalogue_id, rate_code, count(*) as terms from catalogue.rate_term group by catalogue_id, rate_code
        ) as whole on whole.catalogue_id = r.catalogue_id and whole.rate_code = t.rate_code
        where not exists (select from catalogue.rate as x where x.rate_code = t.rate_code and x.restricted)
        group by s.release_id, s.tree_id, s.ancestor_id, s.unit_id, s.facts_from, s.weight, s.undivided, o.period_id, o.row_id,
            t.rate_code, whole.terms
        having count(*) = whole.terms
    ) as g
    group by g.release_id, g.tree_id, g.unit_id, g.period_id, g.row_id, g.rate_code
) as f;

-- What was owed and came, on the tree of any day. A unit that was divided is counted at each of those that hold a part of it, and
-- once above them.
create view bi_asof.fct_completeness_on with (security_barrier) as
select
    s.release_id, s.tree_id, s.ancestor_id as unit_id, g.period_id, g.table_code, max(g.due_on) as last_due_on,
    count(*)::integer as due, (count(*) filter (where g.is_received))::integer as received,
    (count(*) filter (where g.is_on_time))::integer as on_time, (count(*) filter (where not g.is_on_time))::integer as late,
    (count(*) filter (where not g.is_received))::integer as missing, (count(*) filter (where g.is_nil))::integer as nil,
    (count(*) filter (where s.is_whole and not s.is_same))::integer as restated,
    (count(*) filter (where not s.is_whole))::integer as not_restatable
from ctl.standing_on as s
inner join marts.fct_reporting as g on g.release_from <= s.release_id and g.release_to > s.release_id and g.unit_id = s.unit_id
inner join catalogue.period as p on p.period_id = g.period_id and p.ends_on between s.facts_from and s.facts_to
group by s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code;

create view bi.fct_rate_on with (security_barrier) as
select tree_id, unit_id, period_id, row_id, rate_code, numerator, denominator, value, not_restatable from bi_asof.fct_rate_on
where release_id = (select c.release_id from ctl.current_release as c);
create view bi.fct_completeness_on with (security_barrier) as
select
    tree_id, unit_id, period_id, table_code, last_due_on, due, received, on_time, late, missing, nil, restated, not_restatable
from bi_asof.fct_completeness_on
where release_id = (select c.release_id from ctl.current_release as c);

-- Sums by year on the tree of any day: as in fct_year, of what stands there of each period. Ask by unit and indicator.
create view bi_asof.fct_year_on with (security_barrier) as
select
    f.release_id, f.tree_id, f.unit_id, f.year_id as period_id, f.row_id, f.indicator_id, f.label_set,
    count(*)::integer as periods, f.periods_in_year, max(f.period_id) as last_period_id,
    (sum(f.units_reported) filter (where f.is_added))::integer as reports_received,
    (sum(f.units_due) filter (where f.is_added))::integer as reports_due,
    f.period_type, trim_scale(sum(f.value) filter (where f.is_added)) as value,
    trim_scale(sum(f.not_restatable) filter (where f.is_added)) as not_restatable
from (
    select
        r.*, y.year_id, y.period_type, y.periods_in_year, l.label_set,
        i.aggregation = 'flow' or r.period_id = max(r.period_id) over (
            partition by r.release_id, r.tree_id, r.unit_id, y.year_id, y.period_type, r.row_id, r.indicator_id, l.label_set) as is_added
    from bi_asof.fct_restated_on as r
    inner join catalogue.period_in_year as y on y.period_id = r.period_id
    inner join marts.dim_indicator as i
        on i.indicator_id = r.indicator_id and i.release_from <= r.release_id and i.release_to > r.release_id
    cross join lateral (
        select 1 + count(distinct b.broken_on)::integer as label_set
        from catalogue.period as p
        inner join marts.bridge_label as b on b.release_from <= r.release_id and b.release_to > r.release_id
            and b.is_break and r.indicator_id in (b.old_id, b.new_id) and b.broken_on <= p.ends_on
        where p.period_id = r.period_id
    ) as l
    where r.value is not null
) as f
group by
    f.release_id, f.tree_id, f.unit_id, f.year_id, f.period_type, f.periods_in_year, f.row_id, f.indicator_id, f.label_set;

create view bi.fct_year_on with (security_barrier) as
select
    tree_id, unit_id, period_id, row_id, indicator_id, label_set, periods, periods_in_year, last_period_id, reports_received,
    reports_due, period_type, value, not_restatable
from bi_asof.fct_year_on
where release_id = (select c.release_id from ctl.current_release as c);

-- What the views of rates and of completeness would show at the top of every tree if the candidate were published. For the gate, as ctl.preview_bi is.
create function ctl.preview_tops() returns table (
    tree_id integer, period_id integer, about text, row_id integer, part numeric, whole numeric)
language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
declare
    tops integer[] := array(
        select distinct v.unit_id from catalogue.unit_version as v inner join build.candidate as c using (catalogue_id)
        where v.parent_id is null);
    found jsonb;
begin
    begin
        update ctl.current_release set release_id = (select c.release_id from build.candidate as c);
        select pg_catalog.jsonb_agg(f) into found from (
            select r.tree_id, r.period_id, r.rate_code as about, r.row_id, sum(r.numerator) as part, sum(r.denominator) as whole
            from bi.fct_rate_on as r
            inner join bi.dim_org_unit as u on u.unit_id = r.unit_id and u.parent_id is null
                and pg_catalog.to_date(r.tree_id::text, 'YYYYMMDD') between u.valid_from and u.valid_to
            where r.unit_id = any(tops)
            group by r.tree_id, r.period_id, r.rate_code, r.row_id
            union all
            select c.tree_id, c.period_id, c.table_code, null, sum(c.received), sum(c.due)
            from bi.fct_completeness_on as c
            inner join bi.dim_org_unit as u on u.unit_id = c.unit_id and u.parent_id is null
                and pg_catalog.to_date(c.tree_id::text, 'YYYYMMDD') between u.valid_from and u.valid_to
            where c.unit_id = any(tops)
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

-- Figures in the order of time. label_set counts the changes of labels that no step bridges; break_before tells that the figure
-- and the one before it in its line, of the same period type, do not compare.
create view bi_asof.series with (security_barrier) as
select
    f.*, coalesce(f.label_set <> lag(f.label_set) over (
        partition by f.release_id, f.unit_id, f.row_id, f.indicator_id, f.scheme, f.period_type order by f.starts_on), false) as break_before
from (
    select
        r.release_id, r.unit_id, r.row_id, r.indicator_id, p.scheme, p.period_type, p.code as period_code, p.starts_on, r.period_id,
        r.value, r.claimed, r.units_reported, r.units_due,
        1 + (select count(distinct b.broken_on) from bi_asof.bridge_label as b
             where b.release_id = r.release_id and b.is_break and r.indicator_id in (b.old_id, b.new_id)
                 and b.broken_on <= p.ends_on)::integer as label_set
    from bi_asof.fct_rollup as r
    inner join catalogue.period as p on p.period_id = r.period_id
) as f;
create view bi.series with (security_barrier) as
select
    unit_id, row_id, indicator_id, scheme, period_type, period_code, starts_on, period_id, value, claimed, units_reported, units_due,
    label_set, break_before
from bi_asof.series
where release_id = (select c.release_id from ctl.current_release as c);

-- the default rights were given after the views were made
grant select on all tables in schema bi_asof to tonghop_reader, tonghop_auditor;
