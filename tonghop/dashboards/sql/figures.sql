-- the columns that hold a figure or a part of a rate in the views of form tables: the metric that they are of, how they add over
-- time, and the day before which their label means what it says
with metric as (
    select m.code, m.indicator_id, m.over_time, m.label_vi, m.formula_vi, m.formula_en, m.measure_unit
    from catalogue.metric as m
    where m.catalogue_id = (select max(v.catalogue_id) from catalogue.version as v)
),

form_row as (
    select distinct on (t.row_id) t.row_id, w.row_code, t.label_vi
    from catalogue.form_table_row as t
    inner join catalogue.form_row as w on w.row_id = t.row_id
    order by t.row_id asc, t.catalogue_id desc, t.form_version desc
)

select
    c.table_code, c.column_name, c.part, coalesce(c.over_time, m.over_time) as over_time,
    lead(c.begins_on) over (partition by c.key order by c.begins_on) as ends_before,
    m.code, m.label_vi, m.formula_vi, m.formula_en, m.measure_unit, w.row_code, w.label_vi as row_label
from catalogue.form_column as c
inner join metric as m on m.indicator_id = c.indicator_id or m.code = c.rate_code
inner join form_row as w on w.row_id = c.row_id
order by c.table_code, c.form_column_id
