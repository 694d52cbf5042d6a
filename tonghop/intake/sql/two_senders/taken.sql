select distinct on (a.receipt_id) a.receipt_id, c.receipt_id as other_id, a.sheet, a.cell
from suspect_cell as a
join batch_report as m on m.receipt_id = a.receipt_id
join intake.cell as c
    on (c.period_id, c.unit_id, c.row_id, c.indicator_id, c.scope)
        = (a.period_id, a.unit_id, a.row_id, a.indicator_id, a.scope)
join intake.receipt as r on r.receipt_id = c.receipt_id
where r.status = 'accepted' and r.unit_id <> m.unit_id
    and not exists (
        select from intake.ledger as l
        where l.receipt_id = r.receipt_id and l.act = 'superseded'
    )
order by a.receipt_id, c.receipt_id, a.sheet, a.cell
