-- What stands behind a figure: its parts, its coverage by state, and a unit's claim beside the sum of those below it.
-- The views of schema marts answer for every release (release_id = N) and are the auditor's; those of schema bi show the current
-- release, published units and unrestricted indicators, and of what lies below the published levels only counts.
-- depends: 0007-gate

create index on marts.bridge_org_tree (ancestor_id);
create index on marts.bridge_org_tree (unit_id);
create index on marts.fct_rate (unit_id, period_id);

-- grain: release x figure. Every unit below that could report the table stands in exactly one state:
--   value, zero, blank, not_applicable   what its cell says
--   nil, not_asked                       it has reported: that there is nothing, or by a form that does not ask this
--   missing                              owed, and not received
--   not_due                              at a level that owes the table, but nothing for this period
create view marts.coverage as
select
    n.release_id, r.unit_id, r.period_id, r.row_id, r.indicator_id, r.value as total,
    s.units, s.due, s.reported, s.value, s.zero, s.blank, s.not_applicable, s.nil, s.not_asked, s.missing, s.not_due
from ctl.release as n
inner join marts.fct_rollup as r on r.release_from <= n.release_id and r.release_to > n.release_id
inner join catalogue.indicator as i on i.indicator_id = r.indicator_id
inner join catalogue.period as p on p.period_id = r.period_id
cross join lateral (
    select array_agg(distinct o.level) as names from catalogue.obligation as o
    where o.catalogue_id = n.catalogue_id and o.table_code = i.table_code
) as owing
-- a left join, so that whoever does not ask for the counts does not wait for them
left join lateral (
    select
        count(*) as units,
        count(*) filter (where each.is_due) as due,
        count(*) filter (where each.is_due and each.is_received) as reported,
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
            q.unit_id is not null as is_due,
            q.is_received,
            case
                when f.state = 'value' and f.value = 0 then 'zero'
                when f.state is not null then f.state
                when q.is_nil then 'nil'
                when q.is_received then 'not_asked'
                when q.unit_id is not null then 'missing'
                when u.level = any(owing.names) then 'not_due'
            end as state
        from marts.bridge_org_tree as b
        inner join marts.dim_org_unit as u
            on u.unit_id = b.unit_id and p.ends_on between u.valid_from and u.valid_to
            and u.release_from <= n.release_id and u.release_to > n.release_id
        left join marts.fct_observation as f
            on f.unit_id = b.unit_id and f.period_id = r.period_id and f.row_id = r.row_id and f.indicator_id = r.indicator_id
            and f.scope = 'own' and f.release_from <= n.release_id and f.release_to > n.release_id
        left join marts.fct_reporting as q
            on q.unit_id = b.unit_id and q.period_id = r.period_id and q.table_code = i.table_code
            and q.release_from <= n.release_id and q.release_to > n.release_id
        where b.ancestor_id = r.unit_id and p.ends_on between b.valid_from and b.valid_to
            and b.release_from <= n.release_id and b.release_to > n.release_id
    ) as each
    where each.state is not null
) as s on true;

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
-- of which the number is told and nothing else, so the values shown add up to the figure only where there is no such part
create view bi.trace with (security_barrier) as
select r.unit_id, r.period_id, r.row_id, r.indicator_id, s.basis, s.part_unit_id, s.submission_id, s.sheet, s.cell, s.state,
    s.value, s.cells
from bi.fct_rollup as r
inner join bi.dim_period as p on p.period_id = r.period_id
cross join lateral (
    select
        'summed' as basis, u.unit_id as part_unit_id,
        (select d.submission_id from bi.dim_submission as d where d.submission_id = f.submission_id and u.unit_id is not null)
            as submission_id,
        case when u.unit_id is not null then f.sheet end as sheet,
        case when u.unit_id is not null then f.cell end as cell,
        case when u.unit_id is not null then f.state end as state,
        case when u.unit_id is not null then f.value end as value,
        count(*) as cells
    from marts.bridge_org_tree as b
    inner join marts.fct_observation as f
        on f.unit_id = b.unit_id and f.period_id = r.period_id and f.row_id = r.row_id and f.indicator_id = r.indicator_id
        and f.scope = 'own'
    cross join ctl.current_release as c
    left join bi.dim_org_unit as u on u.unit_id = b.unit_id and p.ends_on between u.valid_from and u.valid_to
    where b.ancestor_id = r.unit_id and p.ends_on between b.valid_from and b.valid_to
        and b.release_from <= c.release_id and b.release_to > c.release_id
        and f.release_from <= c.release_id and f.release_to > c.release_id
    group by 1, 2, 3, 4, 5, 6, 7
    union all
    select 'claimed', f.unit_id, (select d.submission_id from bi.dim_submission as d where d.submission_id = f.submission_id),
        f.sheet, f.cell, f.state, f.value, 1
    from bi.fct_observation as f
    where f.unit_id = r.unit_id and f.period_id = r.period_id and f.row_id = r.row_id and f.indicator_id = r.indicator_id
        and f.scope = 'rollup'
) as s;

-- what a reader may see of a figure's coverage is all of it: counts of units, and no unit's name
create view bi.coverage with (security_barrier) as
select r.unit_id, r.period_id, r.row_id, r.indicator_id, s.units, s.due, s.reported, s.value, s.zero, s.blank, s.not_applicable,
    s.nil, s.not_asked, s.missing, s.not_due
from bi.fct_rollup as r
cross join ctl.current_release as c
inner join marts.coverage as s
    on s.release_id = c.release_id and s.unit_id = r.unit_id and s.period_id = r.period_id and s.row_id = r.row_id
    and s.indicator_id = r.indicator_id;

-- amounts stand where they are those of published units; of others only the numbers of units
create view bi.claim_gap with (security_barrier) as
select r.unit_id, r.period_id, r.row_id, r.indicator_id, g.claimed, g.summed, g.gap, g.own,
    case when h.is_shown then g.late end as late,
    case when h.is_shown then g.changed end as changed,
    case when h.is_shown then g.rest end as rest,
    cardinality(g.late_units) as late_units, cardinality(g.changed_units) as changed_units,
    cardinality(g.missing_units) as missing_units
from bi.fct_rollup as r
cross join ctl.current_release as c
inner join marts.claim_gap as g
    on g.release_id = c.release_id and g.unit_id = r.unit_id and g.period_id = r.period_id and g.row_id = r.row_id
    and g.indicator_id = r.indicator_id
cross join lateral (
    select not exists (
        select from unnest(g.late_units || g.changed_units) as unit (unit_id)
        where not exists (select from bi.dim_org_unit as u where u.unit_id = unit.unit_id)) as is_shown
) as h;

-- that an indicator is withheld is no secret: without this it could not be told from one that nobody has reported
create view bi.withheld with (security_barrier) as
select i.table_code, i.code, i.label_vi, i.label_en
from marts.dim_indicator as i
cross join ctl.current_release as c
where i.restricted and i.release_from <= c.release_id and i.release_to > c.release_id;

grant select on bi.trace, bi.coverage, bi.claim_gap, bi.withheld to tonghop_reader, tonghop_auditor;
