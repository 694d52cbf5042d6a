select
    tree_id, unit_id, period_id, row_id, indicator_id, label_set, periods, periods_in_year, first_period_id, last_period_id,
    reports_received, reports_due, period_type, value, not_restatable, reports_unowed
from bi_asof.fct_year_on
where release_id = {{ current_release() }}
