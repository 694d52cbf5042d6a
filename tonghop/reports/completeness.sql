-- How complete and how timely reporting is, per unit with all below it, form table and period.
-- period: period code, e.g. 2021-Y
select
    u.code as unit,
    u.name,
    f.table_code as "table",
    f.last_due_on,
    f.due,
    f.received,
    f.on_time,
    f.late,
    f.missing,
    f.nil,
    round(f.received::numeric / f.due, 4) as completeness,
    round(f.on_time::numeric / f.due, 4) as timeliness
from bi.fct_completeness as f
inner join bi.dim_period as p on f.period_id = p.period_id
inner join bi.dim_org_unit as u on f.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
where p.code = %(period)s
order by u.level_rank desc, u.sort_key, f.table_code
