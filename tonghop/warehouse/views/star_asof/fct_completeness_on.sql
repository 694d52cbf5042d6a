-- What was owed and came, on the tree of any day. A unit that was divided is counted at each of those that hold a part of it, and
-- once above them.
select
    s.release_id, s.tree_id, s.ancestor_id as unit_id, g.period_id, g.table_code,
    {{ completeness('g') }},
    (count(*) filter (where {{ owes_figures('g') }} and {{ is_restated('s') }}))::integer as restated,
    (count(*) filter (where {{ owes_figures('g') }} and not s.is_whole))::integer as not_restatable
from ctl.landing_on as s
inner join released.fct_reporting as g on g.release_id = s.release_id and g.unit_id = s.unit_id
inner join catalogue.period as p on p.period_id = g.period_id and p.ends_on between s.facts_from and s.facts_to
group by s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code
