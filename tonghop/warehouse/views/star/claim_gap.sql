select
    unit_id, period_id, row_id, indicator_id, claimed, summed, gap, own, late, changed, rest, late_units,
    changed_units, missing_units
from star_asof.claim_gap
where release_id = {{ current_release() }}
