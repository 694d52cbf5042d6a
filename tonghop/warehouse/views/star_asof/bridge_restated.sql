select
    m.release_id, m.unit_id, m.facts_from, m.facts_to, m.lands_on_id, m.weight, m.is_whole, m.reason, m.valid_from,
    m.valid_to
from released.bridge_restated as m
where {{ unit_was_shown('m.unit_id') }}
    and {{ unit_was_shown('m.lands_on_id') }}
