-- every finding that was waived had a waiver in force
select
    f.receipt_id, bool_and(
        (w.rule, w.unit_id, w.period_id) = (f.rule, f.unit_id, r.period_id)
        and ctl.local_day(r.received_at) <= w.valid_to
        and exists (
            select from intake.ledger as given join intake.ledger as decided on decided.seq > given.seq
            where given.waiver_id = w.waiver_id and given.act = 'waived' and decided.receipt_id = f.receipt_id
                and decided.act in ('accepted', 'returned') and not exists (
                    select from intake.ledger as ended
                    where ended.waiver_id = w.waiver_id and ended.act = 'waiver_ended'
                        and ended.seq < decided.seq
                )
        )
    )
from intake.finding as f join intake.receipt as r using (receipt_id) join intake.waiver as w using (waiver_id)
group by 1
