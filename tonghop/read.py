"""Read a file to a report: what it says it is, and its cells with coordinates. Bounded, and nothing is interpreted twice.

A workbook has one sheet a form table: a head of labelled cells, a header of up to three rows, then rows that each name a
subject unit. Only declared cells are read: hidden sheets, titles, notes and signature blocks never leave this module.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from tonghop import bounds
from tonghop.answer import Finding, Place, Unreadable, finding
from tonghop.catalogue import ALL_ROWS, Catalogue, Field_, Form, HeadKey, Period, Table, UnitVersion, fingerprint, fold, nfc
from tonghop.settings import Settings

# the order is that of CSV_COLUMNS and JSON_HEAD; only our own templates carry a fingerprint
HEAD_NAMES: tuple[HeadKey, ...] = ("form", "version", "unit", "period", "scheme", "scope", "nil", "money")
HEAD_ROWS = 60  # a table's header stands within so many rows


@dataclass(frozen=True)
class Entry:
    """One raw figure of a row that names its unit."""

    table: Table
    field: Field_
    unit: Place
    row: Place | None
    figure: Place


@dataclass
class Reading:
    """A file as read: what it is, its raw figures, the totals that it states, and what was wrong with its shape."""

    form: Form | None = None
    sender: UnitVersion | None = None
    period: Period | None = None
    scope: str | None = None
    nil: bool = False
    money: Place | None = None
    entries: list[Entry] = field(default_factory=list)
    totals: list[tuple[Table, Field_, Place]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, rule: str, place: Place | None, **words: Any) -> None:
        """Note a finding at a place."""
        self.findings.append(finding(rule, place, **words))


def read(name: str, content: bytes, catalogue: Catalogue, settings: Settings) -> Reading:
    """Read one file's bytes.

    Raises Unreadable where that is not safe or not possible; everything else is a finding in the reading.
    """
    if len(content) > settings.max_file_bytes:
        raise Unreadable("file.size", limit=f"{settings.max_file_bytes:,}")
    if content[:4] == b"PK\x03\x04":
        return _workbook(content, catalogue, settings)
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("csv", "json"):
        text = _text(content)
        return _csv(text, catalogue, settings) if suffix == "csv" else _json(text, catalogue, settings)
    raise Unreadable("file.kind")


# --- the head: what the file says it is --------------------------------------------------------------------------

def _identify(head: dict[HeadKey, Place], catalogue: Catalogue) -> Reading:
    """Form, version, sender, period and scope of a head; a finding for each that is missing or unknown."""
    reading = Reading(money=head.get("money"))

    def text(key: HeadKey) -> str | None:
        place = head.get(key)
        if place is None or place.value in (None, ""):
            label_vi, *_, label_en = catalogue.codes.header[key]
            reading.wrong("head.missing", None, label_vi=label_vi, label_en=label_en)
            return None
        return nfc(plain(place.value))

    code, period_code, sender, scope = text("form"), text("period"), text("unit"), text("scope")
    nil = head.get("nil")
    reading.nil = nil is not None and (nil.value is True or fold(plain(nil.value)) in {fold(y) for y in catalogue.codes.yes})
    forms = [form for form in catalogue.forms if code and form.code == code.upper()]
    if code and not forms:
        reading.wrong("head.form", head["form"])
    if forms and period_code:
        place = head.get("scheme")
        scheme = nfc(plain(place.value)).upper() if place and place.value else forms[-1].scheme
        reading.period = catalogue.period.get((scheme, period_code.upper()))
        if reading.period is None:
            reading.wrong("head.period", head["period"], scheme=scheme)
    if forms and reading.period:
        reading.form = _version(reading, forms[0].code, head.get("version"), reading.period, catalogue)
    if sender and reading.period:
        reading.sender = unit_of(sender, catalogue, reading.period)
        if reading.sender is None:
            reading.wrong("head.unit", head["unit"], on=f"{reading.period.ends_on:%d/%m/%Y}")
    if scope:
        known = catalogue.codes.scope
        reading.scope = next((key for key, words in known.items() if fold(scope) in {fold(w) for w in (*words, key)}), None)
        if reading.scope is None:
            reading.wrong("head.scope", head["scope"], words=" / ".join(words[0] for words in known.values()))
    mark = head.get("fingerprint")
    if mark and reading.form and reading.sender and reading.period \
            and fold(plain(mark.value)) != fingerprint(reading.form, reading.sender, reading.period):
        reading.wrong("head.fingerprint", mark)
    return reading


def _version(reading: Reading, code: str, place: Place | None, period: Period, catalogue: Catalogue) -> Form | None:
    versions = catalogue.versions_of(code, period)
    if (place is None or place.value in (None, "")) and versions:
        return versions[0]
    for form in versions:
        if place and str(form.version) == plain(place.value):
            return form
    known = ", ".join(str(f.version) for f in versions) or "–"
    reading.wrong("head.version", place, period=period.code, form=code, known=known)
    return None


def unit_of(code: str, catalogue: Catalogue, period: Period) -> UnitVersion | None:
    """The unit of a code at the period's end; a spreadsheet may have eaten the leading zeros of a five-digit code."""
    found = catalogue.unit_by_code(code, period.ends_on)
    return found or (catalogue.unit_by_code(code.zfill(5), period.ends_on) if code.isdigit() else None)


def plain(value: Any) -> str:
    """A head cell or a code as text: 8719.0 was typed as 8719."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


# --- workbooks ---------------------------------------------------------------------------------------------------

def _workbook(content: bytes, catalogue: Catalogue, settings: Settings) -> Reading:
    parts = bounds.opened(content, settings)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(bounds.archive(parts)))
        grids = {sheet.name: book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
                 for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible}
    except (CalamineError, OSError, ValueError) as error:
        raise Unreadable("file.damaged", detail="xlsx") from error
    heads = {name: _workbook_head(name, grid, catalogue) for name, grid in grids.items()}
    first: dict[HeadKey, Place] = next((head for head in heads.values() if "form" in head), {})
    reading = _identify(first, catalogue)
    for head in heads.values():
        for key in HEAD_NAMES[:6]:
            if key in head and key in first and nfc(plain(head[key].value)) != nfc(plain(first[key].value)):
                reading.wrong("head.differs", head[key])
    if reading.form is None:
        return reading
    seen: dict[str, str] = {}
    for name, grid in grids.items():
        table = reading.form.table.get(name.strip().upper()) or _table_by_header(grid, reading.form)
        if table is None:
            continue
        if table.code in seen:
            reading.wrong("table.twice", Place(None, name, "A1"), table=table.code)
            continue
        seen[table.code] = name
        money = heads[name].get("money")
        if money and reading.money and fold(str(money.value)) != fold(str(reading.money.value)):
            reading.wrong("head.money", money, words=" / ".join(catalogue.codes.money))
        reading.money = reading.money or money
        _sheet(name, grid, table, catalogue, reading)
    if not seen and not reading.nil:
        reading.wrong("table.missing", None, form=reading.form.code)
    return reading


def _workbook_head(sheet: str, grid: list[list[Any]], catalogue: Catalogue) -> dict[HeadKey, Place]:
    labels = {fold(word): key for key, words in catalogue.codes.header.items() for word in words}
    head: dict[HeadKey, Place] = {}
    for r, row in enumerate(grid[:HEAD_ROWS]):
        for c, value in enumerate(row):
            key = labels.get(fold(value)) if isinstance(value, str) and value else None
            if key and key not in head:
                following = next(((c2, v) for c2, v in enumerate(row[c + 1:], start=c + 1) if v not in ("", None)), None)
                if following:
                    head[key] = Place(following[1], sheet, _coordinate(r, following[0]))
    return head


@dataclass(frozen=True)
class _Header:
    """Where a table's header ends and what stands in which column."""

    last_row: int
    fields: dict[int, Field_]
    leading: dict[str, int]
    unknown: dict[int, Place]


def _find_header(sheet: str, grid: list[list[Any]], table: Table, catalogue: Catalogue | None) -> _Header | None:
    """The block of up to three rows whose texts name the table's fields; a column's lowest text is its label."""
    leading = {fold(w): key for key, words in (catalogue.codes.columns.items() if catalogue else ()) for w in words}

    def named(row: list[Any]) -> int:
        return sum(isinstance(v, str) and fold(v) in table.headers for v in row)

    window = grid[:HEAD_ROWS]
    best = max(range(len(window)), key=lambda r: named(window[r]), default=0)
    if not window or not named(window[best]):
        return None

    def belongs(row: list[Any]) -> bool:
        return any(isinstance(v, str) and (fold(v) in table.headers or fold(v) in leading) for v in row)

    top, bottom = best, best
    while top > 0 and best - top < 2 and belongs(window[top - 1]):
        top -= 1
    while bottom + 1 < len(window) and bottom - top < 2 and belongs(window[bottom + 1]):
        bottom += 1
    fields: dict[int, Field_] = {}
    columns: dict[str, int] = {}
    unknown: dict[int, Place] = {}
    for c in range(max(len(row) for row in window[top:bottom + 1])):
        texts = [(r, window[r][c]) for r in range(top, bottom + 1) if c < len(window[r]) and window[r][c] not in ("", None)]
        if not texts:
            continue
        r, text = texts[-1]
        label = fold(str(text))
        if label in table.headers:
            fields[c] = table.headers[label]
        elif label in leading:
            columns.setdefault(leading[label], c)
        else:
            unknown[c] = Place(text, sheet, _coordinate(r, c))
    return _Header(bottom, fields, columns, unknown)


def _table_by_header(grid: list[list[Any]], form: Form) -> Table | None:
    """The table that a sheet of another name holds: the one most of whose fields its header names."""
    share = {table.code: len(header.fields) / len(table.fields) for table in form.tables
             if (header := _find_header("", grid, table, None)) is not None}
    best = max(share, key=lambda code: share[code], default="")
    return form.table[best] if share.get(best, 0) > 0.5 else None


_COLUMN_NUMBER = re.compile(r"\(?([A-Z]|\d{1,2})(\s*=[\d\s=+\-.…()]*)?\)?")


def _sheet(sheet: str, grid: list[list[Any]], table: Table, catalogue: Catalogue, reading: Reading) -> None:
    header = _find_header(sheet, grid, table, catalogue)
    if header is None:
        reading.wrong("table.header", Place(None, sheet, "A1"), table=table.code)
        return
    foot = Place(None, sheet, _coordinate(header.last_row, 0))
    for place in header.unknown.values():
        reading.wrong("column.unknown", place, table=table.code)
    columns = [f.code for f in header.fields.values()]
    for field_ in table.fields:
        if columns.count(field_.code) != 1:
            rule = "column.twice" if field_.code in columns else "column.missing"
            reading.wrong(rule, foot, label_vi=field_.vi, label_en=field_.en)
    fixed_rows = table.rows != (ALL_ROWS,)
    leading: tuple[Literal["unit_code", "row"], ...] = ("unit_code", "row") if fixed_rows else ("unit_code",)
    for key in leading:
        if key not in header.leading:
            label_vi, *_, label_en = catalogue.codes.columns[key]
            reading.wrong("column.missing", foot, label_vi=label_vi, label_en=label_en)
            return
    totals = {fold(word) for word in catalogue.codes.total}
    start = header.last_row + 1
    # merged header cells may leave an empty row before the row of column numbers
    first = next((r for r in range(start, len(grid)) if any(v not in ("", None) for v in grid[r])), start)
    if first < len(grid) and _is_column_numbers(grid[first]):
        start = first + 1
    for r in range(start, len(grid)):
        row = grid[r]

        def at(column: int | None, row: list[Any] = row, r: int = r) -> Place:
            value = row[column] if column is not None and column < len(row) else None
            return Place(value, sheet, _coordinate(r, column or 0))

        unit = at(header.leading["unit_code"])
        figures = {c: at(c) for c in header.fields}
        if unit.value in ("", None) or fold(str(unit.value)) in totals:
            if any(isinstance(row[c], str) and fold(row[c]) in totals for c in range(min(len(row), min(header.fields)))):
                reading.totals += [(table, header.fields[c], place) for c, place in figures.items()]
            elif any(isinstance(p.value, (int, float)) and not isinstance(p.value, bool) for p in figures.values()):
                reading.wrong("row.no_unit", unit)
            continue
        row_place = at(header.leading["row"]) if fixed_rows else None
        reading.entries += [Entry(table, header.fields[c], unit, row_place, place) for c, place in figures.items()]


def _is_column_numbers(row: list[Any]) -> bool:
    filled = [plain(v).strip() for v in row if v not in ("", None)]
    return len(filled) > 1 and all(_COLUMN_NUMBER.fullmatch(v) for v in filled)


def _coordinate(row: int, column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


# --- CSV and JSON ------------------------------------------------------------------------------------------------

JSON_HEAD = ("form", "version", "sender", "period", "scheme", "scope", "nil", "money")
CSV_COLUMNS = ("form", "version", "sender", "period", "scheme", "scope", "table", "unit", "row", "field", "value")


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Unreadable("file.encoding")
    return text


def _csv(text: str, catalogue: Catalogue, settings: Settings) -> Reading:
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
    head = {key: Place(first[column], "csv", f"line {number}") for key, column in zip(HEAD_NAMES, CSV_COLUMNS, strict=False)}
    if fold(first["value"] or "") == "nil":
        head["nil"] = Place(True, "csv", f"line {number}")
    if first.get("money"):
        head["money"] = Place(first["money"], "csv", f"line {number}")
    reading = _identify(head, catalogue)
    for number, line in lines:
        for column in CSV_COLUMNS[:6]:
            if line[column] != first[column]:
                reading.wrong("head.differs", Place(line[column], "csv", f"line {number}"))
                return reading
    if not reading.nil:
        for number, line in lines:
            _entry(reading, "csv", f"line {number}", line["table"], line["unit"], line["row"], line["field"], line["value"])
    return reading


def _json(text: str, catalogue: Catalogue, settings: Settings) -> Reading:
    """{form, version, sender, period, scheme, scope, nil, money, rows: [{table, unit, row, values: {field: value}}]}"""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("file.damaged", detail=f"json, {error}") from error
    rows = data.get("rows", []) if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) and isinstance(r.get("values"), dict) for r in rows):
        raise Unreadable("file.shape")
    if sum(len(r["values"]) for r in rows) > settings.max_cells:
        raise Unreadable("file.bounds")
    head = {key: Place(data[name], "json", f"/{name}") for key, name in zip(HEAD_NAMES, JSON_HEAD, strict=True)
            if data.get(name) is not None}
    reading = _identify(head, catalogue)
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
    place = Place(value, sheet, cell)
    if found is None:
        reading.wrong("table.unknown", Place(table, sheet, cell), form=reading.form.code)
    elif field_ is None:
        reading.wrong("column.unknown", Place(name, sheet, cell), table=found.code)
    else:
        row_place = Place(row, sheet, cell) if found.rows != (ALL_ROWS,) else None
        reading.entries.append(Entry(found, field_, Place(unit, sheet, cell), row_place, place))


def _at_most(rows: Iterator[Any], limit: int) -> Iterator[Any]:
    for count, row in enumerate(rows):
        if count >= limit:
            raise Unreadable("file.bounds")
        yield row
