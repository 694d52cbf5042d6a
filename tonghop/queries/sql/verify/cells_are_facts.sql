-- every cell of a report that counts is a fact of the published release
select c.receipt_id, bool_and(o.submission_id is not null)
from ctl.release as r
join intake.ledger as l on l.act = 'accepted' and l.seq <= r.cutoff_seq
join intake.cell as c on c.receipt_id = l.receipt_id
left join current.fct_observation as o
    on (o.submission_id, o.unit_id, o.row_id, o.indicator_id)
        = (c.receipt_id, c.unit_id, c.row_id, c.indicator_id)
where r.release_id = (select release_id from ctl.current_release) and not exists (
        select from intake.ledger as x
        where x.receipt_id = c.receipt_id
            and x.act in ('superseded', 'withdrawn') and x.seq <= r.cutoff_seq
    )
group by 1
