select
    m.unit_id, m.period_id, m.row_id, m.indicator_id, m.label_set, m.periods, m.periods_in_year,
    m.first_period_id, m.last_period_id, m.reports_received, m.reports_due, m.tree, m.period_type, m.value, m.not_restatable,
    m.reports_unowed
from current.fct_year as m
where {{ unit_is_shown('m.unit_id') }}
    and {{ indicator_is_shown('m.indicator_id') }}
