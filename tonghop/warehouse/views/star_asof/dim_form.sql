select
    m.release_id, m.table_code, m.form_version, m.form_code, m.form_name_vi, m.form_name_en, m.table_name_vi,
    m.table_name_en, m.scheme, m.valid_from, m.valid_to
from released.dim_form as m
