"""The rows below a table's header. Every cell there that holds anything is read, refused or named in the answer.

`Rows._take` decides that for one row after the other, and it is the only place that does. A row that it takes is a unit's,
a total or a title that comes again, or it has a finding; of every other row the cells are named as passed over: signatures,
dates, notes.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, Literal, NamedTuple

from tonghop.base.findings import Finding, Place, finding, printable
from tonghop.base.text import FOLDED, fold, nfc, visible
from tonghop.catalogue.forms import ALL_ROWS, Field_, Table
from tonghop.catalogue.model import Catalogue, Codes
from tonghop.reading import period_names
from tonghop.reading.layout import (
    CHECKS_SHEET,
    SIGNED,
    Sheet,
    TableHeader,
    column_letters,
    coordinate,
    declared_measures,
    groups_of,
    holds,
    in_one_cell,
    is_measure,
    own_measure,
    ranges,
    shown,
)
from tonghop.reading.numbers import Vocabulary, failed, mark
from tonghop.reading.raw import Columns, Entry, Look, Reading, Total, plain
from tonghop.reading.report import CellsPassed, ColumnPassed
from tonghop.reading.unit_codes import unit_called

_EMPTY = frozenset(("", None))
_COLUMN_NUMBER = re.compile(r"\(?([A-ZĐ]|[1-9]\d{0,2})(\s*=[\d\s=+\-.,…()x×]*)?\)?")
_LETTERS = "ABCDĐEFGH"


def is_column_numbers(row: list[Any]) -> bool:
    """Whether a row numbers the columns: A, B, then 1, 2, 3=4+5 ..., without a gap, which no row of figures is."""
    names = []
    for value in row:
        if value not in _EMPTY:
            if not (found := _COLUMN_NUMBER.fullmatch(plain(value))):
                return False
            names.append(found[1])
    if len(names) < 3:
        return False
    letters = [name for name in names if name.isalpha()]
    numbers = names[len(letters) :]
    in_order = letters == list(_LETTERS[: len(letters)]) or letters == list(_LETTERS.replace("Đ", "")[: len(letters)])
    return in_order and numbers == [str(n) for n in range(1, len(numbers) + 1)]


class _Row(NamedTuple):
    """A row under the header and what kind of row it is; its number counts from 0."""

    number: int
    # titles: the header's texts once more; foreign: the header of another table
    kind: Literal["unit", "total", "section", "titles", "foreign", "other"]
    unit: Place
    # of a section, or of the section that a total sums; a total without one sums the whole table
    label: str = ""

    @property
    def rank(self) -> int:
        """Sections A, B hold sections I, II."""
        return int(bool(_ROMAN.fullmatch(self.label)))


_ROMAN = re.compile("[IVX]+")
# what a total's word may be set off by
_BULLETS = "*-–—+•· "
_CODE = re.compile(r"[\w.\-]*\d[\w.\-]*")
_ORDINAL = re.compile(r"\s*\d{1,4}\s*[.)]?\s*")
_SECTION = re.compile(r"([IVX]+|[A-ZĐ])[.)]?")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_YEARS = re.compile(r"(?<!\d)((?:19|20)\d\d)\s*-\s*((?:19|20)\d\d)(?!\d)")
# a day with its year, and a text that is no more than a year or a part of one
_DAY = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-](\d{4})(?!\d)|(?<!\w)tháng \d{1,2} năm (\d{4})(?!\d)")
_YEAR_ALONE = re.compile(r"(?:(?:năm|quý|tháng|kỳ|kì|[ivx]+|\d{1,2})[ /:.-]*)*(?:19|20)\d\d")
# what sets a title off: a bullet, or its number or letter
_SET_OFF = re.compile(r"[\W_]*(?:(?:[ivx]{1,4}|[a-zđ]|\d{1,2})[.)]+)?[\W_]*")
# digits that are no figure: a day, the number of a page, a telephone number
_NO_FIGURE = re.compile(
    r"\d{1,2}[/.-]\d{1,2}([/.-]\d{2,4})?|\d{1,2}/\d{4}|[-–]\s*\d{1,3}\s*[-–]|(?:0|\+84)[ .-]?\d(?:[ .-]?\d){7,9}"
)


class Rows:
    """The rows of one table, and how far its reading has come. `read` adds what is in them to the reading."""

    def __init__(self, reading: Reading, sheet: Sheet, table: Table, header: TableHeader, catalogue: Catalogue, on: date) -> None:
        self.reading, self.sheet, self.table, self.header = reading, sheet, table, header
        self.catalogue, self.on, self.start = catalogue, on, header.last_row + 1
        # merged header cells may leave an empty row before the row of column numbers
        grid, self.look = sheet.grid, reading.looks.get(sheet.name, Look())
        # the rows with a formula that failed: their values are empty
        self.failed = {int(cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) - 1 for cell in self.look.errors}
        first = next((r for r in range(self.start, len(grid)) if _filled(grid[r]) or r in self.failed), self.start)
        if first < len(grid) and is_column_numbers(grid[first]):
            self.start = first + 1
        self.fixed = table.rows != (ALL_ROWS,)
        self.vocabulary = Vocabulary(catalogue.codes)
        self.figure_texts = _figure_texts(self.vocabulary)
        self.inputs = list(header.fields)
        self.columns = Columns(tuple(header.fields.values()), tuple(map(column_letters, self.inputs)))
        self.together = (
            slice(self.inputs[0], self.inputs[-1] + 1) if self.inputs[-1] - self.inputs[0] < len(self.inputs) else None
        )
        self.label, self.name = header.leading["row"] if self.fixed else None, header.leading.get("unit_name")
        self.label_letter, self.name_letter = column_letters(self.label or 0), column_letters(self.name or 0)
        self.code, self.measure = header.leading["unit_code"], header.leading.get("measure")
        if not self.fixed and "row" in header.leading:
            header.passed[header.leading["row"]] = catalogue.codes.columns["row"][0]
        self.ordinal = header.leading.get("ordinal")
        width = len(sheet.grid[0]) if sheet.grid else 0
        known = {*self.inputs, *header.leading.values(), *header.passed, *(column(p) for p in header.twice.values())}
        # columns without a title that hold anything; those left of the codes may number the rows
        below = grid[self.start :]
        self.bare = [
            c
            for c in range(width)
            if c not in known and c not in header.unknown
            if self.failed or any(row[c] not in _EMPTY for row in below)
        ]
        self.all = list(self._classified())
        self.sections = [row for row in self.all if row.kind == "section"]
        self.last = max((row.number for row in self.all if row.kind in ("unit", "total")), default=0)
        # whether the table's foot is above, and which rows hold figures of units or totals
        self.ended = False
        self.taken: set[int] = set()
        self.used: set[int] = set()
        self.unlabelled: set[int] = set()
        self.told: set[Any] = set()
        self.seen: set[int] = set()
        # the rows that were passed over, and their cells
        self.notes: list[int] = []
        self.passed: set[tuple[int, int]] = set()
        # the lines since the last row of figures: the title of another table may be among them
        self.lines: list[str] = []
        # whether the row of figures above has a number
        self.numbered = False
        # whether any row of figures has one
        self.counted = False

    # --- one row after the other ---------------------------------------------------------------------------------

    def read(self) -> None:
        """Add figures and totals to the reading, and a finding or a name for every other cell that holds anything."""
        self._above()
        self._years()
        for row in self.all:
            self._take(row)
        self._finish()

    def _above(self) -> None:
        """Refuse rows of figures above the header: it may be that of the next page, and the first one misspelt."""
        for r, values in enumerate(self.sheet.grid[: self.header.first_row]):
            figures = self._figures(r, [values[c] for c in self.inputs])
            figures = 0 if figures and is_column_numbers(values) else figures
            code = plain(values[self.code])
            if self._most(figures) or (figures and not self._is_head(values) and unit_called(code, self.catalogue, self.on)):
                self.reading.wrong("row.above", Place(None, self.sheet.name, coordinate(r, self.code)))

    def _years(self) -> None:
        """Refuse a title that names another year than the report's: the figures below it may be that year's.

        Such are the titles of the whole table, and what stands over its columns: in the header and right above it, or in the
        three rows above it where the text is another period's title.
        """
        first, last, codes = self.header.first_row, self.header.last_row, self.catalogue.codes
        titles, columns = _any_word(codes.title), {*self.inputs, *self.bare}
        own = self.table.headers.keys() | groups_of(tuple(self.table.headers))
        for r, texts in enumerate(self.sheet.texts[: last + 1]):
            for c, text in texts.items():
                over = c in columns and r >= first - 3
                if text in own:
                    continue
                said = self._other_period(text) if over else None
                if not said and ((over and r >= first - 1) or (codes.title and titles.match(text))):
                    said = self._uncovered(text)
                if said:
                    self._other(r, c, said)
        for r in range(max(first - 3, 0), first):
            for c in self.inputs:
                number = self.sheet.grid[r][c]
                if isinstance(number, float) and 1900 <= number < 2100 and not self._covers({int(number)}):
                    self._other(r, c, str(int(number)))

    def _other(self, r: int, c: int, said: str) -> None:
        period = self.reading.period
        self.reading.wrong("head.year", self.sheet.place(r, c), said=said, period=period.code if period else "")

    def _other_period(self, text: str) -> str | None:
        """What the folded title of another period's figures says: the period, a year, or "last year" in some words."""
        codes, period, text = self.catalogue.codes, self.reading.period, _bare(text)
        if codes.earlier and (before := _before(codes.title, codes.earlier).match(text)):
            return str(before[1])
        named = period and self.catalogue.period.get((period.scheme, period_names.parse(text) or ""))
        if period and named and not named.starts_on <= period.starts_on <= period.ends_on <= named.ends_on:
            return named.code
        is_title = _YEAR_ALONE.fullmatch(text) or (codes.title and _any_word(codes.title).match(text))
        return self._uncovered(text) if is_title else None

    def _uncovered(self, text: str) -> str | None:
        """The years or periods that a folded text names, where the report is of none of them."""
        years, period = self._years_of(text), self.reading.period
        if years and not self._covers(years):
            return ", ".join(map(str, sorted(years)))
        codes = period_names.within(_contains(self.catalogue.codes.cited).split(text)[0]) if period else ()
        named = [found for code in codes if period and (found := self.catalogue.period.get((period.scheme, code)))]
        if period and named and all(p.ends_on < period.starts_on or period.ends_on < p.starts_on for p in named):
            return ", ".join(p.code for p in named)
        return None

    def _years_of(self, text: str) -> set[int]:
        """The years that a folded text names; not those of a rule that it cites, nor of a later day, on which it was written."""
        text = _contains(self.catalogue.codes.cited).split(text)[0]
        text = _DAY.sub(lambda day: "" if self._is_later(int(day[1] or day[2])) else day[0], text)
        spans = (range(int(first), int(last) + 1) for first, last in _YEARS.findall(text))
        return {int(year) for year in _YEAR.findall(text)}.union(*spans)

    def _is_later(self, year: int) -> bool:
        return self.reading.period is not None and year > self.reading.period.ends_on.year

    def _covers(self, years: set[int]) -> bool:
        """Whether any of the years is the report's."""
        period = self.reading.period
        return period is None or any(period.starts_on.year <= year <= period.ends_on.year for year in years)

    def _take(self, row: _Row) -> None:
        """Read, check, refuse or pass over a row."""
        values = self.sheet.grid[row.number]
        raw = values[self.together] if self.together else [values[c] for c in self.inputs]
        # a title of any kind, or a part's total, may begin the numbers of the rows again
        self.numbered = self.numbered and (row.kind in ("unit", "titles") or (row.kind == "total" and not row.label))
        taken = self._below(row, raw) if self.ended else self._within(row, values, raw)
        if not taken and (found := in_one_cell(values, len(self.inputs))):
            place = Place(None, self.sheet.name, coordinate(row.number, found[0]))
            self.reading.wrong("row.one_cell", place, separator=shown(found[1]))
            return
        if not taken:
            self.lines += [value for value in values if isinstance(value, str)]
            self.notes.append(row.number)
            columns = (*self.inputs, *(c for c in self.bare if c > self.code))
            own = SIGNED if self.reading.is_template else ()
            held = (c for c in columns if holds(values[c]) or self._failed(row.number, c))
            self.passed |= {(row.number, c) for c in held if values[c] not in own}
            return
        if self.ended or row.kind == "titles":
            return
        if self.bare:
            self._beside(row, values)
        if row.kind != "other":
            self.lines.clear()
            if self.measure is not None:
                self._measured(row, values, self.measure)
            if self.look.hidden_columns:
                self.used.update(c for c, value in zip(self.inputs, raw, strict=True) if value not in _EMPTY)
            if row.number + 1 in self.look.hidden_rows and _filled(raw):
                self.reading.wrong("row.hidden", self._at(row))

    def _within(self, row: _Row, values: list[Any], raw: list[Any]) -> bool:
        """Take a row of the table; whether it was."""
        if row.kind == "unit":
            code = plain(row.unit.value)
            # a unit column may hold anything, a name even; without figures only a code says that a row is one
            if not _CODE.fullmatch(code) and not self._is_data(row, raw) and unit_called(code, self.catalogue, self.on) is None:
                self.ended = self._ends(row.number, values)
                return False
            self._begins_again(row, values)
            self._entry(row, values, raw)
            return True
        if row.kind in ("titles", "foreign"):
            self.ended = bool(self.taken) and (row.kind == "foreign" or self._other_year(self.lines))
            self.lines.clear()
            return row.kind == "titles" and not self.ended
        if (span := self._span(row)) and (row.kind == "total" or self._figures(row.number, raw)):
            self._totals(row, raw, span)
            return True
        if not self.taken and self._measures(row, values):
            return True
        if self._is_data(row, raw):
            self.reading.wrong("row.no_unit", self._at(row))
            return True
        self.ended = self._ends(row.number, values)
        return False

    def _begins_again(self, row: _Row, values: list[Any]) -> None:
        """Refuse a row with which the numbers of the rows begin again, and no title says why: it may be another table's.

        A row without a number below one that has one is named.
        """
        if self.ordinal is None or self.fixed:
            return
        number = plain(values[self.ordinal]) if holds(values[self.ordinal]) else ""
        if number == "1" and self.numbered:
            self.reading.wrong("row.again", self.sheet.place(row.number, self.ordinal))
        self.counted = self.counted or number.isdecimal()
        if self.counted and not number:
            self.reading.unnumbered.append(self.sheet.place(row.number, self.ordinal))
        self.numbered = number.isdecimal()

    def _below(self, row: _Row, raw: list[Any]) -> bool:
        """Refuse a row of figures below the table's foot; whether it is one."""
        code = plain(row.unit.value) if row.unit.value is not None else ""
        figures = self._figures(row.number, raw)
        if row.kind in ("titles", "foreign") or not figures:
            return False
        if unit_called(code, self.catalogue, self.on) or re.fullmatch(r"\d[\d.]*", code) or self._most(figures):
            self.reading.wrong("row.below", self._at(row))
            return True
        return False

    def _at(self, row: _Row) -> Place:
        """Where a row's own code stands or should stand, whatever cells are merged."""
        return Place(None, self.sheet.name, coordinate(row.number, self.code))

    def _entry(self, row: _Row, values: list[Any], raw: list[Any]) -> None:
        number = str(row.number + 1)
        labelled = None if self.label is None else Place(values[self.label], self.sheet.name, self.label_letter + number)
        named = None if self.name is None else Place(values[self.name], self.sheet.name, self.name_letter + number)
        self.reading.entries.append(Entry(self.table, row.unit, labelled, self.columns, raw, number, named))
        self.taken.add(row.number)

    def _totals(self, row: _Row, raw: list[Any], span: tuple[int, int]) -> None:
        number = str(row.number + 1)
        self.reading.totals += [
            Total(self.table, spec, Place(value, self.sheet.name, column + number), *span)
            for spec, column, value in zip(self.columns.fields, self.columns.names, raw, strict=True)
            if spec.type != "code"
        ]
        # what a total says of a column of words is nobody's figure
        own = self.catalogue.codes.not_applicable[:1] if self.reading.is_template else ()
        coded = (c for c, spec in zip(self.inputs, self.columns.fields, strict=True) if spec.type == "code")
        at = self.sheet.grid[row.number]
        self.passed |= {(row.number, c) for c in coded if holds(at[c]) and at[c] not in own}
        self.taken.add(row.number)

    def _beside(self, row: _Row, values: list[Any]) -> None:
        """A figure of a row that stands under no title is refused; a text is passed over with its column."""
        for c in self.bare:
            value = values[c]
            failed = self._failed(row.number, c)
            if not failed and not holds(value):
                continue
            if c > self.code and (failed or self._is_figure(value)):
                if c not in self.unlabelled:
                    self.unlabelled.add(c)
                    self.reading.wrong("column.unlabelled", Place(None, self.sheet.name, coordinate(row.number, c)))
            else:
                self.seen.add(c)

    def _measured(self, row: _Row, values: list[Any], c: int) -> None:
        """Refuse a unit of measure of a row that is not the table's; each is told once."""
        if not holds(values[c]) or own_measure(plain(values[c]), self.table, self.catalogue.codes):
            return
        if values[c] not in self.told:
            self.told.add(values[c])
            place = self.sheet.place(row.number, c)
            self.reading.findings.append(other_measure(place, self.table, self.vocabulary))

    def _finish(self) -> None:
        """Name what was passed over, and refuse what is hidden or merged."""
        name, header = self.sheet.name, self.header
        for c in sorted(self.used):
            if c + 1 in self.look.hidden_columns:
                self.reading.wrong("column.hidden", Place(None, name, coordinate(header.last_row, c)))
        self._merged()
        self._left()
        for place in declared_measures(self.sheet, self.notes, self.catalogue.codes):
            if not own_measure(place.value, self.table, self.catalogue.codes):
                self.reading.findings.append(other_measure(place, self.table, self.vocabulary))
        below = range(header.last_row + 1, len(self.sheet.grid))
        if self.reading.is_template:
            header.passed = {c: label for c, label in header.passed.items() if label != CHECKS_SHEET}
        self.seen |= {c for c in header.passed if any(holds(self.sheet.grid[r][c]) or self._failed(r, c) for r in below)}
        self.reading.columns_passed += [
            ColumnPassed(printable(name), letters, label)
            for label, letters in _runs({c: header.passed.get(c, "") for c in self.seen | self._without_figures()})
        ]
        if self.passed:
            self.reading.cells_passed.append(CellsPassed(printable(name), ranges(self.passed)))

    def _left(self) -> None:
        """Name what stands left of the figures in lines that are no rows: a number, and a text between two rows.

        Such a text may be the title of another table: unless it is known for a note, a head or the name of a part.
        """
        last, parts = max(self.taken, default=0), {row.number for row in self.sections}
        columns = [c for c in range(min(self.inputs)) if c not in self.header.passed]
        for r in self.notes:
            values = self.sheet.grid[r]
            odd = r < last and r not in parts and not self._is_head(values) and not self._is_note(values)
            held = (c for c in columns if holds(values[c]))
            self.passed |= {(r, c) for c in held if odd or (isinstance(values[c], int | float) and c != self.ordinal)}

    def _without_figures(self) -> set[int]:
        return {c for c in self.header.unknown if not self.has_figures(c)}

    def has_figures(self, c: int) -> bool:
        """Whether any row of the table holds a figure in a column."""
        rows = (row.number for row in self.all if row.kind in ("unit", "total", "section"))
        return any(self._is_figure(self.sheet.grid[r][c]) or self._failed(r, c) for r in rows)

    # --- what a row says -----------------------------------------------------------------------------------------

    def _figures(self, r: int, raw: list[Any]) -> int:
        """How many cells of the fields hold a figure, or a formula that failed."""
        if not _filled(raw) and r not in self.failed:
            return 0
        return sum(self._is_figure(value) or self._failed(r, c) for c, value in zip(self.inputs, raw, strict=True))

    def _failed(self, r: int, c: int) -> bool:
        return bool(self.look.errors) and coordinate(r, c) in self.look.errors

    def _is_figure(self, value: Any) -> bool:
        """Whether a value may be meant as a figure: a number, a mark for none, or digits among words that go with figures."""
        if isinstance(value, str):
            return value != "" and self.figure_texts[value]
        return isinstance(value, int | float)

    def _most(self, figures: int) -> bool:
        return figures >= max(2, len(self.inputs) / 2)

    def _is_data(self, row: _Row, raw: list[Any]) -> bool:
        """Whether a row without a known code is a unit's nevertheless. A line of a signature or a note may hold a number."""
        values = self.sheet.grid[row.number]
        figures, held = self._figures(row.number, raw), sum(map(holds, raw))
        if self._most(figures):
            return True
        aside = self._begins(values, self.catalogue.codes.foot) or self._is_note(values)
        if figures:
            return not (aside or (row.number > self.last and self._is_alone(values)))
        if held and self.ordinal is not None and _ORDINAL.fullmatch(plain(values[self.ordinal])):
            return True
        # words for figures, beside a name and in more cells than signatures fill
        return held > 3 and self._most(held) and not aside and any(map(holds, values[: min(self.inputs)]))

    def _is_alone(self, values: list[Any]) -> bool:
        """Whether a number is all that a row holds: below the last row it is that of a page or a telephone."""
        held = [value for value in values if holds(value)]
        return len(held) == 1 and len(self.inputs) > 1 and any(map(str.isdigit, str(held[0])))

    def _begins(self, values: list[Any], words: tuple[str, ...]) -> bool:
        pattern, passed = _any_word(words), self.header.passed
        return any(v and isinstance(v, str) and c not in passed and pattern.match(FOLDED[v]) for c, v in enumerate(values))

    def _is_note(self, values: list[Any]) -> bool:
        """Whether a line is a note or a date, which may begin with a place: "Việt Trì, ngày"."""
        words = self.catalogue.codes.note
        after = (value.partition(",")[2].strip() for value in values if isinstance(value, str))
        return self._begins(values, words) or any(_any_word(words).match(fold(text)) for text in after if text)

    def _ends(self, r: int, values: list[Any]) -> bool:
        """Whether a line ends the table: a signature, or the title of another table.

        Above the first row of figures such a title is the table's own: there another period's is refused.
        """
        if self._is_head(values) and self._other_year([plain(value) for value in values]):
            return True
        if self._begins(values, self.catalogue.codes.foot):
            return True
        held = {c: value for c, value in enumerate(values) if holds(value)}
        texts = {c: FOLDED[plain(value)] for c, value in held.items() if isinstance(value, str) or len(held) == 1}
        others = {c: said for c, text in texts.items() if (said := self._other_period(text))}
        if self.taken:
            return bool(others) or any(map(self._is_numbered, texts.values()))
        for c, said in others.items():
            self._other(r, c, said)
        return False

    def _is_head(self, values: list[Any]) -> bool:
        """Whether a line has a label of the head left of the codes, as on the next page."""
        labels = self.catalogue.codes.head_labels
        return any(FOLDED[value] in labels for value in values[: self.code] if type(value) is str)

    def _other_year(self, lines: list[str]) -> bool:
        """Whether lines name another year than the report's: below them stands another table."""
        period = self.reading.period
        cited = _contains(self.catalogue.codes.cited)
        years = {int(year) for line in lines for year in _YEAR.findall(cited.split(fold(visible(line)))[0])}
        return period is not None and any(not period.starts_on.year <= year <= period.ends_on.year for year in years)

    def _is_numbered(self, text: str) -> bool:
        """Whether a folded text is the title of a table with another number than this one's."""
        numbered = self.catalogue.codes.numbered
        return bool(numbered and (found := _numbered(numbered).match(text)) and found[1] not in self._own_numbers)

    @cached_property
    def _own_numbers(self) -> set[str]:
        """The codes of the table and of its form, and the numbers that titles above it have: the next page has them once more."""
        assert self.reading.form
        above = (text for texts in self.sheet.texts[: self.header.last_row + 1] for text in texts.values())
        named = _numbered(self.catalogue.codes.numbered)
        return {fold(self.reading.form.code), fold(self.table.code)} | {m[1] for text in above if (m := named.match(text))}

    def _measures(self, row: _Row, values: list[Any]) -> bool:
        """Whether a line under the header gives units of measure; those that are not the fields' own are refused."""
        codes = self.catalogue.codes
        fields = {c: spec for c, spec in self.header.fields.items() if holds(values[c])}
        texts = {c: values[c].strip("() ") if isinstance(values[c], str) else "" for c in fields}
        if not fields or not all(
            codes.counted(texts[c]) == codes.counted(spec.unit) or is_measure(texts[c], codes) for c, spec in fields.items()
        ):
            return False
        for c, spec in fields.items():
            if spec.type != "amount" and codes.counted(texts[c]) != codes.counted(spec.unit):
                place = Place(texts[c], self.sheet.name, coordinate(row.number, c))
                self.reading.findings.append(other_measure(place, self.table, self.vocabulary, spec))
        return True

    def _classified(self) -> Iterator[_Row]:
        grid, codes = self.sheet.grid, self.catalogue.codes
        total, column, first_field = _total(codes.total, codes.section, codes.whole), self.code, min(self.inputs)
        letters, leading = column_letters(column), codes.leading_labels
        # a unit's code may be merged over the rows that it fills
        topmost = {
            r: first[0]
            for first, last in self.sheet.merged
            if self.fixed and first[1] <= column <= last[1]
            for r in range(first[0], min(last[0] + 1, len(grid)))
        }
        # where the numbers of the columns may be: below titles
        numbered = True
        # the code of the unit whose row is above: a row with the same one is that unit's too
        above: str | None = None
        for r in range(self.start, len(grid)):
            row = grid[r]
            if not _filled(row) and r not in self.failed:
                continue
            top = topmost.get(r, r)
            unit = Place(grid[top][column], self.sheet.name, f"{letters}{top + 1}")
            if above is not None and unit.value == above and not self._is_head(row):
                yield _Row(r, "unit", unit)
                continue
            above, blank = None, not holds(unit.value)
            texts = [nfc(v) for v in row[:first_field] if isinstance(v, str) and v] if blank else []
            if (blank or (type(unit.value) is str and FOLDED[unit.value] in leading)) and (titles := self._titles(row, leading)):
                numbered = titles == "titles"
                yield _Row(r, titles, unit)
                continue
            if numbered and is_column_numbers(row):
                yield _Row(r, "titles", unit)
                continue
            numbered = numbered and blank
            if not blank and self._is_head(row):
                yield _Row(r, "other", Place(None, self.sheet.name, unit.cell))
                continue
            sums = None
            for text in texts if blank else [str(unit.value)]:
                bare = text.lstrip(_BULLETS)
                if bare[:1].isalpha() and (sums := total.fullmatch(fold(bare))):
                    break
            if sums:
                yield _Row(r, "total", unit, (sums[1] or "").upper())
            elif not blank:
                above = unit.value if type(unit.value) is str and FOLDED[unit.value] not in leading else None
                yield _Row(r, "unit", unit)
            elif texts and (section := _SECTION.fullmatch(texts[0])):
                yield _Row(r, "section", unit, section[1])
            else:
                yield _Row(r, "other", unit)

    def _titles(self, row: list[Any], leading: Any) -> Literal["titles", "foreign"] | None:
        """Whether a row is the header of the table once more, as on the next page, or of another one."""
        filled = {c: value for c, value in enumerate(row) if holds(value)}
        if not all(isinstance(value, str) for value in filled.values()) or len(filled) < 2:
            return None
        texts = {c: FOLDED[value] for c, value in filled.items()}
        above = self.sheet.texts[self.header.first_row : self.header.last_row + 1]
        if all(any(titles.get(c) == text for titles in above) for c, text in texts.items()):
            return "titles"
        fields = [text for c, text in texts.items() if c in self.header.fields]
        if any(self._is_figure(text) for text in fields) or all(
            is_measure(text.strip("() "), self.catalogue.codes) for text in fields
        ):
            return None
        # titles of other columns, with or without those left of them
        left = [text for c, text in texts.items() if c < min(self.inputs)]
        return "foreign" if any(text in leading for text in left) or (len(fields) > 1 and not left) else None

    def _span(self, row: _Row) -> tuple[int, int] | None:
        """The rows (numbers from 1) that a total or a section's own figures sum; None where the section is unknown."""
        end = len(self.sheet.grid)
        if row.kind == "total" and not row.label:
            return self.start + 1, end
        if row.kind not in ("total", "section"):
            return None
        opened = next((r for r in reversed(self.sections) if r.label == row.label and r.number <= row.number), None)
        if opened is None:
            return None
        closed = next((r for r in self.sections if r.number > opened.number and r.rank <= opened.rank), None)
        return opened.number + 2, closed.number if closed else end

    def _merged(self) -> None:
        """Refuse a value that is merged over figures of two rows or two columns: it says nothing of either."""
        for (top, left), (bottom, right) in self.sheet.merged:
            if bottom <= self.header.last_row or top >= len(self.sheet.grid) or not holds(self.sheet.grid[top][left]):
                continue
            over = sum(left <= c <= right for c in self.inputs)
            if over and over * len(self.taken.intersection(range(top, bottom + 1))) > 1:
                self.reading.wrong("cell.merged", Place(None, self.sheet.name, coordinate(top, left)))


def other_measure(place: Place, table: Table, vocabulary: Vocabulary, spec: Field_ | None = None) -> Finding:
    """The finding for a unit of measure that is not the table's, or not the field's."""
    measure = vocabulary.mask(place.value)
    if spec:
        return finding("column.measure", place, value=measure, label_vi=spec.vi, label_en=spec.en, counted=spec.unit)
    units = ", ".join(dict.fromkeys(field.unit for field in table.fields))
    return finding("head.measure", place, value=measure, table=table.code, units=units)


def column(place: Place) -> int:
    """The number of a place's column, from 0."""
    number = 0
    for letter in place.cell.rstrip("0123456789"):
        number = number * 26 + ord(letter) - 64
    return number - 1


def _filled(values: list[Any]) -> bool:
    return not _EMPTY.issuperset(values)


class _FigureTexts(dict[str, bool]):
    """Texts, and whether they may be meant as figures: titles and marks come again and again. Not too many are kept."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, text: str) -> bool:
        found = _figure_text(text, self._vocabulary, self._vocabulary.codes)
        if len(text) <= 200:
            if len(self) >= 10_000:
                self.clear()
            self[text] = found
        return found


_figure_texts = lru_cache(maxsize=4)(_FigureTexts)


def _figure_text(text: str, vocabulary: Vocabulary, codes: Codes) -> bool:
    text = visible(text).strip()
    if not text or len(text) > 40:
        return False
    if failed(text) or mark(text) in _marks(codes.zero + codes.not_applicable):
        return True
    return any(map(str.isdigit, text)) and not _NO_FIGURE.fullmatch(text) and "…" not in vocabulary.mask(text)


@lru_cache
def _marks(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(mark, words))


@lru_cache
def _any_word(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(re.escape(fold(word)) for word in words) + r")(?!\w)")


def _bare(text: str) -> str:
    """A folded text without the bullet, number or letter that it is set off by, and without brackets."""
    return _SET_OFF.sub("", text, count=1).rstrip(" ):.")


@lru_cache
def _before(titles: tuple[str, ...], earlier: tuple[str, ...]) -> re.Pattern[str]:
    """The title of earlier figures: "Năm trước", "Số liệu năm trước"."""
    return re.compile(rf"(?:{_any_word(titles).pattern} )?({_any_word(earlier).pattern})")


@lru_cache
def _numbered(words: tuple[str, ...]) -> re.Pattern[str]:
    """The title of a table, with its number or code: "Bảng 2. Lao động", "Biểu số F8B", "Phụ lục II"."""
    number = r"\d{1,2}[a-z]?|[ivx]+|[a-z]{1,3}\d[a-z0-9]*"
    return re.compile(_any_word(words).pattern + rf"(?: số)?[ :.]*({number})(?:[-/][\w/-]+)?(?:[.:)]|$| )")


@lru_cache
def _contains(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<!\w){re.escape(fold(word))}(?!\w)" for word in words) or "(?!)")


@lru_cache
def _total(words: tuple[str, ...], parts: tuple[str, ...], whole: tuple[str, ...]) -> re.Pattern[str]:
    """A total's words, and the section that it sums; the whole table may be named, told in brackets, or counted."""
    words_, parts_, whole_ = ("|".join(re.escape(fold(word)) for word in group) or "(?!)" for group in (words, parts, whole))
    section = rf" ?\(?(?:(?:{parts_}) )?([a-zđ]|[ivx]+)\)?"
    return re.compile(rf"(?:{words_})(?:{section}|[ :]?(?:(?:{whole_}) .+|\(.+\)|\d+ [^\d\W].*))?|(?:{whole_}) .+")


def _runs(labels: dict[int, str]) -> Iterator[tuple[str, str]]:
    """Columns beside each other that have one label, as the label and their letters: N:P."""
    numbered = enumerate(sorted(labels))
    for (label, _), run in groupby(numbered, lambda at: (labels[at[1]], at[1] - at[0])):
        columns = [c for _, c in run]
        yield label, ":".join(dict.fromkeys(map(column_letters, (columns[0], columns[-1]))))
