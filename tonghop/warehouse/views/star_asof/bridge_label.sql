select
    m.release_id, m.old_id, m.new_id, m.form_version, m.is_break, m.broken_on, m.why_vi, m.why_en
from released.bridge_label as m
where not exists (
        select from marts.dim_indicator as x
        where x.indicator_id in (m.old_id, m.new_id) and x.shown_from is not null
    )
