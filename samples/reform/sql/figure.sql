with top as (
    select distinct unit_id, level from unit
    where level in ('nation', 'province')
),

standing as (
    select s.*, d.side from ctl.landing_on as s
    join (select distinct side, max(ends_on) over (partition by side) as ends_on from side) as d
        on d.ends_on between s.facts_from and s.facts_to
    where s.tree_id in (20250101, 20250701) and s.release_id = (select release_id from ctl.current_release)
        and s.ancestor_id in (select unit_id from top)
),

every as (
    select f.unit_id, 'reported' as tree, s.side, i.code, f.value
    from marts.fct_rollup as f join top using (unit_id) join side as s using (period_id) join indicator as i using (indicator_id)
    union all
    select f.unit_id, 'today', s.side, i.code, f.value
    from marts.fct_restated as f
    join top using (unit_id)
    join side as s using (period_id)
    join indicator as i using (indicator_id)
    union all
    select s.ancestor_id, case s.tree_id when 20250101 then 'old' else 'new' end, f.side, f.code, f.value * s.weight
    from standing as s join fact as f on f.unit_id = s.unit_id and f.side = s.side
)

select e.unit_id, t.level, e.tree, e.side, e.code, sum(e.value) as value
from every as e join top as t using (unit_id)
group by 1, 2, 3, 4, 5
