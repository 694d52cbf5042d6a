-- the cells of every accepted report are those that were loaded
select
    l.receipt_id, l.cells_sha256 = intake.fingerprint(l.receipt_id)
    and l.cells = (
        select count(*) from intake.cell as c
        where c.receipt_id = l.receipt_id
    )
from intake.ledger as l
where l.act = 'accepted'
