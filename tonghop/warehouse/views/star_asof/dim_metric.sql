select
    m.release_id, m.code, m.kind, m.table_code, m.indicator_id, m.label_vi, m.label_en, m.measure_unit, m.numerator,
    m.denominator, m.over_units, m.over_time, m.broken_on, m.formula_vi, m.formula_en, m.shown_from
from released.dim_metric as m
where m.shown_from is null
    and {{ indicator_is_not_withheld('m.indicator_id') }}
    and not exists (
        select from catalogue.metric as r
        where r.kind = 'rate' and r.code = m.code and r.shown_from is not null
    )
