-- grain: receipt: a file that was received, whatever became of it
select
    receipt_id,
    sha256,
    unit_id,
    form_code,
    form_version,
    period_id,
    scope,
    is_nil,
    received_at,
    cells
from {{ source('intake', 'receipt') }}
