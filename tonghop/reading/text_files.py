"""CSV and JSON: one figure a line or a key, with the names of its table, unit, row and field."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from tonghop.base.findings import Place, Unreadable
from tonghop.base.settings import Settings
from tonghop.base.text import fold
from tonghop.catalogue.forms import ALL_ROWS
from tonghop.catalogue.model import Catalogue
from tonghop.reading import bounds
from tonghop.reading.head import HEAD_NAMES, identify
from tonghop.reading.raw import Columns, Entry, Reading

# what each of HEAD_NAMES is called here, in their order
JSON_HEAD = ("form", "version", "sender", "period", "scheme", "scope", "nil", "money")
CSV_COLUMNS = ("form", "version", "sender", "period", "scheme", "scope", "table", "unit", "row", "field", "value")


def decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Unreadable("file.encoding")
    return text


def read_csv(text: str, catalogue: Catalogue, settings: Settings) -> Reading:
    """One cell a line; the first line names the columns. A nil return has one line whose value is `nil`."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(rows.line_num, row) for row in _at_most(rows, settings.max_cells)]
    except csv.Error as error:
        raise Unreadable("file.damaged", Place(None, "csv", f"line {rows.line_num}"), detail="csv") from error
    if missing := [c for c in CSV_COLUMNS if c not in (rows.fieldnames or ())]:
        raise Unreadable("file.columns", Place(None, "csv", "line 1"), columns=", ".join(missing))
    if not lines:
        raise Unreadable("file.empty")
    number, first = lines[0]
    head = {
        key: Place(first[column], "csv", f"line {number}") for key, column in zip(HEAD_NAMES[:6], CSV_COLUMNS[:6], strict=True)
    }
    if fold(first["value"] or "") == "nil":
        head["nil"] = Place(True, "csv", f"line {number}")
    if first.get("money"):
        head["money"] = Place(first["money"], "csv", f"line {number}")
    reading = identify(head, catalogue)
    for number, line in lines:
        for column in CSV_COLUMNS[:6]:
            if line[column] != first[column]:
                reading.wrong("head.differs", Place(line[column], "csv", f"line {number}"))
                return reading
    if not reading.nil:
        for number, line in lines:
            _entry(reading, "csv", f"line {number}", line["table"], line["unit"], line["row"], line["field"], line["value"])
    return reading


def read_json(text: str, catalogue: Catalogue, settings: Settings) -> Reading:
    """{form, version, sender, period, scheme, scope, nil, money, rows: [{table, unit, row, values: {field: value}}]}"""
    try:
        data, twice = bounds.from_json(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("file.damaged", detail=f"json, {error}") from error
    rows = data.get("rows", []) if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) and isinstance(r.get("values"), dict) for r in rows):
        raise Unreadable("file.shape")
    if sum(len(r["values"]) for r in rows) > settings.max_cells:
        raise Unreadable("file.bounds")
    head = {
        key: Place(data[name], "json", f"/{name}")
        for key, name in zip(HEAD_NAMES, JSON_HEAD, strict=True)
        if data.get(name) is not None
    }
    reading = identify(head, catalogue)
    for key in twice[:20]:
        reading.wrong("file.twice", Place(key, "json", "/"))
    for index, row in enumerate(rows):
        for name, value in row["values"].items():
            cell = f"/rows/{index}/values/{name}"
            _entry(reading, "json", cell, row.get("table"), row.get("unit"), row.get("row"), name, value)
    return reading


def _entry(reading: Reading, sheet: str, cell: str, table: Any, unit: Any, row: Any, name: Any, value: Any) -> None:
    if reading.form is None:
        return
    found = reading.form.table.get(str(table).upper())
    field_ = found.headers.get(fold(str(name))) if found else None
    if found is None:
        reading.wrong("table.unknown", Place(table, sheet, cell), form=reading.form.code)
    elif field_ is None:
        reading.wrong("column.unknown", Place(name, sheet, cell), table=found.code)
    else:
        row_place = Place(row, sheet, cell) if found.rows != (ALL_ROWS,) else None
        reading.entries.append(Entry(found, Place(unit, sheet, cell), row_place, Columns((field_,), ("",)), [value], cell))


def _at_most(rows: Iterator[Any], limit: int) -> Iterator[Any]:
    for count, row in enumerate(rows):
        if count >= limit:
            raise Unreadable("file.bounds")
        yield row
