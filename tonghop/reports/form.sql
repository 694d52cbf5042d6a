-- One form table for one unit and period: what it reported, and with its subordinates.
-- table: form table code, e.g. F1   unit: unit code   period: period code, e.g. 2021-Y
select
    i.code as indicator,
    i.label_vi,
    i.label_en,
    fr.row_code as row,
    o.value as own,
    r.value as with_subordinates,
    c.value as claimed,
    r.units_reported,
    r.units_due
from bi.fct_rollup as r
inner join bi.dim_period as p on r.period_id = p.period_id
inner join bi.dim_org_unit as u on r.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
inner join bi.dim_indicator as i on r.indicator_id = i.indicator_id
inner join bi.dim_form_row as fr on r.row_id = fr.row_id
left join bi.fct_observation as o
    on r.unit_id = o.unit_id and r.period_id = o.period_id and r.row_id = o.row_id and r.indicator_id = o.indicator_id
    and o.scope = 'own'
left join bi.fct_observation as c
    on r.unit_id = c.unit_id and r.period_id = c.period_id and r.row_id = c.row_id and r.indicator_id = c.indicator_id
    and c.scope = 'rollup'
where i.table_code = %(table)s and u.code = %(unit)s and p.code = %(period)s
order by fr.row_id, i.indicator_id
