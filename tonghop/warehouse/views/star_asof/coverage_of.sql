-- How far a figure is covered on the tree of its period's end: counts of units, and no unit's name, so readers may see all of it
select
    s.release_id, s.unit_id, s.period_id, s.row_id, s.indicator_id, s.units, s.due, s.reported, s.value, s.zero, s.blank,
    s.not_applicable, s.nil, s.not_asked, s.missing, s.not_due, s.unowed
from marts.coverage as s
where s.tree_id is null
    and {{ unit_is_released('s.unit_id', 's.release_id') }}
    and {{ indicator_is_released('s.indicator_id', 's.release_id') }}
    -- a value that reaches the tables below, so that what is withheld is not counted first
    and s.indicator_id <> all(array(select w.indicator_id from ctl.withheld_today_indicator as w))
