-- coverage_of on today's tree and on that of any day; which units it shows, the tree says (ctl.landing_on)
select
    s.release_id, s.tree_id, s.unit_id, s.period_id, s.row_id, s.indicator_id, s.units, s.due, s.reported, s.restated,
    s.not_restatable, s.value, s.zero, s.blank, s.not_applicable, s.nil, s.not_asked, s.missing, s.not_due, s.unowed
from marts.coverage as s
where s.tree_id is not null
    and {{ indicator_is_released('s.indicator_id', 's.release_id') }}
    and s.indicator_id <> all(array(select w.indicator_id from ctl.withheld_today_indicator as w))
