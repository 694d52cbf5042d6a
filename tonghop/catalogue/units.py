"""Units through time: their versions, what followed them, and look-ups by day."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from tonghop.catalogue.data import Code, Dated, Label


class UnitVersion(Dated):
    """What a unit was called, its level and its parent, over a stretch of days."""

    unit: str
    code: str
    name: Label
    level: Code
    # a grassroots cell is a grassroots organisation and, one level below, a cell: it fills the tables of both
    also_level: Code | None = None
    parent: str | None
    synthetic: bool
    source: str

    def is_at(self, levels: Collection[str | None]) -> bool:
        """Whether the unit is of one of the levels."""
        return self.level in levels or self.also_level in levels


@dataclass(frozen=True)
class Succession:
    """Where a unit went: weight 1 for the whole, a share, or None where nobody knows the share.

    A unit that only a part of goes elsewhere is its own successor for the rest, and lives on.
    """

    event: str
    predecessor: str
    successor: str
    on: date
    weight: Decimal | None


class Life(NamedTuple):
    """A stretch of days, both ends included, over which a unit covers the same people, whatever it is called."""

    unit: str
    born: date
    died: date


@dataclass(frozen=True)
class History:
    """Every version of every unit, and who followed whom."""

    units: tuple[UnitVersion, ...]
    successions: tuple[Succession, ...] = ()

    @cached_property
    def versions(self) -> dict[str, list[UnitVersion]]:
        """The versions of each unit, oldest first."""
        return grouped(self.units, "unit")

    @cached_property
    def by_code(self) -> dict[str, list[UnitVersion]]:
        """The versions that bore each code, oldest first."""
        return grouped(self.units, "code")

    @cached_property
    def lives(self) -> dict[str, list[Life]]:
        """The lives of each unit, oldest first. Taking others in, or giving a part away, ends one and begins the next."""
        cuts: dict[str, set[date]] = defaultdict(set)
        for s in self.successions:
            cuts[s.successor].add(s.on)
        found: dict[str, list[Life]] = {}
        for unit, versions in self.versions.items():
            lives = found[unit] = []
            for v in versions:
                days = [v.valid_from, *sorted(day for day in cuts[unit] if v.valid_from < day <= v.valid_to)]
                for born, died in zip(days, [*(day - timedelta(days=1) for day in days[1:]), v.valid_to], strict=True):
                    goes_on = lives and lives[-1].died == born - timedelta(days=1) and born not in cuts[unit]
                    lives.append(Life(unit, lives.pop().born if goes_on else born, died))
        return found

    def version(self, unit: str, on: date) -> UnitVersion | None:
        """What a unit was on a day; None where it did not exist."""
        return next((v for v in self.versions.get(unit, ()) if v.covers(on)), None)

    def life(self, unit: str, on: date) -> Life | None:
        """The life that a unit had on a day; None where it did not exist."""
        return next((life for life in self.lives.get(unit, ()) if life.born <= on <= life.died), None)

    def above(self, unit: str, on: date) -> list[str]:
        """The unit's ancestors on a day, itself first; a line that bites its tail ends there."""
        line: list[str] = []
        current: str | None = unit
        while current is not None:
            line.append(current)
            version = self.version(current, on) if current not in line[:-1] else None
            current = version.parent if version else None
        return line


def together(successions: Iterable[Succession]) -> dict[Succession, str]:
    """The first of the units that gave and took among themselves on its day, for each succession: all that a chain ties."""
    above: dict[tuple[date, str], tuple[date, str]] = {}

    def first(unit: tuple[date, str]) -> tuple[date, str]:
        while (higher := above.get(unit, unit)) != unit:
            unit = higher
        return unit

    for s in (successions := list(successions)):
        low, high = sorted((first((s.on, s.predecessor)), first((s.on, s.successor))))
        if low != high:
            above[high] = low
    return {s: first((s.on, s.predecessor))[1] for s in successions}


def grouped(units: Iterable[UnitVersion], column: str) -> dict[str, list[UnitVersion]]:
    found: dict[str, list[UnitVersion]] = defaultdict(list)
    for unit in sorted(units, key=lambda u: u.valid_from):
        found[getattr(unit, column)].append(unit)
    return dict(found)
