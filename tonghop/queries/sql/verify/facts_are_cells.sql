-- every fact of the published release is a cell of a report that counted then
select
    o.submission_id, bool_and(
        c.receipt_id is not null and c.value is not distinct from o.value and c.sheet = o.sheet
        and c.cell = o.cell and exists (
            select from intake.ledger as l
            where l.receipt_id = o.submission_id
                and l.act = 'accepted' and l.seq <= r.cutoff_seq
        )
        and not exists (
            select from intake.ledger as l
            where l.receipt_id = o.submission_id
                and l.act in ('superseded', 'withdrawn') and l.seq <= r.cutoff_seq
        )
    )
from ctl.release as r
cross join current.fct_observation as o
left join intake.cell as c
    on (c.receipt_id, c.unit_id, c.row_id, c.indicator_id)
        = (o.submission_id, o.unit_id, o.row_id, o.indicator_id)
where r.release_id = (select release_id from ctl.current_release)
group by 1
