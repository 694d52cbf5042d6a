-- grain: unit x period x row x indicator x scope x submission: a cell of a report that was accepted. Without steps, as every view
-- of the intake: a view with steps is planned by itself, so that who joins it would read all that ever came in.
select
    receipt_id as submission_id,
    unit_id,
    period_id,
    row_id,
    indicator_id,
    scope,
    state,
    value,
    sheet,
    cell
from {{ source('intake', 'cell') }}
