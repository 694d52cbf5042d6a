"""On which units of the tree of any day the figures of a life land: whole, by shares, or undivided.

Lives are followed from the latest to the earliest (and the other way round, for the trees of before), so that each takes its
places from the lives that it goes on in. Ways that meet are one from there on: the work grows with lives and trees, not with the
number of ways through them. Days are counted as ordinals.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import groupby
from typing import Literal, NamedTuple

from tonghop.catalogue.data import FOREVER
from tonghop.catalogue.evaluate import EXACT
from tonghop.catalogue.units import History, Life, Succession

Reason = Literal["same", "passed on", "divided", "put together", "no successor", "no predecessor"]
_FIRST, _LAST = date.min.toordinal(), FOREVER.toordinal()


class Landing(NamedTuple):
    """The figures of a life (facts_from to facts_to), and the unit on which a share of them lands from one day to another."""

    unit: str
    facts_from: date
    facts_to: date
    valid_from: date
    valid_to: date
    lands_on: str
    share: Decimal
    is_whole: bool  # false: it stays undivided there, above the units that hold it
    reason: Reason


class Nowhere(NamedTuple):
    """A unit that was divided among units that, on a day, have nothing above them all: nobody knows where its figures stand."""

    unit: str
    divided_on: date
    day: date


def landings(history: History) -> tuple[Landing, ...]:
    """Where the figures of every life land on the tree of every day. The history has no faults.

    The shares of a life add up to one on every day on which there is anything to land on.
    """
    with localcontext(EXACT):
        back, on = (_Way(history, forward) for forward in (False, True))
        return tuple(
            row
            for lives in history.lives.values()
            for life in lives
            for stretch in (*back.beyond(life), _itself(life), *on.beyond(life))
            for row in _rows(life, stretch)
        )


def nowhere(history: History) -> list[Nowhere]:
    """What was divided and then has nothing above all of its parts, each division with the first such day."""
    if len({v.unit for v in history.units if v.parent is None}) == 1:
        return []  # that one is above all
    with localcontext(EXACT):
        found = sorted(_Way(history, forward=True).nowhere)
    return [next(days) for _, days in groupby(found, key=lambda n: n[:2])]


class _Place(NamedTuple):
    """A unit that holds figures, or the lowest one above all that do (is_one false); is_lost: of a unit that nobody followed."""

    unit: str
    is_one: bool
    is_lost: bool


class _Stretch(NamedTuple):
    first: int
    last: int
    shares: dict[_Place, Decimal]


def _itself(life: Life) -> _Stretch:
    return _Stretch(life.born.toordinal(), life.died.toordinal(), {_Place(life.unit, True, False): Decimal(1)})


def _rows(life: Life, stretch: _Stretch) -> Iterator[Landing]:
    found: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    lost: dict[tuple[str, bool], bool] = defaultdict(bool)
    for place, share in stretch.shares.items():
        key = place.unit, place.is_one and not place.is_lost
        found[key] += share
        lost[key] |= place.is_lost
    first, last = date.fromordinal(stretch.first), date.fromordinal(stretch.last)
    for (unit, is_whole), share in found.items():
        reason: Reason
        if is_whole:
            reason = "same" if unit == life.unit and share == 1 else "passed on"
        elif lost[unit, is_whole]:
            reason = "no successor" if first > life.died else "no predecessor"
        else:
            reason = "divided" if first > life.died else "put together"
        yield Landing(*life, first, last, unit, share.normalize(), is_whole, reason)


class _Way:
    """Where lives go on, forward or backward in time."""

    def __init__(self, history: History, forward: bool) -> None:
        self._history, self._forward = history, forward
        self._gave: dict[tuple[str, date], list[Succession]] = defaultdict(list)
        self._took: dict[tuple[str, date], list[Succession]] = defaultdict(list)
        for s in history.successions:
            self._gave[s.predecessor, s.on].append(s)
            self._took[s.successor, s.on].append(s)
        self._beyond: dict[Life, tuple[_Stretch, ...]] = {}
        self._lines: dict[str, list[tuple[int, int, tuple[str, ...]]]] = {}
        self.nowhere: list[Nowhere] = []
        # the lives that one goes on in come before it
        for life in sorted(
            (life for lives in history.lives.values() for life in lives),
            key=lambda life: -life.died.toordinal() if forward else life.born.toordinal(),
        ):
            self.beyond(life)

    def beyond(self, life: Life) -> tuple[_Stretch, ...]:
        """Where its figures land on the days after the life (before it, backward), in the order of days."""
        if life not in self._beyond:
            born, died = life.born.toordinal(), life.died.toordinal()
            first, last = (died + 1, _LAST) if self._forward else (_FIRST, born - 1)
            again: tuple[_Stretch, ...] = ()
            if (same := self._again(life)) is not None:
                again = self._from(same)
                first, last = (first, again[0].first - 1) if self._forward else (again[-1].last + 1, last)
            on = tuple(_joined(self._on(life, first, last))) if first <= last else ()
            self._beyond[life] = on + again if self._forward else again + on
        return self._beyond[life]

    def _from(self, life: Life) -> tuple[_Stretch, ...]:
        """Where its figures land during the life and after it (before it, backward)."""
        return (_itself(life), *self.beyond(life)) if self._forward else (*self.beyond(life), _itself(life))

    def _on(self, life: Life, first: int, last: int) -> Iterator[_Stretch]:
        ways = self._ways(life)
        if not ways:
            yield from self._above(life, first, last)
        elif len(ways) == 1:
            yield from _clipped(self._from(ways[0][0]), first, last)
        else:
            known = all(share is not None for _, share in ways)
            for start, end, parts in _aligned([self._from(to) for to, _ in ways], first, last):
                if known:
                    found: dict[_Place, Decimal] = defaultdict(Decimal)
                    for (_, share), part in zip(ways, parts, strict=True):
                        for place, of_it in part.items():
                            found[place] += of_it * (share or 0)
                    yield _Stretch(start, end, dict(found))
                else:
                    yield from self._together(life, {place for part in parts for place in part}, start, end)

    def _ways(self, life: Life) -> list[tuple[Life, Decimal | None]]:
        """The lives that one goes on in, with the share of each; None where nobody knows it, as of all that was put together."""
        if self._forward:
            if life.died == FOREVER:
                return []
            on = date.fromordinal(life.died.toordinal() + 1)
            ways = {s.successor: s.weight for s in self._gave[life.unit, on]}
            lives = {unit: self._history.life(unit, on) for unit in (*ways, life.unit)}
        else:
            if life.born == date.min:
                return []
            eve = date.fromordinal(life.born.toordinal() - 1)
            ways = {s.predecessor: None for s in self._took[life.unit, life.born]}
            lives = {unit: self._history.life(unit, eve) for unit in (*ways, life.unit)}
        return [(other, ways.get(unit, Decimal(1) if self._forward else None)) for unit, other in lives.items() if other]

    def _again(self, life: Life) -> Life | None:
        """The life in which a unit that was away came back (backward: the one before it left), where its figures are the same.

        It had gone whole, into one unit or none; what was divided follows its parts. And for figures of after: what came back
        was a part of one unit, not all of it, which would be more than had left.
        """
        lives = self._history.lives[life.unit]
        at = lives.index(life) + (1 if self._forward else -1)
        if not 0 <= at < len(lives):
            return None
        old, new = (life, lives[at]) if self._forward else (lives[at], life)
        day = date.fromordinal(old.died.toordinal() + 1)
        took = self._took[new.unit, new.born]
        comes = self._forward or not took or (len(took) == 1 and took[0].weight != 1)
        return lives[at] if day < new.born and comes and all(s.weight == 1 for s in self._gave[old.unit, day]) else None

    def _above(self, life: Life, first: int, last: int) -> Iterator[_Stretch]:
        """Of a unit that nobody followed (backward: that came of nobody): where its parent's go on from there."""
        edge = life.died if self._forward else life.born
        version = self._history.version(life.unit, edge)
        parent = self._history.life(version.parent, edge) if version and version.parent else None
        for stretch in _clipped(self._from(parent), first, last) if parent else ():
            lost: dict[_Place, Decimal] = defaultdict(Decimal)
            for place, share in stretch.shares.items():
                lost[place._replace(is_lost=True)] += share
            yield stretch._replace(shares=dict(lost))

    def _together(self, life: Life, places: set[_Place], first: int, last: int) -> Iterator[_Stretch]:
        """What nobody can divide: on the one unit that holds it all, or on the lowest above all that hold some, day by day."""
        if not places:
            return
        units = {place.unit for place in places}
        is_one, is_lost = len(units) == 1 and all(p.is_one for p in places), any(p.is_lost for p in places)
        lines = [tuple(_within(self._line(unit), first, last)) for unit in units]
        days = sorted({first, *(start for line in lines for start, _, _ in line)})
        for start, end in zip(days, [*(day - 1 for day in days[1:]), last], strict=True):
            now = [next(above for a, b, above in line if a <= start <= b) for line in lines]
            lowest = next((unit for unit in now[0] if all(unit in above for above in now[1:])), None)
            if lowest is not None:
                yield _Stretch(start, end, {_Place(lowest, is_one, is_lost): Decimal(1)})
            elif self._forward:
                self.nowhere.append(Nowhere(life.unit, date.fromordinal(life.died.toordinal() + 1), date.fromordinal(start)))

    def _line(self, unit: str) -> list[tuple[int, int, tuple[str, ...]]]:
        """The unit and all above it, from one day to another."""
        if unit not in self._lines:
            self._lines[unit] = [
                (start, end, (unit, *above))
                for v in self._history.versions[unit]
                for start, end, above in (
                    _within(self._line(v.parent), v.valid_from.toordinal(), v.valid_to.toordinal())
                    if v.parent
                    else [(v.valid_from.toordinal(), v.valid_to.toordinal(), ())]
                )
            ]
        return self._lines[unit]


def _within(
    line: Sequence[tuple[int, int, tuple[str, ...]]], first: int, last: int
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    return ((max(start, first), min(end, last), above) for start, end, above in line if start <= last and end >= first)


def _clipped(stretches: Sequence[_Stretch], first: int, last: int) -> Iterator[_Stretch]:
    return (_Stretch(max(s.first, first), min(s.last, last), s.shares) for s in stretches if s.first <= last and s.last >= first)


def _aligned(
    lines: Sequence[Sequence[_Stretch]], first: int, last: int
) -> Iterator[tuple[int, int, list[dict[_Place, Decimal]]]]:
    """The stretches of days on which none of several lines changes, with what each has then."""
    days = {first, *(s.first for line in lines for s in line), *(s.last + 1 for line in lines for s in line)}
    starts = sorted(day for day in days if first <= day <= last)
    at = [0] * len(lines)
    for start, end in zip(starts, [*(day - 1 for day in starts[1:]), last], strict=True):
        now = []
        for n, line in enumerate(lines):
            while at[n] < len(line) and line[at[n]].last < start:
                at[n] += 1
            now.append(line[at[n]].shares if at[n] < len(line) and line[at[n]].first <= start else {})
        yield start, end, now


def _joined(stretches: Iterator[_Stretch]) -> Iterator[_Stretch]:
    """Stretches that follow each other and say the same as one."""
    held: _Stretch | None = None
    for stretch in stretches:
        if held and held.last + 1 == stretch.first and held.shares == stretch.shares:
            held = held._replace(last=stretch.last)
            continue
        if held and held.shares:
            yield held
        held = stretch
    if held and held.shares:
        yield held
