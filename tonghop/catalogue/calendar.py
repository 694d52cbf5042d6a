"""Periods under their cut-off schemes, and working days."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from tonghop.catalogue.data import Bilingual, Code, Data

PeriodType = Literal["M", "Q", "H1", "H2", "9M", "Y", "TERM"]
Scheme = Literal["ND09", "CALENDAR"]
# the order is part of every period's number: add at the end only
PERIOD_TYPES: tuple[PeriodType, ...] = ("M", "Q", "H1", "H2", "9M", "Y", "TERM")
SCHEMES: tuple[Scheme, ...] = ("ND09", "CALENDAR")


@dataclass(frozen=True, order=True)
class Period:
    """A reporting period under a cut-off scheme. Its number (year, scheme, type, ordinal) sorts and partitions."""

    period_id: int
    scheme: Scheme
    type: PeriodType
    code: str
    starts_on: date
    ends_on: date

    @property
    def year(self) -> int:
        return self.period_id // 100_000

    @property
    def ordinal(self) -> int:
        """Which month or quarter of its year."""
        return self.period_id % 100


class Cutoff(Data):
    """A scheme's cut-off: the day on which a period closes; None for the last day of the month."""

    last_day: int | None
    name: Bilingual


class Calendar(Data):
    """Which years have periods, the terms, the cut-off schemes, default deadlines per level, and whose holidays are kept."""

    first_year: int
    last_year: int
    terms: tuple[tuple[int, int], ...]
    schemes: dict[Scheme, Cutoff]
    deadline: dict[Code, int]
    # the country, by its two letters, on whose public holidays nobody works
    holidays: str

    def periods(self) -> Iterator[Period]:
        """Every period of every scheme. 9M and Y are cumulative and overlap the others."""
        spans: dict[PeriodType, list[tuple[int, int]]] = {
            "M": [(m, m) for m in range(1, 13)],
            "Q": [(m, m + 2) for m in (1, 4, 7, 10)],
            "H1": [(1, 6)],
            "H2": [(7, 12)],
            "9M": [(1, 9)],
            "Y": [(1, 12)],
        }
        for scheme in self.schemes:
            for year in range(self.first_year, self.last_year + 1):
                for kind, months in spans.items():
                    for ordinal, (first, last) in enumerate(months, start=1):
                        label = f"{ordinal:02d}" if kind == "M" else f"{ordinal}" if kind == "Q" else ""
                        yield self._period(scheme, kind, f"{year}-{kind}{label}", ordinal, (year, first), (year, last))
            for first_year, last_year in self.terms:
                yield self._period(scheme, "TERM", f"{first_year}-{last_year}-TERM", 1, (first_year, 1), (last_year, 12))

    def _period(
        self, scheme: Scheme, kind: PeriodType, code: str, ordinal: int, first: tuple[int, int], last: tuple[int, int]
    ) -> Period:
        before = (first[0] - (first[1] == 1), (first[1] - 2) % 12 + 1)
        number = last[0] * 100_000 + (SCHEMES.index(scheme) * 10 + PERIOD_TYPES.index(kind)) * 100 + ordinal
        return Period(number, scheme, kind, code, self._close(scheme, *before) + timedelta(days=1), self._close(scheme, *last))

    def _close(self, scheme: Scheme, year: int, month: int) -> date:
        day = self.schemes[scheme].last_day
        return date(year, month, day) if day else date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)

    def working_day(self, day: date) -> date:
        """The day itself, or the first after it that is neither on a weekend nor a public holiday."""
        while day.weekday() >= 5 or day in _holidays(self.holidays, day.year):
            day += timedelta(days=1)
        return day


@lru_cache
def _holidays(country: str, year: int) -> Container[date]:
    # reading reports needs none, and it is slow to load
    from holidays import country_holidays

    return country_holidays(country, years=year)
