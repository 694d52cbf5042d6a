"""From the raw figures of a file to a report: cells at the grain of a fact, and a finding for everything that is wrong.

Every rule that the report alone decides is checked here (`tonghop.reading.rules`); the models check what needs other reports.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import chain, groupby, repeat
from operator import attrgetter
from typing import Any

import numpy as np

from tonghop.base.findings import Finding, Place, Unreadable, finding, printable
from tonghop.base.settings import Settings
from tonghop.base.text import fold, visible
from tonghop.catalogue import obligations
from tonghop.catalogue.evaluate import EXACT, decimals_of, total
from tonghop.catalogue.forms import Field_, Row, Table
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import UnitVersion
from tonghop.reading import printed, unit_names
from tonghop.reading.figures import Money
from tonghop.reading.layout import cells_of, own_measure
from tonghop.reading.numbers import (
    LARGEST_COUNT,
    Vocabulary,
    Wrong,
    amount,
    failed,
    is_foreign,
    mark,
    number_in_cell,
    parse_number,
)
from tonghop.reading.raw import Columns, Entry, Look, Reading, Total, plain
from tonghop.reading.reader import read
from tonghop.reading.report import NOT_APPLICABLE, CellValue, Line, LineHeader, Read, Report, TableRead
from tonghop.reading.rows import other_measure
from tonghop.reading.rules import broken_rules
from tonghop.reading.unit_codes import Reused
from tonghop.xlsx.xml_edit import letters, split


def read_and_check(name: str, content: bytes, catalogue: Catalogue, settings: Settings, received: date | None = None) -> Report:
    """Read and check one file that was received on a day, today by default; never raises for what is in the file."""
    try:
        return understand(read(name, content, catalogue, settings, received), catalogue)
    except Unreadable as unreadable:
        return Report(findings=[unreadable.finding], readable=False)


def understand(reading: Reading, catalogue: Catalogue) -> Report:
    """Turn a reading's figures into cells and check them against the rules.

    Raises Unreadable where a cell that counts holds a formula that was never computed.
    """
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
    if reading.money and not any(f.rule == "head.measure" for f in result.findings):
        tables = {entry.table.code: entry.table for entry in reading.entries}.values()
        if tables and not any(own_measure(str(reading.money.value), table, catalogue.codes) for table in tables):
            result.findings.append(other_measure(reading.money, next(iter(tables)), understood.vocabulary))
    result.read = _read(reading, result.lines, understood.marked, catalogue)
    if reading.nil:
        result.lines.clear()
    elif not result.findings and all(figure is None for line in result.lines for figure in line.figures):
        result.findings.append(finding("file.empty", None))
    result.findings += _totals(reading, result, understood)
    result.findings += broken_rules(
        reading.form,
        reading.period,
        result.lines,
        understood.refused,
        reading.lacking | reading.missing,
        understood.money,
        catalogue,
    )
    return result


def _read(reading: Reading, lines: list[Line], marked: list[Place], catalogue: Catalogue) -> Read:
    """What was read and what was not."""
    assert reading.form
    assert reading.sender
    assert reading.period
    subjects: dict[tuple[str, str], set[tuple[str, str]]] = {}
    cells: Counter[tuple[str, str]] = Counter()
    for header, alike in groupby(lines, attrgetter("header")):
        key = header.table, printable(header.sheet)
        found = subjects.setdefault(key, set())
        for line in alike:
            found.add((line.unit, line.row))
            cells[key] += len(line.figures)
    # a ward files for its cells, and they owe the form
    units = {reading.sender.unit, *(unit for rows in subjects.values() for unit, _ in rows)}
    looks = {sheet: reading.looks.get(sheet, _PLAIN) for _, sheet in subjects}
    return Read(
        tuple(TableRead(*key, len(rows), cells[key]) for key, rows in subjects.items()),
        tuple(reading.sheets_passed),
        tuple(reading.columns_passed),
        tuple(reading.cells_passed),
        printed.lacking(reading),
        tuple(cells_of(marked)),
        tuple(sheet for sheet, look in looks.items() if look.has_other_conditions),
        tuple(sheet for sheet, look in looks.items() if look.has_asides),
        tuple(cells_of(reading.unnumbered)),
        tuple(cells_of(_kept(reading, lines))),
        any(obligations.owes(catalogue, reading.form.code, unit, reading.period) for unit in units),
    )


def _kept(reading: Reading, lines: list[Line]) -> Iterator[Place]:
    """Figures of formulas that are taken as the file keeps them, though these may be older than the cells that they read."""
    for sheet, look in reading.looks.items():
        columns = {line.place: line.header.columns for line in lines if line.header.sheet == sheet} if look.kept else {}
        for row, column in sorted(map(split, look.kept)):
            if letters(column) in columns.get(str(row), ()):
                yield Place(None, sheet, f"{letters(column)}{row}")


class _Understanding:
    """Turns entries into lines of cells, one for each unit and row, and adds a finding for what it cannot understand."""

    def __init__(self, catalogue: Catalogue, reading: Reading, result: Report):
        assert reading.period
        assert reading.sender
        assert reading.days
        self.days = reading.days
        self.catalogue, self.period, self.sender, self.result = catalogue, reading.period, reading.sender, result
        self.factor = catalogue.codes.factor(reading.money.value) if reading.money else None
        self.money = result.money = Money.named(catalogue, reading.money.value if reading.money else None)
        self.money_place = reading.money
        self.money_named = False
        self.units: dict[tuple[str, str, str | None], UnitVersion] = {}
        # those by what stands in the cells, where nothing is wrong with it
        self.met: dict[tuple[str, Any, Any], UnitVersion] = {}
        # the places of unit codes and row labels that have a finding
        self.wrong: set[tuple[object, str, str]] = set()
        # the indicators that each table, unit and row has so far
        self.seen: dict[tuple[str, str, str] | None, frozenset[str]] = {}
        self.headers: dict[LineHeader, LineHeader] = {}
        self.refused: set[tuple[str, str, str, str]] = set()
        codes = catalogue.codes
        self.zero, self.not_applicable = {mark(m) for m in codes.zero}, {mark(m) for m in codes.not_applicable}
        # cells with a mark that was read as 0
        self.marked: list[Place] = []
        self.yes = {fold(word) for word in codes.yes}
        self.vocabulary = Vocabulary(codes)
        self.looks, self.entries = reading.looks, reading.entries

    @cached_property
    def mixed(self) -> set[tuple[str, str]]:
        """Columns (sheet, field) in which one figure has another country's marks: then the others may have them too."""
        return {
            (place.sheet, spec.code)
            for entry in self.entries
            if str in map(type, entry.values)
            for spec, place in entry.figures
            if isinstance(place.value, str) and is_foreign(place.value)
        }

    def take(self, columns: Columns, entries: list[Entry]) -> None:
        """Take in rows that have the same columns, one below the other."""
        table, look = entries[0].table, self.looks.get(entries[0].unit.sheet, _PLAIN)
        # a short way for rows of whole numbers, which nearly all rows are; the long way gives the same
        wholes = _whole([entry.values for entry in entries]) if columns.counts and len(entries) > 1 else repeat(None)
        header = self._header(table, entries[0].unit.sheet, columns.codes, columns.names)
        for entry, whole in zip(entries, wholes, strict=False):
            for place in (entry.unit, entry.row) if look.uncomputed else ():
                look.computed(place)
            for place in (entry.unit, entry.row, entry.name) if look.faded else ():
                self._unstruck(place, look)
            unit, row = self._subject(entry), self._row(entry)
            subject = (table.code, unit.unit, row.code) if unit and row else None
            seen = self.seen.get(subject, frozenset())
            if whole and unit and row and seen.isdisjoint(columns.counts) and not look.alters(columns.names, entry.place):
                self.seen[subject] = seen | columns.counts if seen else columns.counts
                self.result.lines.append(Line(header, unit.unit, row.code, entry.place, whole))
            else:
                self._one_by_one(entry, subject, look)

    def _unstruck(self, place: Place | None, look: Look) -> None:
        """Add a finding where what names a row is struck out: its figures may be meant to go with it."""
        if place and place.value and look.faded.get(place.cell) == "cell.struck":
            self.result.findings.append(finding("cell.struck", place, value=self.vocabulary.mask(place.value)))

    def _header(self, table: Table, sheet: str, indicators: tuple[str, ...], columns: tuple[str, ...]) -> LineHeader:
        """The header; lines with equal headers share one object."""
        header = LineHeader(table.code, sheet, indicators, columns)
        return self.headers.setdefault(header, header)

    def _one_by_one(self, entry: Entry, subject: tuple[str, str, str] | None, look: Look) -> None:
        seen = self.seen.get(subject, frozenset())
        taken: list[tuple[str, CellValue, str]] = []
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
        cells = table.code, place.value, entry.name and entry.name.value
        if type(place.value) is str and (met := self.met.get(cells)):
            return met
        code = plain(place.value) if place.value is not None else ""
        name = entry.name.value if entry.name and isinstance(entry.name.value, str) else None
        key = (table.code, code, name)
        found = self.units.get(key)
        if found is None and self._is_first(key, entry, place):
            unit = self.days.unit(code, [name], self.catalogue)
            if isinstance(unit, Reused) and self.sender.unit in (unit.then.unit, unit.since.unit):
                unit = self.sender  # it is known which of the two sends
            wrong: Finding | None = None
            if isinstance(unit, Reused):
                wrong = finding("row.code_reused", place, **unit.words(self.period.ends_on))
            elif not code:
                wrong = finding("row.no_unit", place)
            elif unit is None:
                rule, words = self.days.none(code, self.catalogue)
                wrong = finding(f"row.{rule}", place, **words)
            elif self.sender.unit not in self.catalogue.above(unit.unit, self.period.ends_on):
                wrong = finding("row.not_below", place, on=f"{self.period.ends_on:%d/%m/%Y}")
            elif not unit.is_at(table.levels):
                level = self.catalogue.level[unit.level]
                wrong = finding("table.level", place, table=table.code, level_vi=level.vi, level_en=level.en)
            if wrong:
                self.result.findings.append(wrong)
            elif unit and not isinstance(unit, Reused):
                found = self.units[key] = unit
        if found and entry.name and entry.name.value != found.name:
            self._name(entry.name, found)
        elif found and type(place.value) is str:
            self.met[cells] = found
        return found

    def _is_first(self, key: object, entry: Entry, place: Place) -> bool:
        """Whether a unit or row that is not known yet is to be looked up: where it is refused each row has one finding.

        In a CSV each figure has a row of its own, and there the first one is enough.
        """
        at = (key, place.sheet, place.cell if entry.columns.names[0] else "")
        first = at not in self.wrong
        self.wrong.add(at)
        return first

    def _name(self, place: Place, unit: UnitVersion) -> None:
        """Add a finding where the name in a row belongs to other units than its code; a name that no unit has is passed over."""
        if others := unit_names.of_others(place.value, unit, self.catalogue, self.period.ends_on):
            self.result.findings.append(finding("row.name", place, code=unit.code, unit_name=unit.name, named=others))

    def _row(self, entry: Entry) -> Row | None:
        if entry.row is None:
            return entry.table.rows[0]
        label = str(entry.row.value)
        found = entry.table.labels.get(fold(label))
        if found is None and self._is_first((entry.table.code, label), entry, entry.row):
            words = ", ".join(r.vi for r in entry.table.rows)
            quoted = self.vocabulary.mask(entry.row.value)
            self.result.findings.append(finding("row.label", entry.row, value=quoted, table=entry.table.code, words=words))
        return found

    def _figures(self, spec: Field_, place: Place, look: Look) -> list[tuple[str, CellValue]] | None:
        """The figures of one cell by indicator, or None after a finding. A cell with a code fills one indicator for each code."""
        value = place.value
        look.computed(place)
        value = visible(value).strip() if isinstance(value, str) else value
        if error := _error(place, look):
            self.result.findings.append(finding("cell.error", place, error=error))
            return None
        if value in (None, ""):
            return [(indicator, None) for indicator in spec.indicators]
        if rule := look.faded.get(place.cell):
            self.result.findings.append(finding(rule, place, value=self.vocabulary.mask(value)))
            return None
        if (stale := _stale(place, look)) is not None:
            self.result.findings.append(stale)
            return None
        text = mark(value) if isinstance(value, str) else None
        if text in self.not_applicable and spec.type != "flag":
            return [(indicator, NOT_APPLICABLE) for indicator in spec.indicators]
        if spec.type == "code":
            return self._code(place, spec)
        if text in self.zero:
            self.marked.append(place)
            return [(spec.code, 0)]
        number = self._number(place, spec, value, look.formats.get(place.cell))
        return None if number is None else [(spec.code, _figure(number))]

    def _code(self, place: Place, spec: Field_) -> list[tuple[str, CellValue]] | None:
        given = fold(plain(place.value))
        chosen = next((code for code, labels in spec.codes.items() if given in {fold(t) for t in (code, *labels)}), None)
        if chosen is None:
            words = ", ".join(labels[0] for labels in spec.codes.values())
            self.result.findings.append(finding("cell.code", place, value=self.vocabulary.mask(place.value), words=words))
            return None
        return [(f"{spec.code}_{code}", int(code == chosen)) for code in spec.codes]

    def _units(self, spec: Field_) -> tuple[str, ...]:
        """What the unit of measure of a field's figures may be called, folded: of amounts it is the one that the report names."""
        return self.catalogue.codes.names_of(self.money.name if spec.type == "amount" else spec.unit)

    def _number(self, place: Place, spec: Field_, value: Any, format_code: str | None) -> Decimal | None:
        if spec.type == "flag" and isinstance(value, str) and fold(value) in self.yes:
            return Decimal(1)
        units = self._units(spec) if format_code else ()
        number = number_in_cell(value, format_code, (place.sheet, spec.code) in self.mixed, self.vocabulary, units)
        if isinstance(number, Decimal) and spec.type == "amount":
            if self.factor is None:
                # the unit of money is missing once, at the head, and not once a cell
                if not self.money_named:
                    self.money_named = True
                    self.result.findings.append(finding("head.money", self.money_place, words=self.catalogue.codes.money_words))
                return None
            number = amount(number, self.factor)
        elif isinstance(number, Decimal):
            number = _counted(number, spec)
        if isinstance(number, Wrong):
            rule = "cell.flag" if spec.type == "flag" and number.rule == "cell.number" else number.rule
            self.result.findings.append(finding(rule, place, **number.words))
            return None
        return number


_PLAIN = Look()


def _error(place: Place, look: Look) -> str | None:
    """What failed at a place, in a formula or as the text that one left."""
    return look.errors.get(place.cell) or (str(place.value).strip() if failed(place.value) else None)


def _stale(place: Place, look: Look) -> Finding | None:
    """The finding for a formula that gives another number than the file keeps for it."""
    computed = look.stale.get(place.cell)
    kept = parse_number(place.value)
    return finding("cell.stale", place, value=kept, computed=computed) if computed is not None and kept is not None else None


def _whole(rows: list[list[Any]]) -> list[list[CellValue] | None]:
    """The figures of each row, or None for a row that has anything else than whole numbers and blanks; the rows are of counts."""
    values = [*chain.from_iterable(rows)]
    blanks = []
    if {*map(type, values)} != {float}:
        blanks = [n for n, value in enumerate(values) if value == "" or value is None]
        values = [value if type(value) is float else -1.0 for value in values]
    numbers = np.array(values)
    numbers[blanks] = 0
    # NaN is not equal to itself
    whole = (numbers == np.floor(numbers)) & (numbers >= 0) & (numbers <= LARGEST_COUNT)
    width = len(rows[0])
    if not whole.all():
        numbers[~whole] = 0
    figures: list[list[Any]] = numbers.astype(np.int64).reshape(-1, width).tolist()
    for n in blanks:
        figures[n // width][n % width] = None
    fine = whole.reshape(-1, width).all(axis=1).tolist()
    return [row if good else None for row, good in zip(figures, fine, strict=True)]


def _figure(number: Decimal) -> CellValue:
    return int(number) if number == number.to_integral_value() else f"{number:f}"


def _counted(number: Decimal, spec: Field_) -> Decimal | Wrong:
    shown: dict[str, Any] = {"value": number}
    if spec.type == "flag":
        return number if number in (0, 1) else Wrong("cell.flag", shown)
    if 0 < number < 1:
        return Wrong("cell.percent", shown)
    if number > LARGEST_COUNT:
        return Wrong("cell.large", shown)
    return number if number >= 0 and number == number.to_integral_value() else Wrong("cell.whole", shown)


def _stated(place: Place, understood: "_Understanding") -> Decimal | Wrong | None:
    """The number that a total states, why it is none, or None where it says nothing."""
    value = visible(place.value).strip() if isinstance(place.value, str) else place.value
    text = mark(value) if isinstance(value, str) else None
    if value in (None, "") or text in understood.not_applicable:
        return None
    number = Decimal(0) if text in understood.zero else parse_number(value)
    return number_in_cell(value, None, False, understood.vocabulary) if number is None else number


def _totals(reading: Reading, result: Report, understood: "_Understanding") -> list[Finding]:
    """Findings for totals that a sheet states and its rows do not add up to. The totals are no part of the report."""
    summands: dict[tuple[str, str], dict[int, list[Decimal]]] = {}
    for line in result.lines if reading.totals else ():
        for cell in line.cells:
            if cell.value is not None:
                summands.setdefault((cell.sheet, cell.indicator), {}).setdefault(int(line.place), []).append(cell.value)
    found = []
    for stated in reading.totals:
        place, spec = stated.figure, stated.field
        look = reading.looks.get(place.sheet, _PLAIN)
        if error := _error(place, look):
            found.append(finding("cell.error", place, error=error))
            continue
        if (old := _stale(place, look)) is not None:
            found.append(old)
            continue
        # a total is no part of the report: one that is yet to be computed contradicts nothing
        if place.cell in look.uncomputed:
            continue
        number = _stated(place, understood)
        if isinstance(number, Wrong):
            found.append(finding(number.rule, place, **number.words))
        if not isinstance(number, Decimal):
            continue
        shown = understood.money if spec.type == "amount" else Money("", Decimal(1))
        number = EXACT.multiply(number, shown.factor)
        rows = {
            row: values
            for row, values in summands.get((place.sheet, spec.code), {}).items()
            if stated.first <= row <= stated.last
        }
        values = [value for values in rows.values() for value in values]
        if not _adds_up(stated, number, values):
            words: dict[str, Any] = {
                "label_vi": spec.vi,
                "label_en": spec.en,
                "stated": shown.of(number),
                "summed": shown.of(total(values)),
                "gap": shown.of(EXACT.subtract(number, total(values)).copy_abs()),
                "money": f" {shown.name}".rstrip(),
                "row_word": "row" if len(rows) == 1 else "rows",
                "rows": "–".join(dict.fromkeys((str(min(rows)), str(max(rows))))) if rows else "–",
            }
            found.append(finding("total", place, **words))
    return found


def _adds_up(stated: Total, number: Decimal, values: list[Decimal]) -> bool:
    """Whether the number that a total states is the sum of the values.

    A formula in a workbook adds binary fractions, one after the other, and its cell keeps 15 digits. Of n values whose sizes add
    up to s the sum is off by less than (n + 1) x 2^-53 x s, or by nothing where all are whole and s is below 2^53; the digits
    after the 15th are lost. That much is no contradiction in a number, but in a text it is one.
    """
    gap = EXACT.subtract(number, total(values)).copy_abs()
    if not isinstance(stated.figure.value, float):
        return gap.is_zero()
    size = total(value.copy_abs() for value in values)
    exact = size < 2**53 and not any(map(decimals_of, values))
    lost = Decimal(5).scaleb(number.adjusted() - 15)
    return gap <= (lost if exact else EXACT.fma(size, (len(values) + 1) * Decimal(2) ** -53, lost))
