{{ config(materialized='view') }}

-- grain: submission: a report that was accepted. What counts is decided by the acts up to the candidate's cut-off alone, never by
-- the receipt's status today. The last act is looked up for each, so that of few submissions few acts are read; without steps, as
-- the views of the intake.
select
    r.receipt_id as submission_id,
    r.sha256,
    r.unit_id,
    r.form_code,
    r.form_version,
    r.period_id,
    r.scope,
    r.is_nil,
    r.received_at,
    r.cells,
    coalesce(e.act, 'accepted') as status,
    e.by_receipt_id as superseded_by
from {{ ref('stg_ledger') }} as a
inner join {{ ref('stg_receipt') }} as r on r.receipt_id = a.receipt_id
left join lateral (
    select
        x.act,
        x.by_receipt_id
    from {{ ref('stg_ledger') }} as x
    where x.receipt_id = a.receipt_id and x.act in ('superseded', 'withdrawn')
    order by x.seq desc
    limit 1
) as e on true
where a.act = 'accepted'
