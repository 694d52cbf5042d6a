-- What the checks found, by rule, for one period.
-- period: period code, e.g. 2018-H1
-- shown: kind, rule, unit, sheet, cell, message_vi
select f.kind, f.rule, u.code as unit, f.sheet, f.cell, f.message_vi, f.message_en
from star.fct_finding as f
inner join star.dim_period as p on f.period_id = p.period_id
inner join star.dim_org_unit as u on f.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
where p.code = %(period)s
order by f.kind, f.rule, u.sort_key
