create temp table suspect_cell on commit drop as
select a.receipt_id, a.unit_id, a.period_id, a.row_id, c.indicator_id, a.scope, h.sheet, c.name || a.place as cell
from suspect_line as a
join batch_header as h using (receipt_id, header), unnest(h.indicators, h.columns) as c (indicator_id, name)
where (a.receipt_id, a.unit_id) in (select receipt_id, unit_id from suspect)
