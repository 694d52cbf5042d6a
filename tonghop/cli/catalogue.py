"""Commands on the catalogue: templates, forms and reorganisations."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from tonghop.base.settings import Settings
from tonghop.cli.output import PERIOD, as_json, jsonable, note, out, print_rows, progress


@click.command()
@click.argument("form")
@click.option("--unit", help="The code of the unit that reports; -o is then a file.")
@click.option("--level", help="All units of a level; -o is then a folder.")
@click.option("--period", type=PERIOD, required=True, help="For example 2018-M01, 2018-Q1, 2018-H1, 2018-9M, 2018-Y.")
@click.option("--version", type=int, help="The form version; the one at the period's end otherwise.")
@click.option("--scope", type=click.Choice(["own", "rollup"]), default="own", show_default=True)
@click.option("--offices", is_flag=True, help="Rows for subordinate offices too, where the unit files in their stead.")
@click.option(
    "--opening/--no-opening",
    default=None,
    help="Last period's closing figures from the published release; by default where the warehouse answers.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def template(
    form: str,
    unit: str | None,
    level: str | None,
    period: str,
    version: int | None,
    scope: Literal["own", "rollup"],
    offices: bool,
    opening: bool | None,
    output: Path,
) -> None:
    """Write a unit's own workbook for a form and a period, or those of a whole level."""
    from tonghop.templates.plan import TemplateError
    from tonghop.templates.write import write

    if (unit is None) == (level is None):
        raise click.UsageError("give either --unit or --level")
    try:
        with progress("writing") as step:
            done = write(Settings(), output, form, period, unit, level, version, scope, offices, opening, step)
    except TemplateError as error:
        raise click.UsageError(str(error)) from error
    without = f"; {done.without} units have nothing to fill in" if done.without else ""
    note.print(f"{done.written} written to {output}{without}")
    if not done.recorded:
        note.print("not recorded: no warehouse answers, so `tonghop forms in-flight` will not list them")


@click.group()
def forms() -> None:
    """Forms, and the templates of them that are out."""


@forms.command(name="in-flight")
@click.argument("form", required=False)
@as_json
def in_flight(form: str | None, json_: bool) -> None:
    """Templates that were given out and have not come back: to whom, of which form, and whether it would still be taken."""
    from tonghop.queries.in_flight import in_flight as listed

    try:
        rows = listed(Settings(), form)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    print_rows(rows, json_)


@click.group()
def reorg() -> None:
    """Units that are established, renamed, moved, merged, divided or dissolved: event files of the catalogue."""


@reorg.command(name="plan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def reorg_plan(file: Path, json_: bool) -> None:
    """Show what an event file would change; writes nothing."""
    from tonghop.catalogue import reorg

    with refusals():
        parts = reorg.plan(Settings(), file).as_json()
    if json_:
        click.echo(json.dumps(parts, ensure_ascii=False, default=jsonable, indent=1))
        return
    for part, rows in parts.items():
        out.print(f"\n[bold]{part}[/bold]  {len(rows)}" + ("; the first 20:" if len(rows) > 20 else ""))
        if rows:
            print_rows(rows[:20], False)


@reorg.command(name="apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def reorg_apply(file: Path) -> None:
    """Put an event file into the catalogue; the next release follows it. Safe to repeat."""
    from tonghop.catalogue import reorg
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    with refusals():
        out.print(f"{file.name} is applied: catalogue {reorg.apply(settings, file)}")


@reorg.command(name="revert")
@click.argument("name")
def reorg_revert(name: str) -> None:
    """Take an event file out of the catalogue by its name; what releases knew stays known. Safe to repeat."""
    from tonghop.catalogue import reorg
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    with refusals():
        out.print(f"{name} is reverted: catalogue {reorg.revert(settings, name)}")


@contextmanager
def refusals() -> Iterator[None]:
    """Print why the catalogue refuses a change, and end the command with exit code 1."""
    from tonghop.catalogue.data import CatalogueError

    try:
        yield
    except CatalogueError as error:
        note.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)


COMMANDS = (template, forms, reorg)
