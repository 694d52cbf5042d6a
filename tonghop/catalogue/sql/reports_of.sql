-- Accepted reports that count, with each of some units that they are about, for periods in the order of their ends
with live as (
    select r.receipt_id, r.unit_id, r.period_id from intake.receipt as r
    where r.status = 'accepted' and not exists (
            select from intake.ledger as l
            where l.receipt_id = r.receipt_id and l.act = 'superseded'
        )
),

subject as (
    select receipt_id, unit_id, period_id from live
    union
    select live.receipt_id, c.unit_id, c.period_id from live join intake.cell as c using (receipt_id)
)

select s.receipt_id, u.unit_key, p.code, p.ends_on
from subject as s
join catalogue.unit as u using (unit_id)
join catalogue.period as p using (period_id)
where u.unit_key = any(%(units)s)
order by p.ends_on, s.receipt_id, u.unit_key
