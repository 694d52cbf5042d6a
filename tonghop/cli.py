"""The command line.

Exit codes: 0 all accepted or done; 1 something was returned or quarantined, or does not hold; 2 wrong usage; 3 system fault.
"""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tonghop.answer import Answer, receipt_code, receipt_number, waiver_code
from tonghop.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from tonghop.figure import Figure, Tree

# what people read goes to standard error where --json speaks on standard output
note = Console(stderr=True, highlight=False)
# a pipe has no width of its own, and 80 columns break every table
out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
as_json = click.option("--json", "json_", is_flag=True, help="Answer in JSON on standard output; files: one object a line.")
on_tree = click.option("--tree", callback=lambda _context, _option, text: text if text in (None, "today") else _day(text),
                       help="Restated on today's tree (today) or on that of a day, e.g. 2025-07-01; as reported otherwise.")
paths_argument = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tonghop")
def cli() -> None:
    """Tonghop: reports in, published and audited figures out."""


@cli.command()
@paths_argument
@click.option("--with-warehouse", is_flag=True, help="Also hold them against the reports that are there, and apply waivers.")
@as_json
def check(paths: tuple[Path, ...], with_warehouse: bool, json_: bool) -> None:
    """Say what `submit` would say of files or folders; stores nothing, and needs no database unless told."""
    from contextlib import nullcontext

    from tonghop import precheck, server

    settings = _settings()
    with server.connect(settings) if with_warehouse else nullcontext() as connection, _progress("checking") as step:
        answers = precheck.check(settings, _files(paths), connection, step)
    _answer(answers, json_)


@cli.command()
@paths_argument
@as_json
def submit(paths: tuple[Path, ...], json_: bool) -> None:
    """Hand in files or folders: a receipt and an answer each."""
    from tonghop import server

    settings = _settings()
    server.ready(settings, note.print)
    _answer(_hand_in(settings, _files(paths)), json_)


@cli.command()
@click.argument("form")
@click.option("--unit", help="The code of the unit that reports; -o is then a file.")
@click.option("--level", help="All units of a level; -o is then a folder.")
@click.option("--period", required=True, help="For example 2018-M01, 2018-Q1, 2018-H1, 2018-9M, 2018-Y.")
@click.option("--version", type=int, help="The form version; the one at the period's end otherwise.")
@click.option("--scope", type=click.Choice(["own", "rollup"]), default="own", show_default=True)
@click.option("--offices", is_flag=True, help="Rows for subordinate offices too, where the unit files in their stead.")
@click.option("--opening/--no-opening", default=None,
              help="Last period's closing figures from the published release; where the warehouse answers, unless told.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def template(form: str, unit: str | None, level: str | None, period: str, version: int | None, scope: Literal["own", "rollup"],
             offices: bool, opening: bool | None, output: Path) -> None:
    """Write a unit's own workbook for a form and a period, or those of a whole level."""
    from tonghop import catalogue, server
    from tonghop import template as templates
    from tonghop.template_book import workbook

    if (unit is None) == (level is None):
        raise click.UsageError("give either --unit or --level")
    settings = _settings()
    loaded = catalogue.load(settings.catalogue)
    try:
        planner = templates.Planner(loaded, form, period, version, scope, offices)
        planned, without = ([planner.unit(unit)], []) if unit else planner.level(str(level))
    except templates.TemplateError as error:
        raise click.UsageError(str(error)) from error
    figures: templates.Figures = {}
    if opening or (opening is None and server.answers(settings)):
        with server.connect(settings, server.AUDITOR) as connection:
            figures = templates.closing(connection, loaded, planned)
    targets = [output] if unit else [output / each.file_name for each in planned]
    for path, each in zip(_bar(targets, "writing"), planned, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(workbook(loaded, each, figures))
    note.print(f"{len(planned)} written to {output}" + (f"; {len(without)} units have nothing to fill in" if without else ""))


@cli.command()
@click.option("--status", help="Only those of one status.")
@as_json
def receipts(status: str | None, json_: bool) -> None:
    """List every receipt and what became of it."""
    rows = _query("""
        select r.receipt_id as receipt, r.status, r.form_code as form, u.code as unit, p.code as period, r.scope, r.received_at,
               r.file_name as file, r.cells, s.by_receipt_id as superseded_by
        from intake.receipt r
        left join catalogue.period p using (period_id)
        left join catalogue.unit_version u on u.unit_id = r.unit_id and u.catalogue_id = r.catalogue_id
            and p.ends_on between u.valid_from and u.valid_to
        left join intake.ledger s on s.receipt_id = r.receipt_id and s.act = 'superseded'
        where %(status)s::text is null or r.status = %(status)s order by r.receipt_id""", {"status": status})
    for row in rows:
        row["receipt"] = receipt_code(row["receipt"])
        row["superseded_by"] = receipt_code(row["superseded_by"]) if row["superseded_by"] else None
    _rows(rows, json_)


@cli.command()
@click.argument("receipt")
@click.option("--reason", required=True, help="Why the report is taken back; kept in the ledger.")
def withdraw(receipt: str, reason: str) -> None:
    """Take an accepted report back; the next release is without it."""
    from tonghop import load

    number = receipt_number(receipt)
    if number is None:
        raise click.BadParameter(f"{receipt} is not a receipt, such as R000012", param_hint="RECEIPT")
    try:
        load.withdraw(_settings(), number, reason)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    out.print(f"{receipt_code(number)} withdrawn; the next release is without it")


@cli.command()
@click.option("--unit", metavar="CODE", help="Only a unit and all below it.")
@click.option("--period", help="Only one period, e.g. 2025-Q1.")
@click.option("--form", help="Only one form, e.g. F1.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="As it stood on a day; today by default.")
@as_json
def owed(unit: str | None, period: str | None, form: str | None, as_of: datetime | None, json_: bool) -> None:
    """List the reports that are still owed, when they were due and how late they are."""
    from tonghop import owed as owed_

    try:
        found = owed_.owed(_settings(), unit, period, form, as_of.date() if as_of else None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if json_:
        _rows([r._asdict() | {"returned": r.returned and receipt_code(r.returned)} for r in found], json_)
        return
    _rows([{"đơn vị / unit": f"{r.unit} {r.name}", "biểu / table": f"{r.table} {r.table_vi} / {r.table_en}",
            "kỳ / period": r.period, "hạn / due": f"{r.due_on:%d/%m/%Y}",
            "chậm / late": f"{r.days_late} ngày / days" if r.days_late else "chưa / not yet",
            "trả lại / returned": receipt_code(r.returned) if r.returned else None} for r in found], json_)
    late = sum(r.days_late > 0 for r in found)
    note.print(f"còn phải nộp {len(found)}, trong đó quá hạn {late} / {len(found)} owed, {late} of them late")


@cli.command()
@click.argument("rule", required=False)
@click.option("--unit", metavar="CODE", help="The unit whose figures may break the rule.")
@click.option("--period", help="The period for which they may.")
@click.option("--office", metavar="CODE", help="The office that approves: a unit above.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which a report may be received under it.")
@click.option("--end", metavar="WAIVER", help="End a waiver instead.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
def waive(rule: str | None, unit: str | None, period: str | None, office: str | None, until: datetime | None, end: str | None,
          reason: str) -> None:
    """Let one unit break one identity for one period, e.g. `waive F1.3 --unit 08737 --period 2021-Y ...`; or end that."""
    from tonghop import waive as waive_

    try:
        if end:
            digits = end.strip().upper().removeprefix("W")
            if not digits.isdecimal():
                raise click.BadParameter(f"{end} is not a waiver, such as W000001", param_hint="--end")
            waive_.end(_settings(), int(digits), reason)
            out.print(f"{waiver_code(int(digits))} ended; what it let pass stands")
            return
        if not (rule and unit and period and office and until):
            raise click.UsageError("a waiver takes RULE, --unit, --period, --office, --until and --reason")
        number = waive_.waive(_settings(), rule, unit, period, reason, office, until.date())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    out.print(f"{waiver_code(number)} given; `tonghop replay --rule {rule}` decides what was returned for it")


@cli.command()
@as_json
def waivers(json_: bool) -> None:
    """List every waiver, whether it is in force, and how many reports it let pass."""
    from tonghop import waive as waive_

    _rows([w | {"waiver": waiver_code(w["waiver"])} for w in waive_.waivers(_settings())], json_)


@cli.command()
@click.option("--rule", help="What was held because of one rule.")
@click.option("--form", help="What was held of one form.")
@click.option("--all", "all_", is_flag=True, help="Everything that was returned or quarantined.")
@as_json
def replay(rule: str | None, form: str | None, all_: bool, json_: bool) -> None:
    """Decide held files again, after a form or rule was repaired or a waiver given."""
    from tonghop.replay import replay as replay_

    if not (rule or form or all_):
        raise click.UsageError("say which: --rule, --form or --all")
    with _progress("replaying") as step:
        answers = replay_(_settings(), rule, form, step)
    if not answers:
        note.print("nothing is decided otherwise than before")
    _answer(answers, json_)


@cli.command()
@as_json
def release(json_: bool) -> None:
    """Build a candidate, put it to the gate, and publish it."""
    from tonghop import build, gate, pages, publish, server

    settings = _settings()
    server.ready(settings, note.print)
    number = build.open_candidate(settings)
    if number is None:
        note.print("nothing new since the current release")
    else:
        with _progress(f"release {number}") as step:
            layers: tuple[build.Layer, ...] = get_args(build.Layer)
            for done, layer in enumerate(layers):
                step(done, len(layers) + 3)
                build.run(settings, layer)
            step(len(layers), len(layers) + 3)
            try:
                gate.check(settings, number)
            except gate.GateFailed as failed:
                pages.write(settings, number)
                note.print(str(failed), style="red", markup=False)
                sys.exit(1)
            step(len(layers) + 1, len(layers) + 3)
            publish.publish(settings, number)
            step(len(layers) + 2, len(layers) + 3)
            pages.write(settings, number)
            step(len(layers) + 3, len(layers) + 3)
        note.print(f"release {number} is published")
    if json_:
        click.echo(json.dumps({"release": number, "published": number is not None}))


@cli.command()
@click.argument("expectation")
@click.option("--limit", default=20, show_default=True)
@as_json
def failing(expectation: str, limit: int, json_: bool) -> None:
    """List what fails an expectation of the gate in the open candidate, by its keys."""
    from tonghop import gate

    try:
        _rows(gate.failing(_settings(), expectation, limit), json_)
    except KeyError as error:
        raise click.UsageError(f"no expectation {expectation}") from error


@cli.command()
@as_json
def releases(json_: bool) -> None:
    """List the releases, which one readers see, and how the gate judged them."""
    from tonghop import publish

    _rows([r._asdict() for r in publish.releases(_settings())], json_)


@cli.command(name="report")
@click.argument("name", required=False)
@click.argument("parameters", nargs=-1, metavar="[PARAMETER=VALUE]...")
@as_json
def report_(name: str | None, parameters: tuple[str, ...], json_: bool) -> None:
    """Ask a named question of the published release, e.g. `report form table=F1 unit=08737 period=2021-Y`."""
    from tonghop import report

    if name is None:
        known = report.questions().items()
        _rows([{"question": key, "answers": text, "takes": "; ".join(report.parameters(key))} for key, text in known], json_)
        return
    if bad := [p for p in parameters if "=" not in p]:
        raise click.UsageError(f"give {bad[0]} as PARAMETER=VALUE")
    try:
        answer = report.ask(_settings(), name, dict(p.split("=", 1) for p in parameters))
    except KeyError as error:
        raise click.UsageError(f"no question {name}; there are {', '.join(report.questions())}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _frame(answer, json_)


@cli.command()
@click.argument("unit", required=False)
@click.argument("indicator", required=False)
@click.argument("period", required=False)
@click.option("--row", help="The row of the table, where it has several.")
@click.option("--release", type=int, help="The release asked about; the current one otherwise.")
@click.option("--basis", type=click.Choice(["summed", "claimed"]), help="Summed where there is a sum, unless told.")
@on_tree
@click.option("--cell", nargs=3, metavar="RECEIPT SHEET CELL", help="The other way: every published figure that a cell is in.")
@as_json
def trace(unit: str | None, indicator: str | None, period: str | None, row: str | None, release: int | None,
          basis: Literal["summed", "claimed"] | None, tree: "Tree | None", cell: tuple[str, str, str] | None,
          json_: bool) -> None:
    """Follow a figure to its cells, e.g. `trace 08737 F1.dv_cuoi_ky 2021-Y`, or a cell to its figures.

    INDICATOR is TABLE.field, or the code of a rate.
    """
    from tonghop import trace as trace_
    from tonghop.figure import UnknownFigure

    try:
        if cell:
            number = receipt_number(cell[0])
            if number is None or unit or (release and not tree):
                raise click.UsageError("--cell takes RECEIPT SHEET CELL, such as R000012 F1 C4; and --tree, with or without "
                                       "--release")
            answer = trace_.of_cell(_settings(), number, *cell[1:], release, tree)
            if not json_:
                _title(f"{answer['receipt']} {answer['sheet']}!{answer['cell']}", "ô này ghi", "what the cell says")
                _rows(answer["says"], False)
                _title("", "ô này nằm trong các số liệu", "the published figures that it is in")
                _rows(answer["figures"], False)
        elif unit and indicator and period:
            found = trace_.trace(_settings(), unit, indicator, period, row, release, basis, tree)
            answer = found.as_json()
            if not json_:
                _figure(found.figure, f"bản {found.release} · release {found.release}")
                _rows([found.amounts], False)
                if found.coverage:
                    _title("", "các đơn vị trong số liệu", "the units in it")
                    _rows([found.coverage], False)
                _title("", "các ô hợp thành, cộng đúng bằng số liệu", "the cells that it is made of; they add up to it exactly")
                _rows(answer["parts"], False)
        else:
            raise click.UsageError("give UNIT INDICATOR PERIOD, or --cell RECEIPT SHEET CELL")
    except UnknownFigure as error:
        raise click.UsageError(str(error)) from error
    if json_:
        click.echo(json.dumps(answer, ensure_ascii=False, default=_jsonable, indent=1))


@cli.command()
@click.argument("unit")
@click.argument("indicator")
@click.argument("period")
@click.option("--from", "earlier", type=int, required=True, help="The earlier release.")
@click.option("--to", "later", type=int, required=True, help="The later release.")
@click.option("--row", help="The row of the table, where it has several.")
@click.option("--basis", type=click.Choice(["summed", "claimed"]), help="Summed where there is a sum, unless told.")
@on_tree
@as_json
def explain(unit: str, indicator: str, period: str, earlier: int, later: int, row: str | None,
            basis: Literal["summed", "claimed"] | None, tree: "Tree | None", json_: bool) -> None:
    """Say why a published figure changed between two releases; the amounts add up to the difference."""
    from tonghop import explain as explain_

    try:
        answer = explain_.explain(_settings(), unit, indicator, period, earlier, later, row, basis, tree)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if json_:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False, default=_jsonable, indent=1))
        return
    _figure(answer.figure, f"bản {earlier} → {later} · release {earlier} → {later}")
    _rows([{"part": part, "before": answer.before[part], "after": answer.after[part],
            "difference": answer.difference.get(part)} for part in answer.after], False)
    _title("", "vì sao thay đổi, cộng đúng bằng chênh lệch", "why; the amounts add up to the difference exactly")
    _rows([{"part": r.part, "why": " · ".join(explain_.WORDS[r.kind]), "amount": r.amount, "unit": f"{r.unit} {r.name}",
            "units": r.units, "receipts": ", ".join(r.receipts), "files": ", ".join(r.files), "said": r.said}
           for r in answer.reasons], False)


@cli.command()
@click.argument("unit")
@click.argument("period")
@click.option("--table", help="One form table only.")
@click.option("--release", type=int, help="The release asked about; the current one otherwise.")
@as_json
def gap(unit: str, period: str, table: str | None, release: int | None, json_: bool) -> None:
    """Hold what a unit claimed for its whole against the sum of all below it.

    gap = own + late + changed + rest; figures that are missing have no amount and may explain the rest.
    """
    from tonghop import gap as gap_
    from tonghop.figure import UnknownFigure

    try:
        rows = gap_.gaps(_settings(), unit, period, table, release)
    except UnknownFigure as error:
        raise click.UsageError(str(error)) from error
    if not json_:
        _title(f"{unit} {period}", "số đơn vị tự khai và tổng của cấp dưới", "what the unit claimed, and the sum of those below")
        for row in rows:
            for kind in ("late", "changed", "missing"):
                units = row[f"{kind}_units"]
                row[f"{kind}_units"] = f"{len(units)}: {', '.join(units[:3])}{' …' if len(units) > 3 else ''}" if units else 0
    _rows(rows, json_)


@cli.command()
@as_json
def verify(json_: bool) -> None:
    """Recompute what the ledger says, from the originals on disk to the published facts."""
    from tonghop import verify as verify_

    with _progress("reading the originals") as step:
        verdicts = verify_.verify(_settings(), step)
    _rows([{"must hold": v.name, "holds": not v.wrong, "checked": v.checked, "wrong": ", ".join(v.wrong[:10])}
           for v in verdicts], json_)
    if any(v.wrong for v in verdicts):
        sys.exit(1)


@cli.group()
def reorg() -> None:
    """Units that are established, renamed, moved, merged, divided or dissolved: event files of the catalogue."""


@reorg.command(name="plan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def reorg_plan(file: Path, json_: bool) -> None:
    """Show what an event file would change; writes nothing."""
    from tonghop import reorg

    with _refusals():
        parts = reorg.plan(_settings(), file).as_json()
    if json_:
        click.echo(json.dumps(parts, ensure_ascii=False, default=_jsonable, indent=1))
        return
    for part, rows in parts.items():
        out.print(f"\n[bold]{part}[/bold]  {len(rows)}" + ("; the first 20:" if len(rows) > 20 else ""))
        if rows:
            _rows(rows[:20], False)


@reorg.command(name="apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def reorg_apply(file: Path) -> None:
    """Put an event file into the catalogue; the next release follows it. Safe to repeat."""
    from tonghop import reorg, server

    settings = _settings()
    server.ready(settings, note.print)
    with _refusals():
        out.print(f"{file.name} is applied: catalogue {reorg.apply(settings, file)}")


@reorg.command(name="revert")
@click.argument("name")
def reorg_revert(name: str) -> None:
    """Take an event file out of the catalogue by its name; what releases knew stays known. Safe to repeat."""
    from tonghop import reorg, server

    settings = _settings()
    server.ready(settings, note.print)
    with _refusals():
        out.print(f"{name} is reverted: catalogue {reorg.revert(settings, name)}")


@cli.command()
def expire() -> None:
    """Remove the originals whose retention is over; every removal is an act in the ledger."""
    from tonghop import retention

    out.print(f"{len(retention.expire(_settings()))} originals removed")


@cli.command()
def up() -> None:
    """Start PostgreSQL and Airflow and keep them running until `tonghop down`."""
    from tonghop import services

    settings = _settings()
    services.up(settings, note.print)
    _where(settings)


@cli.command()
def down() -> None:
    """Stop everything that `up` started."""
    from tonghop import services

    services.down(_settings(), note.print)


@cli.command()
def demo() -> None:
    """Run the whole way once on the sample reports, with the real Airflow; leaves everything running. Safe to repeat."""
    import shutil

    import samples
    from tonghop import catalogue, publish, report, services

    settings = _settings()
    step = _steps(5)
    step("start PostgreSQL and Airflow")
    services.up(settings, _indented)
    step("write the workbooks that the reference organisations would have filed")
    files = samples.write(catalogue.load(settings.catalogue), settings.home / "samples")
    _indented(f"{len(files)} files in {settings.home / 'samples'}")
    step("a committee hands in “hơn 4.000 đảng viên”: not a count, so it comes back with the reason")
    approximate = next(f for f, sample in zip(files, samples.REPORTS, strict=True)
                       if (sample.sender, sample.answer) == ("khoi-co-quan-tinh", "returned"))
    for answer in _hand_in(settings, [approximate]):
        click.echo(answer.as_text())
    step("it sends the exact figure; Airflow takes in the whole inbox, builds a release, puts it to the gate and publishes it")
    settings.inbox.mkdir(parents=True, exist_ok=True)
    for file in files:
        part = settings.inbox / f"{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(part.with_suffix(""))
    services.run(settings, "intake", _indented)
    step("what readers now see")
    current = next(r for r in publish.releases(settings) if r.is_current)
    _indented(f"release {current.release_id}, published {current.published_at:%d/%m/%Y %H:%M}; of it, one form of one ward "
              "(tonghop report form table=F1 unit=08737 period=2021-Y):")
    _frame(report.ask(settings, "form", {"table": "F1", "unit": "08737", "period": "2021-Y"}), False)
    _where(settings)
    out.print("\n`make down` stops all of it.")


@cli.command()
@as_json
def status(json_: bool) -> None:
    """What runs, and where to find it."""
    from tonghop import services

    found = services.status(_settings())
    if json_:
        click.echo(json.dumps(found, default=str))
    else:
        _rows([{"what": key, "is": value} for key, value in found.items()], json_)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is not a day, such as 2025-07-01") from error


def _title(what: str, vi: str, en: str) -> None:
    """What follows, in both languages."""
    out.print(f"{what}{': ' if what else ''}{vi} · {en}", style="bold", markup=False, soft_wrap=True)


def _figure(figure: "Figure", when: str) -> None:
    _title(f"{figure.unit} {figure.name}, {figure.period}, {figure.code}" + (f" [{figure.row}]" if figure.row != "all" else ""),
           f"{figure.label_vi}", f"{figure.label_en} ({figure.basis}"
           + (f", tree of {figure.day}" if figure.tree_id else "") + f"); {when}")


def _settings() -> Settings:
    return Settings()


@contextmanager
def _refusals() -> Iterator[None]:
    """What the catalogue refuses is told and ends the command, as something that does not hold."""
    from tonghop.data import CatalogueError

    try:
        yield
    except CatalogueError as error:
        note.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """The files named, and those in the folders named."""
    return [f for path in paths for f in (sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path])]


def _hand_in(settings: Settings, files: list[Path]) -> list[Answer]:
    """Receive and load the files; the answers stand in the order of the files."""
    from dataclasses import replace

    from tonghop import server
    from tonghop.load import answers_of, load_pending
    from tonghop.receive import receive

    with server.connect(settings) as connection:
        received = [r for start in range(0, len(files), settings.batch_files)
                    for r in receive(settings, connection, files[start:start + settings.batch_files])]
    with _progress("reading and loading") as step:
        load_pending(settings, step)
    known = answers_of(settings, [r.receipt_id for r in received])
    return [replace(known[r.receipt_id], file=r.path.name, status="duplicate" if r.duplicate else known[r.receipt_id].status)
            for r in received]


def _steps(total: int) -> Callable[[str], None]:
    """Announce each step of a long command."""
    number = iter(range(1, total + 1))
    return lambda text: out.print(f"\n[bold][{next(number)}/{total}][/bold] {text}", soft_wrap=True)


def _indented(text: str) -> None:
    out.print(f"      {text}", markup=False, soft_wrap=True)


def _answer(answers: list[Answer], json_: bool) -> None:
    for answer in answers:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False) if json_ else answer.as_text(), nl=json_)
    # a file sent twice counts as what became of it the first time
    if any(a.status not in ("accepted", "duplicate") or any(f.returns for f in a.findings) for a in answers):
        sys.exit(1)


def _query(query: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    from tonghop import server

    with server.connect(_settings(), server.AUDITOR) as connection:
        return connection.cursor(row_factory=dict_row).execute(query.encode(), parameters).fetchall()


def _rows(rows: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        click.echo(json.dumps(rows, ensure_ascii=False, default=_jsonable, indent=1))
        return
    if not rows:
        note.print("nothing")
        return
    table = Table(*(str(key).replace("_", " ") for key in rows[0]))
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    out.print(table)


def _frame(answer: "pd.DataFrame", json_: bool) -> None:
    _rows([{str(key): value for key, value in row.items()} for row in answer.to_dict("records")], json_)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _bar(items: list[Path], what: str) -> Iterator[Path]:
    with _progress(what) as step:
        for done, item in enumerate(items, start=1):
            yield item
            step(done, len(items))


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, for work over a few seconds; call it with (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=note, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _where(settings: Settings) -> None:
    """Where a person goes next."""
    from tonghop import server, services

    found = services.status(settings)
    places = {
        "report pages": settings.pages / "index.html",
        "for a BI tool": f"{server.bi_url(settings, password=False)}  password in {settings.home / 'secrets' / 'bi'}",
        "Airflow": f"{found['airflow_url']}  user {found['airflow_user']}, password in {found['airflow_password_file']}",
        "inbox": settings.inbox,
    }
    out.print()
    for what, where in places.items():
        out.print(f"{what + ':':16}{where}", markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; a fault is one plain line here and a traceback in the log."""
    try:
        settings = _settings()
        settings.logs.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=settings.logs / "tonghop.log", level=logging.INFO,
                            format="%(asctime)s %(levelname)s %(name)s %(message)s")
    except ValidationError as error:
        note.print(f"settings: {error.errors()[0]['msg']}", style="red")
        sys.exit(2)
    try:
        cli(standalone_mode=True)
    except Exception as error:
        logging.exception("fault")
        note.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        note.print(f"details: {settings.logs / 'tonghop.log'}")
        sys.exit(3)
