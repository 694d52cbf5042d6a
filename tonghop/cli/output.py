"""What commands print: tables, JSON, progress, and notes beside them."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tonghop.reading import period_names

if TYPE_CHECKING:
    import pandas as pd

    from tonghop.queries.questions import Shown


# what people read goes to standard error where --json speaks on standard output
note = Console(stderr=True, highlight=False)
# a pipe has no width of its own, and 80 columns break every table
out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
as_json = click.option("--json", "json_", is_flag=True, help="Answer in JSON on standard output; files: one object a line.")
paths_argument = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))


class _Period(click.ParamType[str]):
    """A period as a report may name it: its code, or its name in Vietnamese. Others are left for whoever looks them up."""

    name = "period"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail("trống / empty", param, ctx)
        if code := period_names.parse(value):
            return code
        if readings := period_names.readings(value):
            self.fail(f"«{value}» có thể là / may be {', '.join(readings)}", param, ctx)
        return value


PERIOD = _Period()


def print_rows(rows: list[dict[str, Any]], json_: bool, *, whole: bool = False) -> None:
    if json_:
        click.echo(json.dumps(rows, ensure_ascii=False, default=jsonable, indent=1))
        return
    if not rows:
        note.print("không có gì / nothing")
        return
    print_columns({str(key).replace("_", " "): [row[key] for row in rows] for key in rows[0]}, None if whole else out.width)


# the headings of answers, where they are not the names of the columns
_HEADINGS = {
    "label_vi": "tên / label",
    "indicator": "chỉ tiêu / indicator",
    "metric": "chỉ số / metric",
    "rate": "tỷ lệ / rate",
    "unit": "đơn vị / unit",
    "name": "tên đơn vị / name",
    "row": "dòng / row",
    "with_subordinates": "số / figure",
    "value": "số / figure",
    "claimed": "tự nêu / claimed",
    "state": "trạng thái / state",
    "reported/due": "đã nộp / reported",
    "received/due": "đã nộp / received",
    "units_reported/units_due": "đã nộp / reported",
    "claims_received/claims_due": "số tự nêu / claims",
    "period": "kỳ / period",
    "periods/periods_in_year": "số kỳ / periods",
    "aggregation": "theo thời gian / over time",
    "over_time": "theo thời gian / over time",
    "formula_vi": "cách tính / formula",
    "numerator": "tử số / numerator",
    "denominator": "mẫu số / denominator",
    "basis": "nguồn / basis",
    "tree": "cây / tree",
    "table": "biểu / table",
    "late": "muộn / late",
    "missing": "thiếu / missing",
    "break_before": "đứt nhãn / break",
    "label_set": "tập nhãn / label set",
    "message_vi": "nội dung / message",
}
NARROW = 100
LEAST = 14  # what a column of words is left with
_OF = re.compile(r"\d+/\d+")


def print_answer(answer: "pd.DataFrame", shown: "Shown") -> None:
    """Some columns of an answer, within 100 characters: what is the same in every row is said once, above."""
    found = [{name: _pair(row, name) for name in (*shown.apart, *shown.columns)} for row in answer.to_dict("records")]
    if not found:
        note.print("không có gì / nothing")
    width = min(NARROW, out.width)
    for _, of_one in groupby(found, key=lambda row: [row[name] for name in shown.apart]):
        rows = list(of_one)
        same = {name for name in shown.columns if all(row[name] == rows[0][name] for row in rows)}
        once = [name for name in shown.columns if name in same and not isinstance(rows[0][name], Decimal) and len(rows) > 1]
        said = [
            f"{_heading(name)}: {_shown(rows[0][name])}" for name in (*shown.apart, *once) if rows[0][name] not in (None, "all")
        ]
        if said:
            out.print(" · ".join(said), style="bold", markup=False, width=width)
        print_columns({_heading(name): [row[name] for row in rows] for name in shown.columns if name not in once}, width)


def print_columns(columns: dict[str, list[Any]], width: int | None) -> None:
    """A table where it fits in the width (None: as wide as it is), else a line for each field of a row: nothing is cut.

    Figures and codes are whole, words go on in the next line.
    """
    table, whole, least = Table(), 1, 1
    shown = {heading: [_shown(value) for value in values] for heading, values in columns.items()}
    for (heading, texts), values in zip(shown.items(), columns.values(), strict=True):
        above = heading.replace(" / ", "\n")
        widest = max(map(cell_len, (*above.split("\n"), *texts)))
        are_words = any(" " in text for text in texts)
        whole, least = whole + 3 + widest, least + 3 + (min(widest, LEAST) if are_words else widest)
        are_figures = all(isinstance(value, Decimal | int | float | None) or _OF.fullmatch(str(value)) for value in values)
        table.add_column(
            # not as str: a name in brackets would be taken for markup
            Text(above),
            overflow="fold",
            no_wrap=not are_words,
            justify="right" if are_figures else "left",
        )
    rows = list(zip(*shown.values(), strict=True))
    if width is None or least <= width:
        for row in rows:
            table.add_row(*map(Text, row))
        (out if width else Console(highlight=False, width=whole)).print(table, width=width or whole)
        return
    for row in rows:
        fields = Table.grid(padding=(0, 2))
        fields.add_column(no_wrap=True, style="bold")
        fields.add_column(overflow="fold")
        for heading, text in zip(shown, row, strict=True):
            fields.add_row(Text(heading), Text(text))
        out.print(fields, width=width)
        out.print()


def _heading(name: str) -> str:
    return _HEADINGS.get(name, name.replace("_", " "))


def _pair(row: dict[Any, Any], name: str) -> Any:
    """A value of a row, or two of them as 5/6."""
    if "/" not in name:
        return row[name]
    some, of = (row[part] for part in name.split("/"))
    return None if some is None and of is None else f"{_shown(some)}/{_shown(of)}"


def print_csv(answer: "pd.DataFrame") -> None:
    """A whole answer as CSV, each figure to its last digit; what is not there is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([f"{v:f}" if isinstance(v, Decimal) else v for v in row] for row in answer.itertuples(index=False))
    click.echo(text.getvalue(), nl=False)


def print_frame(answer: "pd.DataFrame", json_: bool) -> None:
    """A whole answer, as wide as it is: no code is cut."""
    rows = [{str(key): value for key, value in row.items()} for row in answer.to_dict("records")]
    print_rows(rows, json_, whole=True)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        # an amount that was given in billions has as many decimals as those, most of them zeros
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        # a number where it is printed exactly, else text: no figure loses a digit
        return float(value) if Decimal(repr(float(value))) == value else f"{value:f}"
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, for work over a few seconds; call it with (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=note, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
