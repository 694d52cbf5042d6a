-- Of the units at the head of a tree, with all below them. Figures are what is counted, as in every coverage; claims stand beside
-- them. Periods of which nothing has come are not of this release.
with head as (
    select p.period_id, p.code as period, u.unit_id
    from in_release.dim_period(%(release)s) as p
    join in_release.dim_org_unit(%(release)s) as u on p.ends_on between u.valid_from and u.valid_to
    where u.parent_id is null
),

label as (
    select table_code, max(table_name_vi) as label_vi, max(table_name_en) as label_en
    from in_release.dim_form(%(release)s)
    group by table_code
)

select
    c.table_code, label.label_vi, label.label_en, head.period, sum(c.due) as due, sum(c.received) as received,
    sum(c.on_time) as on_time, sum(c.unowed) as unowed, sum(c.claims_due) as claims_due, sum(c.claims_received) as claims_received
from head
join in_release.fct_completeness(%(release)s) as c on c.period_id = head.period_id and c.unit_id = head.unit_id
left join label on label.table_code = c.table_code
group by c.table_code, label.label_vi, label.label_en, head.period_id, head.period
having sum(c.received + c.unowed + c.claims_received) > 0
order by head.period_id desc, c.table_code asc
limit %(shown)s
