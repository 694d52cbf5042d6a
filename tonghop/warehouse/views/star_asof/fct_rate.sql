select
    m.release_id, m.unit_id, m.period_id, m.row_id, m.rate_code, m.basis, m.numerator, m.denominator, m.value
from released.fct_rate as m
where {{ unit_was_shown('m.unit_id') }}
    and not exists (
        select from catalogue.metric as x
        where x.code = m.rate_code and x.shown_from is not null
    )
