"""From a cell of a report to every published figure that it is in, for auditors: it names units of every level."""

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries.figure import IN_RELEASE, AskedRelease, Tree


def of_cell(
    settings: Settings, receipt: int, sheet: str, cell: str, release: int | None = None, tree: Tree | None = None
) -> dict[str, Any]:
    """A cell's value, and every published figure that it is or was in, with the stretches of releases.

    As reported and on today's tree, in all releases, with the years that it is in (basis `year of` M or Q); with a tree, its
    periods on that tree in one release, the current one without a number. `released_to` is the last release of a stretch, None
    where it is in the current one. Raises UnknownFigure where the receipt has no such cell.
    """
    with fig.snapshot(settings) as connection:
        if tree is None:
            return figures_of(connection, receipt, sheet, cell)
        return figures_on(connection, fig.release(connection, release), receipt, sheet, cell, tree)


def figures_of(connection: psycopg.Connection[Any], receipt: int, sheet: str, cell: str) -> dict[str, Any]:
    """As `of_cell` without a tree, on a connection of the caller's."""
    values, given = _values(connection, receipt, sheet, cell)
    with connection.cursor(row_factory=dict_row) as cursor:
        figures = cursor.execute(_FIGURES.encode(), given).fetchall()
        if any(figure["part"] for figure in figures):
            figures += cursor.execute(_RESTATED_RATES.encode(), given).fetchall()
    return {"receipt": receipt_code(receipt), "sheet": sheet, "cell": cell, "says": values, "figures": figures}


def figures_on(
    connection: psycopg.Connection[Any], at: AskedRelease, receipt: int, sheet: str, cell: str, tree: Tree
) -> dict[str, Any]:
    """A cell's value, and the figures that it is in on a tree in a release, rates included."""
    values, given = _values(connection, receipt, sheet, cell)
    _, day = fig.tree_of(connection, at, tree)
    figures = []
    for unit_id, unit, name, indicator_id, part, code, period, row in connection.execute(
        _LANDS_ON, {**given, "release": at.release_id, "catalogue": at.catalogue_id, "day": day}
    ).fetchall():
        try:
            figure = fig.find(connection, at, unit, code, period, row, "summed", tree)
        except fig.UnknownFigure:
            continue  # withheld: on this tree it is not published
        terms = fig.terms(connection, at, figure)
        facts = fig.facts(connection, at, figure, [unit_id], (term.indicator_id for term in terms))
        if any(key[2] == indicator_id for key in fig.contributions(facts, {unit_id: Decimal(1)}, terms)):
            figures.append(
                {
                    "unit": unit,
                    "name": name,
                    "indicator": code,
                    "part": part,
                    "period": period,
                    "row": row,
                    "basis": "summed",
                    "tree": day,
                    "value": fig.published(connection, at, figure)["value"],
                    "released_from": at.release_id,
                    "released_to": at.release_id,
                }
            )
    return {"receipt": receipt_code(receipt), "sheet": sheet, "cell": cell, "says": values, "figures": figures}


def _values(
    connection: psycopg.Connection[Any], receipt: int, sheet: str, cell: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    given: dict[str, Any] = {"receipt": receipt, "sheet": sheet, "cell": cell}
    with connection.cursor(row_factory=dict_row) as cursor:
        values = cursor.execute(_VALUES, given).fetchall()
    if not values:
        raise fig.UnknownFigure(f"{receipt_code(receipt)} has no figure in {sheet}!{cell}")
    # the period and its year as values, so that other years are not looked at
    for name in ("period_id", "year_id"):
        given[name] = values[0][name]
        for row in values:
            del row[name]
    return values, given


# a cell of a coded field is one fact per code
_VALUES = """
    select k.unit_key as unit_key, p.code as period, i.table_code || '.' || i.field_code as indicator, w.row_code as row,
        c.scope, c.state, c.value, r.file_name as file, r.status, c.period_id, y.year_id
    from intake.cell c
    join intake.receipt r using (receipt_id)
    join catalogue.unit k on k.unit_id = c.unit_id
    join catalogue.period p on p.period_id = c.period_id
    left join catalogue.period_in_year y on y.period_id = c.period_id
    join catalogue.indicator i on i.indicator_id = c.indicator_id
    join catalogue.form_row w on w.row_id = c.row_id
    where c.receipt_id = %(receipt)s and c.sheet = %(sheet)s and c.cell = %(cell)s
    order by c.indicator_id"""
# the units of a tree on or below which a cell's figure lands, and the indicator and the rates that it is a term of
_LANDS_ON = f"""
    select f.unit_id, u.code, u.name, f.indicator_id, x.part, x.code, p.code, w.row_code
    from intake.cell c
    join catalogue.period p on p.period_id = c.period_id
    join catalogue.form_row w on w.row_id = c.row_id
    join marts.fct_observation f on f.indicator_id = c.indicator_id and f.unit_id = c.unit_id and f.period_id = c.period_id
        and f.row_id = c.row_id and f.scope = c.scope and f.submission_id = c.receipt_id and f.value is not null
        and f.period_id = %(period_id)s and {IN_RELEASE.format("f")}
    join marts.bridge_restated s on s.unit_id = f.unit_id and p.ends_on between s.facts_from and s.facts_to
        and %(day)s between s.valid_from and s.valid_to and {IN_RELEASE.format("s")}
    join marts.bridge_org_tree b on b.unit_id = s.lands_on_id and %(day)s between b.valid_from and b.valid_to
        and {IN_RELEASE.format("b")}
    join marts.dim_org_unit u on u.unit_id = b.ancestor_id and u.published and %(day)s between u.valid_from and u.valid_to
        and {IN_RELEASE.format("u")}
    join lateral (
        select null as part, i.code from marts.dim_indicator i where i.indicator_id = f.indicator_id and {IN_RELEASE.format("i")}
        union
        select t.part, t.rate_code from catalogue.rate_term t
        where t.catalogue_id = %(catalogue)s and t.indicator_id = f.indicator_id
    ) x on true
    where c.receipt_id = %(receipt)s and c.sheet = %(sheet)s and c.cell = %(cell)s and c.scope = 'own'
    group by f.unit_id, u.code, u.name, f.indicator_id, x.part, x.code, p.code, w.row_code, u.level_rank, u.sort_key
    order by x.part nulls first, x.code, u.level_rank, u.sort_key"""
# Stretches of releases are ranges, cut where the fact, the tree, the rate's terms or the figure changed. The cell is found by its
# receipt, so facts need no index of their own for it.
_CELL = """
with release as (
    select release_id, catalogue_id, int4range(release_id, lead(release_id) over (order by release_id)) as releases
    from ctl.release where status = 'published'
),
shown as (
    select int4range(1, release_id + 1) as releases, release_id as current from ctl.current_release
),
fact as materialized (
    select f.unit_id, f.period_id, f.row_id, f.indicator_id, f.scope, p.ends_on, p.code as period,
        int4range(f.release_from, f.release_to) * s.releases as releases
    from intake.cell c
    join catalogue.period p on p.period_id = c.period_id
    cross join shown s
    join marts.fct_observation f on f.indicator_id = c.indicator_id and f.unit_id = c.unit_id and f.period_id = c.period_id
        and f.row_id = c.row_id and f.scope = c.scope and f.submission_id = c.receipt_id and f.value is not null
        and f.period_id = %(period_id)s
    where c.receipt_id = %(receipt)s and c.sheet = %(sheet)s and c.cell = %(cell)s
),
-- a rate by each catalogue, with the releases that were built on it
rate as (
    select t.rate_code, t.catalogue_id, string_agg(distinct t.part, ' ') as part, range_agg(r.releases) as releases
    from catalogue.rate_term t
    join release r on r.catalogue_id = t.catalogue_id
    where t.indicator_id in (select indicator_id from fact)
    group by t.rate_code, t.catalogue_id, t.indicator_id
),
-- the releases in which the unit gave a term, and from them those in which it gave every term
given as (
    select f.unit_id, f.period_id, f.row_id, f.scope, r.rate_code, r.catalogue_id, r.part, t.indicator_id,
        r.releases * coalesce(range_agg(int4range(o.release_from, o.release_to)), '{}') as releases
    from (select distinct unit_id, period_id, row_id, scope from fact) f
    cross join rate r
    join catalogue.rate_term t on t.catalogue_id = r.catalogue_id and t.rate_code = r.rate_code
    left join marts.fct_observation o on o.period_id = f.period_id and o.unit_id = f.unit_id and o.row_id = f.row_id
        and o.indicator_id = t.indicator_id and o.scope = f.scope and o.value is not null and o.period_id = %(period_id)s
    group by f.unit_id, f.period_id, f.row_id, f.scope, r.rate_code, r.catalogue_id, r.part, t.indicator_id, r.releases
),
complete as (
    select unit_id, period_id, row_id, scope, rate_code, part, range_intersect_agg(releases) as releases
    from given group by unit_id, period_id, row_id, scope, rate_code, catalogue_id, part
)"""
_NAMED = """
select u.code as unit, u.name, f.code as indicator, f.part, f.period, w.row_code as row, f.basis,
    coalesce(f.tree, 'as reported') as tree, f.value,
    lower(f.releases) as released_from, nullif(upper(f.releases) - 1, s.current) as released_to
from figures f
cross join shown s
join catalogue.form_row w on w.row_id = f.row_id
join marts.dim_org_unit u on u.unit_id = f.unit_id and f.ends_on between u.valid_from and u.valid_to
    and lower(f.releases) >= u.release_from and lower(f.releases) < u.release_to
where not isempty(f.releases)
order by f.part nulls first, f.code, u.level_rank, u.sort_key, f.tree nulls first, f.basis, f.releases"""
_FIGURES = f"""{_CELL},
line as (
    select f.*, b.ancestor_id, f.releases * int4range(b.release_from, b.release_to) as in_tree
    from fact f
    join marts.bridge_org_tree b on b.unit_id = f.unit_id and f.ends_on between b.valid_from and b.valid_to
        and (f.scope = 'own' or b.depth = 0)
),
sums as (
    select l.ancestor_id as unit_id, l.period, l.ends_on, l.row_id, i.table_code || '.' || i.field_code as code,
        null as part, case l.scope when 'own' then 'summed' else 'claimed' end as basis, null as tree,
        l.in_tree * int4range(r.release_from, r.release_to) as releases,
        case l.scope when 'own' then r.value else r.claimed end as value
    from line l
    join catalogue.indicator i on i.indicator_id = l.indicator_id
    join marts.fct_rollup r on r.unit_id = l.ancestor_id and r.period_id = l.period_id and r.row_id = l.row_id
        and r.indicator_id = l.indicator_id and r.period_id = %(period_id)s
        and l.in_tree && int4range(r.release_from, r.release_to)
),
-- the same restated on the tree that was today's in the release
restated as (
    select a.ancestor_id as unit_id, f.period, t.valid_from as ends_on, f.row_id, i.table_code || '.' || i.field_code as code,
        null as part, 'summed' as basis, 'today' as tree,
        f.releases * int4range(t.release_from, t.release_to) * int4range(b.release_from, b.release_to)
            * int4range(a.release_from, a.release_to) * int4range(r.release_from, r.release_to) as releases, r.value
    from fact f
    join catalogue.indicator i on i.indicator_id = f.indicator_id
    join marts.bridge_restated b on b.unit_id = f.unit_id and f.ends_on between b.facts_from and b.facts_to
    join marts.dim_tree t on t.is_today and t.valid_from between b.valid_from and b.valid_to
    join marts.bridge_org_tree a on a.unit_id = b.lands_on_id and t.valid_from between a.valid_from and a.valid_to
    join marts.fct_restated r on r.unit_id = a.ancestor_id and r.period_id = f.period_id and r.row_id = f.row_id
        and r.indicator_id = f.indicator_id and r.period_id = %(period_id)s
    where f.scope = 'own'
),
rates as (
    select l.ancestor_id as unit_id, l.period, l.ends_on, l.row_id, r.rate_code as code, c.part, r.basis, null as tree,
        unnest(c.releases * int4multirange(l.in_tree * int4range(r.release_from, r.release_to))) as releases, r.value
    from line l
    join complete c on c.unit_id = l.unit_id and c.period_id = l.period_id and c.row_id = l.row_id and c.scope = l.scope
    join marts.fct_rate r on r.unit_id = l.ancestor_id and r.period_id = l.period_id and r.row_id = l.row_id
        and r.rate_code = c.rate_code and r.basis = case l.scope when 'own' then 'summed' else 'claimed' end
        and l.in_tree && int4range(r.release_from, r.release_to)
),
-- the years that a sum is in: with all periods of the year where it is a flow, as the last one where it is not; a year with a
-- label break has a figure for each set of labels
years as (
    select s.unit_id, y.code as period, s.ends_on, s.row_id, s.code, s.part, 'year of ' || r.period_type as basis, s.tree,
        s.releases * int4range(r.release_from, r.release_to) * int4range(i.release_from, i.release_to) as releases, r.value
    from (select * from sums union all select * from restated) s
    join marts.dim_indicator i on i.code = s.code
    join catalogue.period p on p.period_id = %(period_id)s
    join catalogue.period y on y.period_id = %(year_id)s
    join marts.fct_year r on r.unit_id = s.unit_id and r.period_id = %(year_id)s and r.row_id = s.row_id
        and r.indicator_id = i.indicator_id and r.tree = coalesce(s.tree, 'reported') and r.period_type = p.period_type
        and (i.aggregation = 'flow' or r.last_period_id = p.period_id)
    where s.basis = 'summed' and r.label_set = (
        select 1 + count(distinct b.broken_on) from marts.bridge_label b
        where b.is_break and i.indicator_id in (b.old_id, b.new_id) and b.broken_on <= p.ends_on
            and b.release_from <= r.release_from and b.release_to > r.release_from)
),
figures as (
    select * from sums union select * from restated union select * from rates union select * from years
)
{_NAMED}"""
# Restated rates are kept nowhere: the view is asked, which takes its time, of each release that may differ from the one before by
# its facts, tree or catalogue.
_RESTATED_RATES = f"""{_CELL},
turn as (
    select release_id, int4range(release_id, lead(release_id) over (order by release_id)) as releases
    from (
        select release_id from (
            select release_id, catalogue_id is distinct from lag(catalogue_id) over (order by release_id) as is_new from release
        ) c where is_new
        union
        select release_from from marts.dim_tree where is_today
        union
        select e.release_id from marts.fct_observation o
        cross join lateral (values (o.release_from), (o.release_to)) as e (release_id)
        where o.period_id = %(period_id)s and o.indicator_id = any(array(
            select t.indicator_id from catalogue.rate_term t join rate r on r.rate_code = t.rate_code))
    ) e
),
spot as (
    select distinct a.ancestor_id as unit_id, f.period, t.tree_id, t.valid_from as ends_on, f.row_id, c.rate_code, c.part,
        n.release_id, unnest(
            int4multirange(n.releases) * c.releases * int4multirange(
                f.releases * int4range(t.release_from, t.release_to) * int4range(b.release_from, b.release_to)
                * int4range(a.release_from, a.release_to)
            )
        ) as releases
    from fact f
    join complete c on c.unit_id = f.unit_id and c.row_id = f.row_id and c.scope = f.scope
    join marts.bridge_restated b on b.unit_id = f.unit_id and f.ends_on between b.facts_from and b.facts_to
    join marts.dim_tree t on t.is_today and t.valid_from between b.valid_from and b.valid_to
    join marts.bridge_org_tree a on a.unit_id = b.lands_on_id and t.valid_from between a.valid_from and a.valid_to
    cross join turn n
    where f.scope = 'own'
),
figures as (
    select s.unit_id, s.period, s.ends_on, s.row_id, s.rate_code as code, s.part, 'summed' as basis, 'today' as tree,
        unnest(range_agg(s.releases)) as releases, r.value
    from spot s
    join bi_asof.fct_rate_on r
        -- given as values: see docs/decisions
        on r.release_id = any(array(select release_id from spot)) and r.tree_id = any(array(select tree_id from spot))
        and r.unit_id = any(array(select unit_id from spot)) and r.rate_code = any(array(select rate_code from spot))
        and r.period_id = %(period_id)s and r.release_id = s.release_id and r.tree_id = s.tree_id and r.unit_id = s.unit_id
        and r.row_id = s.row_id and r.rate_code = s.rate_code
    group by s.unit_id, s.period, s.ends_on, s.row_id, s.rate_code, s.part, r.value
)
{_NAMED}"""
