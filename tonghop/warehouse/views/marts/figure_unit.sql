-- grain: release x tree x figure x unit that is in it: the unit and all below it on the tree of the period's end, which has no
-- number here; or, on the tree of any day, every unit whose figures stand at the unit or below it, wholly or in part
select
    n.release_id, null::integer as tree_id, r.unit_id, r.period_id, r.row_id, r.indicator_id, b.unit_id as part_unit_id,
    true as is_whole, true as is_same, i.table_code, p.ends_on, n.catalogue_id
from ctl.release as n
inner join marts.fct_rollup as r on {{ holds_in('r', 'n.release_id') }}
inner join catalogue.indicator as i on i.indicator_id = r.indicator_id
inner join catalogue.period as p on p.period_id = r.period_id
inner join marts.bridge_org_tree as b
    on b.ancestor_id = r.unit_id and p.ends_on between b.valid_from and b.valid_to
        and {{ holds_in('b', 'n.release_id') }}
union all
select
    s.release_id, s.tree_id, s.ancestor_id, p.period_id, w.row_id, i.indicator_id, s.unit_id, s.is_whole, s.is_same, i.table_code,
    p.ends_on, n.catalogue_id
from ctl.landing_on as s
inner join ctl.release as n on n.release_id = s.release_id
inner join catalogue.period as p on p.ends_on between s.facts_from and s.facts_to
inner join released.dim_indicator as i on i.release_id = s.release_id
inner join catalogue.form_row as w on w.table_code = i.table_code
