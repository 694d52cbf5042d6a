-- A form table that is owed for a period, counted: rows add up over tables, periods and units.
select
    {{ place_columns('w', levels) }},
    s.table_code, p.period_type, {{ period_columns('p') }}, s.last_due_on::timestamp as due_on,
    s.units_due::integer as units_due, s.units_reported::integer as units_reported, s.units_on_time::integer as units_on_time,
    (s.units_reported - s.units_on_time)::integer as units_late, (s.units_due - s.units_reported)::integer as units_missing,
    s.units_nil::integer as units_nil, s.units_unowed::integer as units_unowed
from current.fct_sheet as s
inner join current.dim_period as p on p.period_id = s.period_id
inner join current.dim_place as w on w.unit_id = s.unit_id and p.ends_on between w.valid_from and w.valid_to
where s.tree = 'reported' and s.units_due + s.units_unowed > 0
