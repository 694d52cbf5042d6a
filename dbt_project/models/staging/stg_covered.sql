-- grain: a line of a report, or a table and scope of a nil return, whatever became of it
select
    receipt_id as submission_id,
    unit_id,
    period_id,
    table_code,
    scope,
    is_nil
from {{ source('intake', 'covered') }}
