select
    m.ancestor_id, m.unit_id, m.depth, m.valid_from, m.valid_to
from current.bridge_org_tree as m
where {{ unit_is_shown('m.unit_id') }}
