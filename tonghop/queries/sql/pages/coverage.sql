-- Figures are what is counted, as in every coverage; claims stand beside them.
select
    f.table_code, max(t.table_name_vi) as label_vi, max(t.table_name_en) as label_en, p.code as period,
    count(distinct f.unit_id) filter (where f.is_owed and f.scope = 'own') as due,
    count(distinct f.unit_id) filter (where f.is_owed and f.scope = 'own' and f.is_received) as received,
    count(distinct f.unit_id) filter (where f.is_owed and f.scope = 'own' and f.is_on_time) as on_time,
    count(distinct f.unit_id) filter (where not f.is_owed and f.scope = 'own') as unowed,
    count(distinct f.unit_id) filter (where f.is_owed and f.scope = 'rollup') as claims_due,
    count(distinct f.unit_id) filter (where f.is_owed and f.scope = 'rollup' and f.is_received) as claims_received
from in_release.fct_reporting(%(release)s) as f
join in_release.dim_period(%(release)s) as p on p.period_id = f.period_id
left join in_release.dim_form(%(release)s) as t on t.table_code = f.table_code
group by f.table_code, p.code, p.period_id
-- periods of which nothing has come are not of this release
having bool_or(f.is_received)
order by p.period_id desc, f.table_code asc
limit %(shown)s
