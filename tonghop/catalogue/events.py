"""Dated events, and the folding of units and events into the versions of each unit.

`units/*.csv` has what a unit is where nothing happens to it. Every change after that is an event, one row a part, applied in
the order of days. All events of a day happen at once: each changes the version of the eve.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from tonghop.catalogue.data import FOREVER, Code, Data, Label
from tonghop.catalogue.evaluate import EXACT
from tonghop.catalogue.landings import nowhere
from tonghop.catalogue.units import History, Succession, UnitVersion

Kind = Literal["established", "renamed", "recoded", "moved", "level_changed", "merged", "divided", "dissolved"]
ENDS = ("merged", "divided", "dissolved")
# the columns that each kind of event fills, the first ones always
_FILLS: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "established": (("code", "name", "level"), ("also_level", "parent", "synthetic")),
    "renamed": (("name",), ()),
    "recoded": (("code",), ()),
    "moved": (("parent",), ()),
    "level_changed": (("level",), ("also_level",)),
    "merged": (("successor",), ()),
    "divided": (("successor",), ("weight",)),
    "dissolved": ((), ()),
}
# of a share, after the point: products of so many are still exact where they are kept
SHARE_DIGITS = 16


class Event(Data):
    """One part of an event: what happens to one unit, from the morning of a day. Parts of one event share its name and day."""

    event: Label
    on: date
    kind: Kind
    unit: str
    successor: str | None = None
    # which share of a divided unit goes to the successor, itself where it lives on; None where nobody knows
    weight: Decimal | None = Field(None, gt=0, lt=1)
    code: str | None = None
    name: Label | None = None
    level: Code | None = None
    also_level: Code | None = None
    parent: str | None = None
    synthetic: bool = False
    source: str = ""

    @model_validator(mode="after")
    def _fills_its_columns(self) -> Self:
        needed, allowed = _FILLS[self.kind]
        filled = {name for _, names in _FILLS.items() for part in names for name in part if getattr(self, name)}
        if missing := set(needed) - filled:
            raise ValueError(f"{self.kind} needs {', '.join(sorted(missing))}")
        if unknown := filled - {*needed, *allowed}:
            raise ValueError(f"{self.kind} takes no {', '.join(sorted(unknown))}")
        return self


# --- folding ---------------------------------------------------------------------------------------------------


class _Fold:
    """The versions after the events of the days so far.

    `where` has the file and line of each version, `went` those of the event in which a unit went to others.
    """

    def __init__(self, units: Iterable[tuple[str, UnitVersion]]) -> None:
        self.versions: dict[str, list[UnitVersion]] = {}
        self.successions: list[Succession] = []
        self.where: dict[tuple[str, date], str] = {}
        self.went: dict[tuple[str, date], str] = {}
        self.problems: list[str] = []
        for where, unit in units:
            self._open(where, unit)

    def _open(self, where: str, unit: UnitVersion) -> None:
        if unit.valid_to < unit.valid_from:
            self.problems.append(f"{where}: unit {unit.unit}: ends before it starts")
        versions = self.versions.setdefault(unit.unit, [])
        versions.append(unit)
        versions.sort(key=lambda v: v.valid_from)
        self.where.setdefault((unit.unit, unit.valid_from), where)

    def day(self, day: date, parts: Sequence[tuple[str, Event]]) -> None:
        """Apply the events of one day."""
        of_unit: dict[str, list[tuple[str, Event]]] = defaultdict(list)
        for part in parts:
            of_unit[part[1].unit].append(part)
        for unit, mine in of_unit.items():
            where, event = mine[0]
            problem = self._contradiction([e for _, e in mine]) or self._absence(event, _ends([e for _, e in mine]))
            if problem:
                self.problems.append(f"{where}: unit {unit}: {problem}")
            else:
                self._apply(mine)
        for where, event in parts:
            if event.successor and not any(v.covers(day) for v in self.versions.get(event.successor, ())):
                self.problems.append(f"{where}: successor {event.successor} does not exist on {day}")

    @staticmethod
    def _contradiction(parts: Sequence[Event]) -> str | None:
        """What is wrong with what happens to one unit on one day, taken together."""
        divided = [e for e in parts if e.kind == "divided"]
        # what it gives away leaves the rest of it free to be renamed or moved
        kinds = [e.kind for e in parts if not (e.kind == "divided" and _lives_on(divided))]
        kind = next((k for k in kinds if k == "established" or k in ENDS), None)
        if kind is not None and {e.kind for e in parts} != {kind}:
            return f"is {' and '.join(dict.fromkeys(e.kind for e in parts))} on {parts[0].on}"
        twice = next((k for k in kinds if k != "divided" and kinds.count(k) > 1), None)
        if twice:
            return f"is {twice} twice on {parts[0].on}"
        return _Fold._division(divided) if divided else None

    @staticmethod
    def _division(parts: Sequence[Event]) -> str | None:
        """What is wrong with the parts that a unit is divided into."""
        on = parts[0].on
        if len({e.successor for e in parts}) < max(2, len(parts)):
            return f"is divided among fewer units than it has parts on {on}; where it lives on, it is one of them"
        if len({e.event for e in parts}) > 1:
            return f"is divided by two events on {on}"
        weights = [e.weight for e in parts if e.weight is not None]
        with localcontext(EXACT):
            if weights and (len(weights) < len(parts) or sum(weights) != 1):
                sum_of = " + ".join(f"{weight:f}" for weight in weights)
                return f"is divided by weights that do not add up to 1 on {on}: {sum_of} = {sum(weights):f}"
        if any(-int(w.normalize(EXACT).as_tuple().exponent) > SHARE_DIGITS for w in weights):
            return f"is divided on {on} by a weight of more than {SHARE_DIGITS} digits after the point"
        return None

    def _absence(self, event: Event, ends: bool) -> str | None:
        """Why the event cannot happen to the unit as it was on the eve; None where it can."""
        versions = self.versions.get(event.unit, [])
        current = next((v for v in versions if v.covers(event.on)), None)
        later = next((v for v in versions if v.valid_from > event.on), None)
        if event.kind == "established":
            if current:
                return f"is established on {event.on} and exists already"
        elif not versions:
            return "is not known"
        elif current is None or current.valid_from == event.on:
            return f"does not exist on the eve of {event.on}"
        if later and (event.kind == "established" or ends):
            return f"is {event.kind} on {event.on} and has a version from {later.valid_from} on"
        return None

    def _apply(self, parts: Sequence[tuple[str, Event]]) -> None:
        where, first = parts[0]
        if first.kind == "established":
            assert first.code
            assert first.name
            assert first.level
            self._open(
                where,
                UnitVersion(
                    unit=first.unit,
                    valid_from=first.on,
                    valid_to=FOREVER,
                    code=first.code,
                    name=first.name,
                    level=first.level,
                    also_level=first.also_level,
                    parent=first.parent,
                    synthetic=first.synthetic,
                    source=first.source,
                ),
            )
            return
        events = [event for _, event in parts]
        for _, event in parts:
            if event.successor:
                weight = Decimal(1) if event.kind == "merged" else event.weight
                self.successions.append(Succession(event.event, event.unit, event.successor, event.on, weight))
                self.went.setdefault((event.unit, event.on), where)
        changes = {name: getattr(e, name) for e in events if e.kind not in ENDS for part in _FILLS[e.kind] for name in part}
        if not changes and not _ends(events):
            return
        versions = self.versions[first.unit]
        at = next(n for n, v in enumerate(versions) if v.covers(first.on))
        current = versions[at]
        versions[at] = current.model_copy(update={"valid_to": first.on - timedelta(days=1)})
        if not _ends(events):
            source = "; ".join(dict.fromkeys(e.source for e in events if e.source)) or current.source
            self._open(where, current.model_copy(update={**changes, "source": source, "valid_from": first.on}))


def _lives_on(divided: Iterable[Event]) -> bool:
    return any(e.successor == e.unit for e in divided)


def _ends(parts: Sequence[Event]) -> bool:
    """Whether a unit ends by what happens to it on a day: not where it is divided and one part of it is itself."""
    return any(e.kind in ENDS for e in parts) and not _lives_on(e for e in parts if e.kind == "divided")


def fold_history(
    units: Iterable[tuple[str, UnitVersion]], events: Iterable[tuple[str, Event]], levels: Mapping[str, int]
) -> tuple[History, list[str]]:
    """The history that units and events make, and what is wrong with it, each problem with its file and line.

    units, events: (where, row). levels: the rank of each.
    """
    state = _Fold(units)
    days: dict[date, list[tuple[str, Event]]] = defaultdict(list)
    named: dict[str, date] = {}
    for where, event in events:
        days[event.on].append((where, event))
        if named.setdefault(event.event, event.on) != event.on:
            state.problems.append(f"{where}: event {event.event} is on {named[event.event]} and on {event.on}")
    for day in sorted(days):
        state.day(day, days[day])
    history = History(tuple(v for versions in state.versions.values() for v in versions), tuple(state.successions))
    problems = [*state.problems, *_problems(history, state.where, levels)]
    # only what is whole can be followed
    return history, problems or [
        f"{state.went[n.unit, n.divided_on]}: unit {n.unit}: is divided on {n.divided_on} in parts that nobody knows, and on "
        f"{n.day} no unit is above all that hold them: its figures would stand nowhere; give weights, or put one unit above them"
        for n in nowhere(history)
    ]


def _problems(history: History, where: dict[tuple[str, date], str], levels: Mapping[str, int]) -> Iterator[str]:
    """What is wrong with a history as a whole."""
    for unit, versions in history.versions.items():
        for a, b in pairwise(versions):
            if b.valid_from <= a.valid_to:
                yield f"{where[unit, b.valid_from]}: unit {unit}: two versions on {b.valid_from}"
        for v in versions:
            at = f"{where[unit, v.valid_from]}: unit {unit}"
            yield from (f"{at}: no level {level}" for level in (v.level, v.also_level) if level and level not in levels)
            if v.also_level and levels.get(v.also_level, 0) >= levels.get(v.level, 0):
                yield f"{at}: {v.also_level}, which it is also, is not below {v.level}"
            above = history.versions.get(v.parent, []) if v.parent is not None else []
            if v.parent is not None and not above:
                yield f"{at}: no parent {v.parent}"
            elif v.parent is not None and (day := _first_gap(above, v.valid_from, v.valid_to)):
                yield f"{at}: its parent {v.parent} does not exist on {day}"
            for p in above:
                if p.valid_from <= v.valid_to and p.valid_to >= v.valid_from and levels.get(p.level, 0) <= levels.get(v.level, 0):
                    day = max(p.valid_from, v.valid_from)
                    yield f"{at}: its parent {v.parent}, a {p.level} on {day}, is not of a level above {v.level}"
            if unit in history.above(unit, v.valid_from)[1:]:
                yield f"{at}: is above itself on {v.valid_from}"
    for code, versions in history.by_code.items():
        for a, b in pairwise(versions):
            if b.valid_from <= a.valid_to and a.unit != b.unit:
                yield f"{where[b.unit, b.valid_from]}: code {code}: {a.unit} and {b.unit} both bear it on {b.valid_from}"


def _first_gap(versions: Sequence[UnitVersion], start: date, end: date) -> date | None:
    """The first day of a stretch that no version covers; None where they cover it all."""
    for version in versions:
        if version.valid_from > start:
            return start
        if version.valid_to >= end:
            return None
        start = max(start, version.valid_to + timedelta(days=1))
    return start
