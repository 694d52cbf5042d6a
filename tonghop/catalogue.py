"""The catalogue: forms, units, periods, deadlines and checks as typed, dated data, from the files of one folder.

The files are the one definition. The reader, the check on arrival, the models, the gate and the docs all follow from
what stands here or from the copy that `tonghop.sync` makes in the warehouse; a ninth form is a ninth file.

    levels.yaml  calendar.yaml  codes.yaml  units/*.csv  events/*.csv  reporting.csv  forms/F1.v1.yaml ...
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tonghop.calendar import Calendar, Period, working_day
from tonghop.data import Bilingual, CatalogueError, Code, Data, Label, rows, told
from tonghop.forms import ALL_ROWS, Form, HeadKey, Leading, Table
from tonghop.history import Event, History, Succession, UnitVersion
from tonghop.history import fold as fold_history
from tonghop.text import fold


class Level(Bilingual):
    """A level of the organisation: cell, grassroots organisation, and so on upwards by rank."""

    code: Code
    rank: int
    # whether BI users may see single units of this level
    published: bool


# --- reporting -------------------------------------------------------------------------------------------------

class Spell(Data):
    """A stretch of days over which a unit reports a form here."""

    unit: str
    form: str
    valid_from: date
    valid_to: date


# --- the whole -------------------------------------------------------------------------------------------------

class Codes(Data):
    """Small code lists: multipliers of money units, marks in cells, header words of the reference workbooks."""

    money: dict[Label, Decimal]
    zero: tuple[str, ...]
    not_applicable: tuple[str, ...]
    header: dict[HeadKey, tuple[Label, ...]]
    columns: dict[Leading, tuple[Label, ...]]
    scope: dict[Literal["own", "rollup"], tuple[Label, ...]]
    total: tuple[Label, ...]
    # between a total's word and the section that it sums
    section: tuple[Label, ...]
    # a row that starts with one of these ends the table: signatures and notes
    foot: tuple[Label, ...]
    yes: tuple[Label, ...]
    # what stands beside a figure and makes it none, the most telling kind first
    words: dict[Literal["percent", "times", "approximate", "unit"], tuple[Label, ...]]
    # in names of units: what short forms stand for, words that do not tell units apart, and kinds of places
    short: dict[Label, Label]
    silent: tuple[Label, ...]
    places: tuple[Label, ...]

    @property
    def money_words(self) -> str:
        """The money units as a sender is told them: the first word of each."""
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

    @cached_property
    def head_labels(self) -> dict[str, HeadKey]:
        """What the labels of a head (folded) stand for."""
        return {fold(word): key for key, words in self.header.items() for word in words}

    @cached_property
    def leading_labels(self) -> dict[str, Leading]:
        """What the headers of the columns before the figures (folded) stand for."""
        return {fold(word): key for key, words in self.columns.items() for word in words}


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

    @cached_property
    def level(self) -> dict[str, Level]:
        return {level.code: level for level in self.levels}

    @cached_property
    def period(self) -> dict[tuple[str, str], Period]:
        """Periods by scheme and code."""
        return {(p.scheme, p.code): p for p in self.calendar.periods()}

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
        return working_day(due)


def fingerprint(form: Form, unit: UnitVersion, period: Period) -> str:
    """What a template carries: the same for the same unit, period and meaning of every cell of the form version.

    What may change while a template is out (rules, rates, deadlines, synonyms) is no part of it.
    """
    return hashlib.sha256(f"({form.meaning}, {unit.unit!r}, {unit.code!r}, {period.period_id!r})".encode()).hexdigest()[:12]


_Model = TypeVar("_Model", bound=BaseModel)


def load(folder: Path, events: Mapping[str, Path | None] | None = None) -> Catalogue:
    """The catalogue of a folder, validated as a whole; `events`: as if these files were, or were not, in its events folder.

    Raises CatalogueError, naming the file, where anything is missing, unknown or contradicts itself.
    """
    stored = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.suffix in (".yaml", ".csv")}
    overlaid: dict[str, Path | None] = {**stored, **{f"events/{name}": path for name, path in (events or {}).items()}}
    files = {name: path for name, path in sorted(overlaid.items()) if path}
    digest = hashlib.sha256(b"".join(f"{name}\0".encode() + path.read_bytes() for name, path in files.items())).hexdigest()
    levels = [Level.model_validate(item) for item in _yaml(folder / "levels.yaml")]
    unit_files, event_files = ([path for name, path in files.items() if re.fullmatch(rf"{kind}/[^/]*\.csv", name)]
                               for kind in ("units", "events"))
    history, problems = fold_history(rows(UnitVersion, unit_files), rows(Event, event_files),
                                     {level.code: level.rank for level in levels})
    spells = list(rows(Spell, [folder / "reporting.csv"]))
    catalogue = Catalogue(
        levels=tuple(sorted(levels, key=lambda level: level.rank)),
        calendar=_model(Calendar, folder / "calendar.yaml"),
        codes=_model(Codes, folder / "codes.yaml"),
        history=history,
        spells=_handed_on((spell for _, spell in spells), history),
        forms=tuple(_model(Form, path) for path in sorted((folder / "forms").glob("*.yaml"))),
        sha256=digest)
    problems += _spell_problems(spells, history, {form.code for form in catalogue.forms})
    problems += _problems(catalogue)
    if problems:
        raise CatalogueError(f"{folder}: " + "; ".join(problems[:10]))
    return catalogue


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise CatalogueError(f"{path}: {error}") from error


def _model(kind: type[_Model], path: Path) -> _Model:
    try:
        return kind.model_validate(_yaml(path))
    except ValidationError as error:
        raise CatalogueError(f"{path}: {told(error)}") from error


def _handed_on(spells: Iterable[Spell], history: History) -> tuple[Spell, ...]:
    """The spells, and what successors take over: what a unit had still to report when it ended is theirs from that day."""
    spans: dict[str, dict[str, list[tuple[date, date]]]] = defaultdict(lambda: defaultdict(list))
    for spell in spells:
        spans[spell.unit][spell.form].append((spell.valid_from, spell.valid_to))
    for way in sorted(history.successions, key=lambda s: s.on):
        for form, theirs in spans.get(way.predecessor, {}).items():
            spans[way.successor][form] += [(max(start, way.on), end) for start, end in theirs if end >= way.on]
    return tuple(Spell(unit=unit, form=form, valid_from=start, valid_to=end)
                 for unit, of_unit in spans.items() for form, all_spans in of_unit.items() for start, end in _merged(all_spans))


def _merged(spans: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Stretches of days that do not overlap and cover the same days."""
    found: list[tuple[date, date]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _spell_problems(spells: Iterable[tuple[str, Spell]], history: History, forms: set[str]) -> Iterator[str]:
    for where, spell in spells:
        if spell.unit not in history.versions:
            yield f"{where}: no unit {spell.unit}"
        if spell.form not in forms:
            yield f"{where}: no form {spell.form}"
        if spell.valid_to < spell.valid_from:
            yield f"{where}: {spell.unit} ends reporting {spell.form} before it starts, on {spell.valid_from}"
    # a day in two spells would be owed twice
    for (_, earlier), (where, later) in pairwise(sorted(spells, key=lambda s: (s[1].unit, s[1].form, s[1].valid_from))):
        if (earlier.unit, earlier.form) == (later.unit, later.form) and later.valid_from <= earlier.valid_to:
            yield f"{where}: two spells of {later.unit} for {later.form} on {later.valid_from}"


def _rows(table: Table) -> set[str]:
    return {row.code for row in table.rows}


def _problems(c: Catalogue) -> Iterator[str]:
    seen: set[tuple[str, int]] = set()
    owner: dict[str, str] = {}
    fields = {(t.code, i) for f in c.forms for t in f.tables for x in t.fields for i in x.indicators}
    for form in c.forms:
        if (form.code, form.version) in seen:
            yield f"form {form.code} version {form.version} stands twice"
        seen.add((form.code, form.version))
        for table in form.tables:
            if owner.setdefault(table.code, form.code) != form.code:
                yield f"table {table.code} stands in two forms"
            yield from (f"{table.code}: no level {level}" for level in table.levels if level not in c.level)
        for a_, b_ in pairwise(sorted(form.checks, key=lambda check: (check.rule, check.valid_from))):
            if a_.rule == b_.rule and (b_.version == a_.version or b_.valid_from <= a_.valid_to):
                yield f"{form.code}: two versions of {b_.rule} on {b_.valid_from}, or of one number"
        for way in form.crosswalk:
            yield from (f"{form.code} version {form.version}: crosswalk: no field {way.table}.{name}"
                        for name in (way.old, *way.new) if (way.table, name) not in fields)
        for rule in form.rules:
            yield from (f"{rule.check.rule}: no field {t.table}.{t.indicator}" for t in rule.terms
                        if (t.table, t.indicator) not in fields)
            yield from (f"{rule.check.rule}: on which row does {t.table}.{t.indicator} stand? {t.table} has other rows than "
                        f"{rule.check.table}" for t in rule.terms for other in c.forms for table in other.tables
                        if table.code == t.table and not _rows(form.table[rule.check.table]) <= _rows(table)
                        and not (t.at == "elsewhere" and table.rows == (ALL_ROWS,)))
    for code in owner.values():
        versions_ = sorted((f for f in c.forms if f.code == code), key=lambda f: f.valid_from)
        yield from (f"form {code}: versions {a.version} and {b.version} overlap" for a, b in pairwise(versions_)
                    if b.valid_from <= a.valid_to)
