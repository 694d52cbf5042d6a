select
    l.act, r.form_code, u.name as sender, u.code as sender_code, count(*) as reports,
    string_agg(distinct p.code, ', ' order by p.code) as periods
from intake.ledger as l
join ctl.release as release on release.release_id = %(release)s and l.seq <= release.cutoff_seq
join intake.receipt as r on r.receipt_id = l.receipt_id
left join catalogue.period as p on p.period_id = r.period_id
-- a sender below the published levels is counted and not named
left join in_release.dim_org_unit(%(release)s) as u
    on u.unit_id = r.unit_id and u.published
        and p.ends_on between u.valid_from and u.valid_to
-- the decision after a replay is an act of its own
where l.act not in ('received', 'replayed', 'expired')
    and l.seq > coalesce((
        select previous.cutoff_seq from ctl.release as previous
        where previous.release_id = %(before)s
    ), 0)
group by l.act, r.form_code, u.unit_id, u.name, u.code, u.sort_key
order by l.act = 'accepted', l.act, r.form_code, u.sort_key
