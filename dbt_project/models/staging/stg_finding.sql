-- findings of reports that went back to their senders up to the candidate's cut-off
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

returned as (
    select distinct l.receipt_id
    from ledger as l
    inner join candidate as c on c.cutoff_seq >= l.seq
    where l.act = 'returned'
),

final as (
    select
        f.receipt_id as submission_id,
        f.ordinal,
        f.rule,
        f.kind,
        coalesce(f.unit_id, r.unit_id) as unit_id,
        r.period_id,
        f.sheet,
        f.cell,
        f.message_vi,
        f.message_en
    from returned as x
    inner join receipt as r on r.receipt_id = x.receipt_id
    inner join finding as f on f.receipt_id = x.receipt_id
)

select * from final
