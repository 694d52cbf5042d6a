-- grain: release x figure that its unit has claimed for its whole. The claim less the sum of all below it is the gap, and
--   gap = own + late + changed + rest
-- own       the unit's own figure, which the sum of those below leaves out
-- late      figures that had not been received when the claim was: it could not hold them (counts less, so negative)
-- changed   what figures that the claim could hold have been corrected or withdrawn by since
-- rest      the claim less its own figure and all below as they stood when it was received: no report explains it, unless units
--           are missing, whose figures nobody knows
-- Claim and sum are never added together.
select
    n.release_id, r.unit_id, r.period_id, r.row_id, r.indicator_id, c.submission_id, claim.received_at,
    r.claimed, s.summed, r.claimed - coalesce(s.summed, 0) as gap,
    own.value as own, s.late, s.changed,
    r.claimed - coalesce(s.summed, 0) - coalesce(own.value, 0) - s.late - s.changed as rest,
    s.late_units, s.changed_units, m.missing_units
from ctl.release as n
inner join marts.fct_rollup as r
    on {{ holds_in('r', 'n.release_id') }} and r.claimed is not null
inner join catalogue.indicator as i on i.indicator_id = r.indicator_id
inner join catalogue.period as p on p.period_id = r.period_id
inner join marts.fct_observation as c
    on c.unit_id = r.unit_id and c.period_id = r.period_id and c.row_id = r.row_id and c.indicator_id = r.indicator_id
        and c.scope = 'rollup' and {{ holds_in('c', 'n.release_id') }}
inner join intake.receipt as claim on claim.receipt_id = c.submission_id
left join marts.fct_observation as own
    on own.unit_id = r.unit_id and own.period_id = r.period_id and own.row_id = r.row_id and own.indicator_id = r.indicator_id
        and own.scope = 'own' and {{ holds_in('own', 'n.release_id') }}
cross join
    lateral (
        select
            sum(f.value) as summed,
            coalesce(-sum(f.value) filter (where stood.receipt_id is null), 0) as late,
            coalesce(sum(coalesce(stood.value, 0) - coalesce(f.value, 0)) filter (where stood.receipt_id is not null), 0)
                as changed,
            coalesce(
                array_agg(b.unit_id order by b.unit_id) filter (where stood.receipt_id is null and f.value is not null), '{}'
            )
                as late_units,
            coalesce(
                array_agg(b.unit_id order by b.unit_id)
                filter (where stood.receipt_id is not null and stood.value is distinct from f.value), '{}'
            ) as changed_units
        from marts.bridge_org_tree as b
        left join marts.fct_observation as f
            on f.unit_id = b.unit_id and f.period_id = r.period_id and f.row_id = r.row_id and f.indicator_id = r.indicator_id
                and f.scope = 'own' and {{ holds_in('f', 'n.release_id') }}
        -- the figure as it stood when the claim was received
        left join lateral (
            select x.receipt_id, x.value
            from intake.cell as x
            inner join intake.receipt as then_ on then_.receipt_id = x.receipt_id and then_.received_at <= claim.received_at
            where x.period_id = r.period_id and x.unit_id = b.unit_id and x.row_id = r.row_id and x.indicator_id = r.indicator_id
                and x.scope = 'own'
                and exists (
                    select from intake.ledger as a
                    where a.receipt_id = x.receipt_id and a.act = 'accepted' and a.seq <= n.cutoff_seq
                )
                and not exists (
                    select from intake.ledger as e
                    left join intake.receipt as newer on newer.receipt_id = e.by_receipt_id
                    where e.receipt_id = x.receipt_id and e.seq <= n.cutoff_seq
                        and (
                            e.act = 'superseded' and newer.received_at <= claim.received_at
                            or e.act = 'withdrawn' and e.at <= claim.received_at
                        )
                )
            order by x.receipt_id desc limit 1
        ) as stood on true
        where b.ancestor_id = r.unit_id and b.depth > 0 and p.ends_on between b.valid_from and b.valid_to
            and {{ holds_in('b', 'n.release_id') }}
    ) as s
cross join lateral (
    select coalesce(array_agg(q.unit_id order by q.unit_id), '{}') as missing_units
    from marts.bridge_org_tree as b
    inner join marts.fct_reporting as q
        on q.unit_id = b.unit_id and q.period_id = r.period_id and q.table_code = i.table_code
            and q.scope = 'own' and not q.is_received and {{ holds_in('q', 'n.release_id') }}
    where b.ancestor_id = r.unit_id and b.depth > 0 and p.ends_on between b.valid_from and b.valid_to
        and {{ holds_in('b', 'n.release_id') }}
) as m
