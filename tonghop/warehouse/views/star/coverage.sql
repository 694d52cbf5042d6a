select
    unit_id, period_id, row_id, indicator_id, units, due, reported, value, zero, blank, not_applicable, nil,
    not_asked, missing, not_due, unowed
from star_asof.coverage
where release_id = {{ current_release() }}
