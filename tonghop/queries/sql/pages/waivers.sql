select
    w.rule, p.code as period, u.name as unit, u.code as unit_code, o.name as office, w.valid_to,
    -- a reason that names a unit below the published levels is not for the page
    case when u.unit_id is not null then w.reason end as reason, ended.seq is not null as is_ended,
    (
        select count(distinct f.receipt_id) from intake.finding as f
        join in_release.dim_submission(%(release)s) as s on s.submission_id = f.receipt_id
        where f.waiver_id = w.waiver_id
    ) as reports
from intake.waiver as w
join ctl.release as release on release.release_id = %(release)s
join intake.ledger as given on given.waiver_id = w.waiver_id and given.act = 'waived' and given.seq <= release.cutoff_seq
left join intake.ledger as ended
    on ended.waiver_id = w.waiver_id and ended.act = 'waiver_ended' and ended.seq <= release.cutoff_seq
join catalogue.period as p on p.period_id = w.period_id
left join in_release.dim_org_unit(%(release)s) as u
    on u.unit_id = w.unit_id and u.published
        and p.ends_on between u.valid_from and u.valid_to
left join in_release.dim_org_unit(%(release)s) as o
    on o.unit_id = w.office_id and o.published
        and p.ends_on between o.valid_from and o.valid_to
order by w.waiver_id desc
limit %(shown)s
