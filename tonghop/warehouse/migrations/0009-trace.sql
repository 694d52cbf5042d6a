-- What stands behind a figure: its parts, its coverage by state, and a unit's claim beside the sum of those below it.
-- The views of schema marts answer for every release (release_id = N) and are the auditor's; those of schema bi show the current
-- release, published units and unrestricted indicators, and of what lies below the published levels only counts.
-- depends: 0008-asof

create index on marts.bridge_org_tree (ancestor_id);
create index on marts.bridge_org_tree (unit_id);
create index on marts.dim_submission (submission_id);
create index on marts.fct_rate (unit_id, period_id);
create index on marts.fct_reporting (unit_id, period_id);

-- Every unit that could report a table stands in exactly one state in a figure:
--   value, zero, blank, not_applicable   what its cell says
--   nil, not_asked                       it has reported: that there is nothing, or by a form that does not ask this
--   missing                              owed, and not received
--   not_due                              at a level that owes the table, but nothing for this period
create function marts.state_of(cell text, value numeric, is_nil boolean, is_received boolean, is_due boolean, owes boolean)
returns text immutable language sql as $$
    select case
        when cell = 'value' and value = 0 then 'zero'
        when cell is not null then cell
        when is_nil then 'nil'
        when is_received then 'not_asked'
        when is_due then 'missing'
        when owes then 'not_due'
    end
$$;

-- who is at a level that owes a table for some period
create view marts.could_report as
select distinct u.catalogue_id, u.unit_id, u.valid_from, u.valid_to, o.table_code
from catalogue.unit_version as u
inner join (select distinct catalogue_id, table_code, level from catalogue.obligation) as o
    on o.catalogue_id = u.catalogue_id and o.level in (u.level, u.also_level);

-- grain: release x tree x figure x unit that stands in it: the unit and all below it on the tree of the period's end, which has no
-- number here; or, on the tree of any day, every unit whose figures stand at the unit or below it, wholly or in part
create view marts.figure_unit as
select
    n.release_id, null::integer as tree_id, r.unit_id, r.period_id, r.row_id, r.indicator_id, b.unit_id as part_unit_id,
    true as is_whole, true as is_same, i.table_code, p.ends_on, n.catalogue_id
from ctl.release as n
inner join marts.fct_rollup as r on r.release_from <= n.release_id and r.release_to > n.release_id
inner join catalogue.indicator as i on i.indicator_id = r.indicator_id
inner join catalogue.period as p on p.period_id = r.period_id
inner join marts.bridge_org_tree as b
    on b.ancestor_id = r.unit_id and p.ends_on between b.valid_from and b.valid_to
    and b.release_from <= n.release_id and b.release_to > n.release_id
union all
select
    s.release_id, s.tree_id, s.ancestor_id, p.period_id, w.row_id, i.indicator_id, s.unit_id, s.is_whole, s.is_same, i.table_code,
    p.ends_on, n.catalogue_id
from ctl.standing_on as s
inner join ctl.release as n on n.release_id = s.release_id
inner join catalogue.period as p on p.ends_on between s.facts_from and s.facts_to
inner join marts.dim_indicator as i on i.release_from <= s.release_id and i.release_to > s.release_id
inner join catalogue.form_row as w on w.table_code = i.table_code;

-- grain: release x tree x figure, on both kinds of trees. Ask by release, unit, period and indicator; and by tree_id, which is null
-- for the tree of the period's end.
create view marts.coverage as
select
    each.release_id, each.tree_id, each.unit_id, each.period_id, each.row_id, each.indicator_id,
    count(each.state) as units,
    count(*) filter (where each.is_due) as due,
    count(*) filter (where each.is_due and each.is_received) as reported,
    count(*) filter (where each.is_received and each.is_whole and not each.is_same) as restated,
    count(*) filter (where each.is_received and not each.is_whole) as not_restatable,
    count(*) filter (where each.state = 'value') as value,
    count(*) filter (where each.state = 'zero') as zero,
    count(*) filter (where each.state = 'blank') as blank,
    count(*) filter (where each.state = 'not_applicable') as not_applicable,
    count(*) filter (where each.state = 'nil') as nil,
    count(*) filter (where each.state = 'not_asked') as not_asked,
    count(*) filter (where each.state = 'missing') as missing,
    count(*) filter (where each.state = 'not_due') as not_due
from (
    select
        s.release_id, s.tree_id, s.unit_id, s.period_id, s.row_id, s.indicator_id, s.is_whole, s.is_same,
        q.unit_id is not null as is_due, q.is_received, f.value is not null as has_value,
        marts.state_of(f.state, f.value, q.is_nil, q.is_received, q.unit_id is not null, owing.unit_id is not null) as state
    from marts.figure_unit as s
    left join marts.fct_observation as f
        on f.unit_id = s.part_unit_id and f.period_id = s.period_id and f.row_id = s.row_id and f.indicator_id = s.indicator_id
        and f.scope = 'own' and f.release_from <= s.release_id and f.release_to > s.release_id
    left join marts.fct_reporting as q
        on q.unit_id = s.part_unit_id and q.period_id = s.period_id and q.table_code = s.table_code
        and q.release_from <= s.release_id and q.release_to > s.release_id
    left join marts.could_report as owing
        on owing.catalogue_id = s.catalogue_id and owing.unit_id = s.part_unit_id and owing.table_code = s.table_code
        and s.ends_on between owing.valid_from and owing.valid_to
) as each
group by each.release_id, each.tree_id, each.unit_id, each.period_id, each.row_id, each.indicator_id
-- what is summed when asked is a figure where anything is summed
having each.tree_id is null or bool_or(each.has_value);

-- grain: release x figure that its unit has claimed for its whole. The claim less the sum of all below it is the gap, and
--   gap = own + late + changed + rest
-- own       the unit's own figure, which the sum of those below leaves out
-- late      figures that had not been received when the claim was: it could not hold them (counts less, so negative)
-- changed   what figures that the claim could hold have been corrected or withdrawn by since
-- rest      the claim less its own figure and all below as they stood when it was received: nothing tells why, unless units
--           are missing, whose figures nobody knows
-- Claim and sum are never added together.
create view marts.claim_gap as
select
    n.release_id, r.unit_id, r.period_id, r.row_id, r.indicator_id, c.submission_id, claim.received_at,
    r.claimed, s.summed, r.claimed - coalesce(s.summed, 0) as gap,
    own.value as own, s.late, s.changed,
    r.claimed - coalesce(s.summed, 0) - coalesce(own.value, 0) - s.late - s.changed as rest,
    s.late_units, s.changed_units, m.missing_units
from ctl.release as n
inner join marts.fct_rollup as r
    on r.release_from <= n.release_id and r.release_to > n.release_id and r.claimed is not null
inner join catalogue.indicator as i on i.indicator_id = r.indicator_id
inner join catalogue.period as p on p.period_id = r.period_id
inner join marts.fct_observation as c
    on c.unit_id = r.unit_id and c.period_id = r.period_id and c.row_id = r.row_id and c.indicator_id = r.indicator_id
    and c.scope = 'rollup' and c.release_from <= n.release_id and c.release_to > n.release_id
inner join intake.receipt as claim on claim.receipt_id = c.submission_id
left join marts.fct_observation as own
    on own.unit_id = r.unit_id and own.period_id = r.period_id and own.row_id = r.row_id and own.indicator_id = r.indicator_id
    and own.scope = 'own' and own.release_from <= n.release_id and own.release_to > n.release_id
cross join lateral (
    select
        sum(f.value) as summed,
        coalesce(-sum(f.value) filter (where stood.receipt_id is null), 0) as late,
        coalesce(sum(coalesce(stood.value, 0) - coalesce(f.value, 0)) filter (where stood.receipt_id is not null), 0) as changed,
        coalesce(array_agg(b.unit_id order by b.unit_id) filter (where stood.receipt_id is null and f.value is not null), '{}')
            as late_units,
        coalesce(array_agg(b.unit_id order by b.unit_id)
            filter (where stood.receipt_id is not null and stood.value is distinct from f.value), '{}') as changed_units
    from marts.bridge_org_tree as b
    left join marts.fct_observation as f
        on f.unit_id = b.unit_id and f.period_id = r.period_id and f.row_id = r.row_id and f.indicator_id = r.indicator_id
        and f.scope = 'own' and f.release_from <= n.release_id and f.release_to > n.release_id
    -- the figure as it stood when the claim was received
    left join lateral (
        select x.receipt_id, x.value
        from intake.cell as x
        inner join intake.receipt as then_ on then_.receipt_id = x.receipt_id and then_.received_at <= claim.received_at
        where x.period_id = r.period_id and x.unit_id = b.unit_id and x.row_id = r.row_id and x.indicator_id = r.indicator_id
            and x.scope = 'own'
            and exists (
                select from intake.ledger as a
                where a.receipt_id = x.receipt_id and a.act = 'accepted' and a.seq <= n.cutoff_seq)
            and not exists (
                select from intake.ledger as e
                left join intake.receipt as newer on newer.receipt_id = e.by_receipt_id
                where e.receipt_id = x.receipt_id and e.seq <= n.cutoff_seq
                    and (e.act = 'superseded' and newer.received_at <= claim.received_at
                        or e.act = 'withdrawn' and e.at <= claim.received_at))
        order by x.receipt_id desc limit 1
    ) as stood on true
    where b.ancestor_id = r.unit_id and b.depth > 0 and p.ends_on between b.valid_from and b.valid_to
        and b.release_from <= n.release_id and b.release_to > n.release_id
) as s
cross join lateral (
    select coalesce(array_agg(q.unit_id order by q.unit_id), '{}') as missing_units
    from marts.bridge_org_tree as b
    inner join marts.fct_reporting as q
        on q.unit_id = b.unit_id and q.period_id = r.period_id and q.table_code = i.table_code and not q.is_received
        and q.release_from <= n.release_id and q.release_to > n.release_id
    where b.ancestor_id = r.unit_id and b.depth > 0 and p.ends_on between b.valid_from and b.valid_to
        and b.release_from <= n.release_id and b.release_to > n.release_id
) as m;

-- grain: published figure x part. A part is the cell of a published unit; all cells below the published levels are one part,
-- of which the number is told and nothing else, so the values shown add up to the figure only where there is no such part.
-- Ask by unit_id, and by period_id or indicator_id: what is given as a value is looked up, what is joined is sought in all
create view bi.trace with (security_barrier) as
with part as not materialized (
    select b.ancestor_id as unit_id, f.period_id, f.row_id, f.indicator_id, f.unit_id as part_unit_id, f.submission_id, f.sheet,
        f.cell, f.state, f.value
    from marts.bridge_org_tree as b
    cross join ctl.current_release as c
    inner join marts.fct_observation as f
        on f.unit_id = b.unit_id and f.scope = 'own' and f.release_from <= c.release_id and f.release_to > c.release_id
    inner join catalogue.period as p on p.period_id = f.period_id and p.ends_on between b.valid_from and b.valid_to
    where b.release_from <= c.release_id and b.release_to > c.release_id
        and b.ancestor_id in (select u.unit_id from bi.dim_org_unit as u)
        and f.indicator_id in (select i.indicator_id from bi.dim_indicator as i)
)

select unit_id, period_id, row_id, indicator_id, 'summed' as basis, part_unit_id,
    (select d.submission_id from bi.dim_submission as d where d.submission_id = part.submission_id) as submission_id,
    sheet, cell, state, value, 1::bigint as cells
from part
where part_unit_id in (select u.unit_id from bi.dim_org_unit as u)
union all
select unit_id, period_id, row_id, indicator_id, 'summed', null, null, null, null, null, null, count(*)
from part
where part_unit_id not in (select u.unit_id from bi.dim_org_unit as u)
group by unit_id, period_id, row_id, indicator_id
union all
select f.unit_id, f.period_id, f.row_id, f.indicator_id, 'claimed', f.unit_id,
    (select d.submission_id from bi.dim_submission as d where d.submission_id = f.submission_id),
    f.sheet, f.cell, f.state, f.value, 1
from bi.fct_observation as f
where f.scope = 'rollup';

-- The rest for every published release, as all that readers see, and for the current one. What a reader may see of a figure's
-- coverage is all of it: counts of units, and no unit's name.
create view bi_asof.coverage with (security_barrier) as
select s.release_id, s.unit_id, s.period_id, s.row_id, s.indicator_id, s.units, s.due, s.reported, s.value, s.zero, s.blank,
    s.not_applicable, s.nil, s.not_asked, s.missing, s.not_due
from marts.coverage as s
where s.tree_id is null
    and exists (select from bi_asof.dim_org_unit as u where u.release_id = s.release_id and u.unit_id = s.unit_id)
    and exists (select from bi_asof.dim_indicator as i where i.release_id = s.release_id and i.indicator_id = s.indicator_id)
    -- a value that reaches the tables below, so that what is withheld is not counted first
    and s.indicator_id <> all(array(select w.indicator_id from ctl.withheld_today_indicator as w));

-- the same on today's tree and on that of any day; which units it shows, the tree says (ctl.standing_on)
create view bi_asof.coverage_on with (security_barrier) as
select s.release_id, s.tree_id, s.unit_id, s.period_id, s.row_id, s.indicator_id, s.units, s.due, s.reported, s.restated,
    s.not_restatable, s.value, s.zero, s.blank, s.not_applicable, s.nil, s.not_asked, s.missing, s.not_due
from marts.coverage as s
where s.tree_id is not null
    and exists (select from bi_asof.dim_indicator as i where i.release_id = s.release_id and i.indicator_id = s.indicator_id)
    and s.indicator_id <> all(array(select w.indicator_id from ctl.withheld_today_indicator as w));

-- amounts stand where they are those of published units; of others only the numbers of units
create view bi_asof.claim_gap with (security_barrier) as
select g.release_id, g.unit_id, g.period_id, g.row_id, g.indicator_id, g.claimed, g.summed, g.gap, g.own,
    case when h.is_shown then g.late end as late,
    case when h.is_shown then g.changed end as changed,
    case when h.is_shown then g.rest end as rest,
    cardinality(g.late_units) as late_units, cardinality(g.changed_units) as changed_units,
    cardinality(g.missing_units) as missing_units
from marts.claim_gap as g
cross join lateral (
    select not exists (
        select from unnest(g.late_units || g.changed_units) as unit (unit_id)
        where not exists (
            select from bi_asof.dim_org_unit as u where u.release_id = g.release_id and u.unit_id = unit.unit_id)) as is_shown
) as h
where exists (select from bi_asof.dim_org_unit as u where u.release_id = g.release_id and u.unit_id = g.unit_id)
    and exists (select from bi_asof.dim_indicator as i where i.release_id = g.release_id and i.indicator_id = g.indicator_id);

-- that an indicator is withheld is no secret: without this it could not be told from one that nobody has reported
create view bi_asof.withheld with (security_barrier) as
select r.release_id, i.table_code, i.code, i.label_vi, i.label_en
from marts.dim_indicator as i
inner join ctl.release as r on i.release_from <= r.release_id and i.release_to > r.release_id
where r.status = 'published' and not exists (
    select from bi_asof.dim_indicator as shown where shown.release_id = r.release_id and shown.indicator_id = i.indicator_id);

do $$
declare t text; cols text;
begin
    foreach t in array array['coverage', 'coverage_on', 'claim_gap', 'withheld'] loop
        select string_agg(quote_ident(attname), ', ' order by attnum) into cols from pg_attribute
        where attrelid = ('bi_asof.' || t)::regclass and attnum > 0 and attname <> 'release_id';
        execute format('create view bi.%1$I with (security_barrier) as select %2$s from bi_asof.%1$I
                        where release_id = (select c.release_id from ctl.current_release as c)', t, cols);
    end loop;
end $$;

grant select on bi.trace, bi.coverage, bi.coverage_on, bi.claim_gap, bi.withheld, bi_asof.coverage, bi_asof.coverage_on,
    bi_asof.claim_gap, bi_asof.withheld
to tonghop_reader, tonghop_auditor;
