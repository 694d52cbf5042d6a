"""Commands that ask: questions, trace, explain, gap, owed, verify."""

import json
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

import click

from tonghop.base.codes import receipt_code, receipt_number

if TYPE_CHECKING:
    from tonghop.queries.figure import Figure, Tree
from tonghop.base.settings import Settings
from tonghop.cli.output import PERIOD, as_json, jsonable, note, out, print_answer, print_csv, print_frame, print_rows, progress

on_tree = click.option(
    "--tree",
    callback=lambda _context, _option, text: text if text in (None, "today") else _day(text),
    help="Restated on today's tree (today) or on that of a day, e.g. 2025-07-01; as reported otherwise.",
)


@click.command()
@click.option("--unit", metavar="CODE", help="Only a unit and all below it.")
@click.option("--period", type=PERIOD, help="Only one period, e.g. 2025-Q1.")
@click.option("--form", help="Only one form, e.g. F1.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="As of a day; today by default.")
@as_json
def owed(unit: str | None, period: str | None, form: str | None, as_of: datetime | None, json_: bool) -> None:
    """List the reports that are still owed, when they were due and how late they are."""
    from tonghop.queries import owed as owed_

    try:
        found = owed_.owed(Settings(), unit, period, form, as_of.date() if as_of else None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if json_:
        print_rows([r._asdict() | {"returned": r.returned and receipt_code(r.returned)} for r in found], json_)
        return
    print_rows(
        [
            {
                "đơn vị / unit": f"{r.unit} {r.name}",
                "biểu / table": f"{r.table} {r.table_vi} / {r.table_en}",
                "phạm vi / scope": "số liệu / figures" if r.scope == "own" else "tự nêu / claim",
                "kỳ / period": r.period,
                "hạn / due": f"{r.due_on:%d/%m/%Y}",
                "chậm / late": f"{r.days_late} ngày / days" if r.days_late else "chưa / not yet",
                "trả lại / returned": receipt_code(r.returned) if r.returned else None,
            }
            for r in found
        ],
        json_,
    )
    late = sum(r.days_late > 0 for r in found)
    note.print(f"còn phải nộp {len(found)}, trong đó quá hạn {late} / {len(found)} owed, {late} of them late")


@click.command(name="report")
@click.argument("name", required=False)
@click.argument("parameters", nargs=-1, metavar="[PARAMETER=VALUE]...")
@click.option("--wide", is_flag=True, help="Every column of the answer, however wide.")
@click.option("--csv", is_flag=True, help="Every column, as CSV on standard output.")
@as_json
def report_(name: str | None, parameters: tuple[str, ...], wide: bool, csv: bool, json_: bool) -> None:
    """Ask a named question of the published release, e.g. `report form table=F1 unit=08737 period=2021-Y`."""
    if wide + csv + json_ > 1:
        raise click.UsageError("give one of --wide, --csv and --json")
    from tonghop.queries import questions

    if name is None:
        known = questions.questions().items()
        print_rows(
            [{"question": key, "answers": text, "takes": "; ".join(questions.parameters(key))} for key, text in known], json_
        )
        return
    if bad := [p for p in parameters if "=" not in p]:
        raise click.UsageError(f"give {bad[0]} as PARAMETER=VALUE")
    try:
        pairs = [p.split("=", 1) for p in parameters]
        given = {key: PERIOD(value) if key == "period" else value for key, value in pairs}
        if len(given) < len(pairs):
            raise ValueError("một tham số ghi hai lần / a parameter is given twice")
        answer = questions.ask(Settings(), name, given)
    except KeyError as error:
        raise click.UsageError(f"no question {name}; there are {', '.join(questions.questions())}") from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if csv:
        print_csv(answer)
    elif wide or json_:
        print_frame(answer, json_)
    else:
        print_answer(answer, questions.shown(name))


@click.command()
@click.argument("unit", required=False)
@click.argument("indicator", required=False)
@click.argument("period", type=PERIOD, required=False)
@click.option("--row", help="The row of the table, where it has several.")
@click.option("--release", type=int, help="The release asked about; the current one otherwise.")
@click.option("--basis", type=click.Choice(["summed", "claimed"]), help="Summed where there is a sum, by default.")
@on_tree
@click.option("--cell", nargs=3, metavar="RECEIPT SHEET CELL", help="The other way: every published figure that a cell is in.")
@as_json
def trace(
    unit: str | None,
    indicator: str | None,
    period: str | None,
    row: str | None,
    release: int | None,
    basis: Literal["summed", "claimed"] | None,
    tree: "Tree | None",
    cell: tuple[str, str, str] | None,
    json_: bool,
) -> None:
    """Follow a figure to its cells, e.g. `trace 08737 F1.dv_cuoi_ky 2021-Y`, or a cell to its figures.

    INDICATOR is TABLE.field, or the code of a rate.
    """
    from tonghop.queries import trace as trace_
    from tonghop.queries import trace_cell
    from tonghop.queries.figure import UnknownFigure

    try:
        if cell:
            number = receipt_number(cell[0])
            if number is None or unit or (release and not tree):
                raise click.UsageError(
                    "--cell takes RECEIPT SHEET CELL, such as R000012 F1 C4; and --tree, with or without --release"
                )
            answer = trace_cell.of_cell(Settings(), number, *cell[1:], release, tree)
            if not json_:
                title(f"{answer['receipt']} {answer['sheet']}!{answer['cell']}", "ô này ghi", "what the cell says")
                print_rows(answer["says"], False)
                title("", "ô này nằm trong các số liệu", "the published figures that it is in")
                print_rows(answer["figures"], False)
        elif unit and indicator and period:
            found = trace_.trace(Settings(), unit, indicator, period, row, release, basis, tree)
            answer = found.as_json()
            if not json_:
                _figure(found.figure, f"bản {found.release} · release {found.release}")
                print_rows([found.amounts], False)
                if found.coverage:
                    title("", "các đơn vị trong số liệu", "the units in it")
                    print_rows([found.coverage], False)
                title("", "các ô hợp thành, cộng đúng bằng số liệu", "the cells that it is made of; they add up to it exactly")
                print_rows(answer["parts"], False)
        else:
            raise click.UsageError("give UNIT INDICATOR PERIOD, or --cell RECEIPT SHEET CELL")
    except UnknownFigure as error:
        raise click.UsageError(str(error)) from error
    if json_:
        click.echo(json.dumps(answer, ensure_ascii=False, default=jsonable, indent=1))


@click.command()
@click.argument("unit")
@click.argument("indicator")
@click.argument("period", type=PERIOD)
@click.option("--from", "earlier", type=int, required=True, help="The earlier release.")
@click.option("--to", "later", type=int, required=True, help="The later release.")
@click.option("--row", help="The row of the table, where it has several.")
@click.option("--basis", type=click.Choice(["summed", "claimed"]), help="Summed where there is a sum, by default.")
@on_tree
@as_json
def explain(
    unit: str,
    indicator: str,
    period: str,
    earlier: int,
    later: int,
    row: str | None,
    basis: Literal["summed", "claimed"] | None,
    tree: "Tree | None",
    json_: bool,
) -> None:
    """Say why a published figure changed between two releases; the amounts add up to the difference."""
    from tonghop.queries import explain as explain_

    try:
        answer = explain_.explain(Settings(), unit, indicator, period, earlier, later, row, basis, tree)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if json_:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False, default=jsonable, indent=1))
        return
    _figure(answer.figure, f"bản {earlier} → {later} · release {earlier} → {later}")
    print_rows(
        [
            {"part": part, "before": answer.before[part], "after": answer.after[part], "difference": answer.difference.get(part)}
            for part in answer.after
        ],
        False,
    )
    if answer.measures and (words := explain_.two_measures(*answer.measures)):
        note.print("\n".join(words))
    title("", "vì sao thay đổi, cộng đúng bằng chênh lệch", "why; the amounts add up to the difference exactly")
    print_rows(
        [
            {
                "part": r.part,
                "why": " · ".join(explain_.WORDS[r.kind]),
                "amount": r.amount,
                "unit": f"{r.unit} {r.name}",
                "units": r.units,
                "receipts": ", ".join(r.receipts),
                "files": ", ".join(r.files),
                "detail": r.detail,
            }
            for r in answer.reasons
        ],
        False,
    )


@click.command()
@click.argument("unit")
@click.argument("period", type=PERIOD)
@click.option("--table", help="One form table only.")
@click.option("--release", type=int, help="The release asked about; the current one otherwise.")
@as_json
def gap(unit: str, period: str, table: str | None, release: int | None, json_: bool) -> None:
    """Hold what a unit claimed for its whole against the sum of all below it.

    gap = own + late + changed + rest; figures that are missing have no amount and may explain the rest.
    """
    from tonghop.queries import gap as gap_
    from tonghop.queries.figure import UnknownFigure

    try:
        rows = gap_.gaps(Settings(), unit, period, table, release)
    except UnknownFigure as error:
        raise click.UsageError(str(error)) from error
    if not json_:
        title(f"{unit} {period}", "số đơn vị tự nêu và tổng của cấp dưới", "what the unit claimed, and the sum of those below")
        for row in rows:
            for kind in ("late", "changed", "missing"):
                units = row[f"{kind}_units"]
                row[f"{kind}_units"] = f"{len(units)}: {', '.join(units[:3])}{' …' if len(units) > 3 else ''}" if units else 0
    print_rows(rows, json_)


@click.command()
@as_json
def verify(json_: bool) -> None:
    """Recompute what the ledger says, from the originals on disk to the published facts."""
    from tonghop.queries import verify as verify_

    with progress("reading the originals") as step:
        verdicts = verify_.verify(Settings(), step)
    print_rows(
        [{"must hold": v.name, "holds": not v.wrong, "checked": v.checked, "wrong": ", ".join(v.wrong[:10])} for v in verdicts],
        json_,
    )
    if any(v.wrong for v in verdicts):
        sys.exit(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is not a day, such as 2025-07-01") from error


def title(what: str, vi: str, en: str) -> None:
    """What follows, in both languages."""
    out.print(f"{what}{': ' if what else ''}{vi} · {en}", style="bold", markup=False, soft_wrap=True)


def _figure(figure: "Figure", when: str) -> None:
    title(
        f"{figure.unit} {figure.name}, {figure.period}, {figure.code}" + (f" [{figure.row}]" if figure.row != "all" else ""),
        f"{figure.label_vi}",
        f"{figure.label_en} ({figure.basis}" + (f", tree of {figure.day}" if figure.tree_id else "") + f"); {when}",
    )


COMMANDS = (report_, trace, explain, gap, owed, verify)
