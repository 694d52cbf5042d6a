-- Figures in the order of time. label_set counts the changes of labels that no step bridges; break_before tells that the figure
-- and the one before it in its line, of the same period type, do not compare.
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
        1 + (
            select count(distinct b.broken_on) from star_asof.bridge_label as b
            where b.release_id = r.release_id and b.is_break and r.indicator_id in (b.old_id, b.new_id)
                and b.broken_on <= p.ends_on
        )::integer as label_set
    from star_asof.fct_rollup as r
    inner join catalogue.period as p on p.period_id = r.period_id
) as f
