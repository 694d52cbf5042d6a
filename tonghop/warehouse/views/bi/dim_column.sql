-- The columns of the views of form tables, for tools that want labels as data. A view is the table's code, in small letters, with
-- a kind of period after it; all views of a table share their columns' names.
select distinct
    c.table_code, c.column_name, f.row_code, f.label_vi as row_label_vi, f.label_en as row_label_en, i.code as indicator_code,
    i.label_vi, i.label_en, i.measure_unit, i.aggregation, i.aggregation = 'flow' as adds_over_periods
from catalogue.form_column as c
inner join current.dim_indicator as i on i.indicator_id = c.indicator_id and i.shown_from is null
inner join current.dim_form_row as f on f.row_id = c.row_id
