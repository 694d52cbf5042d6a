select
    m.unit_id, m.period_id, m.table_code, m.last_due_on, m.due, m.received, m.on_time, m.late, m.missing, m.nil,
    m.unowed, m.claims_due, m.claims_received
from current.fct_completeness as m
where {{ unit_is_shown('m.unit_id') }}
