"""Where things stand on a sheet: the head, the header of up to three rows, data rows, totals, sections, and where it ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from tonghop.answer import Place
from tonghop.catalogue import ALL_ROWS, Catalogue, Codes, Field_, Form, HeadKey, Table, fold
from tonghop.data import nfc
from tonghop.reading import Columns, Entry, Look, Reading, Total, plain, unit_of

HEAD_ROWS = 60  # a table's header stands within so many rows
Grid = list[list[Any]]
Merged = list[tuple[tuple[int, int], tuple[int, int]]]  # first and last (row, column), from 0


def coordinate(row: int, column: int) -> str:
    """A cell's name: (0, 0) is A1."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


# --- the head ----------------------------------------------------------------------------------------------------

def head(sheet: str, grid: Grid, codes: Codes) -> dict[HeadKey, Place]:
    """What a sheet says it is: a label and the next filled cell of its row, or "label: value" in one cell."""
    labels = {fold(word): key for key, words in codes.header.items() for word in words}
    found: dict[HeadKey, Place] = {}
    for r, row in enumerate(grid[:HEAD_ROWS]):
        for c, text in enumerate(row):
            if not isinstance(text, str) or not text:
                continue
            key = labels.get(fold(text))
            if key and key not in found:
                following = next(((c2, v) for c2, v in enumerate(row[c + 1:], start=c + 1) if v not in ("", None)), None)
                if following:
                    found[key] = Place(following[1], sheet, coordinate(r, following[0]))
            elif ":" in text and len(text) < 200:
                label, _, value = text.partition(":")
                key = labels.get(fold(label.strip(" (")))
                if key and key not in found and value.strip(" )"):
                    found[key] = Place(value.strip(" )"), sheet, coordinate(r, c))
    return found


# --- the header --------------------------------------------------------------------------------------------------

@dataclass
class Header:
    """Where a table's header ends and what stands in which column."""

    last_row: int
    fields: dict[int, Field_] = field(default_factory=dict)
    leading: dict[str, int] = field(default_factory=dict)
    unknown: dict[int, Place] = field(default_factory=dict)
    money: Place | None = None


class _Block:
    """The folded texts of a sheet's first rows; a text over merged columns goes for the empty cells to its right."""

    def __init__(self, grid: Grid, headers: dict[str, Field_]):
        self.headers = headers
        # every end of a header's name that a text may be: with its group's name before it, a text is a whole name
        self.ends = {label[n:] for label in headers for n in (0, *(at.end() for at in re.finditer(":", label)))}
        self.texts = [[fold(v) if isinstance(v, str) and v else "" for v in row] for row in grid[:HEAD_ROWS]]

    def names(self, r: int, c: int, top: int) -> Iterator[str]:
        """What the column whose lowest text stands in row r may be called: "group: text" first, then the text alone."""
        for above in range(r - 1, top - 1, -1):
            row = self.texts[above]
            if c < len(row) and (over := next((text for text in reversed(row[:c + 1]) if text), "")):
                yield f"{over}:{self.texts[r][c]}"
        yield self.texts[r][c]

    def score(self, r: int) -> int:
        """How many of a row's texts name a field."""
        return sum(any(n in self.headers for n in self.names(r, c, max(r - 2, 0)))
                   for c, text in enumerate(self.texts[r]) if text in self.ends)


def find_header(sheet: str, grid: Grid, headers: dict[str, Field_], codes: Codes) -> Header | None:
    """The block of up to three rows whose texts name the table's fields; a column's lowest text is its label."""
    leading = {fold(word): key for key, words in codes.columns.items() for word in words}
    money = {fold(name) for name in codes.money}
    block = _Block(grid, headers)
    best = max(range(len(block.texts)), key=block.score, default=0)
    if not block.texts or not block.score(best):
        return None

    def belongs(r: int) -> bool:
        return block.score(r) > 0 or any(text in leading for text in block.texts[r])

    top, bottom = best, best
    while top > 0 and best - top < 2 and belongs(top - 1):
        top -= 1
    while bottom + 1 < len(block.texts) and bottom - top < 2 and belongs(bottom + 1):
        bottom += 1
    header = Header(bottom)
    for c in range(max(len(row) for row in block.texts[top:bottom + 1])):
        r = next((r for r in range(bottom, top - 1, -1) if c < len(grid[r]) and grid[r][c] not in ("", None)), None)
        if r is None:
            continue
        place = Place(grid[r][c], sheet, coordinate(r, c))
        names = list(block.names(r, c, top)) if block.texts[r][c] else []
        # "thu ngân sách (tỷ đồng)", "đảng viên nữ (người)": the unit of measure stands with the label
        name, _, unit = names[-1].rpartition("(") if names else ("", "", "")
        measured = headers.get(name)
        if found := next((headers[n] for n in names if n in headers), None):
            header.fields[c] = found
        elif names and names[-1] in leading:
            header.leading.setdefault(leading[names[-1]], c)
        elif measured and (unit.rstrip(")") == fold(measured.unit) or (measured.type == "amount" and unit.rstrip(")") in money)):
            header.fields[c] = measured
            if measured.type == "amount" and unit.rstrip(")") in money:
                header.money = Place(unit.rstrip(")"), sheet, place.cell)
        else:
            header.unknown[c] = place
    return header


def table_by_header(grid: Grid, form: Form, codes: Codes) -> Table | None:
    """The table that a sheet of another name holds: the one most of whose fields its header names."""
    share = {table.code: len(header.fields) / len(table.fields) for table in form.tables
             if (header := find_header("", grid, table.headers, codes)) is not None}
    best = max(share, key=lambda code: share[code], default="")
    return form.table[best] if share.get(best, 0) > 0.5 else None


# --- the rows ----------------------------------------------------------------------------------------------------

_COLUMN_NUMBER = re.compile(r"\(?([A-ZĐ]|[1-9]\d?)(\s*=[\d\s=+\-.…()]*)?\)?")
_LETTERS = "ABCDĐEFGH"


def is_column_numbers(row: list[Any]) -> bool:
    """Whether a row numbers the columns: A, B, then 1, 2, 3=4+5 ..., without a gap, which no row of figures is."""
    filled = [plain(v).strip() for v in row if v not in ("", None)]
    found = [_COLUMN_NUMBER.fullmatch(text) for text in filled]
    if len(found) < 3 or not all(found):
        return False
    names = [match[1] for match in found if match]
    letters = [name for name in names if name.isalpha()]
    numbers = names[len(letters):]
    in_order = letters == list(_LETTERS[:len(letters)]) or letters == list(_LETTERS.replace("Đ", "")[:len(letters)])
    return in_order and numbers == [str(n) for n in range(1, len(numbers) + 1)]


class _Row(NamedTuple):
    """A row under the header, told for what it is; its number counts from 0."""

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
_SECTION = re.compile(r"([IVX]+|[A-ZĐ])[.)]?")


def read_rows(reading: Reading, sheet: str, grid: Grid, table: Table, header: Header, catalogue: Catalogue, merged: Merged,
              on: date) -> None:
    """Add the figures and totals under a header to a reading, and a finding for what is hidden or names no unit."""
    look = reading.looks.get(sheet, Look())
    fixed = table.rows != (ALL_ROWS,)
    foot = re.compile("(?:" + "|".join(re.escape(fold(word)) for word in catalogue.codes.foot) + r")(?!\w)")
    letters = {c: coordinate(0, c)[:-1] for c in (*header.fields, *header.leading.values())}
    columns, lettered = Columns(tuple(header.fields.values())), [letters[c] for c in header.fields]

    def at(r: int, column: int) -> Place:
        row = grid[r]
        return Place(row[column] if column < len(row) else None, sheet, f"{letters[column]}{r + 1}")

    start = header.last_row + 1
    # merged header cells may leave an empty row before the row of column numbers
    first = next((r for r in range(start, len(grid)) if _filled(grid[r])), start)
    if first < len(grid) and is_column_numbers(grid[first]):
        start = first + 1
    rows = list(_classify(sheet, grid, start, header, catalogue.codes, merged if fixed else []))
    ended = False
    used: set[int] = set()
    for row in rows:
        values, r = grid[row.number], str(row.number + 1)
        raw = [values[c] if c < len(values) else None for c in header.fields]
        cells = [letter + r for letter in lettered]
        filled = [c for c, value in zip(header.fields, raw, strict=True) if value not in ("", None)]
        if row.kind == "unit":
            code = plain(row.unit.value).strip()
            # below the table a unit column may hold anything, a name even; without figures only a code says that a row is one
            if unit_of(code, catalogue, on) is None and (ended or not (filled or re.fullmatch(r"\S*\d\S*", code))):
                continue
            name = at(row.number, header.leading["unit_name"]) if "unit_name" in header.leading else None
            label = at(row.number, header.leading["row"]) if fixed else None
            reading.entries.append(Entry(table, row.unit, label, columns, raw, cells, name))
        elif (span := _span(row, rows, start, len(grid))) and (row.kind == "total" or _numbers(values, filled)):
            reading.totals += [Total(table, spec, Place(value, sheet, cell), *span)
                               for spec, value, cell in zip(columns.fields, raw, cells, strict=True)]
        else:
            ended = ended or any(isinstance(v, str) and foot.match(fold(v)) for v in grid[row.number])
            if not ended and _numbers(values, filled):
                reading.wrong("row.no_unit", row.unit)
            continue
        used.update(filled)
        if filled and row.number + 1 in look.hidden_rows:
            reading.wrong("row.hidden", row.unit)
    for c in sorted(used):
        if c + 1 in look.hidden_columns:
            reading.wrong("column.hidden", Place(None, sheet, coordinate(header.last_row, c)))


def _numbers(row: list[Any], columns: list[int]) -> bool:
    return any(isinstance(row[c], int | float) and not isinstance(row[c], bool) for c in columns)


def _filled(row: list[Any]) -> bool:
    return any(value not in ("", None) for value in row)


def _classify(sheet: str, grid: Grid, start: int, header: Header, codes: Codes, merged: Merged) -> Iterator[_Row]:
    words, parts = ("|".join(re.escape(fold(word)) for word in group) for group in (codes.total, codes.section))
    total = re.compile(rf"(?:{words})(?: ?\(?(?:(?:{parts}) )?([a-zđ]|[ivx]+)\)?)?")
    column, first_field = header.leading["unit_code"], min(header.fields)
    # a unit's code may be merged over the rows that it fills
    topmost = {r: first[0] for first, last in merged if first[1] <= column <= last[1]
               for r in range(first[0], min(last[0] + 1, len(grid)))}
    for r in range(start, len(grid)):
        row = grid[r]
        if not _filled(row):
            continue
        source = topmost.get(r, r)
        value = grid[source][column] if column < len(grid[source]) else None
        unit = Place(value, sheet, coordinate(source, column))
        blank = value in ("", None)
        texts = [nfc(v) for v in row[:first_field] if isinstance(v, str) and v] if blank else []
        named = texts if blank else [str(value)]
        sums = next((found for text in named if text[:1].isalpha() and (found := total.fullmatch(fold(text)))), None)
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
