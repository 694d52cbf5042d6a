"""From a cell of a report to every published figure that it is in, for auditors: it names units of every level."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries.figure import AskedRelease, Tree

QUERIES = Path(__file__).parent / "sql" / "cell"


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
        figures = cursor.execute(_named("figures"), given).fetchall()
        # planning their view takes longer than all else
        if any(figure["part"] for figure in figures):
            figures += cursor.execute(_named("restated_rates"), given).fetchall()
    return {"receipt": receipt_code(receipt), "sheet": sheet, "cell": cell, "says": values, "figures": figures}


def figures_on(
    connection: psycopg.Connection[Any], at: AskedRelease, receipt: int, sheet: str, cell: str, tree: Tree
) -> dict[str, Any]:
    """A cell's value, and the figures that it is in on a tree in a release, rates included."""
    values, given = _values(connection, receipt, sheet, cell)
    _, day = fig.tree_of(connection, at, tree)
    figures = []
    for unit_id, unit, name, indicator_id, part, code, period, row in connection.execute(
        (QUERIES / "lands_on.sql").read_bytes(),
        {**given, "release": at.release_id, "catalogue": at.catalogue_id, "day": day},
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
        values = cursor.execute((QUERIES / "values.sql").read_bytes(), given).fetchall()
    if not values:
        raise fig.UnknownFigure(f"{receipt_code(receipt)} has no figure in {sheet}!{cell}")
    # the period and its year as values, so that other years are not looked at
    for name in ("period_id", "year_id"):
        given[name] = values[0][name]
        for row in values:
            del row[name]
    return values, given


def _named(figures: str) -> bytes:
    """The query of some figures of a cell, from its facts to the names of units."""
    steps, asked, named = ((QUERIES / f"{name}.sql").read_bytes() for name in ("facts", figures, "named"))
    return b"%s, figures as (\n%s)\n%s" % (steps, asked, named)
