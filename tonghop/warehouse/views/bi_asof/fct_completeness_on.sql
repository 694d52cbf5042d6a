-- What was owed and came, on the tree of any day. A unit that was divided is counted at each of those that hold a part of it, and
-- once above them.
select
    s.release_id, s.tree_id, s.ancestor_id as unit_id, g.period_id, g.table_code, max(g.due_on) as last_due_on,
    count(*)::integer as due, (count(*) filter (where g.is_received))::integer as received,
    (count(*) filter (where g.is_on_time))::integer as on_time, (count(*) filter (where not g.is_on_time))::integer as late,
    (count(*) filter (where not g.is_received))::integer as missing, (count(*) filter (where g.is_nil))::integer as nil,
    (count(*) filter (where s.is_whole and not s.is_same))::integer as restated,
    (count(*) filter (where not s.is_whole))::integer as not_restatable
from ctl.standing_on as s
inner join marts.fct_reporting as g on {{ holds_in('g', 's.release_id') }} and g.unit_id = s.unit_id
inner join catalogue.period as p on p.period_id = g.period_id and p.ends_on between s.facts_from and s.facts_to
group by s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code
