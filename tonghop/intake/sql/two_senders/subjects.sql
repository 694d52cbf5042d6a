create temp table batch_subject on commit drop as
select receipt_id, m.unit_id as sender_id, m.period_id, a.unit_id, m.scope
from batch_unit as a join batch_report as m using (receipt_id)
