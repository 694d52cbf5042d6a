"""Where things are on a sheet: the head, the header of up to three rows, data rows, totals, sections, and where it ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from tonghop.base.findings import Place
from tonghop.base.text import FOLDED, fold, nfc
from tonghop.catalogue.forms import ALL_ROWS, Field_, Form, HeadKey, Table
from tonghop.catalogue.model import Catalogue, Codes
from tonghop.reading.raw import Columns, Entry, Look, Reading, Total, plain, unit_of

HEAD_ROWS = 60  # a table's header is within so many rows
_EMPTY = frozenset(("", None))


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sheet's values, a rectangle from A1 on, and its merged ranges: first and last (row, column), from 0."""

    name: str
    grid: list[list[Any]]
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)

    @cached_property
    def texts(self) -> list[dict[int, str]]:
        """The folded texts of the rows that may be head or header, by column."""
        return [
            {c: text for c, value in enumerate(row) if value and type(value) is str and (text := FOLDED[value])}
            for row in self.grid[:HEAD_ROWS]
        ]

    def place(self, row: int, column: int) -> Place:
        """The value of a cell and its place; row and column count from 0."""
        return Place(self.grid[row][column], self.name, coordinate(row, column))


def coordinate(row: int, column: int) -> str:
    """A cell's name: (0, 0) is A1."""
    return f"{_letters(column)}{row + 1}"


@lru_cache(maxsize=1_000)
def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- the head ----------------------------------------------------------------------------------------------------


def head(sheet: Sheet, codes: Codes) -> dict[HeadKey, Place]:
    """What a sheet says it is: a label and the next filled cell of its row, or "label: value" in one cell."""
    labels, found = codes.head_labels, dict[HeadKey, Place]()
    for r, texts in enumerate(sheet.texts):
        for c, text in texts.items():
            key = labels.get(text)
            if key and key not in found:
                row = sheet.grid[r]
                following = next((c2 for c2 in range(c + 1, len(row)) if row[c2] not in _EMPTY), None)
                if following:
                    found[key] = sheet.place(r, following)
            elif ":" in text and len(sheet.grid[r][c]) < 200:
                label, _, value = sheet.grid[r][c].partition(":")
                key = labels.get(fold(label.strip(" (")))
                if key and key not in found and value.strip(" )"):
                    found[key] = sheet.place(r, c)._replace(value=value.strip(" )"))
    return found


# --- the header --------------------------------------------------------------------------------------------------


@dataclass
class TableHeader:
    """Where a table's header ends, and which column is for what."""

    last_row: int
    fields: dict[int, Field_] = field(default_factory=dict)
    leading: dict[str, int] = field(default_factory=dict)
    unknown: dict[int, Place] = field(default_factory=dict)
    money: Place | None = None


class _Block:
    """The texts of a sheet's first rows; a text over merged columns goes for the empty cells to its right."""

    def __init__(self, sheet: Sheet, headers: dict[str, Field_]):
        self.headers, self.texts = headers, sheet.texts
        self._over: dict[int, list[str]] = {}
        self._width = len(sheet.grid[0]) if sheet.grid else 0
        ends = _ends(tuple(headers))
        self.scores = [0 if ends.isdisjoint(row.values()) else self._score(r, ends) for r, row in enumerate(sheet.texts)]

    def names(self, r: int, c: int, top: int) -> Iterator[str]:
        """What the column whose lowest text is in row r may be called: "group: text" first, then the text alone."""
        for above in range(r - 1, top - 1, -1):
            if over := self._spread(above)[c]:
                yield f"{over}:{self.texts[r][c]}"
        yield self.texts[r][c]

    def _score(self, r: int, ends: frozenset[str]) -> int:
        """How many of a row's texts name a field."""
        return sum(
            text in self.headers or any(n in self.headers for n in self.names(r, c, max(r - 2, 0)))
            for c, text in self.texts[r].items()
            if text in ends
        )

    def _spread(self, r: int) -> list[str]:
        """The text over each column of a row: the last one there or to its left."""
        if r not in self._over:
            over = self._over[r] = [""] * self._width
            for c, text in self.texts[r].items():
                over[c:] = [text] * (self._width - c)
        return self._over[r]


@lru_cache(maxsize=100)
def _ends(names: tuple[str, ...]) -> frozenset[str]:
    """Every end of a header's name that a text may be: with its group's name before it, a text is a whole name."""
    return frozenset(name[n:] for name in names for n in (0, *(at.end() for at in re.finditer(":", name))))


def find_header(sheet: Sheet, headers: dict[str, Field_], codes: Codes) -> TableHeader | None:
    """The block of up to three rows whose texts name the table's fields; a column's lowest text is its label."""
    block = _Block(sheet, headers)
    best = max(range(len(block.scores)), key=block.scores.__getitem__, default=0)
    if not any(block.scores):
        return None
    grid, leading, money = sheet.grid, codes.leading_labels, codes.factors

    def belongs(r: int) -> bool:
        return block.scores[r] > 0 or not leading.keys().isdisjoint(block.texts[r].values())

    top, bottom = best, best
    while top > 0 and best - top < 2 and belongs(top - 1):
        top -= 1
    while bottom + 1 < len(block.texts) and bottom - top < 2 and belongs(bottom + 1):
        bottom += 1
    header = TableHeader(bottom)
    for c in range(len(grid[best])):
        r = next((r for r in range(bottom, top - 1, -1) if grid[r][c] not in _EMPTY), None)
        if r is None:
            continue
        names = list(block.names(r, c, top)) if c in block.texts[r] else []
        # "thu ngân sách (tỷ đồng)", "đảng viên nữ (người)": the unit of measure is part of the label
        name, _, unit = names[-1].rpartition("(") if names else ("", "", "")
        measured = headers.get(name)
        if found := next((headers[n] for n in names if n in headers), None):
            header.fields[c] = found
        elif names and names[-1] in leading:
            header.leading.setdefault(leading[names[-1]], c)
        elif measured and (unit.rstrip(")") == fold(measured.unit) or (measured.type == "amount" and unit.rstrip(")") in money)):
            header.fields[c] = measured
            if measured.type == "amount" and unit.rstrip(")") in money:
                header.money = Place(unit.rstrip(")"), sheet.name, coordinate(r, c))
        else:
            header.unknown[c] = sheet.place(r, c)
    return header


def table_by_header(sheet: Sheet, form: Form, codes: Codes) -> Table | None:
    """The table that a sheet of another name contains: the one most of whose fields its header names."""
    share = {
        table.code: len(header.fields) / len(table.fields)
        for table in form.tables
        if (header := find_header(sheet, table.headers, codes)) is not None
    }
    best = max(share, key=lambda code: share[code], default="")
    return form.table[best] if share.get(best, 0) > 0.5 else None


# --- the rows ----------------------------------------------------------------------------------------------------

_COLUMN_NUMBER = re.compile(r"\(?([A-ZĐ]|[1-9]\d{0,2})(\s*=[\d\s=+\-.,…()x×]*)?\)?")
_LETTERS = "ABCDĐEFGH"


def is_column_numbers(row: list[Any]) -> bool:
    """Whether a row numbers the columns: A, B, then 1, 2, 3=4+5 ..., without a gap, which no row of figures is."""
    filled = [plain(v).strip() for v in row if v not in _EMPTY]
    found = [_COLUMN_NUMBER.fullmatch(text) for text in filled]
    if len(found) < 3 or not all(found):
        return False
    names = [match[1] for match in found if match]
    letters = [name for name in names if name.isalpha()]
    numbers = names[len(letters) :]
    in_order = letters == list(_LETTERS[: len(letters)]) or letters == list(_LETTERS.replace("Đ", "")[: len(letters)])
    return in_order and numbers == [str(n) for n in range(1, len(numbers) + 1)]


class _Row(NamedTuple):
    """A row under the header and what kind of row it is; its number counts from 0."""

    number: int
    kind: Literal["unit", "total", "section", "other"]
    unit: Place
    # of a section, or of the section that a total sums; a total without one sums the whole table
    label: str = ""

    @property
    def rank(self) -> int:
        """Sections A, B hold sections I, II."""
        return int(bool(_ROMAN.fullmatch(self.label)))


_ROMAN = re.compile("[IVX]+")
_CODE = re.compile(r"\S*\d\S*")
_SECTION = re.compile(r"([IVX]+|[A-ZĐ])[.)]?")


def read_rows(reading: Reading, sheet: Sheet, table: Table, header: TableHeader, catalogue: Catalogue, on: date) -> None:
    """Add the figures and totals under a header to a reading, and a finding for what is hidden or names no unit."""
    grid, look, codes = sheet.grid, reading.looks.get(sheet.name, Look()), catalogue.codes
    fixed = table.rows != (ALL_ROWS,)
    inputs = list(header.fields)
    columns = Columns(tuple(header.fields.values()), tuple(map(_letters, inputs)))
    together = slice(inputs[0], inputs[-1] + 1) if inputs[-1] - inputs[0] < len(inputs) else None
    label, name = header.leading["row"] if fixed else None, header.leading.get("unit_name")
    label_letter, name_letter = _letters(label or 0), _letters(name or 0)
    start = header.last_row + 1
    # merged header cells may leave an empty row before the row of column numbers
    first = next((r for r in range(start, len(grid)) if _filled(grid[r])), start)
    if first < len(grid) and is_column_numbers(grid[first]):
        start = first + 1
    rows = list(_classify(sheet, start, header, codes, fixed))
    ended = False
    used: set[int] = set()
    for row in rows:
        values, number = grid[row.number], str(row.number + 1)
        raw = values[together] if together else [values[c] for c in inputs]
        if row.kind == "unit":
            code = plain(row.unit.value).strip()
            # below the table a unit column may hold anything, a name even; without figures only a code says that a row is one
            if (ended or not (_CODE.fullmatch(code) or _filled(raw))) and unit_of(code, catalogue, on) is None:
                continue
            labelled = None if label is None else Place(values[label], sheet.name, label_letter + number)
            named = None if name is None else Place(values[name], sheet.name, name_letter + number)
            reading.entries.append(Entry(table, row.unit, labelled, columns, raw, number, named))
        elif (span := _span(row, rows, start, len(grid))) and (row.kind == "total" or _numbers(raw)):
            reading.totals += [
                Total(table, spec, Place(value, sheet.name, column + number), *span)
                for spec, column, value in zip(columns.fields, columns.names, raw, strict=True)
            ]
        else:
            foot = _any_word(codes.foot)
            ended = ended or any(isinstance(v, str) and foot.match(fold(v)) for v in values)
            if not ended and _numbers(raw):
                reading.wrong("row.no_unit", row.unit)
            continue
        if look.hidden_columns:
            used.update(c for c, value in zip(inputs, raw, strict=True) if value not in _EMPTY)
        if row.number + 1 in look.hidden_rows and _filled(raw):
            reading.wrong("row.hidden", row.unit)
    for c in sorted(used):
        if c + 1 in look.hidden_columns:
            reading.wrong("column.hidden", Place(None, sheet.name, coordinate(header.last_row, c)))


def _numbers(values: list[Any]) -> bool:
    return any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _filled(values: list[Any]) -> bool:
    return not _EMPTY.issuperset(values)


@lru_cache
def _any_word(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(re.escape(fold(word)) for word in words) + r")(?!\w)")


@lru_cache
def _total(words: tuple[str, ...], parts: tuple[str, ...]) -> re.Pattern[str]:
    """A total's words, and the section that it sums."""
    words_, parts_ = ("|".join(re.escape(fold(word)) for word in group) for group in (words, parts))
    return re.compile(rf"(?:{words_})(?: ?\(?(?:(?:{parts_}) )?([a-zđ]|[ivx]+)\)?)?")


def _classify(sheet: Sheet, start: int, header: TableHeader, codes: Codes, fixed: bool) -> Iterator[_Row]:
    grid, total = sheet.grid, _total(codes.total, codes.section)
    column, first_field = header.leading["unit_code"], min(header.fields)
    letters = _letters(column)
    # a unit's code may be merged over the rows that it fills
    topmost = {
        r: first[0]
        for first, last in sheet.merged
        if fixed and first[1] <= column <= last[1]
        for r in range(first[0], min(last[0] + 1, len(grid)))
    }
    for r in range(start, len(grid)):
        row = grid[r]
        if not _filled(row):
            continue
        top = topmost.get(r, r)
        unit = Place(grid[top][column], sheet.name, f"{letters}{top + 1}")
        blank = unit.value in _EMPTY
        texts = [nfc(v) for v in row[:first_field] if isinstance(v, str) and v] if blank else []
        sums = None
        for text in texts if blank else [str(unit.value)]:
            if text[:1].isalpha() and (sums := total.fullmatch(fold(text))):
                break
        if sums:
            yield _Row(r, "total", unit, (sums[1] or "").upper())
        elif not blank:
            yield _Row(r, "unit", unit)
        elif texts and (section := _SECTION.fullmatch(texts[0])):
            yield _Row(r, "section", unit, section[1])
        else:
            yield _Row(r, "other", unit)


def _span(row: _Row, rows: list[_Row], start: int, end: int) -> tuple[int, int] | None:
    """The rows (numbers from 1) that a total or a section's own figures sum; None where the section is unknown."""
    if row.kind == "total" and not row.label:
        return start + 1, end
    if row.kind not in ("total", "section"):
        return None
    opened = next((r for r in reversed(rows) if r.kind == "section" and r.label == row.label and r.number <= row.number), None)
    if opened is None:
        return None
    closed = next((r for r in rows if r.kind == "section" and r.number > opened.number and r.rank <= opened.rank), None)
    return opened.number + 2, closed.number if closed else end
