-- The columns of the views of form tables, for tools that want labels as data: a figure has an indicator_code, a part of a rate
-- its rate_code and part. A view is the table's code, in small letters, with a kind of period after it; all views of a table
-- share their columns' names.
select distinct
    c.table_code, c.column_name, f.row_code, f.label_vi as row_label_vi, f.label_en as row_label_en,
    case when m.kind = 'indicator' then m.code end as indicator_code, c.rate_code, c.part,
    m.label_vi, m.label_en, case when m.kind = 'indicator' then m.measure_unit end as measure_unit,
    coalesce(c.over_time, m.over_time) as aggregation, coalesce(c.over_time, m.over_time) = 'flow' as adds_over_periods
from catalogue.form_column as c
inner join star.dim_metric as m on m.indicator_id = c.indicator_id or m.code = c.rate_code
inner join current.dim_form_row as f on f.row_id = c.row_id
