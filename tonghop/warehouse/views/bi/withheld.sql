select
    table_code, code, label_vi, label_en
from bi_asof.withheld
where release_id = {{ current_release() }}
