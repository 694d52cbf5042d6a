-- Sums and coverage are stacked and the coverage spread over its sums, not joined: the planner takes either for one row.
select
    f.release_id, f.tree_id, f.unit_id, f.period_id, f.row_id, f.indicator_id, f.value, f.not_restatable,
    f.units_reported, f.units_due, f.units_restated, f.units_not_restatable, f.units_unowed
from (
    select
        g.release_id, g.tree_id, g.unit_id, g.period_id, g.row_id, g.indicator_id, g.value, g.not_restatable,
        coalesce(sum(g.units_due) over coverage, 0)::integer as units_due,
        coalesce(sum(g.units_reported) over coverage, 0)::integer as units_reported,
        coalesce(sum(g.units_unowed) over coverage, 0)::integer as units_unowed,
        coalesce(sum(g.units_restated) over coverage, 0)::integer as units_restated,
        coalesce(sum(g.units_not_restatable) over coverage, 0)::integer as units_not_restatable
    from (
        select
            s.release_id, s.tree_id, s.ancestor_id as unit_id, o.period_id, i.table_code, o.row_id, o.indicator_id,
            {{ restated_sum('o.value', 's') }},
            0 as units_due, 0 as units_reported, 0 as units_unowed, 0 as units_restated, 0 as units_not_restatable
        from ctl.landing_on as s
        inner join released.fct_observation as o
            on o.release_id = s.release_id and o.unit_id = s.unit_id and o.scope = 'own'
        inner join catalogue.period as p on p.period_id = o.period_id and p.ends_on between s.facts_from and s.facts_to
        inner join released.dim_indicator as i
            on i.release_id = s.release_id and i.indicator_id = o.indicator_id and i.shown_from is null
        where not exists (
                select from ctl.withheld_today_indicator as w
                where w.indicator_id = i.indicator_id
            )
        group by s.release_id, s.tree_id, s.ancestor_id, o.period_id, i.table_code, o.row_id, o.indicator_id
        union all
        select
            s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code, null, null, null, null,
            {{ restated_coverage('g', 's') }}
        from ctl.landing_on as s
        inner join released.fct_reporting as g
            on g.unit_id = s.unit_id and g.release_id = s.release_id
        inner join catalogue.period as p on p.period_id = g.period_id and p.ends_on between s.facts_from and s.facts_to
        group by s.release_id, s.tree_id, s.ancestor_id, g.period_id, g.table_code
    ) as g
    window coverage as (partition by g.release_id, g.tree_id, g.unit_id, g.period_id, g.table_code)
) as f
where f.indicator_id is not null
