"""Where things are on a sheet: the head, the units of measure that it declares, and the header of up to three rows."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby, repeat
from typing import Any

from tonghop.base.findings import Place, printable
from tonghop.base.text import FOLDED, fold, visible
from tonghop.catalogue.forms import Field_, Form, HeadKey, Leading, Table
from tonghop.catalogue.model import Codes
from tonghop.reading.report import CellsPassed
from tonghop.xlsx.xml_edit import column_number, letters

HEAD_ROWS = 60  # a table's header is within so many rows
# what a template of ours has that is no part of the form: above the header of a table, from this column on, its checks; the lines
# for signatures below; and two sheets
CHECKS = "Kiểm tra (không thuộc biểu) / Checks (no part of the form)"
SIGNED = ("Ngày …… tháng …… năm …… / Date", "Thủ trưởng đơn vị / Head of the unit", "(Ký, đóng dấu / sign and stamp)")
CHECKS_SHEET, GUIDE_SHEET = "Kiểm tra", "Hướng dẫn"
SEPARATORS = (",", ";", "\t", "|")  # of a CSV
_EMPTY = frozenset(("", None))


def holds(value: Any) -> bool:
    """Whether a cell holds anything that an eye can see."""
    if isinstance(value, str):
        return bool(value) and (value[0].isalnum() or bool(visible(value).strip()))
    return value is not None


Area = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sheet's values, a rectangle from A1 on, and its merged ranges: first and last (row, column), from 0."""

    name: str
    grid: list[list[Any]]
    merged: list[Area] = field(default_factory=list)
    # the columns of each row that may hold texts, where whoever read the sheet knows them
    written: list[tuple[int, ...]] | None = None

    @cached_property
    def texts(self) -> list[dict[int, str]]:
        """The folded texts of the rows that may be head or header, by column."""
        rows, every = self.grid[:HEAD_ROWS], range(len(self.grid[0]) if self.grid else 0)
        return [
            {c: text for c in columns if (value := row[c]) and type(value) is str and (text := FOLDED[value])}
            for row, columns in zip(rows, self.written or repeat(every), strict=False)
        ]

    def place(self, row: int, column: int) -> Place:
        """The value of a cell and its place; row and column count from 0."""
        return Place(self.grid[row][column], self.name, coordinate(row, column))


def in_one_cell(row: list[Any], width: int) -> tuple[int, str] | None:
    """The column of the one cell that holds a whole row of so many cells, and what parts them there: 2;243.01;;5;5;0."""
    held = [(c, value) for c, value in enumerate(row) if holds(value)]
    if len(held) != 1 or not isinstance(held[0][1], str):
        return None
    c, text = held[0]
    for separator in SEPARATORS:
        parts = text.split(separator)
        if 2 * len(parts) > width and sum(part.strip(' "').isdecimal() for part in parts) > 2:
            return c, separator
    return None


def shown(separator: str) -> str:
    """A separator as an answer may quote it."""
    return "Tab" if separator == "\t" else separator


def coordinate(row: int, column: int) -> str:
    """A cell's name: (0, 0) is A1."""
    return f"{column_letters(column)}{row + 1}"


@lru_cache(maxsize=1_000)
def column_letters(column: int) -> str:
    """The name of a column, counted from 0."""
    return letters(column + 1)


def ranges(cells: set[tuple[int, int]]) -> str:
    """Cells as ranges: F11, D13:E14."""
    open_: dict[tuple[int, int], list[int]] = {}  # first and last column of a range, to its first and last row
    found: list[tuple[int, int, int, int]] = []
    for (row, _), run in groupby(enumerate(sorted(cells)), lambda at: (at[1][0], at[1][1] - at[0])):
        columns = [c for _, (_, c) in run]
        ends = columns[0], columns[-1]
        if ends in open_ and open_[ends][1] == row - 1:
            open_[ends][1] = row
        else:
            if ends in open_:
                found.append((open_[ends][0], ends[0], open_[ends][1], ends[1]))
            open_[ends] = [row, row]
    found += [(top, left, bottom, right) for (left, right), (top, bottom) in open_.items()]
    return ", ".join(
        ":".join(dict.fromkeys((coordinate(top, left), coordinate(bottom, right)))) for top, left, bottom, right in sorted(found)
    )


def cells_of(places: Iterable[Place]) -> Iterator[CellsPassed]:
    """The cells of places, sheet by sheet; those of a file without sheets by the names that they have there."""
    by_sheet: dict[str, list[str]] = {}
    for place in places:
        by_sheet.setdefault(place.sheet, []).append(place.cell)
    for sheet, cells in by_sheet.items():
        at = [_REFERENCE.fullmatch(cell) for cell in cells]
        known = {(int(found[2]) - 1, column_number(found[1]) - 1) for found in at if found}
        yield CellsPassed(printable(sheet), ranges(known) if len(known) == len(cells) else printable(", ".join(cells)))


_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]*)")

# --- the head ----------------------------------------------------------------------------------------------------


def head(sheet: Sheet, codes: Codes, forms: frozenset[str]) -> dict[HeadKey, Place]:
    """What a sheet says it is: a label and the next filled cell of its row, or "label: value" in one cell.

    Of a form, whose code is one of `forms`, "label value" will do: "Biểu F7", "Mẫu F7-ĐLXH".
    """
    labels, found = codes.head_labels, dict[HeadKey, Place]()
    for r, texts in enumerate(sheet.texts):
        if not codes.unit_titles.isdisjoint(texts.values()):
            continue  # titles of columns, of which one may be that of the units of measure
        for c, text in texts.items():
            key = labels.get(text)
            if key and key not in found:
                if (following := _following(sheet, r, c, codes)) is not None:
                    found[key] = sheet.place(r, following)
            elif ":" in text and len(sheet.grid[r][c]) < 200:
                label, _, value = sheet.grid[r][c].partition(":")
                key = labels.get(fold(label.strip(" (")))
                if key and key not in found and value.strip(" )"):
                    found[key] = sheet.place(r, c)._replace(value=value.strip(" )"))
            elif "form" not in found and (named := _form_named(codes.header["form"]).match(text)) and named[1].upper() in forms:
                found["form"] = sheet.place(r, c)._replace(value=named[1].upper())
    return found


def _following(sheet: Sheet, r: int, c: int, codes: Codes) -> int | None:
    """The next filled cell of a row, unless that is another label."""
    row = sheet.grid[r]
    following = next((n for n in range(c + 1, len(row)) if holds(row[n])), None)
    if following is None or fold(str(row[following]).partition(":")[0]).strip("()") in codes.head_labels:
        return None
    return following


@lru_cache
def _form_named(labels: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(map(fold, labels), key=len, reverse=True)
    return re.compile(rf"\(?(?:{'|'.join(map(re.escape, longest_first))})[ :]*([a-z]+\d[a-z0-9]*)(?!\w)")


# --- units of measure --------------------------------------------------------------------------------------------


def declared_measures(sheet: Sheet, rows: Iterable[int], codes: Codes, header: "TableHeader | None" = None) -> Iterator[Place]:
    """The units of measure that texts of some rows declare: after a label, in brackets beside a title, or alone in a cell.

    The title of a header's column of units of measure is no label of its neighbour.
    """
    titles = {(r, header.leading.get("measure")) for r in range(header.first_row, header.last_row + 1)} if header else set()
    labels, columns = codes.header["money"], codes.columns["unit_name"]
    declared = _declared_by(labels, codes.between, columns, codes.measures, codes.scales, codes.counted_in)
    beside: str | None = None
    for r in rows:
        row = sheet.grid[r]
        texts = sheet.texts[r] if r < HEAD_ROWS else {c: FOLDED[v] for c, v in enumerate(row) if v and type(v) is str}
        for c, text in texts.items():
            for measure in declared[text]:
                if beside == coordinate(r, c) or (r, c) in titles:
                    continue
                if measure:
                    yield sheet.place(r, c)._replace(value=measure)
                elif (at := _following(sheet, r, c, codes)) is not None:
                    beside = coordinate(r, at)
                    yield sheet.place(r, at)._replace(value=str(row[at]))


class _Declared(dict[str, tuple[str, ...]]):
    """Folded texts, to the units of measure that they declare; an empty one where a text is a label alone."""

    def __init__(
        self,
        labels: tuple[str, ...],
        between: tuple[str, ...],
        columns: tuple[str, ...],
        units: tuple[str, ...],
        scale: tuple[str, ...],
        before: tuple[str, ...],
    ) -> None:
        super().__init__()
        self._before = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(fold(word)) for word in before) or '(?!)'})[: ]+([^():;]+)")
        self._labelled, self._bare = _declared(labels, between, columns)
        self._units, self._scale = units, scale

    def __missing__(self, text: str) -> tuple[str, ...]:
        if len(text) > 200:
            return ()
        if len(self) >= 10_000:
            self.clear()
        self[text] = found = self._in(text)
        return found

    def _in(self, text: str) -> tuple[str, ...]:
        if found := self._labelled.search(text):
            return (found[1].strip(" ):"),)
        if (found := self._bare.fullmatch(text)) and _is_measure(found[1], self._units, self._scale):
            return (found[1],)
        if self._scaled(text):
            return (text,)
        said = re.findall(r"\(([^()]*)\)", text) + [found.rstrip(" .,") for found in self._before.findall(text)]
        return tuple(measure for measure in said if self._scaled(measure))

    def _scaled(self, text: str) -> bool:
        return _is_measure(text, self._units, self._scale) and bool(_measure((), self._scale).search(text))


_declared_by = lru_cache(maxsize=4)(_Declared)  # the same titles come again and again


@lru_cache
def _declared(
    labels: tuple[str, ...], between: tuple[str, ...], units: tuple[str, ...]
) -> tuple[re.Pattern[str], re.Pattern[str]]:
    words, passed, names = ("|".join(re.escape(fold(w)) for w in group) for group in (labels, between, units))
    return (
        re.compile(rf"(?<!\w)(?:{words})(?!\w)(?:[\s:]*(?:{passed or '(?!)'})(?!\w))*([^()]*)"),
        re.compile(rf"\(?(?:{names}):(.*?)\)?"),
    )


def is_measure(text: str, codes: Codes) -> bool:
    """Whether a text is a unit of measure and nothing else: units, words for thousands, powers of ten before them, percents."""
    return _is_measure(fold(text), codes.measures, codes.scales)


def _is_measure(text: str, units: tuple[str, ...], scale: tuple[str, ...]) -> bool:
    return any(c.isalpha() or c in "%‰" for c in text) and bool(_measure(units, scale).fullmatch(text))


def own_measure(text: str, table: Table, codes: Codes) -> bool:
    """Whether a unit of measure is that of the table's counts, or of its amounts: "lượt, người", "triệu đồng"."""
    own = {codes.counted(spec.unit) for spec in table.fields if spec.type != "amount"}
    if any(spec.type == "amount" for spec in table.fields):
        own |= codes.factors.keys()
    whole = codes.counted(text.strip()) in own  # "đ/c" is one
    return whole or all(codes.counted(part.strip()) in own for part in re.split(r"[,;/&]| và ", fold(text)) if part.strip())


@lru_cache
def _measure(units: tuple[str, ...], scale: tuple[str, ...]) -> re.Pattern[str]:
    words = sorted({fold(word) for word in (*units, *scale)}, key=len, reverse=True)
    # of one hundred per cent it is said how much something is, not in what it is counted
    ten = r"(?<!\w)1(?:0+|(?:\.000)+)(?!\w)(?!\s*[%‰])"
    one = "|".join(rf"(?<!\w){re.escape(w)}(?!\w)" if w[-1:].isalnum() else re.escape(w) for w in words)
    return re.compile(rf"(?:(?:{one}|{ten}|(?<!\w)và(?!\w))[\s,;/&]*)+" if units else f"{one}|{ten}")


# --- the header --------------------------------------------------------------------------------------------------


@dataclass
class TableHeader:
    """Where a table's header ends, and which column is for what."""

    first_row: int
    last_row: int
    fields: dict[int, Field_] = field(default_factory=dict)
    leading: dict[Leading, int] = field(default_factory=dict)
    # columns without figures, or that the form has not: their labels where the catalogue knows them
    passed: dict[int, str] = field(default_factory=dict)
    twice: dict[Leading, Place] = field(default_factory=dict)
    unknown: dict[int, Place] = field(default_factory=dict)
    money: Place | None = None
    # labels that give a count another unit of measure than its field has
    measures: list[tuple[Field_, Place]] = field(default_factory=list)


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


@lru_cache(maxsize=100)
def groups_of(names: tuple[str, ...]) -> frozenset[str]:
    """What stands before a colon in a header's name: "group: text"."""
    return frozenset(name[: at.start()] for name in names for at in re.finditer(":", name))


def find_header(sheet: Sheet, headers: dict[str, Field_], codes: Codes) -> TableHeader | None:
    """The block of up to three rows whose texts name the table's fields; a column's lowest text is its label."""
    block = _Block(sheet, headers)
    best = max(range(len(block.scores)), key=block.scores.__getitem__, default=0)
    if not any(block.scores):
        return None
    grid, leading = sheet.grid, codes.leading_labels
    # a remark, or a line with the unit of measure, may begin like the title of such a column
    titles = {label for label, key in leading.items() if key not in ("measure", "remarks")}
    groups = groups_of(tuple(headers))

    def belongs(r: int) -> bool:
        named = block.scores[r] > 0 or not titles.isdisjoint(block.texts[r].values())
        # an office may be called what a column is: titles have no figures beside them
        return named and not any(isinstance(v, int | float) or (isinstance(v, str) and v.strip().isdecimal()) for v in grid[r])

    top, bottom = best, best
    while top > 0 and best - top < 2 and (belongs(top - 1) or not groups.isdisjoint(block.texts[top - 1].values())):
        top -= 1
    if top == best > 1 and not block.texts[top - 1] and not groups.isdisjoint(block.texts[top - 2].values()):
        top -= 2  # groups that are merged over two rows
    while bottom + 1 < len(block.texts) and bottom - top < 2 and belongs(bottom + 1):
        bottom += 1
    header = TableHeader(top, bottom)
    aside = min((c for texts in block.texts[:best] for c, text in texts.items() if text == fold(CHECKS)), default=len(grid[best]))
    for c in range(len(grid[best])):
        r = next((r for r in range(bottom, top - 1, -1) if grid[r][c] not in _EMPTY), None)
        if r is None:
            if c >= aside:
                header.passed[c] = CHECKS_SHEET
            continue
        names = list(block.names(r, c, top)) if c in block.texts[r] else []
        # "Ghi chú (nếu có)"
        key = leading.get(names[-1]) or leading.get(names[-1].partition("(")[0].strip()) if names else None
        if found := next((headers[n] for n in names if n in headers), None):
            header.fields[c] = found
        elif key and key in header.leading and key in ("unit_code", "row"):
            header.twice[key] = sheet.place(r, c)
        elif key and (key == "remarks" or key in header.leading):
            header.passed[c] = codes.columns[key][0]
        elif key:
            header.leading[key] = c
        elif not _measured(header, sheet, r, c, names, headers, codes):
            header.unknown[c] = sheet.place(r, c)
    return header


def _measured(
    header: TableHeader, sheet: Sheet, r: int, c: int, names: list[str], headers: dict[str, Field_], codes: Codes
) -> bool:
    """Take in a column whose label ends with a unit of measure: "thu ngân sách (tỷ đồng)", "đảng viên nữ (người)"."""
    for whole in names:
        name, _, rest = whole.rpartition("(")
        unit, spec = rest.rstrip(")"), headers.get(name)
        if spec and (codes.counted(unit) == codes.counted(spec.unit) or (spec.type == "amount" and unit in codes.factors)):
            if spec.type == "amount" and unit in codes.factors:
                header.money = Place(unit, sheet.name, coordinate(r, c))
        elif spec and spec.type != "amount" and is_measure(unit, codes):
            header.measures.append((spec, Place(unit, sheet.name, coordinate(r, c))))
        else:
            continue
        header.fields[c] = spec
        return True
    return False


def closest_table(sheet: Sheet, form: Form, codes: Codes) -> tuple[Table | None, float]:
    """The table of which a sheet's header names the greatest share of the fields, and that share; None and 0 for none."""
    share = {
        table.code: len(header.fields) / len(table.fields)
        for table in form.tables
        if (header := find_header(sheet, table.headers, codes)) is not None
    }
    best = max(share, key=lambda code: share[code], default="")
    return (form.table[best], share[best]) if best else (None, 0.0)
