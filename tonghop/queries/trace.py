"""From a published figure to the cells that it is made of.

For auditors: it names units, files and cells of every level. Readers have star.trace_of(unit). The way back is in trace_cell.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries.figure import AskedRelease, Basis, Figure, Tree


@dataclass(frozen=True)
class Part:
    """A cell in a figure: its value, and what it adds to a part (value, numerator or denominator)."""

    part: str
    unit: str
    name: str
    receipt: str
    file: str
    sheet: str
    cell: str
    state: str
    value: Decimal | None
    coefficient: Decimal
    # how much of the cell counts: 1, or the share of the unit that lands here where it was divided
    weight: Decimal
    # None where the cell adds nothing: it is blank or not applicable, or its unit left another term of the rate blank
    amount: Decimal | None


@dataclass(frozen=True)
class Trace:
    """A figure and its parts, which add up to it exactly: `trace` raises otherwise."""

    figure: Figure
    release: int
    amounts: fig.Amounts
    parts: tuple[Part, ...]
    # units that could report it, due, reported and by state, on the figure's tree; nothing for a rate, a claim, or no figure
    coverage: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The whole answer as JSON values."""
        return {
            "figure": self.figure.as_json(),
            "release": self.release,
            **self.amounts,
            "adds_up": True,
            "coverage": self.coverage,
            "parts": [part.__dict__ for part in self.parts],
        }


def trace(
    settings: Settings,
    unit: str,
    code: str,
    period: str,
    row: str | None = None,
    release: int | None = None,
    basis: Basis | None = None,
    tree: Tree | None = None,
) -> Trace:
    """The cells that a figure is made of, in the tree and the catalogue of the release asked about.

    Raises UnknownFigure, and DoesNotAddUp where the cells do not make what was published.
    """
    with fig.snapshot(settings) as connection:
        at = fig.release(connection, release)
        return of_figure(connection, at, fig.find(connection, at, unit, code, period, row, basis, tree))


def of_figure(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure) -> Trace:
    """As `trace`, of a figure that has been found, on a connection of the caller's."""
    made_of = fig.terms(connection, at, figure)
    units = fig.weights(connection, at, figure)
    found = fig.facts(connection, at, figure, units, (term.indicator_id for term in made_of))
    added = fig.contributions(found, units, made_of)
    amounts = fig.published(connection, at, figure)
    fig.reconcile(at, figure, amounts, added)
    names = {
        number: (code, name)
        for number, code, name in connection.execute(
            """
        select u.unit_id, u.code, u.name from in_release.dim_org_unit(%(release)s) u
        where u.unit_id = any(%(units)s) and %(ends_on)s between u.valid_from and u.valid_to
        order by u.sort_key""",
            {"units": sorted({unit_id for unit_id, _ in found}), "ends_on": figure.ends_on, "release": at.release_id},
        )
    }
    files = dict(
        connection.execute(
            "select receipt_id, file_name from intake.receipt where receipt_id = any(%s)",
            [sorted({fact.submission_id for fact in found.values()})],
        ).fetchall()
    )
    parts = tuple(
        Part(
            term.part,
            *names[unit_id],
            receipt_code(fact.submission_id),
            files[fact.submission_id],
            fact.sheet,
            fact.cell,
            fact.state,
            fact.value,
            term.coefficient,
            units[unit_id],
            added.get((term.part, unit_id, term.indicator_id)),
        )
        for term in made_of
        for unit_id in names
        if (fact := found.get((unit_id, term.indicator_id))) is not None
    )
    return Trace(figure, at.release_id, amounts, parts, _coverage(connection, at, figure))


def _coverage(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure) -> dict[str, int]:
    if figure.indicator_id is None or figure.basis == "claimed":
        return {}
    tree = "is null" if figure.tree_id is None else "= %(tree_id)s"
    with connection.cursor(row_factory=dict_row) as cursor:
        counts = (
            cursor.execute(
                f"""
            select c.* from marts.coverage c
            where c.release_id = %(release)s and c.tree_id {tree} and c.unit_id = %(unit_id)s and c.period_id = %(period_id)s
                and c.row_id = %(row_id)s and c.indicator_id = %(indicator_id)s""".encode(),
                {"release": at.release_id, **figure.__dict__},
            ).fetchone()
            or {}
        )
    return {name: count for name, count in counts.items() if not name.endswith("_id")}
