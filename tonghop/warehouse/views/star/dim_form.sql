select
    m.table_code, m.form_version, m.form_code, m.form_name_vi, m.form_name_en, m.table_name_vi, m.table_name_en,
    m.scheme, m.valid_from, m.valid_to
from current.dim_form as m
