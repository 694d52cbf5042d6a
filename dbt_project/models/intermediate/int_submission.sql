{{ config(materialized='view') }}

-- grain: submission: a report that was accepted. What counts is decided by the acts up to the candidate's cut-off alone, never by
-- the receipt's status today.
with receipt as (
    select * from {{ ref('stg_receipt') }}
),

accepted as (
    select * from {{ ref('stg_ledger') }}
    where act = 'accepted'
),

ended as (
    select * from {{ ref('stg_ledger') }}
    where act in ('superseded', 'withdrawn')
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
    -- looked up for each, so that of few receipts few acts are read
    left join lateral (
        select
            x.act,
            x.by_receipt_id
        from ended as x
        where x.receipt_id = a.receipt_id
        order by x.seq desc
        limit 1
    ) as e on true
)

select * from final
