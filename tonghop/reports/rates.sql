-- The rates of one unit and period, each with its numerator and denominator.
-- unit: unit code   period: period code, e.g. 2018-M01
select r.rate_code as rate, fr.row_code as row, r.basis, r.numerator, r.denominator, round(r.value, 4) as value
from bi.fct_rate as r
inner join bi.dim_period as p on r.period_id = p.period_id
inner join bi.dim_org_unit as u on r.unit_id = u.unit_id and p.ends_on between u.valid_from and u.valid_to
inner join bi.dim_form_row as fr on r.row_id = fr.row_id
where u.code = %(unit)s and p.code = %(period)s
order by r.rate_code, fr.row_id, r.basis
