select
    tree_id, unit_id, period_id, table_code, last_due_on, due, received, on_time, late, missing, nil, restated, not_restatable,
    unowed, claims_due, claims_received
from bi_asof.fct_completeness_on
where release_id = {{ current_release() }}
