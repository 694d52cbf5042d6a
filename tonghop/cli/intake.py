"""Commands for handing in: check, submit, receipts, withdraw, waivers, replay, expire."""

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from tonghop.base.codes import receipt_code, receipt_number, waiver_code
from tonghop.base.settings import Settings
from tonghop.cli.output import as_json, note, out, paths_argument, print_rows, progress, query
from tonghop.intake.answer import Answer


@click.command()
@paths_argument
@click.option("--with-warehouse", is_flag=True, help="Also hold them against the reports that are there, and apply waivers.")
@as_json
def check(paths: tuple[Path, ...], with_warehouse: bool, json_: bool) -> None:
    """Say what `submit` would say of files or folders; stores nothing, and needs no database unless told."""
    from contextlib import nullcontext

    from tonghop.intake.precheck import precheck
    from tonghop.warehouse.connect import connect

    settings = Settings()
    with connect(settings) if with_warehouse else nullcontext() as connection, progress("checking") as step:
        answers = precheck(settings, _files(paths), connection, step)
    print_answers(answers, json_)


@click.command()
@paths_argument
@as_json
def submit(paths: tuple[Path, ...], json_: bool) -> None:
    """Hand in files or folders: a receipt and an answer each."""
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    print_answers(hand_in(settings, _files(paths)), json_)


@click.command()
@click.option("--status", help="Only those of one status.")
@as_json
def receipts(status: str | None, json_: bool) -> None:
    """List every receipt and what became of it."""
    rows = query(
        """
        select r.receipt_id as receipt, r.status, r.form_code as form, u.code as unit, p.code as period, r.scope, r.received_at,
               r.file_name as file, r.cells, s.by_receipt_id as superseded_by
        from intake.receipt r
        left join catalogue.period p using (period_id)
        left join catalogue.unit_version u on u.unit_id = r.unit_id and u.catalogue_id = r.catalogue_id
            and p.ends_on between u.valid_from and u.valid_to
        left join intake.ledger s on s.receipt_id = r.receipt_id and s.act = 'superseded'
        where %(status)s::text is null or r.status = %(status)s order by r.receipt_id""",
        {"status": status},
    )
    for row in rows:
        row["receipt"] = receipt_code(row["receipt"])
        row["superseded_by"] = receipt_code(row["superseded_by"]) if row["superseded_by"] else None
    print_rows(rows, json_)


@click.command()
@click.argument("receipt")
@click.option("--reason", required=True, help="Why the report is taken back; kept in the ledger.")
def withdraw(receipt: str, reason: str) -> None:
    """Take an accepted report back; the next release is without it."""
    from tonghop.intake import load

    number = receipt_number(receipt)
    if number is None:
        raise click.BadParameter(f"{receipt} is not a receipt, such as R000012", param_hint="RECEIPT")
    try:
        load.withdraw(Settings(), number, reason)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    out.print(f"{receipt_code(number)} withdrawn; the next release is without it")


@click.command()
@click.argument("rule", required=False)
@click.option("--unit", metavar="CODE", help="The unit whose figures may break the rule.")
@click.option("--period", help="The period for which they may.")
@click.option("--office", metavar="CODE", help="The office that approves: a unit above.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which a report may be received under it.")
@click.option("--end", metavar="WAIVER", help="End a waiver instead.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
def waive(
    rule: str | None,
    unit: str | None,
    period: str | None,
    office: str | None,
    until: datetime | None,
    end: str | None,
    reason: str,
) -> None:
    """Let one unit break one identity for one period, e.g. `waive F1.3 --unit 08737 --period 2021-Y ...`; or end that."""
    from tonghop.intake import waive as waive_

    try:
        if end:
            digits = end.strip().upper().removeprefix("W")
            if not digits.isdecimal():
                raise click.BadParameter(f"{end} is not a waiver, such as W000001", param_hint="--end")
            waive_.end(Settings(), int(digits), reason)
            out.print(f"{waiver_code(int(digits))} ended; what it let pass stands")
            return
        if not (rule and unit and period and office and until):
            raise click.UsageError("a waiver takes RULE, --unit, --period, --office, --until and --reason")
        number = waive_.waive(Settings(), rule, unit, period, reason, office, until.date())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    out.print(f"{waiver_code(number)} given; `tonghop replay --rule {rule}` decides what was returned for it")


@click.command()
@as_json
def waivers(json_: bool) -> None:
    """List every waiver, whether it is in force, and how many reports it let pass."""
    from tonghop.intake import waive as waive_

    print_rows([w | {"waiver": waiver_code(w["waiver"])} for w in waive_.waivers(Settings())], json_)


@click.command()
@click.option("--rule", help="What was held because of one rule.")
@click.option("--form", help="What was held of one form.")
@click.option("--all", "all_", is_flag=True, help="Everything that was returned or quarantined.")
@as_json
def replay(rule: str | None, form: str | None, all_: bool, json_: bool) -> None:
    """Decide held files again, after a form or rule was repaired or a waiver given."""
    from tonghop.intake.replay import replay as replay_

    if not (rule or form or all_):
        raise click.UsageError("say which: --rule, --form or --all")
    with progress("replaying") as step:
        answers = replay_(Settings(), rule, form, step)
    if not answers:
        note.print("nothing is decided otherwise than before")
    print_answers(answers, json_)


@click.command()
def expire() -> None:
    """Remove the originals whose retention is over; every removal is an act in the ledger."""
    from tonghop.intake import retention

    out.print(f"{len(retention.expire(Settings()))} originals removed")


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """The files named, and those in the folders named."""
    return [f for path in paths for f in (sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path])]


def hand_in(settings: Settings, files: list[Path]) -> list[Answer]:
    """Receive and load the files; the answers stand in the order of the files."""
    from dataclasses import replace

    from tonghop.intake.delivery import answers_of
    from tonghop.intake.load import load_pending
    from tonghop.intake.receive import receive
    from tonghop.warehouse.connect import connect

    with connect(settings) as connection:
        received = [
            r
            for start in range(0, len(files), settings.batch_files)
            for r in receive(settings, connection, files[start : start + settings.batch_files])
        ]
    with progress("reading and loading") as step:
        load_pending(settings, step)
    known = answers_of(settings, [r.receipt_id for r in received])
    return [
        replace(known[r.receipt_id], file=r.path.name, status="duplicate" if r.duplicate else known[r.receipt_id].status)
        for r in received
    ]


def print_answers(answers: list[Answer], json_: bool) -> None:
    for answer in answers:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False) if json_ else answer.as_text(), nl=json_)
    # a file sent twice counts as what became of it the first time
    if any(a.status not in ("accepted", "duplicate") or any(f.returns for f in a.findings) for a in answers):
        sys.exit(1)


COMMANDS = (check, submit, receipts, withdraw, waive, waivers, replay, expire)
