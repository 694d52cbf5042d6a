-- a cell of a coded field is one fact per code
select
    k.unit_key, p.code as period, i.table_code || '.' || i.field_code as indicator, w.row_code as row,
    c.scope, c.state, c.value, r.file_name as file, r.status, c.period_id, y.year_id
from intake.cell as c
join intake.receipt as r using (receipt_id)
join catalogue.unit as k on k.unit_id = c.unit_id
join catalogue.period as p on p.period_id = c.period_id
left join catalogue.period_in_year as y on y.period_id = c.period_id
join catalogue.indicator as i on i.indicator_id = c.indicator_id
join catalogue.form_row as w on w.row_id = c.row_id
where c.receipt_id = %(receipt)s and c.sheet = %(sheet)s and c.cell = %(cell)s
order by c.indicator_id
