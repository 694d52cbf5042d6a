{{ config(materialized='view') }}

-- grain: submission x decision x finding. What was found in files, as each receipt was last decided up to the candidate's
-- cut-off: everything, of a report that went back to its sender; what a waiver let pass, of a report that counts.
with receipt as (
    select * from {{ ref('stg_receipt') }}
),

acts as (
    select * from {{ ref('stg_ledger') }}
),

finding as (
    select * from {{ ref('stg_finding') }}
),

submission as (
    select * from {{ ref('int_submission') }}
),

decided as (
    select distinct on (receipt_id)
        receipt_id,
        act,
        count(*) over (partition by receipt_id) as decision
    from acts
    where act in ('accepted', 'returned', 'quarantined')
    order by receipt_id asc, seq desc
),

final as (
    select
        f.receipt_id as submission_id,
        f.decision,
        f.ordinal,
        f.rule,
        f.rule_version,
        f.kind,
        coalesce(f.unit_id, r.unit_id) as unit_id,
        r.period_id,
        f.sheet,
        f.cell,
        f.message_vi,
        f.message_en,
        f.is_waived
    from decided as x
    inner join receipt as r on r.receipt_id = x.receipt_id
    inner join finding as f on f.receipt_id = x.receipt_id and f.decision = x.decision
    left join submission as s on s.submission_id = x.receipt_id
    where x.act = 'returned' or (f.is_waived and s.status = 'accepted')
)

select * from final
