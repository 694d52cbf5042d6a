-- A cell's rates on today's tree. They are kept nowhere: the view is asked, which takes its time, of each release that may differ
-- from the one before by its facts, tree or catalogue.
with turn as (
    select release_id, int4range(release_id, lead(release_id) over (order by release_id)) as releases
    from (
        select c.release_id
        from (
            select release_id, catalogue_id, lag(catalogue_id) over (order by release_id) as before from release
        ) as c
        where c.catalogue_id is distinct from c.before
        union
        select release_from from marts.dim_tree
        where is_today
        union
        select e.release_id from marts.fct_observation as o
        cross join lateral (values (o.release_from), (o.release_to)) as e (release_id)
        where o.period_id = %(period_id)s and o.indicator_id = any(array(
                select t.indicator_id from catalogue.rate_term as t join rate as r on r.rate_code = t.rate_code
            ))
    ) as e
),

spot as (
    select distinct
        a.ancestor_id as unit_id, f.period, t.tree_id, t.valid_from as ends_on, f.row_id, c.rate_code, c.part,
        n.release_id, unnest(
            int4multirange(n.releases) * c.releases * int4multirange(
                f.releases * int4range(t.release_from, t.release_to) * int4range(b.release_from, b.release_to)
                * int4range(a.release_from, a.release_to)
            )
        ) as releases
    from fact as f
    join complete as c on c.unit_id = f.unit_id and c.row_id = f.row_id and c.scope = f.scope
    join marts.bridge_restated as b on b.unit_id = f.unit_id and f.ends_on between b.facts_from and b.facts_to
    join marts.dim_tree as t on t.is_today and t.valid_from between b.valid_from and b.valid_to
    join marts.bridge_org_tree as a on a.unit_id = b.lands_on_id and t.valid_from between a.valid_from and a.valid_to
    cross join turn as n
    where f.scope = 'own'
)

select
    s.unit_id, s.period, s.ends_on, s.row_id, s.rate_code as code, s.part, 'summed' as basis, 'today' as tree,
    unnest(range_agg(s.releases)) as releases, r.value
from spot as s
join star_asof.fct_rate_on as r
    -- given as values: see docs/decisions
    on r.release_id = any(array(select release_id from spot)) and r.tree_id = any(array(select tree_id from spot))
        and r.unit_id = any(array(select unit_id from spot)) and r.rate_code = any(array(select rate_code from spot))
        and r.period_id = %(period_id)s and r.release_id = s.release_id and r.tree_id = s.tree_id and r.unit_id = s.unit_id
        and r.row_id = s.row_id and r.rate_code = s.rate_code
group by s.unit_id, s.period, s.ends_on, s.row_id, s.rate_code, s.part, r.value
