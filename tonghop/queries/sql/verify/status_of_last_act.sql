-- every receipt has the status of its last act
select r.receipt_id, r.status = coalesce((
    select l.act from intake.ledger as l
    where l.receipt_id = r.receipt_id and l.act not in ('received', 'replayed', 'superseded', 'expired')
    order by l.seq desc limit 1
), 'pending') from intake.receipt as r
