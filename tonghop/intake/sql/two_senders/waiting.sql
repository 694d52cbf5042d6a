select distinct a.receipt_id
from suspect_cell as a
join suspect_cell as b
    on (b.period_id, b.unit_id, b.row_id, b.indicator_id, b.scope)
        = (a.period_id, a.unit_id, a.row_id, a.indicator_id, a.scope) and b.receipt_id < a.receipt_id
join batch_report as m on m.receipt_id = a.receipt_id
join batch_report as n on n.receipt_id = b.receipt_id
where n.unit_id <> m.unit_id
