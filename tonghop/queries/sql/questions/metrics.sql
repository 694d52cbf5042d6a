-- What may be asked for: every indicator and rate with its unit, what it is made of, and how it adds over units and over time.
-- table: form table code, e.g. F2 [all]
-- shown: metric, label_vi, unit, formula_vi
select
    m.code as metric, m.label_vi, m.label_en, m.measure_unit as unit, m.formula_vi, m.formula_en, m.numerator, m.denominator,
    m.over_units, m.over_time, m.broken_on
from star.dim_metric as m
where %(table)s in ('', m.table_code)
order by m.table_code, m.kind, m.indicator_id, m.code
