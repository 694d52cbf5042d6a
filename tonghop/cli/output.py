"""What commands print: tables, JSON, progress, and notes beside them."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tonghop.reading import period_names

if TYPE_CHECKING:
    import pandas as pd


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


def print_rows(rows: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        click.echo(json.dumps(rows, ensure_ascii=False, default=jsonable, indent=1))
        return
    if not rows:
        note.print("nothing")
        return
    table = Table()
    for key in rows[0]:
        # a figure is never cut, and words go on in the next line
        is_number = all(isinstance(row[key], Decimal | int | float | None) for row in rows)
        table.add_column(str(key).replace("_", " "), overflow="fold", no_wrap=is_number)
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    out.print(table)


def print_frame(answer: "pd.DataFrame", json_: bool) -> None:
    print_rows([{str(key): value for key, value in row.items()} for row in answer.to_dict("records")], json_)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
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
