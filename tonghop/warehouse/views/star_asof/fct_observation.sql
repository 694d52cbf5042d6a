select
    m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id, m.scope, m.submission_id, m.state, m.value,
    m.sheet, m.cell
from released.fct_observation as m
where {{ unit_was_shown('m.unit_id') }}
    and {{ indicator_was_shown('m.indicator_id') }}
