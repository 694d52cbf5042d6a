"""The catalogue: forms, units, periods, deadlines and checks as typed, dated data, from files to append-only tables.

The files are the one definition. The reader, the check on arrival, the models, the gate and the docs all follow from
what stands here or from the copy that `sync` makes in the warehouse; a ninth form is a ninth file.

    levels.yaml  calendar.yaml  codes.yaml  units/*.csv  events/*.csv  reporting.csv  forms/F1.v1.yaml ...
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import holidays
import psycopg
import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from tonghop.data import FOREVER, CatalogueError, Code, Data, Label, nfc, rows
from tonghop.history import Event, History, Succession, UnitVersion, together
from tonghop.history import fold as fold_history

PeriodType = Literal["M", "Q", "H1", "H2", "9M", "Y", "TERM"]
Scheme = Literal["ND09", "CALENDAR"]
# what a workbook says at its head
HeadKey = Literal["form", "version", "unit", "period", "scheme", "scope", "nil", "money", "fingerprint"]
# the order is part of every period's number: add at the end only
PERIOD_TYPES: tuple[PeriodType, ...] = ("M", "Q", "H1", "H2", "9M", "Y", "TERM")
SCHEMES: tuple[Scheme, ...] = ("ND09", "CALENDAR")


_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # in the dictionary's order


def sort_key(text: str) -> str:
    """A key that sorts Vietnamese as its dictionary does, in any collation: by word, letters before tones, numbers by size."""
    return "".join(map(_word_key, nfc(text).lower().split()))


def _word_key(word: str) -> str:
    parts = unicodedata.normalize("NFD", word.zfill(6) if word.isdecimal() else word)
    letters = unicodedata.normalize("NFC", "".join(c for c in parts if c not in _TONES))
    ranks = (0x20 + int(c) if c.isdecimal() else 0x30 + _LETTERS.index(c) if c in _LETTERS else 0x10 for c in letters)
    tones = (_TONES.index(c) + 1 for c in parts if c in _TONES)
    # a letter ranks above the 00 that ends the letters, so a word comes before its continuations
    return "".join(f"{n:02x}" for n in (*ranks, 0, next(tones, 0)))


class Bilingual(Data):
    """A text in Vietnamese and English."""

    vi: Label
    en: Label


class Level(Bilingual):
    """A level of the organisation: cell, grassroots organisation, and so on upwards by rank."""

    code: Code
    rank: int
    # whether BI users may see single units of this level
    published: bool


class Synonym(Data):
    """A label that a sender may write, where it is in use for some time only."""

    text: Label
    valid_from: date = date(1900, 1, 1)
    valid_to: date = FOREVER


class Field_(Bilingual):
    """One column of a form table. `code` fields open into one 0/1 indicator per code."""

    code: Code
    type: Literal["count", "flag", "amount", "code"] = "count"
    unit: Label
    aggregation: Literal["flow", "stock", "count"]
    restricted: bool = False
    synonyms: tuple[Label | Synonym, ...] = ()
    # for type code: code -> the labels that a sender may write, the first one shown
    codes: dict[Code, tuple[Label, ...]] = Field({})

    @model_validator(mode="after")
    def _codes_where_needed(self) -> Self:
        if (self.type == "code") != bool(self.codes):
            raise ValueError(f"{self.code}: `codes` goes with type code")
        return self

    @property
    def indicators(self) -> tuple[str, ...]:
        """The indicator codes that this column fills."""
        return tuple(f"{self.code}_{code}" for code in self.codes) or (self.code,)

    def labels(self, on: date | None = None) -> list[str]:
        """The folded header texts that a sender may write on a day, or ever."""
        dated = (s for s in self.synonyms if isinstance(s, Synonym) and (on is None or s.valid_from <= on <= s.valid_to))
        undated = (s for s in self.synonyms if isinstance(s, str))
        return [fold(text) for text in (self.vi, self.en, self.code, *undated, *(s.text for s in dated))]


class Row(Bilingual):
    """A fixed row of a table, where a unit fills several."""

    code: Code
    synonyms: tuple[Label, ...] = ()


ALL_ROWS = Row(code="all", vi="Tổng hợp", en="All")


class Table(Bilingual):
    """A rectangle of a form: its own sheet in a workbook, its own wide view in the marts."""

    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
    # the levels that owe it (no other may fill it), and for which period types; `accepted` ones are taken but not owed
    levels: tuple[Code, ...]
    owed: tuple[PeriodType, ...]
    accepted: tuple[PeriodType, ...] = ()
    # where quarters are owed, which of them; the others are accepted
    quarters: tuple[int, ...] = (1, 2, 3, 4)
    rows: tuple[Row, ...] = (ALL_ROWS,)
    fields: tuple[Field_, ...]

    @property
    def period_types(self) -> tuple[PeriodType, ...]:
        """Every period type that the table is taken for."""
        return self.owed + self.accepted

    def owes(self, period: "Period") -> bool:
        """Whether a report is due for the period, at the levels that owe the table."""
        return period.type in self.owed and (period.type != "Q" or period.ordinal in self.quarters)

    @cached_property
    def headers(self) -> dict[str, Field_]:
        """Every header text that a sender may ever write (folded), to its field."""
        return {label: field for field in self.fields for label in field.labels()}

    def headers_on(self, day: date) -> dict[str, Field_]:
        """Every header text that a sender may write on a day (folded), to its field."""
        return {label: field for field in self.fields for label in field.labels(day)}


class Check(Data):
    """A linear rule: the sum of coefficient x field, `=` or `<=`, a bound."""

    rule: str
    # a rule that changes gets another version, with dates of its own
    version: int = Field(1, ge=1)
    kind: Literal["identity", "consistency", "compliance"]
    table: str
    # field, or TABLE.field of another table; "*": every field of the table, each against its sum over the units below
    terms: dict[str, Decimal]
    # where a term's value stands: same report (default), the previous period, all units below summed, the quarter's months; or,
    # for each reorganisation: the last reports of the units that ended, the first ones of the units that followed them
    at: dict[str, Literal["same", "previous", "children", "months", "predecessors", "successors"]] = Field({})
    op: Literal["=", "<="]
    bound: Decimal = Decimal(0)
    periods: tuple[PeriodType, ...] = ()
    levels: tuple[Code, ...] = ()
    valid_from: date = date(1900, 1, 1)
    valid_to: date = FOREVER
    message: Bilingual

    @model_validator(mode="after")
    def _sides_of_a_reorganisation(self) -> Self:
        if sides := {"predecessors", "successors"} & {*self.at.values()}:
            if len(sides) < 2 or set(self.at) != set(self.terms):
                raise ValueError(f"{self.rule}: every term stands at predecessors or successors, and both have some")
            if not self.periods:
                raise ValueError(f"{self.rule}: `periods` says which reports tell what a reorganisation moved")
        return self

    def in_force(self, period: "Period") -> bool:
        """Whether the rule holds for a period."""
        return self.valid_from <= period.ends_on <= self.valid_to and (not self.periods or period.type in self.periods)


class Rate(Data):
    """A rate, always from sums: numerator over denominator."""

    code: str
    table: str
    name: Bilingual
    numerator: dict[str, Decimal]
    denominator: dict[str, Decimal]
    restricted: bool = False


class Crosswalk(Data):
    """What a label of the form version before means in this one; `broken` where no step from the one to the other is sound."""

    table: str
    old: str
    new: tuple[str, ...]
    broken: bool
    why: Bilingual


class Form(Data):
    """One version of a form: what may be reported, by whom, for which periods, and what must hold."""

    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
    version: int
    name: Bilingual
    scheme: Scheme
    valid_from: date
    valid_to: date = FOREVER
    # day of the period's last month by which each level reports; the calendar's default otherwise
    deadline: dict[Code, int] = Field({})
    tables: tuple[Table, ...]
    # from the labels of the version before, where they changed: old and new figures never form one line across a break
    crosswalk: tuple[Crosswalk, ...] = ()
    checks: tuple[Check, ...] = ()
    rates: tuple[Rate, ...] = ()

    @cached_property
    def table(self) -> dict[str, Table]:
        """Tables by code."""
        return {table.code: table for table in self.tables}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for table in self.tables:
            owners: dict[str, set[str]] = {}
            for field in table.fields:
                for label in field.labels():
                    owners.setdefault(label, set()).add(field.code)
            twice = [label for label, codes in owners.items() if len(codes) > 1]
            if twice:
                raise ValueError(f"{table.code}: a header that two fields share: {', '.join(sorted(twice))}")
        for check in self.checks:
            known = {i for f in self._table(check.table, check.rule).fields for i in f.indicators}
            for term in (*check.terms, *check.at):
                if term != "*" and "." not in term and term not in known:
                    raise ValueError(f"{check.rule}: {check.table} has no field {term}")
        for rate in self.rates:
            known = {i for f in self._table(rate.table, rate.code).fields for i in f.indicators}
            if missing := {*rate.numerator, *rate.denominator} - known:
                raise ValueError(f"{rate.code}: {rate.table} has no field {', '.join(sorted(missing))}")
        return self

    def _table(self, code: str, who: str) -> Table:
        if code not in self.table:
            raise ValueError(f"{who}: no table {code}")
        return self.table[code]

    @cached_property
    def rules(self) -> tuple["Rule", ...]:
        """The checks, opened into one rule per instance with its terms."""
        return tuple(rule for check in self.checks for rule in _open(self, check))


@dataclass(frozen=True)
class Term:
    """coefficient x indicator, where the value stands."""

    table: str
    indicator: str
    coefficient: Decimal
    at: str


@dataclass(frozen=True)
class Rule:
    """A check in the shape in which it is evaluated and stored."""

    check: Check
    instance: str
    terms: tuple[Term, ...]

    @property
    def on_arrival(self) -> bool:
        """Whether the report alone decides it."""
        return all(term.at == "same" and term.table == self.check.table for term in self.terms)


def _open(form: Form, check: Check) -> Iterator[Rule]:
    if "*" not in check.terms:
        terms = tuple(Term(*_qualify(check.table, name), coefficient, check.at.get(name, "same"))
                      for name, coefficient in check.terms.items())
        yield Rule(check, "", terms)
        return
    for field in form.table[check.table].fields:
        for indicator in field.indicators:
            terms = (Term(check.table, indicator, check.terms["*"], "same"),
                     Term(check.table, indicator, -check.terms["*"], "children"))
            yield Rule(check, indicator, terms)


def _qualify(table: str, name: str) -> tuple[str, str]:
    head, _, tail = name.rpartition(".")
    return (head or table, tail)


# hoà, hòa: the tone on either vowel is the same word
_PLACEMENTS = tuple((nfc(first + second + tone), nfc(first + tone + second))
                    for first, second in (("o", "a"), ("o", "e"), ("u", "y")) for tone in _TONES)


# kỳ, kì; quý, quí: one word in two spellings; only where no other word is spelt so
_I_OR_Y = re.compile(r"\b([hklmst])([yỳýỷỹỵ])\b|\b(q)([uùúủũụ])y\b")
_I = dict(zip("yỳýỷỹỵuùúủũụ", "iìíỉĩị" * 2, strict=True))
# look-alikes, and what no eye sees
_EVEN = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-",
                       "ð": "đ", "\u200b": None, "\u200c": None, "\u200d": None, "\u2060": None, "\ufeff": None, "\u00ad": None})


def fold(text: str) -> str:
    """A label as it is compared: composed, case folded, tone placement, i or y, and punctuation evened out."""
    return _fold(text) if len(text) <= 200 else _fold.__wrapped__(text)


@lru_cache(maxsize=20_000)
def _fold(text: str) -> str:
    text = nfc(text.casefold().translate(_EVEN))
    for old, new in _PLACEMENTS:
        text = text.replace(old, new)
    text = _I_OR_Y.sub(lambda word: f"{word[1]}{_I[word[2]]}" if word[1] else f"qu{_I[word[4]]}", text)
    return re.sub(r"\s*([-/:;,().])\s*", r"\1", text).strip(" :.*")


# --- periods ---------------------------------------------------------------------------------------------------

@dataclass(frozen=True, order=True)
class Period:
    """A reporting period under a cut-off scheme. Its number tells year, scheme, type and ordinal, so it sorts and partitions."""

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
    """Which years have periods, the terms, the cut-off schemes, and default deadlines per level."""

    first_year: int
    last_year: int
    terms: tuple[tuple[int, int], ...]
    schemes: dict[Scheme, Cutoff]
    deadline: dict[Code, int]

    def periods(self) -> Iterator[Period]:
        """Every period of every scheme. 9M and Y are cumulative and overlap the others."""
        spans: dict[PeriodType, list[tuple[int, int]]] = {
            "M": [(m, m) for m in range(1, 13)], "Q": [(m, m + 2) for m in (1, 4, 7, 10)],
            "H1": [(1, 6)], "H2": [(7, 12)], "9M": [(1, 9)], "Y": [(1, 12)]}
        for scheme in self.schemes:
            for year in range(self.first_year, self.last_year + 1):
                for kind, months in spans.items():
                    for ordinal, (first, last) in enumerate(months, start=1):
                        label = f"{ordinal:02d}" if kind == "M" else f"{ordinal}" if kind == "Q" else ""
                        yield self._period(scheme, kind, f"{year}-{kind}{label}", ordinal, (year, first), (year, last))
            for first_year, last_year in self.terms:
                yield self._period(scheme, "TERM", f"{first_year}-{last_year}-TERM", 1, (first_year, 1), (last_year, 12))

    def _period(self, scheme: Scheme, kind: PeriodType, code: str, ordinal: int,
                first: tuple[int, int], last: tuple[int, int]) -> Period:
        before = (first[0] - (first[1] == 1), (first[1] - 2) % 12 + 1)
        number = last[0] * 100_000 + (SCHEMES.index(scheme) * 10 + PERIOD_TYPES.index(kind)) * 100 + ordinal
        return Period(number, scheme, kind, code, self._close(scheme, *before) + timedelta(days=1), self._close(scheme, *last))

    def _close(self, scheme: Scheme, year: int, month: int) -> date:
        day = self.schemes[scheme].last_day
        return date(year, month, day) if day else date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


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
    columns: dict[Literal["ordinal", "unit_code", "unit_name", "row"], tuple[Label, ...]]
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

    def factor(self, money: Any) -> Decimal | None:
        """How many đồng a unit of measure is; None where it is not known."""
        return {fold(name): factor for name, factor in self.money.items()}.get(fold(str(money)))


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
        while due.weekday() >= 5 or due in _holidays(due.year):
            due += timedelta(days=1)
        return due


_HOLIDAYS: dict[int, holidays.HolidayBase] = {}


def _holidays(year: int) -> holidays.HolidayBase:
    return _HOLIDAYS.setdefault(year, holidays.country_holidays("VN", years=year))


def fingerprint(form: Form, unit: UnitVersion, period: Period) -> str:
    """What a template carries: the same for the same unit, period and meaning of every cell of the form version.

    What may change while a template is out (rules, rates, deadlines, synonyms) is no part of it.
    """
    tables = [(table.code, [row.code for row in table.rows],
               [(f.code, f.vi, f.en, f.type, f.unit, sorted(f.codes)) for f in table.fields]) for table in form.tables]
    meaning = (form.code, form.version, form.scheme, tables, unit.unit, unit.code, period.period_id)
    return hashlib.sha256(repr(meaning).encode()).hexdigest()[:12]


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
        raise CatalogueError(f"{path}: {error}") from error


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
    for code in owner.values():
        versions_ = sorted((f for f in c.forms if f.code == code), key=lambda f: f.valid_from)
        yield from (f"form {code}: versions {a.version} and {b.version} overlap" for a, b in pairwise(versions_)
                    if b.valid_from <= a.valid_to)


# --- into the warehouse ----------------------------------------------------------------------------------------

TABLES = ("version", "unit", "indicator", "form_row", "period", "level", "unit_version", "succession", "reporting_spell", "form",
          "form_table", "form_table_row", "field", "crosswalk", "obligation", "check_rule", "check_term", "rate", "rate_term")


# held by whoever changes the catalogue, here or in its folder
LOCK = "select pg_advisory_xact_lock(hashtext('tonghop.catalogue'))"


@dataclass(frozen=True)
class Synced:
    """The catalogue's number in the warehouse, and the numbers of its things."""

    catalogue_id: int
    new: bool
    unit: dict[str, int]
    indicator: dict[tuple[str, str], int]
    row: dict[tuple[str, str], int]


def sync(catalogue: Catalogue, connection: psycopg.Connection[Any]) -> Synced:
    """Bring the catalogue into its append-only tables; does nothing where this very catalogue stands there.

    One transaction, one writer at a time. The newest catalogue_id is the one that the next candidate takes.
    """
    with connection.transaction():
        connection.execute(LOCK)
        newest = connection.execute(
            "select catalogue_id, sha256 from catalogue.version order by catalogue_id desc limit 1").fetchone()
        # a catalogue that comes back after another was in force is a new version of its own
        new = newest is None or newest[1] != catalogue.sha256
        if new:
            catalogue_id = _write(catalogue, connection)
            # without statistics the models' joins over a fresh catalogue become nested loops: minutes for seconds
            connection.execute("analyze " + ", ".join(f"catalogue.{name}" for name in TABLES))
        else:
            assert newest
            catalogue_id = newest[0]
        return Synced(
            catalogue_id, new,
            unit=dict(connection.execute("select unit_key, unit_id from catalogue.unit").fetchall()),
            indicator={(table, field): number for table, field, number in
                       connection.execute("select table_code, field_code, indicator_id from catalogue.indicator")},
            row={(table, row): number for table, row, number in
                 connection.execute("select table_code, row_code, row_id from catalogue.form_row")})


def _write(c: Catalogue, connection: psycopg.Connection[Any]) -> int:
    """Write a whole copy of the catalogue; returns its number."""
    row = connection.execute("insert into catalogue.version (sha256) values (%s) returning catalogue_id", [c.sha256]).fetchone()
    assert row
    number: int = row[0]

    def copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with connection.cursor().copy(f"copy catalogue.{table} ({columns}) from stdin") as out:
            for row in rows:
                out.write_row(row)

    def register(table: str, columns: str, key: str, rows: Iterable[tuple[Any, ...]]) -> dict[Any, int]:
        """Give every new thing its number for ever; the numbers of all."""
        names = columns.split(", ")
        texts = ", ".join(f"{name} text" for name in names)
        connection.execute(f"create temp table wanted (n integer generated always as identity, {texts}) on commit drop")
        with connection.cursor().copy(f"copy wanted ({columns}) from stdin") as out:
            for row in dict.fromkeys(rows):
                out.write_row(row)
        # in the order of the files, so that numbers follow the columns of the form
        connection.execute(f"insert into catalogue.{table} ({columns}) select {columns} from wanted "
                           f"where ({columns}) not in (select {columns} from catalogue.{table}) order by n")
        connection.execute("drop table wanted")
        found = connection.execute(f"select {key}, {columns} from catalogue.{table}").fetchall()
        return {(row[1] if len(names) == 1 else tuple(row[1:])): row[0] for row in found}

    tables = [(form, table) for form in c.forms for table in form.tables]
    unit = register("unit", "unit_key", "unit_id", ((u.unit,) for u in c.units))
    indicator = register("indicator", "table_code, field_code", "indicator_id",
                         ((t.code, i) for _, t in tables for f in t.fields for i in f.indicators))
    row_id = register("form_row", "table_code, row_code", "row_id", ((t.code, r.code) for _, t in tables for r in t.rows))
    have = {row[0] for row in connection.execute("select period_id from catalogue.period")}
    copy("period", "period_id, scheme, period_type, code, starts_on, ends_on",
         ((p.period_id, p.scheme, p.type, p.code, p.starts_on, p.ends_on) for p in sorted(c.period.values())
          if p.period_id not in have))

    copy("level", "catalogue_id, level, rank, published, name_vi, name_en",
         ((number, x.code, x.rank, x.published, x.vi, x.en) for x in c.levels))
    copy("unit_version", "catalogue_id, unit_id, valid_from, valid_to, code, name, sort_key, level, also_level, parent_id, "
         "synthetic",
         ((number, unit[u.unit], u.valid_from, u.valid_to, u.code, u.name, sort_key(u.name), u.level,
           u.also_level, unit[u.parent] if u.parent else None, u.synthetic) for u in c.units))
    copy("succession", "catalogue_id, predecessor_id, successor_id, on_date, weight, event, group_id",
         ((number, unit[s.predecessor], unit[s.successor], s.on, s.weight, s.event, unit[first])
          for s, first in together(c.successions).items()))
    copy("reporting_spell", "catalogue_id, unit_id, form_code, valid_from, valid_to",
         ((number, unit[s.unit], s.form, s.valid_from, s.valid_to) for s in c.spells))
    copy("form", "catalogue_id, form_code, form_version, scheme, name_vi, name_en, valid_from, valid_to",
         ((number, f.code, f.version, f.scheme, f.name.vi, f.name.en, f.valid_from, f.valid_to) for f in c.forms))
    copy("form_table", "catalogue_id, form_code, form_version, table_code, name_vi, name_en",
         ((number, f.code, f.version, t.code, t.vi, t.en) for f, t in tables))
    copy("form_table_row", "catalogue_id, form_version, row_id, ordinal, label_vi, label_en",
         ((number, f.version, row_id[t.code, r.code], n, r.vi, r.en) for f, t in tables for n, r in enumerate(t.rows, 1)))
    copy("field", "catalogue_id, form_version, indicator_id, ordinal, label_vi, label_en, value_type, measure_unit, aggregation, "
         "restricted",
         ((number, f.version, indicator[t.code, i], n, *_labels(x, i), x.type, x.unit, x.aggregation, x.restricted)
          for f, t in tables for n, x in enumerate(t.fields, 1) for i in x.indicators))
    copy("crosswalk", "catalogue_id, form_version, old_id, new_id, is_break, broken_on, why_vi, why_en",
         ((number, f.version, indicator[x.table, x.old], indicator[x.table, new], x.broken, f.valid_from, x.why.vi, x.why.en)
          for f in c.forms for x in f.crosswalk for new in x.new))
    copy("obligation", "catalogue_id, form_code, form_version, table_code, level, period_id, due_on",
         ((number, f.code, f.version, t.code, level, p.period_id, c.due(f, level, p))
          for f, t in tables for p in c.period.values() for level in t.levels
          if p.scheme == f.scheme and t.owes(p) and f.valid_from <= p.ends_on <= f.valid_to))
    rules = [(f, r) for f in c.forms for r in f.rules]
    copy("check_rule", "catalogue_id, rule, instance, form_version, rule_version, table_code, kind, op, bound, period_types, "
         "levels, valid_from, valid_to, message_vi, message_en",
         ((number, r.check.rule, r.instance, f.version, r.check.version, r.check.table, r.check.kind, r.check.op, r.check.bound,
           list(r.check.periods), list(r.check.levels), r.check.valid_from, r.check.valid_to,
           r.check.message.vi, r.check.message.en)
          for f, r in rules))
    copy("check_term", 'catalogue_id, rule, instance, form_version, rule_version, indicator_id, coefficient, "at"',
         ((number, r.check.rule, r.instance, f.version, r.check.version, indicator[t.table, t.indicator], t.coefficient, t.at)
          for f, r in rules for t in r.terms))
    rates = {rate.code: rate for form in c.forms for rate in form.rates}  # a later version's definition stands
    copy("rate", "catalogue_id, rate_code, table_code, name_vi, name_en, restricted",
         ((number, x.code, x.table, x.name.vi, x.name.en, x.restricted) for x in rates.values()))
    copy("rate_term", "catalogue_id, rate_code, part, indicator_id, coefficient",
         ((number, x.code, part, indicator[x.table, name], coefficient) for x in rates.values()
          for part, terms in (("numerator", x.numerator), ("denominator", x.denominator)) for name, coefficient in terms.items()))
    return number


def _labels(field: Field_, indicator: str) -> tuple[str, str]:
    if not field.codes:
        return field.vi, field.en
    code = indicator.removeprefix(f"{field.code}_")
    return f"{field.vi}: {field.codes[code][0]}", f"{field.en}: {code}"
