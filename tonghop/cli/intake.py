"""Commands for handing in: check, submit, receipts, withdraw, waivers, replay, expire."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from tonghop.base.codes import receipt_code, receipt_number, waiver_code, waiver_number
from tonghop.base.findings import printable
from tonghop.base.settings import Settings
from tonghop.cli.output import PERIOD, as_json, note, out, paths_argument, print_rows, progress
from tonghop.intake.answer import STATUS, Answer
from tonghop.intake.inbox import LITTER, walked


@click.command()
@paths_argument
@click.option("--with-warehouse", is_flag=True, help="Also hold them against the reports that are there, and apply waivers.")
@as_json
def check(paths: tuple[Path, ...], with_warehouse: bool, json_: bool) -> None:
    """Give the answer that `submit` would give; stores nothing, and needs no database without --with-warehouse."""
    from contextlib import nullcontext

    from tonghop.intake.before_sending import precheck
    from tonghop.warehouse.connect import connect

    settings = Settings()
    files, left = _files(paths)
    with connect(settings) if with_warehouse else nullcontext() as connection, progress("checking") as step:
        answers = precheck(settings, files, connection, step)
    print_answers(answers, json_, left, passed_over(settings, files, left))


@click.command()
@paths_argument
@as_json
def submit(paths: tuple[Path, ...], json_: bool) -> None:
    """Hand in files or folders: a receipt and an answer each."""
    from tonghop.intake.submit import submit as submit_
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    files, left = _files(paths)
    with progress("reading and loading") as step:
        answers = submit_(settings, files, step, lambda error: left.update({Path(error.filename): error.strerror or str(error)}))
    print_answers(answers, json_, left, passed_over(settings, files, left))


@click.command()
@click.option("--status", type=click.Choice([s for s in STATUS if s != "duplicate"]), help="Only those of one status.")
@as_json
def receipts(status: str | None, json_: bool) -> None:
    """List every receipt and what became of it."""
    from tonghop.queries.receipts import receipts as receipts_

    print_rows(receipts_(Settings(), status), json_)


@click.command()
@click.argument("receipts", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they are taken back; kept in the ledger.")
def withdraw(receipts: tuple[str, ...], reason: str) -> None:
    """Take accepted reports back, all or none; the next release is without them."""
    from tonghop.intake import load

    numbers = []
    for receipt in receipts:
        if (number := receipt_number(receipt)) is None:
            raise click.BadParameter(f"{receipt} is not a receipt, such as R000012", param_hint="RECEIPTS")
        numbers.append(number)
    numbers = list(dict.fromkeys(numbers))
    try:
        load.withdraw(Settings(), numbers, reason)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    them = "it" if len(numbers) == 1 else "them"
    out.print(f"{' '.join(map(receipt_code, numbers))} withdrawn; the next release is without {them}")


@click.command()
@click.argument("rule", required=False)
@click.option("--unit", metavar="CODE", help="The unit whose figures may break the rule.")
@click.option("--period", type=PERIOD, help="The period for which they may.")
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
            ended = waiver_number(end)
            if ended is None:
                raise click.BadParameter(f"{end} is not a waiver, such as W000001", param_hint="--end")
            waive_.end(Settings(), ended, reason)
            out.print(f"{waiver_code(ended)} ended; reports that it let pass stay accepted")
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
@click.option("--rule", help="Reports returned or quarantined because of one rule.")
@click.option("--form", help="Reports of one form.")
@click.option("--all", "all_", is_flag=True, help="Everything that was returned or quarantined.")
@as_json
def replay(rule: str | None, form: str | None, all_: bool, json_: bool) -> None:
    """Decide returned and quarantined files again, after a form or rule was repaired or a waiver given."""
    from tonghop.intake.replay import replay as replay_

    if not (rule or form or all_):
        raise click.UsageError("say which: --rule, --form or --all")
    try:
        with progress("replaying") as step:
            answers = replay_(Settings(), rule, form, step)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not answers:
        note.print("nothing is decided otherwise than before")
        return
    print_answers(answers, json_)


@click.command()
def expire() -> None:
    """Remove the originals and the releases whose retention is over; the removal of an original is an act in the ledger."""
    from tonghop.intake import retention
    from tonghop.queries import pages
    from tonghop.release import retention as of_releases

    settings = Settings()
    out.print(f"{len(retention.expire(settings))} originals removed")
    if settings.keep_releases:
        out.print(f"releases removed: {', '.join(map(str, of_releases.remove(settings))) or 'none'}")
        pages.write_index(settings)


def _files(paths: tuple[Path, ...]) -> tuple[list[Path], dict[Path, str]]:
    """The files named, and those in the folders named; what in these is not taken, and why, as in the inbox."""
    left: dict[Path, str] = {}
    return [file for path in paths for file in ([f for f, _ in walked(path, left)] if path.is_dir() else [path])], left


def passed_over(settings: Settings, files: list[Path], left: dict[Path, str]) -> list[str]:
    """What operating systems laid into the archives and folders that were handed in; it is taken from what was left."""
    from tonghop.intake import receive

    litter = [path for path, why in left.items() if why == LITTER]
    for path in litter:
        del left[path]
    return [*map(str, litter), *(name for path in files if path not in left for name in receive.passed_over(settings, path))]


def print_answers(answers: list[Answer], json_: bool, left: Mapping[Path, str] = {}, passed: Sequence[str] = ()) -> None:
    for answer in answers:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False) if json_ else answer.as_text(), nl=json_)
    if len(answers) != 1 and not json_:
        click.echo(summary(answers))
    if passed:
        names = printable(", ".join(passed))
        note.print(
            f"bỏ qua tệp của hệ điều hành hoặc chương trình / files of the operating system or of programs passed over: {names}",
            markup=False,
            soft_wrap=True,
        )
    for path, why in left.items():
        note.print(f"không nhận / not taken: {printable(str(path))}: {why}", style="red", markup=False, soft_wrap=True)
    # a file sent twice counts as what became of it the first time
    if left or any(a.status not in ("accepted", "duplicate") or any(f.returns for f in a.findings) for a in answers):
        sys.exit(1)


def summary(answers: list[Answer]) -> str:
    """How many files got which answer, in one line."""
    counts = Counter(answer.status for answer in answers)
    kinds = [(counts[status], *words) for status, words in STATUS.items() if counts[status]]
    vi, en = (", ".join(f"{kind[0]} {kind[n]}" for kind in kinds) for n in (1, 2))
    count = len(answers)
    return f"{count} tệp: {vi} / {count} files: {en}" if answers else "0 tệp / 0 files"


COMMANDS = (check, submit, receipts, withdraw, waive, waivers, replay, expire)
