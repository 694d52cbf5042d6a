-- The rates of one unit and period as reported, on today's tree and on the tree of a named date, with numerator and denominator.
-- unit: a code that the unit bears or ever bore   period: period code, e.g. 2018-M01
-- on: the named date, e.g. 2025-06-30 [today]
-- shown: unit | tree, rate, label_vi, row, basis, value, numerator, denominator
with asked_unit as (
    select distinct unit_id from star.dim_org_unit
    where code = %(unit)s
),

asked_period as (
    select period_id, ends_on from star.dim_period
    where code = %(period)s
),

trees as (
    select 'as reported' as tree, 1 as place, ends_on as day from asked_period
    union
    select
        'today', 2, (
            select valid_from from star.dim_tree
            where is_today
        )
    union
    select 'on ' || %(on)s, 3, nullif(%(on)s, '')::date
    where %(on)s <> ''
),

other_trees as (
    select t.tree, d.tree_id from trees as t
    inner join star.dim_tree as d on t.day between d.valid_from and d.valid_to
    where t.place > 1
),

figures as (
    select
        'as reported' as tree, f.unit_id, f.period_id, f.row_id, f.rate_code, f.basis, f.numerator, f.denominator, f.value,
        null::numeric as not_restatable
    from star.fct_rate as f
    where f.unit_id = any(array(select unit_id from asked_unit)) and f.period_id = any(array(select period_id from asked_period))
    union all
    select
        o.tree, f.unit_id, f.period_id, f.row_id, f.rate_code, 'summed', f.numerator, f.denominator, f.value, f.not_restatable
    from star.fct_rate_on as f
    inner join other_trees as o on f.tree_id = o.tree_id
    where f.tree_id = any(array(select tree_id from other_trees))
        and f.unit_id = any(array(select unit_id from asked_unit))
        and f.period_id = any(array(select period_id from asked_period))
)

select
    f.tree,
    u.name as unit,
    f.rate_code as rate,
    m.label_vi,
    m.label_en,
    m.measure_unit,
    w.row_code as row,
    f.basis,
    f.numerator,
    f.denominator,
    -- a share is kept as a fraction, and shown in its unit
    case m.measure_unit when '%%' then trim_scale(round(f.value * 100, 4)) else round(f.value, 4) end as value,
    f.not_restatable
from figures as f
inner join star.dim_period as p on f.period_id = p.period_id
inner join trees as t on f.tree = t.tree and (t.place > 1 or p.ends_on = t.day)
inner join star.dim_metric as m on f.rate_code = m.code
inner join star.dim_form_row as w on f.row_id = w.row_id
inner join star.dim_org_unit as u on f.unit_id = u.unit_id and t.day between u.valid_from and u.valid_to
order by u.unit_id, f.rate_code, w.row_id, t.place, f.basis
