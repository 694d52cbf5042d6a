select
    m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id, m.label_set, m.periods, m.periods_in_year,
    m.first_period_id, m.last_period_id, m.reports_received, m.reports_due, m.tree, m.period_type, m.value, m.not_restatable,
    m.reports_unowed
from released.fct_year as m
where {{ unit_was_shown('m.unit_id') }}
    and {{ indicator_was_shown('m.indicator_id') }}
