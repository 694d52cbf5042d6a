-- One unit's totals as reported, on today's tree and on the tree of a named date, side by side.
-- table: form table code, e.g. F1   unit: a code that the unit bears or ever bore   period: period code, e.g. 2024-Y
-- on: the named date, e.g. 2025-06-30 [today]
-- shown: unit | tree, indicator, label_vi, row, value, not_restatable, units_reported/units_due
with asked_unit as (
    select distinct unit_id from star.dim_org_unit
    where code = %(unit)s
),

asked_period as (
    select period_id, code, ends_on from star.dim_period
    where code = %(period)s
),

asked_indicator as (
    select indicator_id, code, label_vi, label_en from star.dim_indicator
    where table_code = %(table)s
),

trees as (
    select
        'as reported' as tree,
        1 as place,
        (
            select tree_id from star.dim_tree
            where (select max(ends_on) from asked_period) between valid_from and valid_to
        ) as tree_id
    union all
    select
        'today', 2, (
            select tree_id from star.dim_tree
            where is_today
        )
    union all
    select
        'on ' || coalesce(nullif(%(on)s, ''), current_date::text), 3,
        (
            select tree_id from star.dim_tree
            where coalesce(nullif(%(on)s, '')::date, current_date) between valid_from and valid_to
        )
    where %(on)s <> ''
),

figures as (
    select
        'as reported' as tree, f.unit_id, f.period_id, f.row_id, f.indicator_id, f.value, null::numeric as not_restatable,
        f.units_due, f.units_reported, null::integer as units_restated, null::integer as units_not_restatable
    from star.fct_rollup as f
    where f.unit_id = any(array(select unit_id from asked_unit)) and f.period_id = any(array(select period_id from asked_period))
    union all
    select
        'today', f.unit_id, f.period_id, f.row_id, f.indicator_id, f.value, f.not_restatable,
        f.units_due, f.units_reported, f.units_restated, f.units_not_restatable
    from star.fct_restated as f
    where f.unit_id = any(array(select unit_id from asked_unit)) and f.period_id = any(array(select period_id from asked_period))
    union all
    select
        (
            select tree from trees
            where place = 3
        ), f.unit_id, f.period_id, f.row_id, f.indicator_id, f.value, f.not_restatable,
        f.units_due, f.units_reported, f.units_restated, f.units_not_restatable
    from star.fct_restated_on as f
    where f.tree_id = (
            select tree_id from trees
            where place = 3
        )
        and f.unit_id = any(array(select unit_id from asked_unit))
        and f.period_id = any(array(select period_id from asked_period))
)

select
    t.tree,
    u.name as unit,
    i.code as indicator,
    i.label_vi,
    i.label_en,
    w.row_code as row,
    f.value,
    f.not_restatable,
    f.units_due,
    f.units_reported,
    f.units_restated,
    f.units_not_restatable
from figures as f
inner join trees as t on f.tree = t.tree
inner join asked_indicator as i on f.indicator_id = i.indicator_id
inner join star.dim_form_row as w on f.row_id = w.row_id
inner join star.dim_tree as d on t.tree_id = d.tree_id
inner join star.dim_org_unit as u on f.unit_id = u.unit_id and d.valid_from between u.valid_from and u.valid_to
order by u.unit_id, w.row_id, i.indicator_id, t.place
