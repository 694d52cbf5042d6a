-- grain: release x tree x published unit of the tree x life of a unit whose figures land on it or below
select
    tree.release_id, tree.tree_id, above.ancestor_id, b.unit_id, b.facts_from, b.facts_to,
    {{ landed('b', 'weight', 'above') }}
from released.dim_tree as tree
inner join released.bridge_restated as b
    on b.release_id = tree.release_id and tree.valid_from between b.valid_from and b.valid_to
inner join released.bridge_org_tree as above
    on above.release_id = tree.release_id and above.unit_id = b.lands_on_id
        and tree.valid_from between above.valid_from and above.valid_to
inner join released.dim_org_unit as u
    on u.release_id = tree.release_id and u.unit_id = above.ancestor_id
        and tree.valid_from between u.valid_from and u.valid_to
        and u.published
where not exists (
        select from ctl.withheld_today_unit as w
        where w.unit_id = above.ancestor_id
    )
group by tree.release_id, tree.tree_id, above.ancestor_id, b.unit_id, b.facts_from, b.facts_to
