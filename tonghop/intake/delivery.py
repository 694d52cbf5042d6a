"""Answers on their way to the senders: written as files, and read back from the warehouse."""

from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.codes import receipt_code, receipt_number
from tonghop.base.files import sweep, write_whole
from tonghop.base.findings import Finding
from tonghop.base.settings import Settings
from tonghop.intake.answer import Answer
from tonghop.intake.pool import Pool
from tonghop.intake.receive import original
from tonghop.reading.report import Read
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR


def answers_of(settings: Settings, receipt_ids: list[int]) -> dict[int, Answer]:
    """The answers to receipts as the warehouse has them, by receipt."""
    with connect(settings, AUDITOR) as connection:
        receipts = connection.execute(
            """
            select r.receipt_id, r.file_name, r.sha256, r.status, r.form_code, u.code, p.code, u.name, r.read, l.by_receipt_id
            from intake.receipt r
            left join intake.ledger l on l.receipt_id = r.receipt_id and l.act = 'superseded'
            left join catalogue.period p using (period_id)
            left join catalogue.unit_version u on u.unit_id = r.unit_id and u.catalogue_id = r.catalogue_id
                and p.ends_on between u.valid_from and u.valid_to
            where r.receipt_id = any(%s)""",
            [receipt_ids],
        ).fetchall()
        findings = findings_of(connection, receipt_ids)

    def book(number: int) -> str | None:
        path = answer_book(settings, receipt_code(number))
        return str(path) if path.exists() else None

    return {
        number: Answer(
            name,
            receipt_code(number),
            sha,
            status,
            form,
            unit,
            period,
            unit_name,
            findings.get(number, []),
            book(number),
            superseded_by=receipt_code(later) if later else None,
            read=Read.of(read) if read else Read(),
        )
        for number, name, sha, status, form, unit, period, unit_name, read, later in receipts
    }


def findings_of(connection: psycopg.Connection[Any], receipts: list[int]) -> dict[int, list[Finding]]:
    """What was found when each receipt was last decided."""
    findings: dict[int, list[Finding]] = {}
    for receipt_id, cells, *rest in connection.execute(
        """
            select f.receipt_id, f.cells, f.rule, f.kind, f.sheet, f.cell, f.message_vi, f.message_en, u.unit_key, f.rule_version,
                   f.waiver_id, f.figures_vi, f.figures_en
            from intake.finding f left join catalogue.unit u using (unit_id)
            where f.receipt_id = any(%s) and f.decision = (
                select count(*) from intake.ledger l
                where l.receipt_id = f.receipt_id and l.act in ('accepted', 'returned', 'quarantined'))
            order by f.receipt_id, f.ordinal""",
        [receipts],
    ):
        findings.setdefault(receipt_id, []).append(Finding(*[*rest, tuple(cells)]))
    return findings


def give(settings: Settings, connection: psycopg.Connection[Any], pool: Pool, answers: list[Answer]) -> None:
    """What the senders get: each answer as text, and for a report that was not accepted a workbook to mend."""
    settings.answers.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(settings.answers)
    for answer in answers:
        assert answer.receipt
        book, sent = answer_book(settings, answer.receipt), original(settings, answer.sha256)
        # an answer given late may be to a report that was withdrawn since, or to a file whose retention is over
        if answer.status in ("returned", "quarantined") and sent.exists():
            write_whole(book, pool.returned(answer, sent))
        else:
            book.unlink(missing_ok=True)  # of an earlier decision
        write_whole(settings.answers / f"{answer.receipt}.txt", answer.as_text().encode())
    with connection.transaction():
        connection.execute(
            "update intake.receipt set unanswered = false where receipt_id = any(%s)",
            [[receipt_number(answer.receipt or "") for answer in answers]],
        )


def answer_book(settings: Settings, receipt: str) -> Path:
    """The path of the workbook that goes back for a receipt; it contains all figures of the original."""
    return settings.answers / f"{receipt}.xlsx"
