"""Load what was received: read and check each file, then facts, state and ledger entry in one transaction a batch.

Killed between any two statements, a batch leaves nothing behind and its receipts pending; the next run does it again. Killed
after the last one, it leaves answers to be written; the next run writes them.
"""

import itertools
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg

from tonghop import catalogue as cat
from tonghop import server, waive
from tonghop.answer import Answer, Finding, receipt_code, receipt_number
from tonghop.arrival import Arrival, arriving, contend
from tonghop.check import Report
from tonghop.pool import Pool
from tonghop.receive import LEDGER_LOCK, original
from tonghop.settings import Settings
from tonghop.sync import Synced, sync

log = logging.getLogger(__name__)


def load_pending(settings: Settings, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Answer]:
    """Read and load every pending receipt, batch by batch; writes each sender's answer. Nothing pending: an empty list."""
    catalogue = cat.load(settings.catalogue)
    answers: list[Answer] = []
    with server.connect(settings) as connection, Pool(catalogue, settings) as pool:
        synced = sync(catalogue, connection)
        if late := [row[0] for row in connection.execute("select receipt_id from intake.receipt where unanswered order by 1")]:
            _give(settings, connection, pool, list(answers_of(settings, late).values()))
        total, done = _pending(connection), itertools.count(1)

        def told(r: Report) -> Report:
            progress(min(next(done), total), total)  # who waits for a later batch is read again
            return r

        while batch := connection.execute("select receipt_id, sha256, file_name from intake.receipt where status = 'pending' "
                                          "order by receipt_id limit %s", [settings.batch_files]).fetchall():
            connection.commit()
            answers += decide(settings, connection, pool, synced, batch, told)[0]
        if answers:
            connection.execute("analyze intake.receipt, intake.line, intake.finding, intake.ledger")
    return answers


def decide(settings: Settings, connection: psycopg.Connection[Any], pool: Pool, synced: Synced,
           batch: list[tuple[int, str, str]], told: Callable[[Report], Report],
           held: bool = False) -> tuple[list[Answer], set[int]]:
    """Read, check and load a batch of pending receipts, or of held ones (returned or quarantined), each (number, sha256, name).

    Gives the answers to those that were decided, which it also writes, and the receipts that contend within the batch and wait.
    A held receipt of which nothing new can be said is left as it is.
    """
    waivers = waive.in_force(connection, [number for number, *_ in batch])
    reading = map(told, pool.reports((name, original(settings, sha256)) for _, sha256, name in batch))
    numbered = ((number, waivers.applied(number, r)) for (number, *_), r in zip(batch, reading, strict=True))
    decided, waits = _load_batch(connection, synced, numbered, held)
    answers = [decided[number].answer(name, sha256, receipt_code(number)) for number, sha256, name in batch if number in decided]
    _give(settings, connection, pool, answers)
    return answers, waits


def answers_of(settings: Settings, receipt_ids: list[int]) -> dict[int, Answer]:
    """The answers that stand in the warehouse, by receipt."""
    with server.connect(settings, server.AUDITOR) as connection:
        receipts = connection.execute("""
            select r.receipt_id, r.file_name, r.sha256, r.status, r.form_code, u.code, p.code
            from intake.receipt r
            left join catalogue.period p using (period_id)
            left join catalogue.unit_version u on u.unit_id = r.unit_id and u.catalogue_id = r.catalogue_id
                and p.ends_on between u.valid_from and u.valid_to
            where r.receipt_id = any(%s)""", [receipt_ids]).fetchall()
        findings = _findings(connection, receipt_ids)
    def book(number: int) -> str | None:
        path = answer_book(settings, receipt_code(number))
        return str(path) if path.exists() else None

    return {number: Answer(name, receipt_code(number), sha, status, form, unit, period, findings.get(number, []), book(number))
            for number, name, sha, status, form, unit, period in receipts}


def _findings(connection: psycopg.Connection[Any], receipts: list[int]) -> dict[int, list[Finding]]:
    """What was found when each receipt was last decided."""
    findings: dict[int, list[Finding]] = {}
    for receipt_id, *rest in connection.execute("""
            select f.receipt_id, f.rule, f.kind, f.sheet, f.cell, f.message_vi, f.message_en, u.unit_key, f.rule_version,
                   f.waiver_id
            from intake.finding f left join catalogue.unit u using (unit_id)
            where f.receipt_id = any(%s) and f.decision = (
                select count(*) from intake.ledger l
                where l.receipt_id = f.receipt_id and l.act in ('accepted', 'returned', 'quarantined'))
            order by f.receipt_id, f.ordinal""", [receipts]):
        findings.setdefault(receipt_id, []).append(Finding(*rest))
    return findings


def withdraw(settings: Settings, receipt_id: int, reason: str) -> None:
    """Take an accepted report back, by a named act in the ledger.

    Raises ValueError where the receipt is unknown or was not accepted, or where no reason is given.
    """
    if not reason.strip():
        raise ValueError("a withdrawal needs a reason")
    with server.connect(settings) as connection, connection.transaction():
        connection.execute(LEDGER_LOCK)
        row = connection.execute("select status from intake.receipt where receipt_id = %s for update", [receipt_id]).fetchone()
        if row is None:
            raise ValueError(f"there is no receipt {receipt_code(receipt_id)}")
        if row[0] != "accepted":
            raise ValueError(f"receipt {receipt_code(receipt_id)} is {row[0]}; only an accepted report can be withdrawn")
        connection.execute("update intake.receipt set status = 'withdrawn' where receipt_id = %s", [receipt_id])
        connection.execute("insert into intake.ledger (act, receipt_id, reason) values ('withdrawn', %s, %s)",
                           [receipt_id, reason.strip()])


def _pending(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select count(*) from intake.receipt where status = 'pending'").fetchone()
    return int(row[0]) if row else 0


def _load_batch(connection: psycopg.Connection[Any], synced: Synced, reading: Iterable[tuple[int, Report]],
                held: bool) -> tuple[dict[int, Report], set[int]]:
    """Write one batch. Returns the receipts that were decided, and those that wait for the next batch."""
    with arriving(synced) as arrival:
        # before the transaction: it holds nothing up while files are read
        reports = {number: arrival.take(number, r) for number, r in reading}
        return _decided(connection, synced, reports, arrival, held)


def _decided(connection: psycopg.Connection[Any], synced: Synced, reports: dict[int, Report], arrival: Arrival,
             held: bool) -> tuple[dict[int, Report], set[int]]:
    with connection.transaction():
        connection.execute(LEDGER_LOCK)
        mine = dict(connection.execute("""
            select receipt_id, status from intake.receipt
            where receipt_id = any(%s) and (status = any(%s)) for update""",
            [list(reports), ["returned", "quarantined"] if held else ["pending"]]).fetchall())
        waits = waive.ended_since(connection, {number: r for number, r in reports.items() if number in mine})
        reports = {number: r for number, r in reports.items() if number in mine and number not in waits}
        arrival.tell(connection, reports)
        waits |= set(contend(connection, arrival, reports))
        before = _findings(connection, list(reports)) if held else {}
        # a replay that finds what was found before is no act
        reports = {number: r for number, r in reports.items() if number not in waits
                   and not (held and (r.status, r.findings) == (mine[number], before.get(number, [])))}
        if held:
            connection.execute("insert into intake.ledger (act, receipt_id) select 'replayed', unnest(%s::integer[])",
                               [sorted(reports)])
        decisions = dict(connection.execute("""
            select receipt_id, count(*) from intake.ledger
            where receipt_id = any(%s) and act in ('accepted', 'returned', 'quarantined') group by 1""",
            [list(reports)]).fetchall())
        accepted = [number for number, r in reports.items() if r.status == "accepted"]
        arrival.load(connection, accepted)
        with connection.cursor().copy("""
                copy intake.finding (receipt_id, decision, ordinal, rule, rule_version, kind, sheet, cell, unit_id, message_vi,
                    message_en, waiver_id) from stdin""") as out:
            for number, r in reports.items():
                for ordinal, f in enumerate(r.findings, start=1):
                    out.write_row((number, decisions.get(number, 0) + 1, ordinal, f.rule, f.rule_version, f.kind, f.sheet, f.cell,
                                   synced.unit[f.unit] if f.unit else None, f.message_vi, f.message_en, f.waiver))
        connection.execute("update arrived set status = 'returned' where status = 'accepted' and receipt_id <> all(%s)",
                           [accepted])
        _settle(connection, list(reports))
    return reports, waits


def _settle(connection: psycopg.Connection[Any], decided: list[int]) -> None:
    """State and ledger of the decided receipts: fingerprints, and what the newer reports supersede."""
    connection.execute("""
        update intake.receipt r
        set status = a.status, form_code = a.form_code, form_version = a.form_version, unit_id = a.unit_id,
            period_id = a.period_id, scope = a.scope, is_nil = a.is_nil, catalogue_id = a.catalogue_id, unanswered = true,
            cells = case when a.status = 'accepted'
                         then (select coalesce(sum(cardinality(l.figures)), 0) from intake.line l
                               where l.receipt_id = r.receipt_id) end,
            cells_sha256 = case when a.status = 'accepted' then intake.fingerprint(r.receipt_id) end
        from arrived a
        where a.receipt_id = r.receipt_id and r.receipt_id = any(%s)""", [decided])
    connection.execute("""
        insert into intake.ledger (act, receipt_id, cells, cells_sha256)
        select status, receipt_id, cells, cells_sha256 from intake.receipt
        where receipt_id = any(%s) order by receipt_id""", [decided])
    # of several reports for the same sender, form, period and scope only the last stands; an older one that a replay accepts
    # stands no more than if it had been accepted at once, even where the newer was withdrawn since
    connection.execute("""
        insert into intake.ledger (act, receipt_id, by_receipt_id)
        select 'superseded', older.receipt_id, min(newer.receipt_id)
        from intake.receipt older
        join intake.receipt newer on (newer.unit_id, newer.form_code, newer.period_id, newer.scope)
                                   = (older.unit_id, older.form_code, older.period_id, older.scope)
        where older.status = 'accepted' and newer.status in ('accepted', 'withdrawn') and newer.receipt_id > older.receipt_id
          and (newer.receipt_id = any(%s) or older.receipt_id = any(%s))
          and not exists (select from intake.ledger l where l.receipt_id = older.receipt_id and l.act = 'superseded')
        group by older.receipt_id order by older.receipt_id""", [decided, decided])


def _give(settings: Settings, connection: psycopg.Connection[Any], pool: Pool, answers: list[Answer]) -> None:
    """What the senders get: each answer as text, and for a report that was not accepted a workbook to mend."""
    settings.answers.mkdir(parents=True, exist_ok=True, mode=0o700)
    for answer in answers:
        assert answer.receipt
        book, sent = answer_book(settings, answer.receipt), original(settings, answer.sha256)
        # an answer given late may be to a report that was withdrawn since, or to a file whose retention is over
        if answer.status in ("returned", "quarantined") and sent.exists():
            _write(book, pool.returned(answer, sent))
        elif book.exists():
            book.unlink()  # of an earlier decision
        _write(settings.answers / f"{answer.receipt}.txt", answer.as_text().encode())
    with connection.transaction():
        connection.execute("update intake.receipt set unanswered = false where receipt_id = any(%s)",
                           [[receipt_number(answer.receipt or "") for answer in answers]])


def answer_book(settings: Settings, receipt: str) -> Path:
    """Where the workbook lies that goes back for a receipt; it holds all that the original does."""
    return settings.answers / f"{receipt}.xlsx"


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    part.rename(path)
