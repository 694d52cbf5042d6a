-- grain: release x published figure x part. A part is the cell of a published unit; all cells below the published levels are one
-- part, of which only the number is shown, so the values shown add up to the figure only where there is no such part.
-- Ask by period_id or indicator_id as well: what is given as a value is looked up, what is joined is sought in all
with part as not materialized (
    select
        m.release_id, b.ancestor_id as unit_id, m.period_id, m.row_id, m.indicator_id, m.unit_id as part_unit_id, m.submission_id,
        m.sheet, m.cell, m.state, m.value
    from released.bridge_org_tree as b
    inner join released.fct_observation as m on m.release_id = b.release_id and m.unit_id = b.unit_id and m.scope = 'own'
    inner join catalogue.period as p on p.period_id = m.period_id and p.ends_on between b.valid_from and b.valid_to
    where {{ unit_was_shown('b.ancestor_id') }}
        and {{ indicator_was_shown('m.indicator_id') }}
)

select
    m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id, 'summed' as basis, m.part_unit_id,
    (
        select d.submission_id from star_asof.dim_submission as d
        where d.release_id = m.release_id and d.submission_id = m.submission_id
    ) as submission_id,
    m.sheet, m.cell, m.state, m.value, 1::bigint as cells
from part as m
where {{ unit_was_shown('m.part_unit_id') }}
union all
select m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id, 'summed', null, null, null, null, null, null, count(*)
from part as m
where not {{ unit_was_shown('m.part_unit_id') }}
group by m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id
union all
select
    m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id, 'claimed' as basis, m.unit_id as part_unit_id,
    (
        select d.submission_id from star_asof.dim_submission as d
        where d.release_id = m.release_id and d.submission_id = m.submission_id
    ),
    m.sheet, m.cell, m.state, m.value, 1
from star_asof.fct_observation as m
where m.scope = 'rollup'
