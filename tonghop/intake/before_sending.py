"""The answer before sending: what `submit` would answer to files, and which rules still wait for other reports.

Without a warehouse, files are checked against every rule that the file and the catalogue decide, by the code that decides them on
receipt. With a warehouse, the rules that compare with other reports are checked as well, against what those reports contain now.
Nothing is stored, and what arrives in between may change the answer.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp
from typing import Any

import psycopg

from tonghop.base.days import today
from tonghop.base.findings import Finding
from tonghop.base.settings import Settings
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.evaluate import NOT_APPLICABLE, Outcome, decide, total
from tonghop.catalogue.forms import ALL_ROWS, Rule, Term
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.intake import waive
from tonghop.intake.answer import Answer
from tonghop.intake.batch import new_batch
from tonghop.intake.pool import Pool
from tonghop.intake.receive import called, members
from tonghop.intake.two_senders import contend
from tonghop.reading.figures import Money, TermValue, broken
from tonghop.reading.report import Report
from tonghop.templates.plan import previous

# built-in rules that need the warehouse; the catalogue's are those that a report alone does not decide
FROM_RECEIPT = ("row.taken",)
# a figure's table, indicator, unit, row, period and scope; a blank figure has no entry
_Key = tuple[str, str, str, str, int, str]
_Values = dict[_Key, Decimal]


def precheck(
    settings: Settings,
    paths: list[Path],
    connection: psycopg.Connection[Any] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Answer]:
    """The answers to files, or members of a .zip, in order; with a connection the rules over other reports are checked too."""
    catalogue = load_catalogue(settings.catalogue)
    answers = []
    with TemporaryDirectory() as folder, Pool(catalogue, settings) as pool:
        files = [file for path in paths for file in _apart(settings, path, Path(folder))]
        for (name, path), report in zip(files, pool.reports(files), strict=True):
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if connection:
                report = _against(connection, catalogue, report)
            answer = Answer.to(report, name, sha256)
            answers.append(answer if connection else replace(answer, on_receipt=on_receipt(report)))
            progress(len(answers), len(files))
    return answers


def _apart(settings: Settings, path: Path, folder: Path) -> list[tuple[str, Path]]:
    """A file by its name; of an archive each member, unpacked into a folder."""
    parts = members(settings, path)
    if parts is None:
        return [(called(path), path)]
    unpacked = []
    for name, content in parts:
        descriptor, target = mkstemp(dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        unpacked.append((called(path, name), Path(target)))
    return unpacked


def on_receipt(report: Report) -> tuple[str, ...]:
    """The codes of the rules that wait for other reports; none where it is not known what the report is."""
    if report.form is None or report.period is None or not report.readable:
        return ()
    return (*FROM_RECEIPT, *dict.fromkeys(rule.check.rule for rule in _later(report)))


def _later(report: Report) -> list[Rule]:
    assert report.form
    assert report.period
    return [rule for rule in report.form.rules if not rule.on_arrival and rule.check.in_force(report.period)]


# --- with the warehouse ------------------------------------------------------------------------------------------


class _Undo(Exception):
    """Rolls a transaction back."""


def _against(connection: psycopg.Connection[Any], catalogue: Catalogue, report: Report) -> Report:
    """The report with waivers applied, and with the findings that follow from other reports."""
    waivers = waive.in_force(connection, [])
    report = replace(waivers, received={0: today()}).applied(0, report)
    if report.status != "accepted" or report.nil:
        return report
    try:
        with connection.transaction(), new_batch(sync(catalogue, connection)) as batch:
            batch.take(0, replace(report, lines=list(report.lines)))
            batch.describe(connection, {0: report})
            contend(connection, batch, {0: report})
            raise _Undo
    except _Undo:
        pass
    report.findings += _consistency(connection, catalogue, report)
    return report


def _consistency(connection: psycopg.Connection[Any], catalogue: Catalogue, report: Report) -> list[Finding]:
    """A finding for every rule over other reports that this report breaks, as far as all its figures are known."""
    assert report.period
    assert report.scope
    rules, period, money = _later(report), report.period, report.money or Money.named(catalogue, None)
    own = {(c.table, c.indicator, c.unit, c.row, period.period_id, report.scope): c for c in report.cells}
    subjects = dict.fromkeys((c.unit, c.row) for c in report.cells)
    below = {unit: _below(catalogue, unit, period) for unit in dict.fromkeys(unit for unit, _ in subjects)}
    indicators = {term.indicator for rule in rules for term in rule.terms}
    known = _known(
        connection,
        report,
        indicators,
        {u for line in below.values() for u in line},
        [period, *previous(catalogue, period), *_months(catalogue, period)],
    )
    for key, cell in own.items():
        known.pop(key, None)
        if cell.figure is not None:
            known[key] = cell.figure
    found = []
    for unit, row in subjects:
        version = catalogue.version(unit, period.ends_on)
        for rule in rules:
            places = [
                own[key]
                for t in rule.terms
                if t.at == "same"
                if (key := (t.table, t.indicator, unit, row, period.period_id, report.scope)) in own
            ]
            levels = rule.check.levels
            if not places or (levels and (version is None or not version.is_at(levels))):
                continue
            values = [_term(term, (unit, row), report, catalogue, known, below[unit]) for term in rule.terms]
            if decide(rule, values) is Outcome.BROKEN:
                cells = {(c.table, c.indicator): c.cell for c in places}
                figures = [
                    TermValue(term, value, cells.get((term.table, term.indicator)) if term.at == "same" else None)
                    for term, value in zip(rule.terms, values, strict=True)
                ]
                found.append(broken(rule, figures, unit, places[0].sheet, list(cells.values()), money, catalogue))
    return found


def _term(
    term: Term, subject: tuple[str, str], report: Report, catalogue: Catalogue, known: _Values, below: list[str]
) -> Decimal | None:
    """The value of a term, from this report or another; None where nobody has given it."""
    assert report.period
    assert report.scope
    unit, row = subject
    period, scope = report.period, report.scope

    def value(of: str, on: Period, in_: str, row: str = row) -> Decimal | None:
        return known.get((term.table, term.indicator, of, row, on.period_id, in_))

    if term.at == "same":
        return value(unit, period, scope)
    if term.at == "elsewhere":
        beside = value(unit, period, scope)
        return value(unit, period, scope, ALL_ROWS.code) if beside is None else beside
    if term.at == "previous":
        if not catalogue.goes_on(unit, period):
            return None
        return next((found for p in previous(catalogue, period) if (found := value(unit, p, scope)) is not None), None)
    if term.at == "months":
        months = [found for p in _months(catalogue, period) if (found := value(unit, p, scope)) is not None]
        return _sum(months) if len(months) == 3 else None
    if scope != "rollup":
        return None
    own = {u: found for u in below if (found := value(u, period, "own")) is not None and not found.is_nan()}
    return total(own.values()) if own.keys() - {unit} else None


def _sum(values: list[Decimal]) -> Decimal:
    """The sum of the values that are applicable; NOT_APPLICABLE where none is."""
    applicable = [value for value in values if not value.is_nan()]
    return total(applicable) if applicable else NOT_APPLICABLE


def _known(
    connection: psycopg.Connection[Any], report: Report, indicators: set[str], units: set[str], periods: list[Period]
) -> _Values:
    """The figures of accepted reports that no other superseded, without those of the report that this one would supersede."""
    assert report.form
    assert report.sender
    assert report.period
    rows = connection.execute(
        """
        select i.table_code, i.field_code, u.unit_key, w.row_code, c.period_id, c.scope, c.value
        from intake.cell c
        join intake.receipt r using (receipt_id)
        join catalogue.unit sender on sender.unit_id = r.unit_id
        join catalogue.unit u on u.unit_id = c.unit_id
        join catalogue.indicator i using (indicator_id)
        join catalogue.form_row w using (row_id)
        where r.status = 'accepted' and c.state <> 'blank'
          and not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'superseded')
          and (sender.unit_key, r.form_code, r.period_id, r.scope) <> (%s, %s, %s, %s)
          and c.period_id = any(%s) and u.unit_key = any(%s) and i.field_code = any(%s)""",
        [
            report.sender.unit,
            report.form.code,
            report.period.period_id,
            report.scope,
            [p.period_id for p in periods],
            list(units),
            list(indicators),
        ],
    ).fetchall()
    connection.commit()
    return {tuple(key): NOT_APPLICABLE if value is None else value for *key, value in rows}


def _months(catalogue: Catalogue, period: Period) -> Iterator[Period]:
    """The months of a quarter."""
    return (
        p
        for p in catalogue.period.values()
        if (p.scheme, p.type, period.type) == (period.scheme, "M", "Q")
        and period.starts_on <= p.starts_on
        and p.ends_on <= period.ends_on
    )


def _below(catalogue: Catalogue, unit: str, period: Period) -> list[str]:
    """The unit and all below it at the period's end."""
    on = period.ends_on
    return [u.unit for u in catalogue.units if u.valid_from <= on <= u.valid_to and unit in catalogue.above(u.unit, on)]
