-- no cell without an accepted report
select c.receipt_id, bool_or(l.seq is not null) from intake.cell as c
left join intake.ledger as l on l.receipt_id = c.receipt_id and l.act = 'accepted'
group by 1
