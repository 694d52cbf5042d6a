select
    m.unit_id, m.period_id, m.table_code, m.due_on, m.received_at, m.is_received, m.is_on_time, m.is_nil,
    m.submission_id, m.scope, m.is_owed
from current.fct_reporting as m
where {{ unit_is_shown('m.unit_id') }}
