-- One form table of a unit over time, of one period type, with a mark where labels changed so that figures do not compare.
-- table: form table code, e.g. F3A   unit: unit code; each unit that ever bore it, under the codes that it had
-- type: one of M, Q, H1, H2, 9M, Y, TERM
-- shown: name | unit, indicator, label_vi, row, period, value, claimed, break_before, reported/due
with bearer as (
    select distinct u.unit_id from star.dim_org_unit as u
    where u.code = %(unit)s and exists (
            select from star.dim_period as p
            where p.period_type = %(type)s and p.ends_on between u.valid_from and u.valid_to
        )
)

select
    u.code as unit, u.name, i.code as indicator, i.label_vi, i.label_en, w.row_code as row, s.period_code as period, s.value,
    s.claimed, s.units_reported as reported, s.units_due as due, s.label_set, s.break_before
from star.series as s
inner join star.dim_period as p on s.period_id = p.period_id
inner join star.dim_org_unit as u on s.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
inner join star.dim_indicator as i on s.indicator_id = i.indicator_id
inner join star.dim_form_row as w on s.row_id = w.row_id
where i.table_code = %(table)s and s.unit_id = any(array(select unit_id from bearer)) and s.period_type = %(type)s
order by s.unit_id, w.row_id, i.indicator_id, s.starts_on
