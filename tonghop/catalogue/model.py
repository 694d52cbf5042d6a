"""The catalogue as one object: forms, units, calendar, codes and who reports what."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from tonghop.base.text import fold
from tonghop.catalogue.calendar import Calendar, Period
from tonghop.catalogue.data import Bilingual, Code, Data, Dated, Label
from tonghop.catalogue.earlier import Earlier
from tonghop.catalogue.forms import Field_, Form, HeadKey, Leading, Rate, Scope
from tonghop.catalogue.units import History, Succession, UnitVersion


class Level(Bilingual):
    """A level of the organisation: cell, grassroots organisation, and so on upwards by rank."""

    code: Code
    rank: int
    # whether BI users may see single units of this level
    published: bool


# --- reporting -------------------------------------------------------------------------------------------------


class Spell(Dated):
    """A stretch of days over which a unit reports a form here."""

    unit: str
    form: str


# --- the whole -------------------------------------------------------------------------------------------------


class Codes(Data):
    """Small code lists: multipliers of money units, marks in cells, header words of the reference workbooks."""

    money: dict[Label, Decimal]
    zero: tuple[str, ...]
    not_applicable: tuple[str, ...]
    header: dict[HeadKey, tuple[Label, ...]]
    columns: dict[Leading, tuple[Label, ...]]
    scope: dict[Scope, tuple[Label, ...]]
    total: tuple[Label, ...]
    # what a total of the whole table may be called after, or instead of, a total's word
    whole: tuple[Label, ...] = ()
    # between a total's word and the section that it sums
    section: tuple[Label, ...]
    # a line that starts with one of these ends the table: signatures
    foot: tuple[Label, ...]
    # a line that starts with one of these is none of its rows: dates and notes
    note: tuple[Label, ...] = ()
    # a line that starts with one of `earlier`, or with one of `title` and names another year, is the title of another table;
    # so is the name of another period
    title: tuple[Label, ...] = ()
    # so is one that starts with one of these and a number or code that is not the table's own
    numbered: tuple[Label, ...] = ()
    earlier: tuple[Label, ...] = ()
    # a line with one of these cites a rule: the years in it are the rule's
    cited: tuple[Label, ...] = ()
    yes: tuple[Label, ...]
    # words beside a number that make it no figure, the most telling kind first
    words: dict[Literal["percent", "times", "approximate", "unit"], tuple[Label, ...]]
    # units of measure that count the same, and what may stand between "unit of measure" and the unit
    alike: tuple[tuple[Label, ...], ...] = ()
    between: tuple[Label, ...] = ()
    # in units of measure: what makes them other than ones
    scales: tuple[Label, ...] = ()
    # before such a unit of measure: "counted in thousands"
    counted_in: tuple[Label, ...] = ()
    # in names of units: short forms written out, words that do not distinguish units, and kinds of places
    short: dict[Label, Label]
    silent: tuple[Label, ...]
    places: tuple[Label, ...]

    @property
    def money_words(self) -> str:
        """The money units as messages name them: the first word of each."""
        first: dict[Decimal, str] = {}
        for name, factor in self.money.items():
            first.setdefault(factor, name)
        return " / ".join(first.values())

    @cached_property
    def factors(self) -> dict[str, Decimal]:
        """How many đồng a unit of measure (folded) is."""
        return {fold(name): factor for name, factor in self.money.items()}

    def factor(self, money: Any) -> Decimal | None:
        """How many đồng a unit of measure is; None where it is not known."""
        return self.factors.get(fold(str(money)))

    @property
    def measures(self) -> tuple[str, ...]:
        """The words of units of measure."""
        return self.words["unit"] + self.words["percent"]

    def counted(self, measure: str) -> str:
        """A unit of measure, folded; of those that count the same, the first."""
        return self._alike.get(folded := fold(measure), folded)

    def names_of(self, measure: str) -> tuple[str, ...]:
        """The units of measure, folded, that count the same as one, and itself; the longest first."""
        counted, factor = self.counted(measure), self.factor(measure)
        same = {word for word, first in self._alike.items() if first == counted}
        same |= {word for word, f in self.factors.items() if f == factor}
        return tuple(sorted({counted, *same}, key=len, reverse=True))

    @cached_property
    def _alike(self) -> dict[str, str]:
        return {fold(word): fold(words[0]) for words in self.alike for word in words}

    @cached_property
    def head_labels(self) -> dict[str, HeadKey]:
        """The head entry that each label (folded) means."""
        return {fold(word): key for key, words in self.header.items() for word in words}

    @cached_property
    def leading_labels(self) -> dict[str, Leading]:
        """The column without figures that each header (folded) means."""
        return {fold(word): key for key, words in self.columns.items() for word in words}

    @cached_property
    def unit_titles(self) -> frozenset[str]:
        """The headers (folded) of the column that holds the units' codes."""
        return frozenset(title for title, key in self.leading_labels.items() if key == "unit_code")


@dataclass(frozen=True)
class Catalogue:
    """Everything that changes without code."""

    levels: tuple[Level, ...]
    calendar: Calendar
    codes: Codes
    history: History
    spells: tuple[Spell, ...]
    forms: tuple[Form, ...]
    sha256: str
    # what templates were printed from that a form, by code and version, still takes
    earlier: dict[tuple[str, int], tuple[Earlier, ...]] = field(default_factory=dict)

    @cached_property
    def level(self) -> dict[str, Level]:
        return {level.code: level for level in self.levels}

    @cached_property
    def period(self) -> dict[tuple[str, str], Period]:
        """Periods by scheme and code."""
        return {(p.scheme, p.code): p for p in self.calendar.periods()}

    @cached_property
    def spells_of(self) -> dict[tuple[str, str], list[Spell]]:
        """The reporting spells by unit and form."""
        found: dict[tuple[str, str], list[Spell]] = {}
        for spell in self.spells:
            found.setdefault((spell.unit, spell.form), []).append(spell)
        return found

    @cached_property
    def columns(self) -> dict[tuple[str, str], tuple[Bilingual, str]]:
        """The name and the type of the column of every table and indicator; of several form versions the newest has it."""
        return {
            (table.code, indicator): (field.name(indicator), field.type)
            for form in sorted(self.forms, key=lambda form: form.valid_from)
            for table in form.tables
            for field in table.fields
            for indicator in field.indicators
        }

    def shown_from(self, item: Field_ | Rate) -> str | None:
        """The lowest level at which readers see an indicator or a rate, or never; None where they see it of every unit."""
        lowest = min((level.rank for level in self.levels if level.published), default=0)
        return None if item.shown_from in self.level and self.level[item.shown_from].rank <= lowest else item.shown_from

    @property
    def units(self) -> tuple[UnitVersion, ...]:
        """Every version of every unit."""
        return self.history.units

    @property
    def successions(self) -> tuple[Succession, ...]:
        """Who followed whom."""
        return self.history.successions

    def unit_by_code(self, code: str, on: date) -> UnitVersion | None:
        """The unit that bore a code on a day: codes are given anew to others, so the day is needed."""
        return next((u for u in self.history.by_code.get(code, ()) if u.covers(on)), None)

    def versions_of_unit(self, unit: str) -> list[UnitVersion]:
        """What a unit was at any time."""
        return self.history.versions.get(unit, [])

    def version(self, unit: str, on: date) -> UnitVersion | None:
        """What a unit was on a day; None where it did not exist."""
        return self.history.version(unit, on)

    def goes_on(self, unit: str, period: Period) -> bool:
        """Whether a unit is throughout a period what it was on the eve, so that it opens as it closed.

        A new name, code or parent changes nothing; one that takes others in, or gives a part away, starts anew.
        """
        life = self.history.life(unit, period.ends_on)
        return life is not None and life.born < period.starts_on

    def above(self, unit: str, on: date) -> list[str]:
        """The unit's ancestors on a day, itself first."""
        return self.history.above(unit, on)

    def versions_of(self, form: str, period: Period) -> list[Form]:
        """The versions of a form in force at some time in the period, the one at its end first."""
        found = [f for f in self.forms if f.code == form and f.valid_from <= period.ends_on and f.valid_to >= period.starts_on]
        return sorted(found, key=lambda f: f.valid_from, reverse=True)

    def due(self, form: Form, level: str, period: Period) -> date:
        """The working day by which a level reports a period: the set day of its last month, rolled forward.

        Where the set day does not come after the cut-off (calendar months close on their last day) it is in the next month.
        """
        day = form.deadline.get(level, self.calendar.deadline[level])
        due = period.ends_on.replace(day=day)
        if due <= period.ends_on:
            due = (period.ends_on.replace(day=1) + timedelta(days=32)).replace(day=day)
        return self.calendar.working_day(due)


def template_fingerprint(form: Form, unit: UnitVersion, period: Period) -> str:
    """What a template carries: the same for the same unit, period and meaning of every cell of the form version.

    What may change while a template is out (rules, rates, deadlines, synonyms) is no part of it.
    """
    return hashlib.sha256(f"({form.meaning}, {unit.unit!r}, {unit.code!r}, {period.period_id!r})".encode()).hexdigest()[:12]
