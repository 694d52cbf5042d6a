create temp table suspect on commit drop as
select t.receipt_id, t.unit_id
from batch_subject as t
where exists (
        select from batch_subject as o
        where (o.period_id, o.unit_id, o.scope) = (t.period_id, t.unit_id, t.scope)
            and o.sender_id <> t.sender_id
    )
union
select t.receipt_id, t.unit_id
from batch_subject as t
where (
    select bool_or(r.unit_id <> t.sender_id) from intake.line as c join intake.receipt as r using (receipt_id)
    where (c.period_id, c.unit_id, c.scope) = (t.period_id, t.unit_id, t.scope)
)
