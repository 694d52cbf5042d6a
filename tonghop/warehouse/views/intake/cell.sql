-- at the grain of a fact
select
    line.receipt_id, line.unit_id, line.period_id, line.row_id, c.indicator_id, line.scope,
    case when c.figure is null then 'blank' when c.figure = 'NaN' then 'not_applicable' else 'value' end as state,
    nullif(c.figure, 'NaN') as value, header.sheet, c.name || line.place as cell
from intake.line
join intake.header using (receipt_id, header),
    unnest(header.indicators, line.figures, header.columns) as c (indicator_id, figure, name)
