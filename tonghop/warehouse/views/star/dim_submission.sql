-- Neither the file's fingerprint nor the number of its cells: withheld cells can be tried until either fits
select
    m.submission_id, m.unit_id, m.form_code, m.form_version, m.period_id, m.scope, m.is_nil, m.received_at, m.status,
    m.superseded_by
from current.dim_submission as m
where {{ unit_is_shown('m.unit_id') }}
