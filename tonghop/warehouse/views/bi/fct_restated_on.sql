select
    tree_id, unit_id, period_id, row_id, indicator_id, value, not_restatable, units_reported, units_due, units_restated,
    units_not_restatable, units_unowed
from bi_asof.fct_restated_on
where release_id = {{ current_release() }}
