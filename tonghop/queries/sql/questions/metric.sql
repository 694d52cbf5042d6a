-- One indicator or rate for every unit of a level, with how much of it is there.
-- metric: its code, e.g. F1.dv_cuoi_ky or F2.attendance   period: period code, e.g. 2018-H1
-- level: of which units, e.g. province [every level]
-- shown: metric, label_vi, unit, name, row, basis, value, numerator, denominator, reported/due
with asked as (
    select m.code, m.indicator_id, m.table_code, m.label_vi, m.label_en, m.measure_unit from star.dim_metric as m
    where m.code = %(metric)s
),

span as (
    select distinct p.period_id, p.ends_on from star.dim_period as p
    inner join star.dim_form as f on p.scheme = f.scheme
    where p.code = %(period)s and f.table_code in (select table_code from asked)
),

figure as (
    select
        r.unit_id, r.period_id, r.row_id, 'summed' as basis, r.value, null::numeric as numerator, null::numeric as denominator
    from star.fct_rollup as r
    where r.indicator_id in (select indicator_id from asked) and r.period_id in (select period_id from span)
        and r.value is not null
    union all
    select r.unit_id, r.period_id, r.row_id, 'claimed', r.claimed, null, null
    from star.fct_rollup as r
    where r.indicator_id in (select indicator_id from asked) and r.period_id in (select period_id from span)
        and r.value is null and r.claimed is not null
    union all
    select r.unit_id, r.period_id, r.row_id, r.basis, r.value, r.numerator, r.denominator
    from star.fct_rate as r
    where r.rate_code in (select code from asked) and r.period_id in (select period_id from span)
)

select
    u.code as unit, u.name, u.level, a.code as metric, a.label_vi, a.label_en, a.measure_unit, w.row_code as "row", f.basis,
    -- a share is kept as a fraction, and shown in its unit
    case a.measure_unit when '%%' then trim_scale(round(f.value * 100, 4)) else f.value end as value, f.numerator, f.denominator,
    c.received as reported, c.due
from figure as f
cross join asked as a
inner join span as p on f.period_id = p.period_id
inner join star.dim_org_unit as u on f.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
inner join star.dim_form_row as w on f.row_id = w.row_id
left join star.fct_completeness as c
    on f.unit_id = c.unit_id and f.period_id = c.period_id and c.table_code = a.table_code
where %(level)s in ('', u.level)
order by u.level_rank desc, u.sort_key asc, u.code asc, w.row_id asc, f.basis desc
