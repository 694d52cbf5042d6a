"""Why a published figure changed between two releases: every reason with its amount and its receipts; they add up exactly.

The way from one release to the other is walked in three steps, each counted at what stood before it:

    the tree        what the facts of the earlier release give on the later tree, less what they gave   -> reorganisation
    the form        the same facts by the later catalogue's indicator or terms of the rate              -> form change
    the reports     each fact that came, changed or went, on the later tree and form                    -> the acts in the ledger

So a unit that moved and was corrected on the way counts where it stands now, first with what it had said.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg.rows import class_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries.figure import HELD, Amounts, Asked, Basis, Fact, Figure, Tree

Kind = Literal["late_report", "new_report", "correction", "withdrawal", "reorganisation", "form_change", "rule_change"]
WORDS: dict[Kind, tuple[str, str]] = {
    "late_report": ("báo cáo nộp muộn", "late report"),
    "new_report": ("báo cáo nộp đúng hạn, sau bản trước", "report in time, after the earlier release"),
    "correction": ("báo cáo sửa lại", "correction"),
    "withdrawal": ("báo cáo rút lại", "withdrawal"),
    "reorganisation": ("sắp xếp đơn vị", "reorganisation"),
    "form_change": ("biểu mẫu thay đổi", "form change"),
    "rule_change": ("nhận lại sau khi đổi quy tắc hoặc cho phép", "accepted after a rule was changed or waived"),
}


@dataclass(frozen=True)
class Reason:
    """Part of a difference. `unit` is the sender, or the unit that moved; `from_parent` and `to_parent` tell where."""

    part: str
    kind: Kind
    amount: Decimal
    unit: str
    name: str
    receipts: tuple[str, ...]
    files: tuple[str, ...]
    units: int
    said: str = ""  # why it was withdrawn; where it stood and stands; which catalogues
    unit_ids: frozenset[int] = field(default=frozenset(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """The reason as JSON values, with its words."""
        vi, en = WORDS[self.kind]
        shown = {key: value for key, value in self.__dict__.items() if key != "unit_ids"}
        return {**shown, "vi": vi, "en": en}


@dataclass(frozen=True)
class Explanation:
    """A figure in two releases, and reasons that add up to the difference of each part: `explain` raises otherwise."""

    figure: Figure
    from_release: int
    to_release: int
    before: Amounts
    after: Amounts
    # by part: value, or numerator and denominator; where nothing stood it counts from nothing
    difference: dict[str, Decimal]
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        """The whole answer as JSON values."""
        return {
            "figure": self.figure.as_json(),
            "from": {"release": self.from_release, **self.before},
            "to": {"release": self.to_release, **self.after},
            "difference": self.difference,
            "adds_up": True,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


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


class _Line(NamedTuple):
    """What reasons are gathered by."""

    part: str
    kind: Kind
    unit_id: int
    receipts: tuple[int, ...]
    said: str


def explain(
    settings: Settings,
    unit: str,
    code: str,
    period: str,
    earlier: int,
    later: int,
    row: str | None = None,
    basis: Basis | None = None,
    tree: Tree | None = None,
) -> Explanation:
    """Why a figure is not what it was; with a tree, a figure restated on it, in each release as that knows the tree.

    Raises UnknownFigure where neither release knows it, ValueError where the releases are not in order, and DoesNotAddUp
    where the reasons do not make the difference.
    """
    if earlier >= later:
        raise ValueError("give the earlier release first")
    with fig.asking(settings) as connection:
        old, new = fig.release(connection, earlier), fig.release(connection, later)
        return between(connection, old, new, _find(connection, old, new, unit, code, period, row, basis, tree), tree)


def between(connection: psycopg.Connection[Any], old: Asked, new: Asked, figure: Figure, tree: Tree | None = None) -> Explanation:
    """The same of a figure that has been found, on a connection of the caller's."""
    was_on, now_on = (fig.on_tree(connection, at, figure, tree) for at in (old, new))
    before, after = fig.published(connection, old, was_on), fig.published(connection, new, now_on)
    old_terms, new_terms = fig.terms(connection, old, figure), fig.terms(connection, new, figure)
    old_tree, new_tree = fig.standing(connection, old, was_on), fig.standing(connection, new, now_on)
    indicators = {term.indicator_id for term in (*old_terms, *new_terms)}
    was = fig.facts(connection, old, figure, old_tree.keys() | new_tree.keys(), indicators)
    now = fig.facts(connection, new, figure, old_tree.keys() | new_tree.keys(), indicators)

    start = fig.contributions(was, old_tree, old_terms)
    moved = fig.contributions(was, new_tree, old_terms)
    formed = fig.contributions(was, new_tree, new_terms)
    end = fig.contributions(now, new_tree, new_terms)
    fig.hold(old, figure, before, start)
    fig.hold(new, figure, after, end)

    lines: dict[_Line, Decimal] = defaultdict(Decimal)
    units: dict[_Line, set[int]] = defaultdict(set)

    def count(line: _Line, unit_id: int, amount: Decimal) -> None:
        if amount:
            lines[line] += amount
            units[line].add(unit_id)

    tops: _Tops | _Landings
    if tree is None:
        tops = _Tops(connection, old, new, figure, set(old_tree), set(new_tree))
    else:
        tops = _Landings(connection, ((old, was_on), (new, now_on)), old_tree.keys() | new_tree.keys())
    for key in start.keys() | moved.keys():
        part, unit_id, _ = key
        if amount := moved.get(key, Decimal(0)) - start.get(key, Decimal(0)):
            count(_Line(part, "reorganisation", *tops.of(unit_id)), unit_id, amount)
    catalogues = f"{old.catalogue_id} → {new.catalogue_id}"
    for key in moved.keys() | formed.keys():
        part, unit_id, _ = key
        count(
            _Line(part, "form_change", figure.unit_id, (), catalogues),
            unit_id,
            formed.get(key, Decimal(0)) - moved.get(key, Decimal(0)),
        )
    changed = [key for key in formed.keys() | end.keys() if formed.get(key) != end.get(key)]
    reported = {
        (unit_id, known[unit_id, indicator_id].submission_id)
        for _, unit_id, _ in changed
        for known in (was, now)
        for indicator_id in indicators
        if (unit_id, indicator_id) in known
    }
    acts = _Acts(connection, old, new, figure, reported)
    for key in changed:
        part, unit_id, indicator_id = key
        for kind, receipts, amount in acts.reasons(
            was, now, unit_id, indicator_id, indicators, formed.get(key, Decimal(0)), end.get(key, Decimal(0))
        ):
            sender = acts.receipts[receipts[-1]].sender_id
            count(_Line(part, kind, sender, tuple(sorted(receipts)), acts.said(kind, receipts)), unit_id, amount)

    names = _names(connection, old, new, figure, {line.unit_id for line in lines})
    reasons = tuple(
        Reason(
            line.part,
            line.kind,
            amount,
            *names[line.unit_id],
            tuple(map(receipt_code, line.receipts)),
            tuple(acts.receipts[r].file_name for r in line.receipts),
            len(units[line]),
            line.said,
            frozenset(units[line]),
        )
        for line, amount in sorted(lines.items(), key=lambda item: (item[0].part != "numerator", -abs(item[1]), item[0]))
        if amount
    )
    difference = {
        part: (after[part] or Decimal(0)) - (before[part] or Decimal(0))
        for part in after
        if part != "value" or figure.indicator_id is not None
    }
    for part, amount in difference.items():
        if (found := sum((reason.amount for reason in reasons if reason.part == part), Decimal(0))) != amount:
            raise fig.DoesNotAddUp(
                f"{part} of {figure.code} of {figure.unit} in {figure.period} changed by {amount}; the reasons make {found}"
            )
    return Explanation(figure, old.release_id, new.release_id, before, after, difference, reasons)


def _find(
    connection: psycopg.Connection[Any],
    old: Asked,
    new: Asked,
    unit: str,
    code: str,
    period: str,
    row: str | None,
    basis: Basis | None,
    tree: Tree | None = None,
) -> Figure:
    """The figure by the later release; by the earlier one where it is there only."""
    try:
        figure = fig.find(connection, new, unit, code, period, row, basis, tree)
    except fig.UnknownFigure:
        return fig.find(connection, old, unit, code, period, row, basis, tree)
    if fig.published(connection, new, figure)["value"] is None:
        with suppress(fig.UnknownFigure):
            return fig.find(connection, old, unit, code, period, row, basis, tree)
    return figure


def _names(
    connection: psycopg.Connection[Any], old: Asked, new: Asked, figure: Figure, units: Iterable[int]
) -> dict[int, tuple[str, str]]:
    """Code and name of units at the period's end, as the later release knows them; as the earlier one where that does not."""
    rows = connection.execute(
        f"""
        select u.unit_id, u.code, u.name from marts.dim_org_unit u
        where u.unit_id = any(%(units)s)
            and ({HELD.format("u")} or u.release_from <= %(old)s and u.release_to > %(old)s)
        order by %(ends_on)s between u.valid_from and u.valid_to, u.release_to, u.valid_from""",
        {"units": sorted(units), "release": new.release_id, "old": old.release_id, "ends_on": figure.ends_on},
    ).fetchall()
    return {unit_id: (code, name) for unit_id, code, name in rows}


class _Tops:
    """Of units that joined or left the figure's subtree, the topmost one that did so with them."""

    def __init__(
        self, connection: psycopg.Connection[Any], old: Asked, new: Asked, figure: Figure, old_tree: set[int], new_tree: set[int]
    ) -> None:
        self._top: dict[int, int] = {}
        self._said: dict[int, str] = {}
        for at, moved in ((old, old_tree - new_tree), (new, new_tree - old_tree)):
            self._top |= dict(
                connection.execute(
                    f"""
                select distinct on (b.unit_id) b.unit_id, b.ancestor_id from marts.bridge_org_tree b
                where b.unit_id = any(%(moved)s) and b.ancestor_id = any(%(moved)s)
                    and %(ends_on)s between b.valid_from and b.valid_to and {HELD.format("b")}
                order by b.unit_id, b.depth desc""",
                    {"moved": sorted(moved), "ends_on": figure.ends_on, "release": at.release_id},
                ).fetchall()
            )
        above = [self._parents(connection, at, figure, set(self._top.values())) for at in (old, new)]
        for top in set(self._top.values()):
            self._said[top] = " → ".join(parents.get(top, "–") for parents in above)

    @staticmethod
    def _parents(connection: psycopg.Connection[Any], at: Asked, figure: Figure, units: set[int]) -> dict[int, str]:
        return dict(
            connection.execute(
                f"""
            select u.unit_id, p.code || ' ' || p.name from marts.dim_org_unit u
            join marts.dim_org_unit p on p.unit_id = u.parent_id and %(ends_on)s between p.valid_from and p.valid_to
                and {HELD.format("p")}
            where u.unit_id = any(%(units)s) and %(ends_on)s between u.valid_from and u.valid_to and {HELD.format("u")}""",
                {"units": sorted(units), "ends_on": figure.ends_on, "release": at.release_id},
            ).fetchall()
        )

    def of(self, unit_id: int) -> tuple[int, tuple[int, ...], str]:
        """The topmost unit, no receipts, and where it stood and stands."""
        top = self._top[unit_id]
        return top, (), self._said[top]


class _Landings:
    """Of units whose figures stand elsewhere on a tree, or in another share, on which units of it they stood and stand."""

    def __init__(
        self, connection: psycopg.Connection[Any], figures: Iterable[tuple[Asked, Figure]], units: Iterable[int]
    ) -> None:
        self._at = [
            dict(
                connection.execute(
                    f"""
            select b.unit_id, string_agg(
                concat(p.code || ' ' || p.name || ' › ', u.code, ' ', u.name, ' × ' || nullif(b.weight, 1)), ', '
                order by u.sort_key)
            from marts.bridge_restated b
            join marts.dim_org_unit u on u.unit_id = b.lands_on_id and %(day)s between u.valid_from and u.valid_to
                and {HELD.format("u")}
            left join marts.dim_org_unit p on p.unit_id = u.parent_id and %(day)s between p.valid_from and p.valid_to
                and {HELD.format("p")}
            where b.unit_id = any(%(units)s) and %(ends_on)s between b.facts_from and b.facts_to
                and %(day)s between b.valid_from and b.valid_to and {HELD.format("b")}
            group by b.unit_id""",
                    {"units": sorted(units), "release": at.release_id, **figure.__dict__},
                ).fetchall()
            )
            for at, figure in figures
        ]

    def of(self, unit_id: int) -> tuple[int, tuple[int, ...], str]:
        """The unit, no receipts, and where its figures stood and stand."""
        return unit_id, (), " → ".join(landings.get(unit_id, "–") for landings in self._at)


class _Acts:
    """What the ledger says, between two releases, of the reports in question and of those that they replaced."""

    def __init__(
        self, connection: psycopg.Connection[Any], old: Asked, new: Asked, figure: Figure, reported: set[tuple[int, int]]
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
        # units that the mart says reported late: by the first report that was not withdrawn, which may be older than the one here
        self._late = {
            row[0]
            for row in connection.execute(
                f"""
            select q.unit_id from marts.fct_reporting q
            where q.unit_id = any(%(units)s) and q.period_id = %(period_id)s and q.table_code = %(table_code)s
                and not q.is_on_time and {HELD.format("q")}""",
                {"units": units, "release": new.release_id, **figure.__dict__},
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
            # it said the same all the time: another term of the rate came or went, and took it along
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
            raise fig.DoesNotAddUp(f"a fact of {receipt_code(old or 0)} counts otherwise, and nothing tells why")
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
            raise fig.DoesNotAddUp(f"{receipt_code(old)} counts no more, and nothing tells why")
        yield "withdrawal" if withdrawn else "correction", tuple(dict.fromkeys((old, chain[-1]))), -before
        if new:
            yield (*self._came(unit_id, new), after)

    def said(self, kind: Kind, receipts: tuple[int, ...]) -> str:
        """What the sender said of it, where the ledger keeps that."""
        act = self._act(receipts[-1], "withdrawn") if kind == "withdrawal" else None
        return (act.reason or "") if act else ""

    def _came(self, unit_id: int, new: int) -> tuple[Kind, tuple[int, ...]]:
        # a correction may name units and rows that the report which it replaces did not
        for older in self._senders[self._sender(self.receipts[new])]:
            if older < new and self._counted(older) and new in self._replaced_by(older):
                return "correction", (older, new)
        if self._act(new, "replayed"):
            return "rule_change", (new,)
        return ("late_report" if unit_id in self._late else "new_report"), (new,)

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
