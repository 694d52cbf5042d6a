-- Figures in the order of time. break_before tells that the figure and the one before it in its line, of the same period type, do
-- not compare.
select
    f.*, coalesce(f.label_set <> lag(f.label_set) over (
        partition by f.release_id, f.unit_id, f.row_id, f.indicator_id, f.scheme, f.period_type order by f.starts_on
    ), false) as break_before
from (
    select
        r.release_id,
        r.unit_id,
        r.row_id,
        r.indicator_id,
        p.scheme,
        p.period_type,
        p.code as period_code,
        p.starts_on,
        r.period_id,
        r.value, r.claimed, r.units_reported, r.units_due, r.units_unowed,
        {{ label_set('star_asof.bridge_label', 'r', 'p', 'step.release_id = r.release_id') }} as label_set
    from star_asof.fct_rollup as r
    inner join catalogue.period as p on p.period_id = r.period_id
) as f
