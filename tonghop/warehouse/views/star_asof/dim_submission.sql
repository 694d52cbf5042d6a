select
    m.release_id, m.submission_id, m.unit_id, m.form_code, m.form_version, m.period_id, m.scope, m.is_nil, m.received_at,
    m.status, m.superseded_by
from released.dim_submission as m
where {{ unit_was_shown('m.unit_id') }}
