{{ config(materialized='view') }}

-- grain: submission: a report that was accepted. What counts is decided by the acts up to the candidate's cut-off alone, never by
-- the receipt's status today.
with receipt as (
    select * from {{ ref('stg_receipt') }}
),

acts as (
    select * from {{ ref('stg_ledger') }}
),

accepted as (
    select receipt_id from acts
    where act = 'accepted'
),

ended as (
    select distinct on (receipt_id)
        receipt_id,
        act,
        by_receipt_id
    from acts
    where act in ('superseded', 'withdrawn')
    order by receipt_id asc, seq desc
),

final as (
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
    from accepted as a
    inner join receipt as r on r.receipt_id = a.receipt_id
    left join ended as e on e.receipt_id = a.receipt_id
)

select * from final
