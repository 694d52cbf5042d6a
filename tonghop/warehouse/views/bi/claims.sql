-- What a unit states for its whole, beside the sum of all that reported below it: compared, and never added. Levels above stand
-- in no column, since what a province claims holds what its districts claim.
select
    w.unit_key, w.code as unit_code, w.name as unit_name, w.level as unit_level, i.table_code, p.period_type,
    {{ period_columns('p') }},
    f.row_code, i.code as indicator_code,
    i.label_vi, i.label_en, i.measure_unit,
    r.claimed, r.value as summed, r.claimed - r.value as gap, r.units_reported, r.units_due,
    r.units_unowed
from current.fct_rollup as r
inner join current.dim_indicator as i on i.indicator_id = r.indicator_id and i.shown_from is null
inner join current.dim_form_row as f on f.row_id = r.row_id
inner join current.dim_period as p on p.period_id = r.period_id
inner join current.dim_place as w on w.unit_id = r.unit_id and p.ends_on between w.valid_from and w.valid_to
where r.claimed is not null
