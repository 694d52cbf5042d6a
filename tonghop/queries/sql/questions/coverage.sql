-- Who owes what and who has reported, per unit, form table and period. scope: own figures, or rollup, a claim for the whole.
-- period: period code, e.g. 2021-Y
-- shown: unit, name, table, scope, due_on, is_received, is_on_time, is_nil
select u.code as unit, u.name, f.table_code as "table", f.scope, f.is_owed, f.due_on, f.is_received, f.is_on_time, f.is_nil
from star.fct_reporting as f
inner join star.dim_period as p on f.period_id = p.period_id
inner join star.dim_org_unit as u on f.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
where p.code = %(period)s
order by u.level_rank desc, u.sort_key asc, f.table_code asc
