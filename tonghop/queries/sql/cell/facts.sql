-- Steps that figures.sql and restated_rates.sql start from: the facts that a cell is or was, and the releases in which it counts
-- in a rate. Stretches of releases are ranges, cut where the fact, the tree, the rate's terms or the figure changed. The cell is
-- found by its receipt, so facts need no index of their own for it.
with release as (
    select release_id, catalogue_id, int4range(release_id, lead(release_id) over (order by release_id)) as releases
    from ctl.release
    where status = 'published'
),

shown as (
    select int4range(1, release_id + 1) as releases, release_id as current from ctl.current_release
),

fact as materialized (
    select
        f.unit_id, f.period_id, f.row_id, f.indicator_id, f.scope, p.ends_on, p.code as period,
        int4range(f.release_from, f.release_to) * s.releases as releases
    from intake.cell as c
    join catalogue.period as p on p.period_id = c.period_id
    cross join shown as s
    join marts.fct_observation as f
        on f.indicator_id = c.indicator_id and f.unit_id = c.unit_id and f.period_id = c.period_id
            and f.row_id = c.row_id and f.scope = c.scope and f.submission_id = c.receipt_id and f.value is not null
            and f.period_id = %(period_id)s
    where c.receipt_id = %(receipt)s and c.sheet = %(sheet)s and c.cell = %(cell)s
),

-- a rate by each catalogue, with the releases that were built on it
rate as (
    select t.rate_code, t.catalogue_id, string_agg(distinct t.part, ' ') as part, range_agg(r.releases) as releases
    from catalogue.rate_term as t
    join release as r on r.catalogue_id = t.catalogue_id
    where t.indicator_id in (select indicator_id from fact)
    group by t.rate_code, t.catalogue_id, t.indicator_id
),

-- the releases in which the unit gave a term, and from them those in which it gave every term
given as (
    select
        f.unit_id, f.period_id, f.row_id, f.scope, r.rate_code, r.catalogue_id, r.part, t.indicator_id,
        r.releases * coalesce(range_agg(int4range(o.release_from, o.release_to)), '{}') as releases
    from (select distinct unit_id, period_id, row_id, scope from fact) as f
    cross join rate as r
    join catalogue.rate_term as t on t.catalogue_id = r.catalogue_id and t.rate_code = r.rate_code
    left join marts.fct_observation as o
        on o.period_id = f.period_id and o.unit_id = f.unit_id and o.row_id = f.row_id
            and o.indicator_id = t.indicator_id and o.scope = f.scope and o.value is not null and o.period_id = %(period_id)s
    group by f.unit_id, f.period_id, f.row_id, f.scope, r.rate_code, r.catalogue_id, r.part, t.indicator_id, r.releases
),

complete as (
    select unit_id, period_id, row_id, scope, rate_code, part, range_intersect_agg(releases) as releases
    from given
    group by unit_id, period_id, row_id, scope, rate_code, catalogue_id, part
)
