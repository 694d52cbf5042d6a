-- grain: release x tree x published unit of the tree x life of a unit whose figures land on it or below
select
    r.release_id, tree.tree_id, above.ancestor_id, b.unit_id, b.facts_from, b.facts_to,
    {{ landed('b', 'weight', 'above') }}
from ctl.release as r
inner join marts.dim_tree as tree on {{ holds_in('tree', 'r.release_id') }}
inner join marts.bridge_restated as b
    on tree.valid_from between b.valid_from and b.valid_to and {{ holds_in('b', 'r.release_id') }}
inner join marts.bridge_org_tree as above
    on above.unit_id = b.lands_on_id
        and tree.valid_from between above.valid_from and above.valid_to
        and {{ holds_in('above', 'r.release_id') }}
inner join marts.dim_org_unit as u
    on u.unit_id = above.ancestor_id
        and tree.valid_from between u.valid_from and u.valid_to
        and u.published
        and {{ holds_in('u', 'r.release_id') }}
where (r.status = 'published' or r.release_id = {{ current_release() }})
    and not exists (
        select from ctl.withheld_today_unit as w
        where w.unit_id = above.ancestor_id
    )
group by r.release_id, tree.tree_id, above.ancestor_id, b.unit_id, b.facts_from, b.facts_to
