"""One figure of the marts, in one release: what it is, what it is made of, and the facts below it.

A figure is a unit x period x form row x indicator or rate, on a basis: summed from the reports of the unit and all below it,
or claimed by the unit for its whole. `trace` follows a figure to its cells, computes it anew from its facts and compares the
result with what was published (`reconcile`); `explain` does so with the difference of two releases, of the units that differ.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Any, Literal, NamedTuple, get_args

import psycopg
from psycopg.rows import class_row

from tonghop.base.settings import Settings
from tonghop.catalogue.evaluate import EXACT
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

Basis = Literal["summed", "claimed"]
Tree = date | Literal["today"]  # a day's tree; today: that of the day on which a release was opened
Amounts = dict[str, Decimal | None]  # by part of the figure: value; or numerator and denominator


class UnknownFigure(ValueError):
    """A release has nothing of that name; the message has the name, and the names that there are."""


class DoesNotAddUp(Exception):
    """What was published and what it is made of differ: the marts are damaged, or this program is wrong."""


class AskedRelease(NamedTuple):
    """A release that can be asked: a published one or the candidate."""

    release_id: int
    catalogue_id: int
    cutoff_seq: int


class RateTerm(NamedTuple):
    """coefficient x indicator, in a part of the figure."""

    part: str
    indicator_id: int
    coefficient: Decimal


class Fact(NamedTuple):
    """A cell that counts in a release."""

    unit_id: int
    indicator_id: int
    submission_id: int
    state: str
    value: Decimal | None
    sheet: str
    cell: str


@dataclass(frozen=True)
class Figure:
    """What a question is about, by number; `code` is that of an indicator or a rate."""

    unit_id: int
    unit: str
    name: str
    code: str
    label_vi: str
    label_en: str
    table_code: str
    indicator_id: int | None
    period_id: int
    period: str
    ends_on: date
    row_id: int
    row: str
    basis: Basis
    # the day whose tree is used: the period's end, or another on which the figure is restated
    day: date
    tree_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What it is, in codes and names."""
        return {
            "unit": self.unit,
            "name": self.name,
            "indicator": self.code,
            "label_vi": self.label_vi,
            "label_en": self.label_en,
            "period": self.period,
            "row": self.row,
            "basis": self.basis,
            "tree": self.day if self.tree_id else "as reported",
        }


@contextmanager
def snapshot(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the auditor's that sees one state of the warehouse throughout."""
    # shares of a unit that was divided have many digits, and none may be lost
    with localcontext(EXACT), connect(settings, AUDITOR) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        # a statement that is asked again would be planned for any period, and so for the partitions of all years
        connection.execute("set local plan_cache_mode = force_custom_plan")
        yield connection


def release(connection: psycopg.Connection[Any], release_id: int | None = None) -> AskedRelease:
    """A release by its number; the current one without.

    Raises UnknownFigure where there is none, or it was discarded or removed.
    """
    row = connection.execute(
        """
        select release_id, catalogue_id, cutoff_seq from ctl.release
        where release_id = coalesce(%s, (select release_id from ctl.current_release))
            and status in ('candidate', 'published')""",
        [release_id],
    ).fetchone()
    if row is None:
        raise UnknownFigure(f"there is no release {release_id} that is kept" if release_id else "nothing is published yet")
    return AskedRelease(*row)


def find(
    connection: psycopg.Connection[Any],
    at: AskedRelease,
    unit: str,
    code: str,
    period: str,
    row: str | None = None,
    basis: Basis | None = None,
    tree: Tree | None = None,
) -> Figure:
    """The figure that codes name in a release. A unit's code is the one that it bore at the period's end.

    With a tree: the sum restated on it, and the unit's code of that day. Without a basis: summed where there is a sum, claimed
    otherwise. Raises UnknownFigure.
    """
    given: dict[str, Any] = {
        "release": at.release_id,
        "unit": unit,
        "code": code,
        "period": period,
        "row": row,
    }
    what = connection.execute(
        """
        select m.code, m.label_vi, m.label_en, m.table_code, m.indicator_id, m.shown_from is not null as is_withheld
        from in_release.dim_metric(%(release)s) m
        where m.code = %(code)s""",
        given,
    ).fetchone()
    if what is None:
        raise UnknownFigure(f"release {at.release_id} has no indicator or rate {code}; an indicator is written TABLE.field")
    given["table"] = what[3]
    when = connection.execute(
        """
        select distinct p.period_id, p.code, p.ends_on from in_release.dim_period(%(release)s) p
        join in_release.dim_form(%(release)s) f on f.scheme = p.scheme and f.table_code = %(table)s
        where p.code = %(period)s""",
        given,
    ).fetchone()
    if when is None:
        raise UnknownFigure(f"{what[3]} knows no period {period}")
    day, tree_id = when[2], None
    if tree:
        if basis == "claimed":
            raise UnknownFigure("a claim is that of the unit as it was: it is shown on the tree of its period only")
        if what[5] and (what[4] is None or tree != "today"):
            raise UnknownFigure(f"{code} is withheld, and shown on the tree of its period only")
        tree_id, day = tree_of(connection, at, tree)
    given["day"] = day
    who = connection.execute(
        """
        select u.unit_id, u.code, u.name from in_release.dim_org_unit(%(release)s) u
        where u.code = %(unit)s and %(day)s between u.valid_from and u.valid_to""",
        given,
    ).fetchone()
    if who is None:
        raise UnknownFigure(f"no unit bore the code {unit} on {day}, as release {at.release_id} knows it")
    rows = connection.execute(
        """
        select w.row_id, w.row_code from in_release.dim_form_row(%(release)s) w
        where w.table_code = %(table)s order by w.row_id""",
        given,
    ).fetchall()
    line = next((r for r in rows if r[1] == row or (row is None and len(rows) == 1)), None)
    if line is None:
        raise UnknownFigure(
            f"{what[3]} has the rows {', '.join(r[1] for r in rows)}; say which" + (f": there is no row {row}" if row else "")
        )
    figure = Figure(
        unit_id=who[0],
        unit=who[1],
        name=who[2],
        code=what[0],
        label_vi=what[1],
        label_en=what[2],
        table_code=what[3],
        indicator_id=what[4],
        period_id=when[0],
        period=when[1],
        ends_on=when[2],
        row_id=line[0],
        row=line[1],
        basis=basis or "summed",
        day=day,
        tree_id=tree_id,
    )
    if basis is None and not tree and published(connection, at, figure)["value"] is None:
        claimed = replace(figure, basis="claimed")
        return claimed if published(connection, at, claimed)["value"] is not None else figure
    return figure


def on_tree(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure, tree: Tree | None) -> Figure:
    """The same figure on a tree as another release knows it. Raises UnknownFigure where that knows no tree of the day."""
    if tree is None:
        return figure
    tree_id, day = tree_of(connection, at, tree)
    return replace(figure, tree_id=tree_id, day=day)


def tree_of(connection: psycopg.Connection[Any], at: AskedRelease, tree: Tree) -> tuple[int, date]:
    """Number and first day of a tree as a release knows it. Raises UnknownFigure where it knows none."""
    on = "t.is_today" if tree == "today" else "%(tree)s between t.valid_from and t.valid_to"
    row = connection.execute(
        f"select t.tree_id, t.valid_from from in_release.dim_tree(%(release)s) t where {on}",
        {"release": at.release_id, "tree": tree},
    ).fetchone()
    if row is None:
        raise UnknownFigure(f"release {at.release_id} knows no tree of {tree}")
    return row[0], row[1]


def published(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure) -> Amounts:
    """The figure in the marts of a release: value, and for a rate its numerator and denominator too; None where there is none."""
    given = {"release": at.release_id, **figure.__dict__}
    if figure.tree_id is not None and figure.indicator_id is None:
        row = connection.execute(
            """
            select r.value, r.numerator, r.denominator from star_asof.fct_rate_on r
            where r.release_id = %(release)s and r.tree_id = %(tree_id)s and r.unit_id = %(unit_id)s
                and r.period_id = %(period_id)s and r.row_id = %(row_id)s and r.rate_code = %(code)s""",
            given,
        ).fetchone()
        return dict(zip(("value", "numerator", "denominator"), row or (None, None, None), strict=True))
    if figure.tree_id is not None:
        row = connection.execute(
            """
            select r.value from in_release.fct_restated(%(release)s) r
            join in_release.dim_tree(%(release)s) t on t.tree_id = %(tree_id)s and t.is_today
            where r.unit_id = %(unit_id)s and r.period_id = %(period_id)s and r.row_id = %(row_id)s
                and r.indicator_id = %(indicator_id)s
            union all
            select r.value from star_asof.fct_restated_on r
            join in_release.dim_tree(%(release)s) t on t.tree_id = %(tree_id)s and not t.is_today
            where r.release_id = %(release)s and r.tree_id = %(tree_id)s and r.unit_id = %(unit_id)s
                and r.period_id = %(period_id)s and r.row_id = %(row_id)s and r.indicator_id = %(indicator_id)s""",
            given,
        ).fetchone()
        return {"value": row[0] if row else None}
    if figure.indicator_id is not None:
        column = "value" if figure.basis == "summed" else "claimed"
        row = connection.execute(
            f"""
            select r.{column} from in_release.fct_rollup(%(release)s) r
            where r.unit_id = %(unit_id)s and r.period_id = %(period_id)s and r.row_id = %(row_id)s
                and r.indicator_id = %(indicator_id)s""".encode(),
            given,
        ).fetchone()
        return {"value": row[0] if row else None}
    row = connection.execute(
        """
        select r.value, r.numerator, r.denominator from in_release.fct_rate(%(release)s) r
        where r.unit_id = %(unit_id)s and r.period_id = %(period_id)s and r.row_id = %(row_id)s
            and r.rate_code = %(code)s and r.basis = %(basis)s""",
        given,
    ).fetchone()
    return dict(zip(("value", "numerator", "denominator"), row or (None, None, None), strict=True))


class Measures(NamedTuple):
    """The two measures of a figure as reported, and how many units are in its sum; a claim is never in it."""

    summed: Decimal | None
    claimed: Decimal | None
    reported: int
    due: int
    unowed: int


def measures(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure) -> Measures:
    """Sum and claim of a figure on the tree of its period, whichever of them it is, and the coverage of the sum."""
    summed, claimed = (
        published(connection, at, replace(figure, basis=basis, tree_id=None))["value"] for basis in get_args(Basis)
    )
    coverage = connection.execute(
        """
        select c.received, c.due, c.unowed from in_release.fct_completeness(%(release)s) as c
        where c.unit_id = %(unit_id)s and c.period_id = %(period_id)s and c.table_code = %(table_code)s""",
        {"release": at.release_id, **figure.__dict__},
    ).fetchone()
    return Measures(summed, claimed, *(coverage or (0, 0, 0)))


def terms(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure) -> tuple[RateTerm, ...]:
    """What is added up to make the figure, by the catalogue of a release; nothing where that does not know it."""
    if figure.indicator_id is not None:
        known = connection.execute(
            """
            select from in_release.dim_indicator(%(release)s) i where i.indicator_id = %(indicator)s""",
            {"indicator": figure.indicator_id, "release": at.release_id},
        ).fetchone()
        return (RateTerm("value", figure.indicator_id, Decimal(1)),) if known is not None else ()
    return tuple(
        RateTerm(*row)
        for row in connection.execute(
            """
        select part, indicator_id, coefficient from catalogue.rate_term where catalogue_id = %s and rate_code = %s
        order by part desc, indicator_id""",
            [at.catalogue_id, figure.code],
        )
    )


def weights(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure) -> dict[int, Decimal]:
    """How much of each unit's own figures counts in the figure: of the unit and all below it, on the figure's tree.

    Nothing where the release does not know the unit then, or shows no units of its level.
    """
    landed = "(b.unit_id, 1::numeric)" if figure.tree_id is None else "(s.unit_id, s.weight)"
    restated = (
        ""
        if figure.tree_id is None
        else """
        join in_release.bridge_restated(%(release)s) s on s.lands_on_id = b.unit_id
            and %(day)s between s.valid_from and s.valid_to and %(ends_on)s between s.facts_from and s.facts_to"""
    )
    return dict(
        connection.execute(
            f"""
        select x.unit_id, sum(x.weight) from in_release.dim_org_unit(%(release)s) u
        join in_release.bridge_org_tree(%(release)s) b on b.ancestor_id = u.unit_id
            and %(day)s between b.valid_from and b.valid_to and (b.depth = 0 or %(basis)s = 'summed')
        {restated}
        cross join lateral (values {landed}) as x (unit_id, weight)
        where u.unit_id = %(unit_id)s and u.published and %(day)s between u.valid_from and u.valid_to
        group by x.unit_id""",
            {"release": at.release_id, **figure.__dict__},
        ).fetchall()
    )


def facts(
    connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure, units: Iterable[int], indicators: Iterable[int]
) -> dict[tuple[int, int], Fact]:
    """The facts of some units that count in a release, by unit and indicator: own ones, or the claim."""
    with connection.cursor(row_factory=class_row(Fact)) as cursor:
        found = cursor.execute(
            """
            select f.unit_id, f.indicator_id, f.submission_id, f.state, f.value, f.sheet, f.cell
            from in_release.fct_observation(%(release)s) f
            where f.period_id = %(period_id)s and f.row_id = %(row_id)s and f.indicator_id = any(%(indicators)s)
                and f.unit_id = any(%(units)s)
                and f.scope = case %(basis)s when 'summed' then 'own' else 'rollup' end
            order by f.unit_id, f.indicator_id""",
            {"release": at.release_id, "units": sorted(units), "indicators": sorted(set(indicators)), **figure.__dict__},
        )
        return {(fact.unit_id, fact.indicator_id): fact for fact in found}


def changed_units(
    connection: psycopg.Connection[Any], old: AskedRelease, new: AskedRelease, figure: Figure, indicators: Iterable[int]
) -> set[int]:
    """The units of which a fact of the figure's period and row counts in one of two releases only, or in each another."""
    rows = connection.execute(
        """
        select unit_id from marts.fct_observation
        where period_id = %(period_id)s and row_id = %(row_id)s and indicator_id = any(%(indicators)s)
            and release_from::bigint > %(old)s and release_from::bigint <= %(new)s
        union
        select unit_id from marts.fct_observation
        where period_id = %(period_id)s and row_id = %(row_id)s and indicator_id = any(%(indicators)s)
            and release_to > %(old)s and release_to <= %(new)s and release_to < 2147483647""",
        {"old": old.release_id, "new": new.release_id, "indicators": sorted(set(indicators)), **figure.__dict__},
    )
    return {unit for (unit,) in rows}


def contributions(
    found: dict[tuple[int, int], Fact], units: dict[int, Decimal], made_of: tuple[RateTerm, ...]
) -> dict[tuple[str, int, int], Decimal]:
    """What each fact adds, by part, unit and indicator. A unit with a blank in any term of a rate adds to no part of it.

    Apart from the marts' has_every_term on purpose: `reconcile` holds what was published against this.
    """
    complete = {
        unit
        for unit in units
        if made_of
        and all((fact := found.get((unit, term.indicator_id))) is not None and fact.value is not None for term in made_of)
    }
    return {
        (term.part, unit, term.indicator_id): units[unit] * term.coefficient * value
        for unit in complete
        for term in made_of
        if (value := found[unit, term.indicator_id].value) is not None
    }


def sum_of_part(amounts: dict[tuple[str, int, int], Decimal], part: str) -> Decimal | None:
    """The sum of a part; of nothing it is None, not zero."""
    of_part = [amount for key, amount in amounts.items() if key[0] == part]
    return sum(of_part, Decimal(0)) if of_part else None


def reconcile(at: AskedRelease, figure: Figure, amounts: Amounts, made_of: dict[tuple[str, int, int], Decimal]) -> None:
    """Compare what was published with the sum of what it is made of. Raises DoesNotAddUp where they differ."""
    for part, value in amounts.items():
        if part == "value" and "numerator" in amounts:
            continue
        if (found := sum_of_part(made_of, part)) != value:
            raise DoesNotAddUp(
                f"release {at.release_id} says {value} for {part} of {figure.code} of {figure.unit} in "
                f"{figure.period}; its parts make {found}"
            )
