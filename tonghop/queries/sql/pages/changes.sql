-- A sum and a claim are two measures: each changes by itself, and no figure is one of them before and the other after.
with old as (
    select * from in_release.fct_rollup(%(before)s)
    where release_to <= %(release)s
),

new as (
    select * from in_release.fct_rollup(%(release)s)
    where release_from > %(before)s
),

changed as (
    select
        unit_id, period_id, row_id, indicator_id, measure.basis, measure.old_value, measure.new_value,
        old.value as old_summed, old.claimed as old_claimed, coalesce(old.units_reported, 0) as old_reported,
        coalesce(old.units_due, 0) as old_due, coalesce(old.units_unowed, 0) as old_unowed,
        new.value as new_summed, new.claimed as new_claimed, coalesce(new.units_reported, 0) as new_reported,
        coalesce(new.units_due, 0) as new_due, coalesce(new.units_unowed, 0) as new_unowed
    from old
    full join new using (unit_id, period_id, row_id, indicator_id)
    cross join
        lateral (
            values ('summed', old.value, new.value), ('claimed', old.claimed, new.claimed)
        ) as measure (basis, old_value, new_value)
    where measure.old_value is distinct from measure.new_value
)

select
    u.name as unit, u.code as unit_code, p.code as period, i.table_code, i.label_vi, i.label_en,
    nullif(w.row_code, 'all') as row_code, w.label_vi as row_label, p.ends_on, i.code, c.*, count(*) over () as in_all
from changed as c
join in_release.dim_period(%(release)s) as p on p.period_id = c.period_id
join in_release.dim_org_unit(%(release)s) as u
    on u.unit_id = c.unit_id and u.published and p.ends_on between u.valid_from and u.valid_to
join in_release.dim_indicator(%(release)s) as i on i.indicator_id = c.indicator_id and i.shown_from is null
join in_release.dim_form_row(%(release)s) as w on w.row_id = c.row_id
order by u.level_rank desc, u.sort_key asc, p.period_id desc, i.table_code asc, w.row_id asc, i.indicator_id asc, c.basis desc
limit %(shown)s
