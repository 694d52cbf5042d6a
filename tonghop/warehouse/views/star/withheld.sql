select
    table_code, code, label_vi, label_en
from star_asof.withheld
where release_id = {{ current_release() }}
