-- What was found in files, as each receipt was last decided up to the candidate's cut-off: of a report that went back to its
-- sender everything, of one that stands what a waiver let pass.
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

receipt as (
    select * from {{ source('intake', 'receipt') }}
),

ledger as (
    select * from {{ source('intake', 'ledger') }}
),

finding as (
    select * from {{ source('intake', 'finding') }}
),

submission as (
    select * from {{ ref('stg_submission') }}
),

decided as (
    select
        l.receipt_id,
        count(*) as decision,
        (array_agg(l.act order by l.seq desc))[1] as act
    from ledger as l
    inner join candidate as c on c.cutoff_seq >= l.seq
    where l.act in ('accepted', 'returned', 'quarantined')
    group by l.receipt_id
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
        f.waiver_id is not null as is_waived
    from decided as x
    inner join receipt as r on r.receipt_id = x.receipt_id
    inner join finding as f on f.receipt_id = x.receipt_id and f.decision = x.decision
    left join submission as s on s.submission_id = x.receipt_id
    where x.act = 'returned' or (f.waiver_id is not null and s.status = 'accepted')
)

select * from final
