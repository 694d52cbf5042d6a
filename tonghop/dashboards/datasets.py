"""The readers' views and the catalogue's metrics, as the warehouse has them now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql
from psycopg.rows import namedtuple_row

from tonghop.base.settings import PROJECT, Settings
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR, READER

WORDS = PROJECT / "bi" / "words.yaml"
QUERIES = Path(__file__).parent / "sql"
COUNT, SHARE, RATIO = ",.2~f", ".1%", ",.2f"  # d3's formats
COVERAGE = "coverage"


@dataclass(frozen=True)
class DatasetColumn:
    """A column of a view: its type as PostgreSQL names it, a short name for headings, and what it means in both languages.

    expression is SQL where the view has no such column.
    """

    name: str
    type: str
    label: str
    about: str
    expression: str | None = None

    @property
    def is_moment(self) -> bool:
        return self.type.startswith(("timestamp", "date"))


@dataclass(frozen=True)
class DatasetMetric:
    """What may be asked of all rows of a view, or of any group of them.

    format is d3's; coverage names the metric of the same view that says of how many units it is, over the same periods.
    """

    name: str
    expression: str
    label: str
    about: str
    format: str
    coverage: str | None = None


@dataclass(frozen=True)
class FormTable:
    """What a view of a form table is of: form, table and kind of period; whether anybody owes it, and has reported."""

    form_code: str
    form_vi: str
    form_en: str
    table_code: str
    table_vi: str
    table_en: str
    kind: str
    is_owed: bool
    is_reported: bool


@dataclass(frozen=True)
class Dataset:
    """A view of `bi`, and what it is of where it is a form table's."""

    name: str
    about: str
    columns: Mapping[str, DatasetColumn]
    metrics: Mapping[str, DatasetMetric]
    sheet: FormTable | None = None


def read(settings: Settings) -> list[Dataset]:
    """Every view that readers may read in `bi`, by name, with its metrics."""
    words = yaml.safe_load(WORDS.read_text("utf-8"))
    with connect(settings, AUDITOR) as connection, connection.cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute((QUERIES / "views.sql").read_bytes(), {"reader": READER}).fetchall()
        forms = connection.execute((QUERIES / "forms.sql").read_bytes()).fetchall()
        of_forms = {view: FormTable(*[*sheet, _is_reported(connection, view)]) for view, *sheet in forms}
        figures: list[Any] = cursor.execute((QUERIES / "figures.sql").read_bytes()).fetchall()
    found = []
    for (view, about), lines in groupby(rows, key=lambda row: (row.view_name, row.about)):
        columns = {
            line.column_name: DatasetColumn(
                line.column_name,
                line.type,
                words["columns"].get(line.column_name) or _short(line.column_about),
                line.column_about,
            )
            for line in lines
        }
        for name, computed in words["computed"].get(view, {}).items():
            columns[name] = DatasetColumn(name, "text", computed["vi"], f"{computed['vi']}. / {computed['en']}.", computed["is"])
        metrics = list(_fixed(words["metrics"].get(view, {})))
        if sheet := of_forms.get(view):
            of_view = [line for line in figures if line.table_code == sheet.table_code and line.column_name in columns]
            metrics += _fixed(words["metrics"]["form"])
            metrics += (_figure(line, columns[line.column_name]) for line in of_view if not line.part)
            metrics += _rates([line for line in of_view if line.part])
        found.append(Dataset(view, about, columns, {metric.name: metric for metric in metrics}, sheet))
    return found


def _is_reported(connection: psycopg.Connection[Any], view: str) -> bool:
    asked = sql.SQL("select exists(select from {} where units_reported > 0)").format(sql.Identifier("bi", view))
    return connection.execute(asked).fetchone() == (True,)


def _short(about: str) -> str:
    """The first clause of what a column means, in Vietnamese."""
    return about.split(" / ")[0].split("; ")[0].rstrip(".")


# --- metrics -------------------------------------------------------------------------------------------------


def _over_time(kind: str, value: str) -> str:
    """A figure of several units and periods, as SQL."""
    return {
        "flow": f"sum({value})",
        "stock": f"bi.closing({value}, period_end)",
        "opening": f"bi.opening({value}, period_start)",
        # counted anew in each period: several make no figure
        "distinct": f"case when min(period_end) = max(period_end) then sum({value}) end",
    }[kind]


def _coverage(kinds: set[str]) -> str:
    """The metric that counts the units of the periods which the figures are of."""
    return f"{COVERAGE}_{'sum' if kinds & {'flow', 'distinct'} else kinds.pop()}"


def _fixed(metrics: Mapping[str, Mapping[str, str]]) -> Iterator[DatasetMetric]:
    for name, metric in metrics.items():
        yield DatasetMetric(name, metric["is"], metric["vi"], f"{metric['vi']}. / {metric['en']}.", metric.get("format", COUNT))


def _figure(line: Any, column: DatasetColumn) -> DatasetMetric:
    name, expression = f"{line.table_code}.{line.column_name}", _over_time(line.over_time, f'"{column.name}"')
    return DatasetMetric(
        name, expression, column.label + _until(line.ends_before), column.about, COUNT, _coverage({line.over_time})
    )


def _rates(lines: Sequence[Any]) -> Iterator[DatasetMetric]:
    """A rate for each form row, and for each stretch of days on which the labels of its terms mean the same."""
    of_rates: dict[Any, list[Any]] = {}
    for line in lines:
        of_rates.setdefault((line.code, line.row_code, line.ends_before), []).append(line)
    for (code, row_code, until), parts in of_rates.items():
        line = parts[0]
        above, below = (
            " + ".join(_over_time(x.over_time, f'"{x.column_name}"') for x in parts if x.part == part)
            for part in ("numerator", "denominator")
        )
        row = "" if row_code == "all" else f".{row_code}"
        yield DatasetMetric(
            f"{code}{row}{f'.truoc_{until:%Y%m%d}' if until else ''}",
            f"({above}) / nullif({below}, 0)",
            (f"{line.row_label}: " if row else "") + line.label_vi + _until(until),
            f"{line.formula_vi} / {line.formula_en}",
            SHARE if line.measure_unit == "%" else RATIO,
            _coverage({x.over_time for x in parts}),
        )


def _until(day: date | None) -> str:
    return f" (trước {day:%d/%m/%Y})" if day else ""
