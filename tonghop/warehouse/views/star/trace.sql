-- grain: published figure x part. A part is the cell of a published unit; all cells below the published levels are one part,
-- of which only the number is shown, so the values shown add up to the figure only where there is no such part.
-- Ask by unit_id, and by period_id or indicator_id: what is given as a value is looked up, what is joined is sought in all
with part as not materialized (
    select
        b.ancestor_id as unit_id, f.period_id, f.row_id, f.indicator_id, f.unit_id as part_unit_id, f.submission_id, f.sheet,
        f.cell, f.state, f.value
    from current.bridge_org_tree as b
    inner join current.fct_observation as f on f.unit_id = b.unit_id and f.scope = 'own'
    inner join catalogue.period as p on p.period_id = f.period_id and p.ends_on between b.valid_from and b.valid_to
    where b.ancestor_id in (select u.unit_id from star.dim_org_unit as u)
        and f.indicator_id in (select i.indicator_id from star.dim_indicator as i)
)

select
    unit_id, period_id, row_id, indicator_id, 'summed' as basis, part_unit_id,
    (
        select d.submission_id from star.dim_submission as d
        where d.submission_id = part.submission_id
    ) as submission_id,
    sheet, cell, state, value, 1::bigint as cells
from part
where part_unit_id in (select u.unit_id from star.dim_org_unit as u)
union all
select unit_id, period_id, row_id, indicator_id, 'summed', null, null, null, null, null, null, count(*)
from part
where part_unit_id not in (select u.unit_id from star.dim_org_unit as u)
group by unit_id, period_id, row_id, indicator_id
union all
select
    f.unit_id, f.period_id, f.row_id, f.indicator_id, 'claimed' as basis, f.unit_id as part_unit_id,
    (
        select d.submission_id from star.dim_submission as d
        where d.submission_id = f.submission_id
    ),
    f.sheet, f.cell, f.state, f.value, 1
from star.fct_observation as f
where f.scope = 'rollup'
