"""From raw figures to cells at the grain of a fact, and the catalogue's linear rules on them.

Every rule that a report alone can decide is decided here: as a table of cells (one row a unit and form row, one column an
indicator) times the matrix of the rules' coefficients. What needs other reports is decided by the models.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import chain, groupby, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from tonghop import units
from tonghop.answer import Answer, Finding, Place, Unreadable, finding
from tonghop.calendar import Period
from tonghop.catalogue import Catalogue
from tonghop.figures import LARGEST, Vocabulary, Wrong, comma, fits, is_foreign, parse_number, understand
from tonghop.forms import Field_, Form, Row, Rule, Table
from tonghop.history import UnitVersion
from tonghop.read import read
from tonghop.reading import Columns, Entry, Look, Reading, plain, unit_of
from tonghop.settings import Settings
from tonghop.text import fold

ROUNDING = 1e-9  # figures are whole or money, exact in floating point; coefficients like 0.2 are not


# a whole number, every other one exactly as text, None where the cell is blank
Figure = int | str | None
NOT_APPLICABLE = "NaN"


class Cell(NamedTuple):
    """One figure at the grain: subject unit x form row x indicator, from one cell. state is value, blank or not_applicable."""

    table: str
    unit: str
    row: str
    indicator: str
    state: str
    value: Decimal | None
    sheet: str
    cell: str


class Header(NamedTuple):
    """Which indicator of a table stands in which column of a sheet."""

    table: str
    sheet: str
    indicators: tuple[str, ...]
    columns: tuple[str, ...]


class Line(NamedTuple):
    """The cells of one unit and form row that stand in one row of a file, side by side: what nearly all work is done on.

    A cell is called by its column's name and `place` after it.
    """

    header: Header
    unit: str
    row: str
    place: str
    figures: list[Figure]

    @property
    def cells(self) -> Iterator[Cell]:
        """One by one."""
        table, sheet, indicators, columns = self.header
        for indicator, column, figure in zip(indicators, columns, self.figures, strict=True):
            state = "blank" if figure is None else "not_applicable" if figure == NOT_APPLICABLE else "value"
            value = Decimal(figure) if figure is not None and state == "value" else None
            yield Cell(table, self.unit, self.row, indicator, state, value, sheet, column + self.place)

    @property
    def numbers(self) -> list[Figure]:
        """What the rules compute with: what is not applicable adds nothing."""
        return [0 if f == NOT_APPLICABLE else f for f in self.figures] if NOT_APPLICABLE in self.figures else self.figures


@dataclass
class Report:
    """A file as understood: what it is, its cells, and every finding. `status` says what becomes of it."""

    form: Form | None = None
    sender: UnitVersion | None = None
    period: Period | None = None
    scope: str | None = None
    nil: bool = False
    lines: list[Line] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    readable: bool = True

    @property
    def cells(self) -> list[Cell]:
        """Every cell, one by one."""
        return [cell for line in self.lines for cell in line.cells]

    @property
    def status(self) -> str:
        """accepted, returned or quarantined."""
        if not self.readable:
            return "quarantined"
        return "returned" if any(f.returns for f in self.findings) else "accepted"

    def answer(self, name: str, sha256: str, receipt: str | None = None) -> Answer:
        """What the sender is told."""
        return Answer(name, receipt, sha256, self.status, self.form.code if self.form else None,
                      self.sender.code if self.sender else None, self.period.code if self.period else None, self.findings)


def report(name: str, content: bytes, catalogue: Catalogue, settings: Settings) -> Report:
    """Read and check one file; never raises for what is in the file."""
    try:
        reading = read(name, content, catalogue, settings)
    except Unreadable as unreadable:
        return Report(findings=[unreadable.finding], readable=False)
    return check(reading, catalogue)


def check(reading: Reading, catalogue: Catalogue) -> Report:
    """Understand a reading's figures and put the rules to them."""
    result = Report(reading.form, reading.sender, reading.period, reading.scope, reading.nil, findings=list(reading.findings))
    if reading.form is None or reading.sender is None or reading.period is None or reading.scope is None:
        return result
    understood = _Understanding(catalogue, reading, result)
    for table in {entry.table.code: entry.table for entry in reading.entries}.values():
        if reading.period.type not in table.period_types:
            result.findings.append(finding("table.period", None, table=table.code, period=reading.period.code))
    for columns, entries in groupby(reading.entries, attrgetter("columns")):
        understood.take(columns, list(entries))
    if reading.nil and any(figure not in (None, NOT_APPLICABLE) for line in result.lines for figure in line.figures):
        result.findings.append(finding("head.nil", None))
    if reading.nil:
        result.lines.clear()
    elif not result.findings and all(figure is None for line in result.lines for figure in line.figures):
        result.findings.append(finding("file.empty", None))
    result.findings += _totals(reading, result, understood)
    result.findings += _rules(reading.form, reading.period, result.lines, understood.refused, catalogue)
    return result


class _Understanding:
    """Turns entries into lines of cells, once per unit and row, noting what cannot be understood."""

    def __init__(self, catalogue: Catalogue, reading: Reading, result: Report):
        assert reading.period
        assert reading.sender
        self.catalogue, self.period, self.sender, self.result = catalogue, reading.period, reading.sender, result
        self.factor = catalogue.codes.factor(reading.money.value) if reading.money else None
        self.money_place = reading.money
        self.money_told = False
        self.units: dict[tuple[str, str, str], UnitVersion | None] = {}
        self.rows: dict[tuple[str, str], Row | None] = {}
        # the indicators that each table, unit and row has by now
        self.seen: dict[tuple[str, str, str] | None, frozenset[str]] = {}
        self.headers: dict[Header, Header] = {}
        self.refused: set[tuple[str, str, str, str]] = set()
        codes = catalogue.codes
        self.zero, self.not_applicable = {fold(m) or m for m in codes.zero}, {fold(m) for m in codes.not_applicable}
        self.yes = {fold(word) for word in codes.yes}
        self.vocabulary = Vocabulary(codes)
        self.looks, self.entries = reading.looks, reading.entries

    @property
    def on(self) -> str:
        """The day by which units are named, as a finding says it."""
        return f"{self.period.ends_on:%d/%m/%Y}"

    @cached_property
    def mixed(self) -> set[tuple[str, str]]:
        """Columns in which one figure is written with another country's marks: the others may be so too."""
        return {(place.sheet, spec.code) for entry in self.entries if str in map(type, entry.values)
                for spec, place in entry.figures if isinstance(place.value, str) and is_foreign(place.value)}

    def take(self, columns: Columns, entries: list[Entry]) -> None:
        """Rows of the same columns, one below the other."""
        table, look = entries[0].table, self.looks.get(entries[0].unit.sheet, _PLAIN)
        # what nearly every row is, and the long way would say too
        wholes = _whole([entry.values for entry in entries]) if columns.counts and len(entries) > 1 else repeat(None)
        header = self._header(table, entries[0].unit.sheet, columns.codes, columns.names)
        for entry, whole in zip(entries, wholes, strict=False):
            unit, row = self._subject(entry), self._row(entry)
            subject = (table.code, unit.unit, row.code) if unit and row else None
            seen = self.seen.get(subject, frozenset())
            if whole and unit and row and seen.isdisjoint(columns.counts) and not look.alters(columns.names, entry.place):
                self.seen[subject] = seen | columns.counts if seen else columns.counts
                self.result.lines.append(Line(header, unit.unit, row.code, entry.place, whole))
            else:
                self._one_by_one(entry, subject, look)

    def _header(self, table: Table, sheet: str, indicators: tuple[str, ...], columns: tuple[str, ...]) -> Header:
        """One header for all lines that have the same."""
        header = Header(table.code, sheet, indicators, columns)
        return self.headers.setdefault(header, header)

    def _one_by_one(self, entry: Entry, subject: tuple[str, str, str] | None, look: Look) -> None:
        seen = self.seen.get(subject, frozenset())
        taken: list[tuple[str, Figure, str]] = []
        for column, (spec, place) in zip(entry.columns.names, entry.figures, strict=True):
            figures = self._figures(spec, place, look)
            if subject is None:
                continue
            if figures is None:
                self.refused |= {(*subject, indicator) for indicator in spec.indicators}
                continue
            for indicator, figure in figures:
                if indicator in seen:
                    self.result.findings.append(finding("row.twice", place, subject[1]))
                    break
                seen |= {indicator}
                taken.append((indicator, figure, column))
        self.seen[subject] = seen
        if subject and taken:
            indicators, figures_, columns = zip(*taken, strict=True)
            header = self._header(entry.table, entry.unit.sheet, indicators, columns)
            self.result.lines.append(Line(header, *subject[1:], entry.place, list(figures_)))

    def _subject(self, entry: Entry) -> UnitVersion | None:
        place, table = entry.unit, entry.table
        code = plain(place.value).strip() if place.value is not None else ""
        key = (table.code, place.sheet, code)
        if key not in self.units:
            unit = unit_of(code, self.catalogue, self.period.ends_on)
            wrong: Finding | None = None
            if unit is None:
                wrong = finding("row.unit", place, value=units.quoted(code), on=self.on)
            elif self.sender.unit not in self.catalogue.above(unit.unit, self.period.ends_on):
                wrong = finding("row.not_below", place, on=self.on)
            elif not unit.is_at(table.levels):
                level = self.catalogue.level[unit.level]
                wrong = finding("table.level", place, table=table.code, level_vi=level.vi, level_en=level.en)
            if wrong:
                self.result.findings.append(wrong)
            self.units[key] = None if wrong else unit
        found = self.units[key]
        if found and entry.name and entry.name.value != found.name:
            self._name(entry.name, found)
        return found

    def _name(self, place: Place, unit: UnitVersion) -> None:
        """The name in a row against the unit that its code found; a name that no unit bears is not looked into."""
        if not isinstance(place.value, str) or not place.value or units.same(place.value, unit, self.catalogue):
            return
        if named := units.named(place.value, self.catalogue, self.period.ends_on):
            words = ", ".join(f"{other.code} «{other.name}»" for other in named[:3])
            self.result.findings.append(finding("row.name", place, code=unit.code, unit_name=unit.name, named=words))

    def _row(self, entry: Entry) -> Row | None:
        if entry.row is None:
            return entry.table.rows[0]
        key = (entry.table.code, str(entry.row.value))
        if key not in self.rows:
            found = entry.table.labels.get(fold(str(entry.row.value)))
            if found is None:
                words = ", ".join(r.vi for r in entry.table.rows)
                quoted = self.vocabulary.mask(entry.row.value)
                self.result.findings.append(finding("row.label", entry.row, value=quoted, table=entry.table.code, words=words))
            self.rows[key] = found
        return self.rows[key]

    def _figures(self, spec: Field_, place: Place, look: Look) -> list[tuple[str, Figure]] | None:
        """(indicator, figure) of one cell; None after a finding. A code cell fills one indicator per code."""
        value = place.value
        if error := look.errors.get(place.cell):
            self.result.findings.append(finding("cell.error", place, error=error))
            return None
        value = value.strip() if isinstance(value, str) else value
        if value in (None, ""):
            return [(indicator, None) for indicator in spec.indicators]
        text = fold(value) or value if isinstance(value, str) else None
        if text in self.not_applicable and spec.type != "flag":
            return [(indicator, NOT_APPLICABLE) for indicator in spec.indicators]
        if spec.type == "code":
            return self._code(place, spec)
        if text in self.zero:
            return [(spec.code, 0)]
        number = self._number(place, spec, value, look.formats.get(place.cell))
        return None if number is None else [(spec.code, _figure(number))]

    def _code(self, place: Place, spec: Field_) -> list[tuple[str, Figure]] | None:
        given = fold(plain(place.value))
        chosen = next((code for code, labels in spec.codes.items() if given in {fold(t) for t in (code, *labels)}), None)
        if chosen is None:
            words = ", ".join(labels[0] for labels in spec.codes.values())
            self.result.findings.append(finding("cell.code", place, value=self.vocabulary.mask(place.value), words=words))
            return None
        return [(f"{spec.code}_{code}", int(code == chosen)) for code in spec.codes]

    def _number(self, place: Place, spec: Field_, value: Any, format_code: str | None) -> Decimal | None:
        if spec.type == "flag" and isinstance(value, str) and fold(value) in self.yes:
            return Decimal(1)
        number = understand(value, format_code, (place.sheet, spec.code) in self.mixed, self.vocabulary)
        if isinstance(number, Decimal) and spec.type == "amount":
            if self.factor is None:
                # one head, one finding: not one a cell
                if not self.money_told:
                    self.money_told = True
                    self.result.findings.append(finding("head.money", self.money_place, words=self.catalogue.codes.money_words))
                return None
            number = fits(number * self.factor)
        elif isinstance(number, Decimal):
            number = _counted(number, spec)
        if isinstance(number, Wrong):
            self.result.findings.append(finding(number.rule, place, **number.words))
            return None
        return number


_PLAIN = Look()


def _whole(rows: list[list[Any]]) -> list[list[Figure] | None]:
    """Of rows of counts the figures of each that holds nothing else than whole numbers and blanks; None for every other row."""
    values = [*chain.from_iterable(rows)]
    blanks = []
    if {*map(type, values)} != {float}:
        blanks = [n for n, value in enumerate(values) if value == "" or value is None]
        values = [value if type(value) is float else -1.0 for value in values]
    numbers = np.array(values)
    numbers[blanks] = 0
    # what is no number is not equal to itself
    whole = (numbers == np.floor(numbers)) & (numbers >= 0) & (numbers <= LARGEST)
    width = len(rows[0])
    figures: list[list[Any]] = np.where(whole, numbers, 0).astype(np.int64).reshape(-1, width).tolist()
    for n in blanks:
        figures[n // width][n % width] = None
    fine = whole.reshape(-1, width).all(axis=1).tolist()
    return [row if good else None for row, good in zip(figures, fine, strict=True)]


def _figure(number: Decimal) -> Figure:
    return int(number) if number == number.to_integral_value() else f"{number:f}"


def _counted(number: Decimal, spec: Field_) -> Decimal | Wrong:
    shown = {"value": comma(number)}
    if spec.type == "flag":
        return number if number in (0, 1) else Wrong("cell.flag", shown)
    if 0 < number < 1:
        return Wrong("cell.percent", shown)
    return number if number >= 0 and number == number.to_integral_value() else Wrong("cell.whole", shown)


def _totals(reading: Reading, result: Report, understood: _Understanding) -> list[Finding]:
    """A stated total against the rows above it; then it is dropped."""
    sums: dict[tuple[str, str], dict[int, Decimal]] = {}
    for line in result.lines if reading.totals else ():
        for cell in line.cells:
            if cell.value is not None:
                rows = sums.setdefault((cell.sheet, cell.indicator), {})
                rows[int(line.place)] = rows.get(int(line.place), Decimal(0)) + cell.value
    found = []
    for total in reading.totals:
        place, spec = total.figure, total.field
        if error := reading.looks.get(place.sheet, _PLAIN).errors.get(place.cell):
            found.append(finding("cell.error", place, error=error))
        stated = parse_number(place.value) if spec.type != "code" else None
        if stated is None:
            continue
        summed = sum((value for row, value in sums.get((place.sheet, spec.code), {}).items() if total.first <= row <= total.last),
                     Decimal(0))
        if spec.type == "amount":
            stated *= understood.factor or 1
        if stated != summed:
            found.append(finding("total", place, stated=comma(stated), summed=comma(summed)))
    return found


def _rules(form: Form, period: Period, lines: list[Line], refused: set[tuple[str, str, str, str]],
           catalogue: Catalogue) -> list[Finding]:
    """Every rule of the form that this report decides, on every unit and row; refused cells have their finding already."""
    found: list[Finding] = []
    for table in form.tables:
        rules = [rule for rule in form.rules if rule.on_arrival and rule.check.table == table.code
                 and rule.check.in_force(period)]
        mine = [line for line in lines if line.header.table == table.code]
        if rules and mine:
            found += _table_rules(table, rules, mine, refused, period.ends_on, catalogue)
    return found


def _table_rules(table: Table, rules: list[Rule], lines: list[Line], refused: set[tuple[str, str, str, str]], on: date,
                 catalogue: Catalogue) -> list[Finding]:
    column, subject = table.columns, dict[tuple[str, str], int]()
    alike: dict[tuple[str, ...], list[tuple[int, Line]]] = {}
    for line in lines:
        number = subject.setdefault((line.unit, line.row), len(subject))
        alike.setdefault(line.header.indicators, []).append((number, line))
    figures = np.full((len(subject), len(column)), np.nan)
    for indicators, together in alike.items():
        numbers = np.array([line.figures for _, line in together], float)
        if np.isnan(numbers).any():
            numbers = np.array([line.numbers for _, line in together], float)
        figures[np.ix_([number for number, _ in together], [column[name] for name in indicators])] = numbers
    coefficients = np.zeros((len(column), len(rules)))
    for j, rule in enumerate(rules):
        for term in rule.terms:
            coefficients[column[term.indicator], j] += float(term.coefficient)
    used = coefficients != 0
    blank = np.isnan(figures)
    gap = np.where(blank, 0, figures) @ coefficients - [float(rule.check.bound) for rule in rules]
    blanks = blank.astype(int) @ used.astype(int)
    broken = (gap > ROUNDING) | ((gap < -ROUNDING) & [rule.check.op == "=" for rule in rules])
    # where nothing was reported there is nothing to contradict; where a part is blank it cannot be decided
    suspects = np.argwhere((blanks < used.sum(axis=0)) & (broken | (blanks > 0)))
    place = {(subject[c.unit, c.row], c.indicator): c for line in lines for c in line.cells} if len(suspects) else {}
    keys = list(subject)
    found = []
    for i, j in suspects:
        rule, (unit, row) = rules[j].check, keys[i]
        if any((table.code, unit, row, term.indicator) in refused for term in rules[j].terms):
            continue
        version = catalogue.version(unit, on)
        if rule.levels and (version is None or not version.is_at(rule.levels)):
            continue
        at = [place[i, term.indicator] for term in rules[j].terms if (i, term.indicator) in place]
        if not blanks[i, j]:
            found.append(Finding(rule.rule, rule.kind, at[0].sheet, at[0].cell, rule.message.vi, rule.message.en, unit,
                                 rule.version))
        elif rule.kind == "identity":
            empty = next((c for c in at if c.state == "blank"), at[0])
            found.append(finding("cell.blank", Place(None, empty.sheet, empty.cell), unit, check=rule.rule))
    return found
