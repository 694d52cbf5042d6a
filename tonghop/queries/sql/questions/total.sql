-- A unit's figures over a year: flows added, of stocks the last one. Of one period type only, because types overlap.
-- table: form table code, e.g. F1   unit: unit code   year: e.g. 2021   type: one of M, Q, H1, H2, 9M, Y
with figures as (
    select s.row_id, s.indicator_id, s.value, s.starts_on, s.label_set
    from bi.series as s
    inner join bi.dim_period as p on s.period_id = p.period_id
    inner join bi.dim_org_unit as u on s.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
    where u.code = %(unit)s and p.year = %(year)s::integer and p.period_type = %(type)s
)

select
    i.code as indicator,
    i.label_vi,
    i.label_en,
    w.row_code as row,
    f.label_set,
    case when i.aggregation = 'stock' then (array_agg(f.value order by f.starts_on desc))[1] else sum(f.value) end as value,
    i.aggregation,
    count(*) as periods
from figures as f
inner join bi.dim_indicator as i on f.indicator_id = i.indicator_id
inner join bi.dim_form_row as w on f.row_id = w.row_id
where i.table_code = %(table)s
-- a sum ends where labels break
group by i.indicator_id, i.code, i.label_vi, i.label_en, i.aggregation, w.row_id, w.row_code, f.label_set
order by w.row_id, i.indicator_id, f.label_set
