"""Load what was received: read and check each file, then facts, state and ledger entry in one transaction a batch.

Killed between any two statements, a batch leaves nothing behind and its receipts pending; the next run does it again. Killed
after the last one, it leaves answers to be written; the next run writes them.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import psycopg

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import Synced, sync
from tonghop.intake import waive
from tonghop.intake.answer import Answer
from tonghop.intake.batch import Batch, new_batch
from tonghop.intake.delivery import answers_of, findings_of, give
from tonghop.intake.pool import Pool
from tonghop.intake.receive import original
from tonghop.intake.supersede import settle
from tonghop.intake.two_senders import contend
from tonghop.reading.report import Report
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect

log = logging.getLogger(__name__)


def load_pending(settings: Settings, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Answer]:
    """Read and load every pending receipt, batch by batch; writes each sender's answer. Nothing pending: an empty list."""
    catalogue = load_catalogue(settings.catalogue)
    answers: list[Answer] = []
    with connect(settings) as connection, Pool(catalogue, settings) as pool:
        synced = sync(catalogue, connection)
        if late := [row[0] for row in connection.execute("select receipt_id from intake.receipt where unanswered order by 1")]:
            give(settings, connection, pool, list(answers_of(settings, late).values()))
        total, done = _pending(connection), itertools.count(1)

        def counted(r: Report) -> Report:
            progress(min(next(done), total), total)  # what waits for a later batch is read again
            return r

        while batch := connection.execute(
            """
            select receipt_id, sha256, file_name, ctl.local_day(received_at) from intake.receipt
            where status = 'pending' order by receipt_id limit %s""",
            [settings.batch_files],
        ).fetchall():
            connection.commit()
            answers += decide_receipts(settings, connection, pool, synced, batch, counted)[0]
        if answers:
            connection.execute("analyze intake.receipt, intake.line, intake.finding, intake.ledger")
    return answers


def decide_receipts(
    settings: Settings,
    connection: psycopg.Connection[Any],
    pool: Pool,
    synced: Synced,
    receipts: list[tuple[int, str, str, date]],
    counted: Callable[[Report], Report],
    held: bool = False,
) -> tuple[list[Answer], set[int]]:
    """Read, check and load a batch of receipts, pending ones, or held ones (returned, quarantined).

    Each is (number, sha256, name, day of receipt).

    Writes the answers to those that were decided and returns them, with the receipts that wait for the next batch because they
    contend within this one. A held receipt with the same outcome and findings as before is left as it is. `counted` is called
    with each report that was read.
    """
    waivers = waive.in_force(connection, [number for number, *_ in receipts])
    reading = map(counted, pool.reports((name, original(settings, sha256), day) for _, sha256, name, day in receipts))
    numbered = ((number, waivers.applied(number, r)) for (number, *_), r in zip(receipts, reading, strict=True))
    decided, waits = _load_batch(connection, synced, numbered, held)
    answers = [
        Answer.to(decided[number], name, sha256, receipt_code(number))
        for number, sha256, name, _ in receipts
        if number in decided
    ]
    give(settings, connection, pool, answers)
    return answers, waits


def withdraw(settings: Settings, receipts: Sequence[int], reason: str) -> None:
    """Take accepted reports back, all or none, by a named act in the ledger for each.

    Raises ValueError where a receipt is unknown or was not accepted, or where no reason is given.
    """
    if not reason.strip():
        raise ValueError("a withdrawal needs a reason")
    with connect(settings) as connection, connection.transaction():
        locks.take(connection, "ledger")
        was = dict(
            connection.execute(
                "select receipt_id, status from intake.receipt where receipt_id = any(%s) for update", [list(receipts)]
            ).fetchall()
        )
        for receipt in receipts:
            if receipt not in was:
                raise ValueError(f"there is no receipt {receipt_code(receipt)}")
            if was[receipt] != "accepted":
                raise ValueError(
                    f"receipt {receipt_code(receipt)} is {was[receipt]}; only an accepted report can be withdrawn"
                    + ("; none of them was" if len(receipts) > 1 else "")
                )
        connection.execute("update intake.receipt set status = 'withdrawn' where receipt_id = any(%s)", [list(was)])
        connection.execute(
            """
            insert into intake.ledger (act, receipt_id, reason)
            select 'withdrawn', receipt_id, %s from unnest(%s::integer[]) as receipt_id order by receipt_id""",
            [reason.strip(), list(was)],
        )


def _pending(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select count(*) from intake.receipt where status = 'pending'").fetchone()
    return int(row[0]) if row else 0


def _load_batch(
    connection: psycopg.Connection[Any], synced: Synced, reading: Iterable[tuple[int, Report]], held: bool
) -> tuple[dict[int, Report], set[int]]:
    """Write one batch. Returns the receipts that were decided, and those that wait for the next batch."""
    with new_batch(synced) as batch:
        # before the transaction, so that nobody waits for its locks while files are read
        reports = {number: batch.take(number, r) for number, r in reading}
        return _decided(connection, synced, reports, batch, held)


def _decided(
    connection: psycopg.Connection[Any], synced: Synced, reports: dict[int, Report], batch: Batch, held: bool
) -> tuple[dict[int, Report], set[int]]:
    with connection.transaction():
        locks.take(connection, "ledger")
        mine = dict(
            connection.execute(
                """
            select receipt_id, status from intake.receipt
            where receipt_id = any(%s) and (status = any(%s)) for update""",
                [list(reports), ["returned", "quarantined"] if held else ["pending"]],
            ).fetchall()
        )
        waits = waive.ended_since(connection, {number: r for number, r in reports.items() if number in mine})
        reports = {number: r for number, r in reports.items() if number in mine and number not in waits}
        batch.describe(connection, reports)
        waits |= set(contend(connection, batch, reports))
        before = findings_of(connection, list(reports)) if held else {}
        # a replay that finds what was found before is no act
        reports = {
            number: r
            for number, r in reports.items()
            if number not in waits and not (held and (r.status, r.findings) == (mine[number], before.get(number, [])))
        }
        if held:
            connection.execute(
                "insert into intake.ledger (act, receipt_id) select 'replayed', unnest(%s::integer[])", [sorted(reports)]
            )
        decisions = dict(
            connection.execute(
                """
            select receipt_id, count(*) from intake.ledger
            where receipt_id = any(%s) and act in ('accepted', 'returned', 'quarantined') group by 1""",
                [list(reports)],
            ).fetchall()
        )
        accepted = [number for number, r in reports.items() if r.status == "accepted"]
        batch.load(connection, accepted)
        with connection.cursor().copy("""
                copy intake.finding (receipt_id, decision, ordinal, rule, rule_version, kind, sheet, cell, unit_id, message_vi,
                    message_en, waiver_id, figures_vi, figures_en, cells) from stdin""") as out:
            for number, r in reports.items():
                for ordinal, f in enumerate(r.findings, start=1):
                    out.write_row(
                        (
                            number,
                            decisions.get(number, 0) + 1,
                            ordinal,
                            f.rule,
                            f.rule_version,
                            f.kind,
                            f.sheet,
                            f.cell,
                            synced.unit[f.unit] if f.unit else None,
                            f.message_vi,
                            f.message_en,
                            f.waiver,
                            f.figures_vi,
                            f.figures_en,
                            list(f.cells),
                        )
                    )
        connection.execute(
            "update batch_report set status = 'returned' where status = 'accepted' and receipt_id <> all(%s)", [accepted]
        )
        settle(connection, list(reports))
    return reports, waits
