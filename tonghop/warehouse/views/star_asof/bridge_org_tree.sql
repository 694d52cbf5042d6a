select
    m.release_id, m.ancestor_id, m.unit_id, m.depth, m.valid_from, m.valid_to
from released.bridge_org_tree as m
where {{ unit_was_shown('m.unit_id') }}
