-- every receipt was received once
select r.receipt_id, count(l.seq) = 1 from intake.receipt as r
left join intake.ledger as l on l.receipt_id = r.receipt_id and l.act = 'received'
group by 1
