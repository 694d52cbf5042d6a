select
    code, kind, table_code, indicator_id, label_vi, label_en, measure_unit, numerator, denominator, over_units, over_time,
    broken_on, formula_vi, formula_en, shown_from
from star.dim_metric
