select
    m.unit_id, m.period_id, m.row_id, m.rate_code, m.basis, m.numerator, m.denominator, m.value
from current.fct_rate as m
where {{ unit_is_shown('m.unit_id') }}
    and not exists (
        select from catalogue.metric as r
        where r.code = m.rate_code and r.shown_from is not null
    )
