"""The acts in the ledger between two releases, by which a fact of a figure came, changed or went."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg.rows import class_row

from tonghop.base.codes import receipt_code
from tonghop.queries import figure as fig
from tonghop.queries.figure import AskedRelease, Fact, Figure

Kind = Literal[
    "late_report",
    "new_report",
    "unowed_report",
    "correction",
    "withdrawal",
    "reorganisation",
    "form_change",
    "rule_change",
    "unit_change",
]
# what is found in a file whose units are not those of the catalogue
UNIT_RULES = (
    "head.unit",
    "head.unit_name",
    "head.name",
    "head.code_reused",
    "row.unit",
    "row.not_below",
    "row.name",
    "row.code_reused",
    "table.level",
)


class _Receipt(NamedTuple):
    receipt_id: int
    sender_id: int
    file_name: str
    form_code: str
    period_id: int
    scope: str
    received_at: datetime


class _Act(NamedTuple):
    seq: int
    act: str
    receipt_id: int
    by_receipt_id: int | None
    reason: str | None


class Acts:
    """The acts between two releases on the reports in question, and on those that they superseded."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        old: AskedRelease,
        new: AskedRelease,
        figure: Figure,
        reported: set[tuple[int, int]],
    ) -> None:
        units, submissions = [unit for unit, _ in reported], [submission for _, submission in reported]
        self._old, self._new = old.cutoff_seq, new.cutoff_seq
        with connection.cursor(row_factory=class_row(_Receipt)) as cursor:
            self.receipts = {
                receipt.receipt_id: receipt
                for receipt in cursor.execute(
                    """
                select r.receipt_id, r.unit_id as sender_id, r.file_name, r.form_code, r.period_id, r.scope, r.received_at
                from intake.receipt r
                join (select distinct unit_id, form_code, period_id, scope from intake.receipt where receipt_id = any(%s)) s
                    using (unit_id, form_code, period_id, scope)
                where r.status in ('accepted', 'withdrawn')""",
                    [submissions],
                )
            }
        self._of: dict[int, list[_Act]] = defaultdict(list)
        with connection.cursor(row_factory=class_row(_Act)) as cursor:
            for act in cursor.execute(
                """
                    select seq, act, receipt_id, by_receipt_id, reason from intake.ledger
                    where receipt_id = any(%s) and seq <= %s order by seq""",
                [sorted(self.receipts), new.cutoff_seq],
            ):
                self._of[act.receipt_id].append(act)
        self._senders: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for number, receipt in sorted(self.receipts.items()):
            self._senders[self._sender(receipt)].append(number)
        # units that owed the report, and whether it was in time, as the mart decided it by their first report that was not
        # withdrawn: it may be an older one
        self._in_time: dict[int, bool] = dict(
            connection.execute(
                """
            select q.unit_id, coalesce(q.is_on_time, true) from in_release.fct_reporting(%(release)s) q
            where q.unit_id = any(%(units)s) and q.period_id = %(period_id)s and q.table_code = %(table_code)s and q.is_owed
                and q.scope = case %(basis)s when 'summed' then 'own' else 'rollup' end""",
                {"units": units, "release": new.release_id, **figure.__dict__},
            ).fetchall()
        )
        # those that had been held for their units alone, none for a rule of the catalogue
        self._held_for_units = {
            row[0]
            for row in connection.execute(
                """
            select f.receipt_id from intake.finding f
            where f.receipt_id = any(%s) and f.waiver_id is null
            group by f.receipt_id having bool_or(f.rule = any(%s)) and not bool_or(f.kind = 'identity')""",
                [sorted(self.receipts), list(UNIT_RULES)],
            )
        }

    def reasons(
        self,
        was: dict[tuple[int, int], Fact],
        now: dict[tuple[int, int], Fact],
        unit_id: int,
        indicator_id: int,
        indicators: set[int],
        before: Decimal,
        after: Decimal,
    ) -> Iterable[tuple[Kind, tuple[int, ...], Decimal]]:
        """Why one fact adds something else: kind, receipts and amount."""
        if before == after:
            return
        a, b = was.get((unit_id, indicator_id)), now.get((unit_id, indicator_id))
        if a and b and a.submission_id == b.submission_id:
            # this fact did not change: another term of the rate came or went, so that the unit began or ceased to count
            a, b = next(
                (
                    pair
                    for other in sorted(indicators)
                    if (pair := (was.get((unit_id, other)), now.get((unit_id, other))))[0] != pair[1]
                ),
                (a, b),
            )
        old, new = a and a.submission_id, b and b.submission_id
        if old == new:
            raise fig.DoesNotAddUp(f"a fact of {receipt_code(old or 0)} counts otherwise, and no act explains it")
        if old is None:
            assert new
            yield (*self._came(unit_id, new), after - before)
            return
        chain = self._replaced_by(old)
        withdrawn = self._act(chain[-1], "withdrawn")
        if new in chain[1:]:
            yield "correction", (old, new), after - before
            return
        if not withdrawn and len(chain) == 1:
            raise fig.DoesNotAddUp(f"{receipt_code(old)} counts no more, and no act explains it")
        yield "withdrawal" if withdrawn else "correction", tuple(dict.fromkeys((old, chain[-1]))), -before
        if new:
            yield (*self._came(unit_id, new), after)

    def detail(self, kind: Kind, receipts: tuple[int, ...]) -> str:
        """The reason that was given for a withdrawal; nothing for other acts."""
        act = self._act(receipts[-1], "withdrawn") if kind == "withdrawal" else None
        return (act.reason or "") if act else ""

    def _came(self, unit_id: int, new: int) -> tuple[Kind, tuple[int, ...]]:
        # a correction may name units and rows that the report which it replaces did not
        for older in self._senders[self._sender(self.receipts[new])]:
            if older < new and self._counted(older) and new in self._replaced_by(older):
                return "correction", (older, new)
        if self._act(new, "replayed"):
            return ("unit_change" if new in self._held_for_units else "rule_change"), (new,)
        if unit_id not in self._in_time:
            return "unowed_report", (new,)
        return ("new_report" if self._in_time[unit_id] else "late_report"), (new,)

    def _counted(self, receipt: int) -> bool:
        """Whether a report counted in the earlier release."""
        acts = {act.act for act in self._of[receipt] if act.seq <= self._old}
        return "accepted" in acts and not acts & {"superseded", "withdrawn"}

    def _act(self, receipt: int, name: str) -> _Act | None:
        return next((act for act in self._of[receipt] if act.act == name and act.seq > self._old), None)

    def _replaced_by(self, receipt: int) -> list[int]:
        """A report, what superseded it, what superseded that, and so on."""
        chain = [receipt]
        while act := next((a for a in self._of[chain[-1]] if a.act == "superseded"), None):
            assert act.by_receipt_id
            chain.append(act.by_receipt_id)
        return chain

    @staticmethod
    def _sender(receipt: _Receipt) -> tuple[Any, ...]:
        return receipt.sender_id, receipt.form_code, receipt.period_id, receipt.scope
