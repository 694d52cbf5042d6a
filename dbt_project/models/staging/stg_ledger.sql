-- grain: act, up to the candidate's cut-off: what arrives while a candidate is being built waits for the next one
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

ledger as (
    select * from {{ source('intake', 'ledger') }}
),

final as (
    select
        s.seq,
        s.act,
        s.receipt_id,
        s.by_receipt_id
    from ledger as s
    inner join candidate as c on c.cutoff_seq >= s.seq
)

select * from final
