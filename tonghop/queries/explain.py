"""Why a published figure changed between two releases: every reason with its amount and its receipts; they add up exactly.

The difference is taken in three steps, each from the result of the one before:

    the tree        what the facts of the earlier release give on the later tree, less what they gave   -> reorganisation
                    (of a unit that the later catalogue has not then: what its report's going took away -> withdrawal)
    the form        the same facts by the later catalogue's indicator or terms of the rate              -> form change
    the reports     each fact that came, changed or went, on the later tree and form                    -> the acts in the ledger

So a unit that moved and whose report was corrected counts twice at its new parent: as reorganisation with its earlier figure, and
as correction with what changed.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from tonghop.base.codes import receipt_code
from tonghop.base.findings import Language, number_in
from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries.acts import Acts, Kind
from tonghop.queries.figure import Amounts, AskedRelease, Basis, Figure, Measures, Tree
from tonghop.queries.moves import Landings, Tops, gone_units

WORDS: dict[Kind, tuple[str, str]] = {
    "late_report": ("báo cáo nộp muộn", "late report"),
    "new_report": ("báo cáo nộp đúng hạn, sau bản trước", "report in time, after the earlier release"),
    "unowed_report": ("báo cáo không phải nộp", "report that nobody owed"),
    "correction": ("báo cáo sửa lại", "correction"),
    "withdrawal": ("báo cáo rút lại", "withdrawal"),
    "reorganisation": ("sắp xếp đơn vị", "reorganisation"),
    "form_change": ("biểu mẫu thay đổi", "form change"),
    "rule_change": ("nhận lại sau khi đổi quy tắc hoặc cho phép", "accepted after a rule was changed or waived"),
    "unit_change": ("nhận lại sau khi danh mục đơn vị thay đổi", "accepted after the units of the catalogue changed"),
}


@dataclass(frozen=True)
class Reason:
    """Part of a difference, with the sender of its reports, or the unit that a reorganisation moved."""

    part: str
    kind: Kind
    amount: Decimal
    unit: str
    name: str
    receipts: tuple[str, ...]
    files: tuple[str, ...]
    units: int
    # the reason of a withdrawal, and who stands for a unit that ended; the units before and after a move; both catalogues of a
    # form change
    detail: str = ""
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
    # by part: value, or numerator and denominator; from zero where there was no figure
    difference: dict[str, Decimal]
    reasons: tuple[Reason, ...]
    # sum and claim in either release, where the figure is as reported
    measures: tuple[Measures, Measures] | None = None

    def as_json(self) -> dict[str, Any]:
        """The whole answer as JSON values."""
        return {
            "figure": self.figure.as_json(),
            "from": {"release": self.from_release, **self.before},
            "to": {"release": self.to_release, **self.after},
            "difference": self.difference,
            "adds_up": True,
            "measures": self.measures and [of._asdict() for of in self.measures],
            "two_measures": self.measures and two_measures(*self.measures),
            "reasons": [reason.as_json() for reason in self.reasons],
        }


def two_measures(before: Measures, after: Measures) -> tuple[str, str] | None:
    """In Vietnamese and English, what a figure was and is, where it was a claim and is a sum now, or the other way round."""
    came = before.summed is None and before.claimed is not None and after.summed is not None
    went = before.summed is not None and after.summed is None and after.claimed is not None
    if not came and not went:
        return None

    def said(language: Language) -> str:
        claim, total, unowed, both = _MEASURES[language]
        was, now = (
            claim.format(number_in(language, of.claimed))
            if of.summed is None and of.claimed is not None
            else total.format(number_in(language, of.summed or Decimal(0)), of.reported, of.due)
            + (unowed.format(of.unowed) if of.unowed else "")
            for of in (before, after)
        )
        return both.format(was, now)

    return said("vi"), said("en")


_MEASURES: dict[Language, tuple[str, str, str, str]] = {
    "vi": (
        "số đơn vị tự nêu cho toàn bộ {}",
        "tổng {} của {} trên {} đơn vị phải báo cáo",
        ", thêm {} đơn vị không phải báo cáo",
        "trước là {}; nay là {}. Hai số đo khác nhau, không so sánh với nhau",
    ),
    "en": (
        "the unit's claim of {} for its whole",
        "the sum {} of {} of the {} units due",
        ", and {} that owe nothing",
        "it was {}; it is now {}. These are two measures and do not compare",
    ),
}


class _Line(NamedTuple):
    """What amounts are added up by to make a reason."""

    part: str
    kind: Kind
    unit_id: int
    receipts: tuple[int, ...]
    detail: str


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
    """Why a figure changed between two releases; with a tree, the figure restated on it as each release knows the tree.

    Raises UnknownFigure where neither release knows it, ValueError where the releases are not in order, and DoesNotAddUp
    where the reasons do not make the difference.
    """
    if earlier >= later:
        raise ValueError("give the earlier release first")
    with fig.snapshot(settings) as connection:
        old, new = fig.release(connection, earlier), fig.release(connection, later)
        return between(connection, old, new, _find(connection, old, new, unit, code, period, row, basis, tree), tree)


def between(
    connection: psycopg.Connection[Any], old: AskedRelease, new: AskedRelease, figure: Figure, tree: Tree | None = None
) -> Explanation:
    """As `explain`, of a figure that has been found, on a connection of the caller's."""
    was_on, now_on = (fig.on_tree(connection, at, figure, tree) for at in (old, new))
    before, after = fig.published(connection, old, was_on), fig.published(connection, new, now_on)
    old_terms, new_terms = fig.terms(connection, old, figure), fig.terms(connection, new, figure)
    old_units, new_units = fig.weights(connection, old, was_on), fig.weights(connection, new, now_on)
    indicators = {term.indicator_id for term in (*old_terms, *new_terms)}
    if old_terms == new_terms:
        # whatever else is in the figure adds the same to both
        differ = fig.changed_units(connection, old, new, figure, indicators)
        differ |= {unit for unit in old_units.keys() | new_units.keys() if old_units.get(unit) != new_units.get(unit)}
        old_units, new_units = ({u: w for u, w in units.items() if u in differ} for units in (old_units, new_units))
    was = fig.facts(connection, old, figure, old_units.keys() | new_units.keys(), indicators)
    now = fig.facts(connection, new, figure, old_units.keys() | new_units.keys(), indicators)
    # a unit that has ended since stands nowhere: what it had given went with its report, not with the tree
    reported_now = {unit_id for unit_id, _ in now}
    ended = gone_units(connection, new, figure, old_units.keys() - new_units.keys() - reported_now)
    new_units |= {unit_id: old_units[unit_id] for unit_id in ended}

    start = fig.contributions(was, old_units, old_terms)
    moved = fig.contributions(was, new_units, old_terms)
    formed = fig.contributions(was, new_units, new_terms)
    end = fig.contributions(now, new_units, new_terms)

    lines: dict[_Line, Decimal] = defaultdict(Decimal)
    units: dict[_Line, set[int]] = defaultdict(set)

    def count(line: _Line, unit_id: int, amount: Decimal) -> None:
        if amount:
            lines[line] += amount
            units[line].add(unit_id)

    tops: Tops | Landings
    if tree is None:
        tops = Tops(connection, old, new, figure, set(old_units), set(new_units))
    else:
        tops = Landings(connection, ((old, was_on), (new, now_on)), old_units.keys() | new_units.keys())
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
    acts = Acts(connection, old, new, figure, reported)
    for key in changed:
        part, unit_id, indicator_id = key
        for kind, receipts, amount in acts.reasons(
            was, now, unit_id, indicator_id, indicators, formed.get(key, Decimal(0)), end.get(key, Decimal(0))
        ):
            sender = acts.receipts[receipts[-1]].sender_id
            detail = "; ".join(filter(None, (acts.detail(kind, receipts), ended.get(unit_id))))
            count(_Line(part, kind, sender, tuple(sorted(receipts)), detail), unit_id, amount)

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
            line.detail,
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
    measured = (fig.measures(connection, old, figure), fig.measures(connection, new, figure)) if tree is None else None
    return Explanation(figure, old.release_id, new.release_id, before, after, difference, reasons, measured)


def _find(
    connection: psycopg.Connection[Any],
    old: AskedRelease,
    new: AskedRelease,
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
    connection: psycopg.Connection[Any], old: AskedRelease, new: AskedRelease, figure: Figure, units: Iterable[int]
) -> dict[int, tuple[str, str]]:
    """Code and name of units at the period's end, as the later release knows them; as the earlier one where that does not."""
    rows = connection.execute(
        """
        select u.unit_id, u.code, u.name
        from (
            select * from in_release.dim_org_unit(%(old)s)
            union
            select * from in_release.dim_org_unit(%(release)s)
        ) as u
        where u.unit_id = any(%(units)s)
        order by %(ends_on)s between u.valid_from and u.valid_to, u.release_to, u.valid_from""",
        {"units": sorted(units), "release": new.release_id, "old": old.release_id, "ends_on": figure.ends_on},
    ).fetchall()
    return {unit_id: (code, name) for unit_id, code, name in rows}
