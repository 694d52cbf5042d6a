select
    m.indicator_id, m.table_code, m.field_code, m.code, m.label_vi, m.label_en, m.value_type, m.measure_unit,
    m.aggregation, m.shown_from
from current.dim_indicator as m
where m.shown_from is null
