select
    m.release_id, m.unit_id, m.period_id, m.row_id, m.indicator_id, m.value, m.claimed, m.units_reported, m.units_due,
    m.units_unowed
from released.fct_rollup as m
where {{ unit_was_shown('m.unit_id') }}
    and {{ indicator_was_shown('m.indicator_id') }}
