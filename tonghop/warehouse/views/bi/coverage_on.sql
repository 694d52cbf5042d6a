select
    tree_id, unit_id, period_id, row_id, indicator_id, units, due, reported, restated, not_restatable, value, zero,
    blank, not_applicable, nil, not_asked, missing, not_due, unowed
from bi_asof.coverage_on
where release_id = {{ current_release() }}
