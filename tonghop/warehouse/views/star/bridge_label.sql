select
    m.old_id, m.new_id, m.form_version, m.is_break, m.broken_on, m.why_vi, m.why_en
from current.bridge_label as m
where {{ indicator_is_shown('m.old_id') }}
    and {{ indicator_is_shown('m.new_id') }}
