"""The views of form tables that readers read: which there are, their columns and what these mean, all from the catalogue.

    f8b_quarter              a form table by a kind of period, on the tree of each period's end
    f8b_quarter_today        the same on today's tree
    f1_h1_latest             the stocks of the last period of which anything came
    f6_year_from_province    what is shown from a level upwards, added up to that level

`bi/sheet.sql.j2` is the one template of them all; names of columns are kept in catalogue.form_column, so that none ever changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import namedtuple_row

QUERIES = Path(__file__).parent / "sql"
SLASH = " / "  # between the two languages of a description


class SheetColumn(NamedTuple):
    """A figure of a form row, or a part of a rate: where it stands in a row of fct_sheet, and on which days its label holds."""

    name: str
    key: str
    of: str
    is_shown: bool
    begins_on: Any
    ends_before: Any
    about: str


@dataclass(frozen=True)
class SheetView:
    """A view of a form table: what the template makes it from, and its comment."""

    table_code: str
    kind: str
    period_types: tuple[str, ...]
    ordinals: tuple[int, ...]
    levels: tuple[str, ...]
    columns: tuple[SheetColumn, ...]
    about: str
    tree: str = "reported"
    is_latest: bool = False
    from_level: str | None = None

    @property
    def name(self) -> str:
        parts = (
            f"{self.table_code}_{self.kind}".lower(),
            "latest" if self.is_latest else None,
            f"from_{self.from_level}" if self.from_level else None,
            "today" if self.tree == "today" else None,
        )
        return "_".join(part for part in parts if part)

    @property
    def is_plain(self) -> bool:
        """Whether it is the view on the tree of each period's end, of all columns."""
        return self.tree == "reported" and not self.is_latest and not self.from_level

    @property
    def on_today(self) -> "SheetView":
        return replace(self, tree="today")


def published_levels(connection: psycopg.Connection[Any]) -> list[str]:
    """The levels of the newest catalogue of which readers see units, from the top down."""
    found = connection.execute(
        "select level from catalogue.level where published "
        "and catalogue_id = (select max(catalogue_id) from catalogue.version) order by rank desc"
    )
    return [level for (level,) in found]


def sheets(connection: psycopg.Connection[Any], words: dict[str, Any]) -> Iterator[SheetView]:
    """Every view of a form table of the newest catalogue; `words` are those of descriptions.yaml."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        levels = published_levels(connection)
        rows: list[Any] = cursor.execute((QUERIES / "sheet_columns.sql").read_bytes()).fetchall()
        tables: list[Any] = cursor.execute((QUERIES / "sheet_views.sql").read_bytes()).fetchall()
    of_table = {table: list(columns) for table, columns in groupby(rows, key=lambda row: str(row.table_code))}
    for table in tables:
        columns = of_table.get(table.table_code, [])
        latest = f"{table.table_code}_{table.kind}_latest".lower()
        everywhere = [c for c in columns if c.shown_from is None or c.is_everywhere]
        stocks = [c for c in everywhere if c.over_time == "stock"]

        def sheet(
            chosen: list[Any],
            kinds: tuple[str, ...],
            shown: list[str] = levels,
            table: Any = table,
            latest: str = latest,
            **more: Any,
        ) -> SheetView:
            return SheetView(
                table.table_code,
                table.kind,
                tuple(table.period_types),
                tuple(table.ordinals),
                tuple(shown),
                tuple(_column(c, more.get("from_level"), latest, words["figure"]) for c in chosen),
                _about(table, kinds, words),
                **more,
            )

        if everywhere:
            for tree in ("reported", "today"):
                yield sheet(everywhere, (tree, "sheet"), tree=tree)
        if stocks:
            yield sheet(stocks, ("reported", "latest"), is_latest=True)
        for place, level in enumerate(levels, start=1):
            if limited := [c for c in columns if c.shown_from == level]:
                for tree in ("reported", "today"):
                    yield sheet(limited, (tree, "from_level"), levels[:place], tree=tree, from_level=level)


def _column(row: Any, from_level: str | None, latest: str, words: dict[str, Any]) -> SheetColumn:
    notes = [
        words["withheld"] if row.shown_from != from_level else None,
        words["ends"].format(day=row.ends_before) if row.ends_before else None,
        words["begins"].format(day=row.begins_on) if row.begins_on else None,
        words[row.over_time].format(latest=latest),
    ]
    told = [_called(row, words), *(note.split(SLASH) for note in notes if note)]
    about = SLASH.join(map("; ".join, zip(*told, strict=True)))
    of = "figures" if row.shown_from is None else "withheld"
    return SheetColumn(row.column_name, row.key, of, row.shown_from == from_level, row.begins_on, row.ends_before, about)


def _called(row: Any, words: dict[str, Any]) -> tuple[str, str]:
    if not row.part:
        # units of measure have Vietnamese names only
        return f"{row.label_vi} ({row.measure_unit})", row.label_en
    (part_vi, part_en), (of_vi, of_en) = words[row.part].split(SLASH), words["part"].split(SLASH)
    if row.is_mixed:
        kind_vi, kind_en = words["terms"][row.over_time].split(SLASH)
        part_vi, part_en = f"{part_vi} ({kind_vi})", f"{part_en} ({kind_en})"
    return (
        f"{row.label_vi}, {part_vi}; {of_vi.format(formula=row.formula_vi)}",
        f"{row.label_en}, {part_en}; {of_en.format(formula=row.formula_en)}",
    )


def _about(table: Any, kinds: tuple[str, ...], words: dict[str, Any]) -> str:
    parts = [words["kinds"][table.kind], *(words["sheets"][kind] for kind in kinds)]
    if not table.is_owed:
        parts.append(words["sheets"]["not_owed"])
    vi, en = zip(*(part.split(SLASH) for part in parts), strict=True)
    return SLASH.join(f"{name}, {said[0]}. {' '.join(said[1:])}" for name, said in ((table.name_vi, vi), (table.name_en, en)))
