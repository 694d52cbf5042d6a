-- every finding belongs to a decision
select
    f.receipt_id, max(f.decision) <= (
        select count(*) from intake.ledger as l
        where l.receipt_id = f.receipt_id
            and l.act in ('accepted', 'returned', 'quarantined')
    )
from intake.finding as f
group by 1
