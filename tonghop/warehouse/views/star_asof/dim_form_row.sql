select
    m.release_id, m.row_id, m.table_code, m.row_code, m.label_vi, m.label_en
from released.dim_form_row as m
