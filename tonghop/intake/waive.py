"""Waivers: leave to report figures that break one identity, for one unit and one period, given by an office above the unit.

A waiver is an act in the ledger, and so is its end. It lets a report pass that is decided in between and was received by the
waiver's last day; the finding stays and names the waiver. A report that it let pass stays accepted when it ends.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tonghop.base.codes import waiver_code
from tonghop.base.settings import Settings
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.reading.report import Report
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

_ENDED = "exists (select from intake.ledger l where l.waiver_id = w.waiver_id and l.act = 'waiver_ended')"
_TODAY = "ctl.local_day(now())"


def waive(settings: Settings, rule: str, unit: str, period: str, reason: str, office: str, until: date) -> int:
    """Give a waiver; returns its number. unit and office are unit codes, borne at the end of the period.

    Raises ValueError where the rule is no identity in force for the period, a code is unknown, the office is not above the
    unit, the last day is past, no reason is given, or a waiver for the same is in force that long already.
    """
    if not reason.strip():
        raise ValueError("a waiver needs a reason")
    catalogue = load_catalogue(settings.catalogue)
    when = _period(catalogue, rule, period)
    on = f"on {when.ends_on}, the end of {period}"
    subject, above = catalogue.unit_by_code(unit, when.ends_on), catalogue.unit_by_code(office, when.ends_on)
    if subject is None or above is None:
        raise ValueError(f"no unit has the code {unit if subject is None else office} {on}")
    if above.unit not in catalogue.above(subject.unit, when.ends_on)[1:]:
        raise ValueError(f"{office} {above.name} is not above {unit} {subject.name} {on}: it cannot waive a rule for it")
    with connect(settings) as connection:
        synced = sync(catalogue, connection)
        with connection.transaction():
            locks.take(connection, "ledger")
            if (today := _one(connection, f"select {_TODAY}")) > until:
                raise ValueError(f"{until} is past: today is {today}")
            key = [rule, synced.unit[subject.unit], when.period_id]
            already = connection.execute(
                f"""
                select w.waiver_id from intake.waiver w
                where (w.rule, w.unit_id, w.period_id) = (%s, %s, %s) and w.valid_to >= %s and not {_ENDED}""".encode(),
                [*key, until],
            ).fetchone()
            if already:
                raise ValueError(f"{waiver_code(already[0])} waives that already")
            number: int = _one(
                connection,
                """
                insert into intake.waiver (rule, unit_id, period_id, reason, office_id, valid_to) values (%s, %s, %s, %s, %s, %s)
                returning waiver_id""",
                *key,
                reason.strip(),
                synced.unit[above.unit],
                until,
            )
            connection.execute("insert into intake.ledger (act, waiver_id) values ('waived', %s)", [number])
    return number


def end(settings: Settings, waiver_id: int, reason: str) -> None:
    """End a waiver before its last day. Raises ValueError where it is unknown or was ended, or where no reason is given."""
    if not reason.strip():
        raise ValueError("the end of a waiver needs a reason")
    with connect(settings) as connection, connection.transaction():
        locks.take(connection, "ledger")
        found = connection.execute(f"select {_ENDED} from intake.waiver w where waiver_id = %s".encode(), [waiver_id]).fetchone()
        if found is None or found[0]:
            code = waiver_code(waiver_id)
            raise ValueError(f"{code} was ended already" if found else f"there is no waiver {code}")
        connection.execute(
            "insert into intake.ledger (act, waiver_id, reason) values ('waiver_ended', %s, %s)", [waiver_id, reason.strip()]
        )


def waivers(settings: Settings) -> list[dict[str, Any]]:
    """Every waiver ever given, the newest first, with the reports that it let pass. `state`: in force, expired or ended."""
    with connect(settings, AUDITOR) as connection:
        return (
            connection.cursor(row_factory=dict_row)
            .execute(
                f"""
            select w.waiver_id as waiver, case when {_ENDED} then 'ended' when w.valid_to < {_TODAY} then 'expired'
                   else 'in force' end as state, w.rule, u.code as unit, p.code as period, o.code as office, w.valid_to as until,
                   w.reason, given.at as given_at,
                   (select count(distinct f.receipt_id) from intake.finding f where f.waiver_id = w.waiver_id) as reports
            from intake.waiver w
            join catalogue.period p using (period_id)
            join intake.ledger given on given.waiver_id = w.waiver_id and given.act = 'waived'
            left join catalogue.unit_version u on u.unit_id = w.unit_id and p.ends_on between u.valid_from and u.valid_to
                and u.catalogue_id = (select max(catalogue_id) from catalogue.version)
            left join catalogue.unit_version o on o.unit_id = w.office_id and p.ends_on between o.valid_from and o.valid_to
                and o.catalogue_id = u.catalogue_id
            order by w.waiver_id desc""".encode()
            )
            .fetchall()
        )


@dataclass(frozen=True)
class InForce:
    """The waivers in force by (rule, unit, period), each its number and last day, and the day on which each receipt came in."""

    waivers: dict[tuple[str, str, int], tuple[int, date]]
    received: dict[int, date]

    def applied(self, number: int, report: Report) -> Report:
        """The report of a receipt, its broken identities marked where a waiver lets them pass."""
        if report.period is None or not self.waivers:
            return report
        for i, f in enumerate(report.findings):
            waiver, until = self.waivers.get((f.rule, f.unit or "", report.period.period_id), (0, date.min))
            if f.kind == "identity" and self.received[number] <= until:
                report.findings[i] = replace(f, waiver=waiver)
        return report


def in_force(connection: psycopg.Connection[Any], receipts: list[int]) -> InForce:
    """The waivers in force now, for receipts about to be decided."""
    rows = connection.execute(
        f"""
        select w.rule, u.unit_key, w.period_id, w.waiver_id, w.valid_to from intake.waiver w join catalogue.unit u using (unit_id)
        where not {_ENDED} order by w.valid_to""".encode()
    ).fetchall()
    received = connection.execute(
        "select receipt_id, ctl.local_day(received_at) from intake.receipt where receipt_id = any(%s)",
        [receipts],
    ).fetchall()
    connection.commit()
    # of several the one that lasts longest
    return InForce({(rule, unit, period): (number, until) for rule, unit, period, number, until in rows}, dict(received))


def ended_since(connection: psycopg.Connection[Any], reports: dict[int, Report]) -> set[int]:
    """The receipts whose waiver was ended while they were being read: nothing may be decided by it any more."""
    used = {number: {f.waiver for f in r.findings if f.waiver} for number, r in reports.items()}
    ended = {
        row[0]
        for row in connection.execute(
            "select waiver_id from intake.ledger where act = 'waiver_ended' and waiver_id = any(%s)",
            [list(set().union(*used.values()))],
        )
    }
    return {number for number, waivers in used.items() if waivers & ended}


def _period(catalogue: Catalogue, rule: str, period: str) -> Period:
    """The period of a code under the cut-off scheme of the rule's form, where the rule is an identity in force for it."""
    found = [(form, check) for form in catalogue.forms for check in form.checks if check.rule == rule]
    if not found:
        raise ValueError(f"there is no rule {rule} in the catalogue")
    if all(check.kind != "identity" for _, check in found):
        raise ValueError(f"{rule} is no identity: it returns no report, so there is nothing to waive")
    for form, check in found:
        when = catalogue.period.get((form.scheme, period))
        if when and check.kind == "identity" and check.in_force(when) and form in catalogue.versions_of(form.code, when):
            return when
    raise ValueError(f"{rule} is not in force for {period}")


def _one(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    assert row
    return row[0]
