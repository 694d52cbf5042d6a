-- the columns that hold a figure in the views of form tables: the indicator, how it adds over time, and the day from which its
-- label means what it says
with newest as (
    select max(v.catalogue_id) as catalogue_id from catalogue.version as v
),

metric as (
    select m.indicator_id, m.over_time
    from catalogue.metric as m
    inner join newest as n on n.catalogue_id = m.catalogue_id
    where m.kind = 'indicator'
),

form_row as (
    select distinct on (t.row_id) t.row_id, w.row_code, t.label_vi
    from catalogue.form_table_row as t
    inner join catalogue.form_row as w on w.row_id = t.row_id
    order by t.row_id asc, t.catalogue_id desc, t.form_version desc
)

select
    c.table_code, c.column_name, c.row_id, c.indicator_id, nullif(c.begins_on, '-infinity') as begins_on,
    lead(c.begins_on) over (partition by c.row_id, c.indicator_id order by c.begins_on) as ends_before, m.over_time, w.row_code,
    w.label_vi as row_label
from catalogue.form_column as c
inner join metric as m on m.indicator_id = c.indicator_id
inner join form_row as w on w.row_id = c.row_id
order by c.table_code, c.form_column_id
