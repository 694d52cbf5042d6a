"""CSV and JSON. A CSV has a figure a line or a column a field, with the names in its first line, or it is a saved sheet."""

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from tonghop.base.findings import Place, Unreadable, printable
from tonghop.base.settings import Settings
from tonghop.base.text import fold
from tonghop.catalogue.forms import ALL_ROWS
from tonghop.catalogue.model import Catalogue
from tonghop.reading import bounds, layout, old_fonts, unit_names
from tonghop.reading.head import HEAD_NAMES, identify
from tonghop.reading.raw import Columns, Entry, Reading
from tonghop.reading.report import CellsPassed, ColumnPassed
from tonghop.reading.workbook import read_sheets

# what each of HEAD_NAMES is called here, in their order
NAMES = ("form", "version", "sender", "period", "scheme", "scope", "nil", "money", "sender_name", "codes_on")
# that a CSV must have; the last two are of one with a figure a line
CSV_COLUMNS = ("form", "version", "sender", "period", "scheme", "scope", "table", "unit", "row", "field", "value")
_OF_ROW = ("table", "unit", "unit_name", "row", "values")
_BETWEEN = re.compile(r'[,;\t|"\r\n]+')
# for Excel: which separator follows
_STATED = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t]*\r?\n', re.IGNORECASE)


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 that says so, as Excel's "Unicode text". Raises Unreadable."""
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        is_cut = "\0" not in text.rstrip("\0")
        raise Unreadable("file.damaged", detail="0x00") if text.strip("\0") and is_cut else Unreadable("file.encoding")
    if not text.strip():
        raise Unreadable("file.nothing")
    return text.removesuffix("\x1a")  # with which MS-DOS ends a text


# --- CSV ---------------------------------------------------------------------------------------------------------


def read_csv(text: str, catalogue: Catalogue, settings: Settings, received: date | None = None) -> Reading:
    """A CSV with the separator that it states, or under which its first lines hold the most words that are known here.

    A nil return has one line whose value is `nil`. What may be cut off is a finding, and nothing else is looked at.
    """
    stated = _STATED.match(text)
    text, before = (text[stated.end() :], 1) if stated else (text, 0)
    separator, known = (
        (stated[1], 1) if stated else max(((s, _known(text, s, catalogue)) for s in layout.SEPARATORS), key=lambda f: f[1])
    )
    # more than so many columns has none
    if text.count(separator) > 20 * settings.max_cells:
        raise Unreadable("file.bounds")
    if not known:
        if legacy := old_fonts.found(dict.fromkeys(_BETWEEN.split(text[:20_000]))):
            raise Unreadable("file.legacy", Place(None, "csv", "line 1"), encoding=legacy[1])
        raise Unreadable("file.columns", Place(None, "csv", "line 1"), columns=", ".join(CSV_COLUMNS))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        lines = [(rows.line_num + before, [_text(cell) for cell in row]) for row in _at_most(rows, settings.max_cells)]
    except csv.Error as error:
        place = Place(None, "csv", f"line {rows.line_num + before}")
        raise Unreadable("file.cut" if "end of data" in str(error) else "file.damaged", place, detail="csv") from error
    columns = [fold(name) for name in next((row for _, row in lines if any(row)), [])]
    if {"form", "sender", "period"} <= set(columns) or {*NAMES, *CSV_COLUMNS, ""}.issuperset(columns):
        reading = _named(columns, [(number, row) for number, row in lines if any(row)][1:], separator, catalogue, received)
    else:
        reading = _sheet([row for _, row in lines], separator, catalogue, settings, received)
    if not text.endswith(("\n", "\r")):
        _cut_off(reading, "file.cut", Place(None, "csv", f"line {lines[-1][0]}"))
    return reading


def _text(cell: str) -> str:
    """A cell without spaces round it, and without what keeps Excel from taking a code for a number: ="08719"."""
    cell = cell.strip()
    return cell[2:-1] if cell[:2] == '="' and cell[-1] == '"' else cell


def _known(text: str, separator: str, catalogue: Catalogue) -> int:
    """How many cells of a CSV's first lines hold a word that a report is made of."""
    start = "\n".join(text.split("\n", layout.HEAD_ROWS)[: layout.HEAD_ROWS])
    cells: set[str] = set()
    with contextlib.suppress(csv.Error):  # what stands before it counts
        for row in csv.reader(io.StringIO(start, newline=""), delimiter=separator):
            cells.update(map(fold, row))
    codes, found = catalogue.codes, len(cells.intersection(CSV_COLUMNS))
    if found < 3:
        words: set[str] = {*codes.head_labels, *codes.leading_labels}
        words.update(*(table.headers for form in catalogue.forms for table in form.tables))
        found += len(cells & words)
    return found


def _cut_off(reading: Reading, rule: str, place: Place, **words: Any) -> None:
    """Say nothing of a file but that it may not be whole."""
    for found in (reading.entries, reading.totals, reading.findings):
        found.clear()
    reading.wrong(rule, place, **words)


def _named(
    columns: list[str], lines: list[tuple[int, list[str]]], separator: str, catalogue: Catalogue, received: date | None
) -> Reading:
    """Lines under named columns: a figure a line, or where no column is called `field` or `value`, a column a field."""
    is_long = not {"field", "value"}.isdisjoint(columns)
    missing = [name for name in (CSV_COLUMNS if is_long else CSV_COLUMNS[:8]) if name not in columns]
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if missing or twice:
        raise Unreadable(
            "file.columns" if missing else "file.columns_twice", Place(None, "csv", "line 1"), columns=", ".join(missing or twice)
        )
    if not lines:
        raise Unreadable("file.empty")
    width = max(n for n, name in enumerate(columns, start=1) if name)
    cells = [{name: row[n] for n, name in enumerate(columns) if name and n < len(row)} for _, row in lines]
    first, at = cells[0], Place(None, "csv", f"line {lines[0][0]}")
    head = {key: at._replace(value=first[name]) for key, name in zip(HEAD_NAMES, NAMES, strict=True) if first.get(name)}
    if fold(first.get("value", "")) == "nil":
        head["nil"] = at._replace(value=True)
    names = (line.get("unit_name") for line in cells if line.get("unit") == first.get("sender"))
    reading = identify(head, catalogue, received, names)
    others = [name for name in columns if name and name not in (*NAMES, *CSV_COLUMNS, "unit_name")]
    remarks = [name for name in others if catalogue.codes.leading_labels.get(name) == "remarks"]
    fields = [name for name in others if name not in remarks]
    for name in others if is_long else remarks:
        if any(line.get(name) for line in cells):
            label = catalogue.codes.columns["remarks"][0] if name in remarks else ""
            reading.columns_passed.append(ColumnPassed("csv", layout.column_letters(columns.index(name)), label))
    for (number, row), line in zip(lines, cells, strict=True):
        place = f"line {number}"
        if len(row) < width or any(row[width:]):
            _cut_off(reading, "file.width", Place(None, "csv", place), have=len(row), want=width, separator=separator)
            return reading
        if differing := next((name for name in NAMES if line.get(name) != first.get(name)), None):
            reading.wrong("head.differs", Place(line[differing], "csv", place))
            return reading
        if reading.nil:
            continue
        unnamed = next((value for value, name in zip(row, columns, strict=False) if value and not name), None)
        if unnamed:
            reading.wrong("column.unknown", Place(unnamed, "csv", place), table=line["table"], value="")
        for name in ["value"] if is_long else fields:
            where = place if is_long else f"{place}, {name}"
            _entry(reading, "csv", where, line, line["field"] if is_long else name, line[name])
    return reading


def _sheet(rows: list[list[str]], separator: str, catalogue: Catalogue, settings: Settings, received: date | None) -> Reading:
    """A sheet that was saved as CSV. Its cells are called as Excel calls them once it has opened the file."""
    width = max(map(len, rows))
    if width * len(rows) > settings.max_cells:
        raise Unreadable("file.bounds")
    grid: list[list[Any]] = [row + [""] * (width - len(row)) for row in rows]
    reading = read_sheets([layout.Sheet("csv", grid)], {}, catalogue, received)
    filled = [number for number, row in enumerate(rows, start=1) if any(row)]
    last = filled[-1] if filled else 0
    # a foot may be short, figures may not
    read = {entry.place for entry in reading.entries} | {re.sub(r"\D", "", total.figure.cell) for total in reading.totals}
    if str(last) in read and len(rows[last - 1]) < width:
        place = Place(None, "csv", layout.coordinate(last - 1, 0))
        _cut_off(reading, "file.width", place, have=len(rows[last - 1]), want=width, separator=separator)
    return reading


# --- JSON --------------------------------------------------------------------------------------------------------


def read_json(text: str, catalogue: Catalogue, settings: Settings, received: date | None = None) -> Reading:
    """{form, version, sender, period, scheme, scope, nil, money, rows: [{table, unit, row, values: {field: value}}]}"""
    try:
        data, twice = bounds.from_json(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and _ends_early(text, error):
            raise Unreadable("file.cut_json", Place(None, "json", f"line {error.lineno}")) from error
        at = Place(None, "json", f"line {error.lineno}") if isinstance(error, json.JSONDecodeError) else None
        raise Unreadable("file.json", at) from error
    # a nil return has no rows
    rows = data.get("rows", [] if data.get("nil") else None) if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) and isinstance(r.get("values"), dict) for r in rows):
        raise Unreadable("file.shape")
    if sum(len(r["values"]) for r in rows) > settings.max_cells:
        raise Unreadable("file.bounds")
    head = {
        key: Place(data[name], "json", f"/{name}")
        for key, name in zip(HEAD_NAMES, NAMES, strict=True)
        if data.get(name) is not None
    }
    names = (row.get("unit_name") for row in rows if row.get("unit") == data.get("sender"))
    reading = identify(head, catalogue, received, names)
    for key in twice[:20]:
        reading.wrong("file.twice", Place(key, "json", "/"))
    unknown = dict.fromkeys(f"/{key}" for key in data if key not in (*NAMES, "rows"))
    for index, row in enumerate(rows):
        unknown |= dict.fromkeys(f"/rows/{index}/{key}" for key in row if key not in _OF_ROW)
        for name, value in row["values"].items():
            cell = f"/rows/{index}/values/{name}"
            _entry(reading, "json", cell, row, name, value)
    reading.cells_passed += [CellsPassed("json", printable(", ".join([*unknown][:20])))] if unknown else []
    return reading


def _ends_early(text: str, error: json.JSONDecodeError) -> bool:
    """Whether a JSON text is wrong only in that it does not go on."""
    rest = text[error.pos :].strip()
    begun = error.msg.startswith("Unterminated") or any(word.startswith(rest) for word in ("true", "false", "null"))
    return bool(text.strip()) and begun


def _entry(reading: Reading, sheet: str, cell: str, row: dict[str, Any], name: Any, value: Any) -> None:
    """Take in the figure of a field; `row` names its table, unit and form row."""
    if reading.form is None:
        return
    found = reading.form.table.get(str(row.get("table")).upper())
    field_ = found.headers.get(fold(str(name))) if found else None
    if found is None:
        place = Place(row.get("table"), sheet, cell)
        reading.wrong("table.unknown", place, value=unit_names.quoted(place.value), form=reading.form.code)
    elif field_ is None:
        reading.wrong("column.unknown", Place(name, sheet, cell), table=found.code)
    else:
        unit, label, named = (Place(row.get(key), sheet, cell) for key in ("unit", "row", "unit_name"))
        of_row = label if found.rows != (ALL_ROWS,) else None
        if of_row is None and label.value not in (None, "") and found.row_of(label.value) is None:
            reading.wrong("row.none", label, value=unit_names.quoted(label.value), table=found.code)
        reading.entries.append(Entry(found, unit, of_row, Columns((field_,), ("",)), [value], cell, named))


def _at_most(rows: Iterator[Any], limit: int) -> Iterator[Any]:
    for count, row in enumerate(rows):
        if count >= limit:
            raise Unreadable("file.bounds")
        yield row
