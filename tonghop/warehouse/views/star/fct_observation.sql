select
    m.unit_id, m.period_id, m.row_id, m.indicator_id, m.scope, m.submission_id, m.state, m.value, m.sheet, m.cell
from current.fct_observation as m
where {{ unit_is_shown('m.unit_id') }}
    and {{ indicator_is_shown('m.indicator_id') }}
