select
    m.row_id, m.table_code, m.row_code, m.label_vi, m.label_en
from current.dim_form_row as m
