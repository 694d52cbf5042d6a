-- the columns of the form tables' views, in their places for ever: the figure or the part of a rate that each holds, the days on
-- which its label means what it says, from which level readers see it today, and its words in the newest catalogue that has it
with metric as (
    select distinct on (m.code)
        m.code, m.indicator_id, m.label_vi, m.label_en, m.measure_unit, m.over_time, m.shown_from, m.formula_vi, m.formula_en
    from catalogue.metric as m
    order by m.code asc, m.catalogue_id desc
),

form_row as (
    select distinct on (t.row_id) t.row_id, w.row_code, t.label_vi, t.label_en
    from catalogue.form_table_row as t
    inner join catalogue.form_row as w on w.row_id = t.row_id
    order by t.row_id asc, t.catalogue_id desc, t.form_version desc
)

select
    c.table_code, c.column_name, c.key, c.part,
    nullif(c.begins_on, '-infinity') as begins_on,
    lead(c.begins_on) over (partition by c.key order by c.begins_on) as ends_before,
    m.shown_from, c.is_everywhere,
    coalesce(c.over_time, m.over_time) as over_time, m.measure_unit, m.formula_vi, m.formula_en,
    count(*) over (partition by c.row_id, c.rate_code, c.part, c.begins_on) > 1 as is_mixed,
    case when w.row_code <> 'all' then w.label_vi || ': ' else '' end || m.label_vi as label_vi,
    case when w.row_code <> 'all' then w.label_en || ': ' else '' end || m.label_en as label_en
from catalogue.form_column as c
inner join metric as m on m.indicator_id = c.indicator_id or m.code = c.rate_code
inner join form_row as w on w.row_id = c.row_id
order by c.table_code, c.form_column_id
