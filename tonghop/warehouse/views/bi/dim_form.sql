-- a form table, as its newest version calls it
select distinct on (m.table_code)
    m.table_code, m.form_code, m.form_name_vi, m.form_name_en, m.table_name_vi, m.table_name_en, m.scheme
from current.dim_form as m
order by m.table_code asc, m.form_version desc
