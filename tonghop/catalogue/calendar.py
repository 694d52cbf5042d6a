"""Periods under their cut-off schemes, and working days."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tonghop.catalogue.data import Bilingual, Code, Data

PeriodType = Literal["M", "Q", "H1", "H2", "9M", "Y", "TERM"]
Scheme = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
# the order is part of every period's number, as is that of the schemes in the calendar: add at the end only
PERIOD_TYPES: tuple[PeriodType, ...] = ("M", "Q", "H1", "H2", "9M", "Y", "TERM")


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
    """A scheme's cut-off: the day on which a period closes; None for the last day of the month.

    A cut-off is never changed, since periods are known by it: another one is a scheme of its own, which may go on where one
    that was there before ends.
    """

    last_day: Annotated[int, Field(ge=1, le=28)] | None
    name: Bilingual
    # the scheme whose last period before `first_year` the first one follows
    after: Scheme | None = None
    first_year: int | None = None


class Calendar(Data):
    """Which years have periods, the terms, the cut-off schemes, default deadlines per level, and whose holidays are kept."""

    first_year: int
    last_year: int
    terms: tuple[tuple[int, int], ...]
    schemes: dict[Scheme, Cutoff]
    deadline: dict[Code, int]
    # the country, by its two letters, on whose public holidays nobody works
    holidays: str

    @model_validator(mode="after")
    def _schemes_follow(self) -> Self:
        if len(self.schemes) > 99:
            raise ValueError("there is room for 99 schemes in the number of a period")
        known = list(self.schemes)
        for scheme, cutoff in self.schemes.items():
            if (cutoff.after is None) != (cutoff.first_year is None):
                raise ValueError(f"{scheme}: `after` goes with `first_year`")
            if cutoff.after is not None and cutoff.after not in known[: known.index(scheme)]:
                raise ValueError(f"{scheme}: no scheme {cutoff.after} before it")
        return self

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
        for scheme, cutoff in self.schemes.items():
            first = max(self.first_year, cutoff.first_year or self.first_year)
            for year in range(first, self.last_year + 1):
                for kind, months in spans.items():
                    for ordinal, (begin, end) in enumerate(months, start=1):
                        label = f"{ordinal:02d}" if kind == "M" else f"{ordinal}" if kind == "Q" else ""
                        yield self._period(scheme, kind, f"{year}-{kind}{label}", ordinal, (year, begin), (year, end))
            for first_year, last_year in self.terms:
                if cutoff.first_year is None or last_year >= cutoff.first_year:
                    yield self._period(scheme, "TERM", f"{first_year}-{last_year}-TERM", 1, (first_year, 1), (last_year, 12))

    def _period(
        self, scheme: Scheme, kind: PeriodType, code: str, ordinal: int, first: tuple[int, int], last: tuple[int, int]
    ) -> Period:
        before = (first[0] - (first[1] == 1), (first[1] - 2) % 12 + 1)
        number = last[0] * 100_000 + ([*self.schemes].index(scheme) * 10 + PERIOD_TYPES.index(kind)) * 100 + ordinal
        return Period(number, scheme, kind, code, self._close(scheme, *before) + timedelta(days=1), self._close(scheme, *last))

    def _close(self, scheme: Scheme, year: int, month: int) -> date:
        cutoff = self.schemes[scheme]
        if cutoff.after is not None and year < (cutoff.first_year or 0):
            return self._close(cutoff.after, year, month)
        day = cutoff.last_day
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
