select
    unit_id,
    row_id,
    indicator_id,
    scheme,
    period_type,
    period_code,
    starts_on,
    period_id,
    value,
    claimed,
    units_reported,
    units_due,
    label_set, break_before, units_unowed
from star_asof.series
where release_id = {{ current_release() }}
