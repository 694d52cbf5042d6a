select
    m.unit_id, m.period_id, m.row_id, m.indicator_id, m.value, m.not_restatable, m.units_reported, m.units_due,
    m.units_restated, m.units_not_restatable, m.units_unowed
from current.fct_restated as m
where {{ unit_is_shown('m.unit_id') }}
    and {{ indicator_is_shown('m.indicator_id') }}
