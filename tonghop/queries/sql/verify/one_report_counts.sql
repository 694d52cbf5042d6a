-- one report counts for a sender, form, period and scope
select max(r.receipt_id), count(*) = 1 from intake.receipt as r
where r.status = 'accepted' and not exists (
        select from intake.ledger as l
        where l.receipt_id = r.receipt_id and l.act = 'superseded'
    )
group by r.unit_id, r.form_code, r.period_id, r.scope
