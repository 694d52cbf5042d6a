-- grain: act, up to the candidate's cut-off: what arrives while a candidate is being built waits for the next one
select
    s.seq,
    s.act,
    s.receipt_id,
    s.by_receipt_id
from {{ source('intake', 'ledger') }} as s
inner join {{ source('build', 'candidate') }} as c on c.cutoff_seq >= s.seq
