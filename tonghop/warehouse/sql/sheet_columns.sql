-- the columns of the form tables' views, in their places for ever: the figure that each holds, the days on which its label means
-- what it says, from which level readers see it today, and its words in the newest catalogue that has it
with indicator as (
    select distinct on (f.indicator_id)
        f.indicator_id, f.catalogue_id, f.label_vi, f.label_en, f.measure_unit, f.aggregation
    from catalogue.field as f
    order by f.indicator_id asc, f.catalogue_id desc, f.form_version desc
),

shown as (
    select distinct on (f.indicator_id) f.indicator_id, f.catalogue_id, f.shown_from
    from catalogue.field as f
    left join catalogue.level as l on l.catalogue_id = f.catalogue_id and l.level = f.shown_from
    order by
        f.indicator_id asc, f.catalogue_id desc,
        case when f.shown_from is null then 1 when l.level is null then 3 else 2 end desc, l.rank desc
),

form_row as (
    select distinct on (t.row_id) t.row_id, w.row_code, t.label_vi, t.label_en
    from catalogue.form_table_row as t
    inner join catalogue.form_row as w on w.row_id = t.row_id
    order by t.row_id asc, t.catalogue_id desc, t.form_version desc
)

select
    c.table_code, c.column_name, c.row_id || '.' || c.indicator_id as key,
    nullif(c.begins_on, '-infinity') as begins_on,
    lead(c.begins_on) over (partition by c.row_id, c.indicator_id order by c.begins_on) as ends_before,
    s.shown_from, c.is_everywhere,
    i.aggregation, i.measure_unit,
    case when w.row_code <> 'all' then w.label_vi || ': ' else '' end || i.label_vi as label_vi,
    case when w.row_code <> 'all' then w.label_en || ': ' else '' end || i.label_en as label_en
from catalogue.form_column as c
inner join indicator as i on i.indicator_id = c.indicator_id
inner join shown as s on s.indicator_id = c.indicator_id
inner join form_row as w on w.row_id = c.row_id
order by c.table_code, c.form_column_id
