"""Read a file to a report: what it says it is, and its cells with coordinates. Bounded, and nothing is interpreted twice.

A workbook has one sheet a form table: a head of labelled cells, a header of up to three rows, then rows that each name a
subject unit. Only declared cells are read: hidden sheets, titles, notes and signature blocks never leave this module.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from tonghop.base.findings import Place, Unreadable
from tonghop.base.settings import Settings
from tonghop.base.text import fold, nfc
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import ALL_ROWS, Form, HeadKey, Table
from tonghop.catalogue.model import Catalogue, fingerprint
from tonghop.reading import bounds, layout, old_fonts, period_names, sheet_xml, unit_names, xls
from tonghop.reading.raw import Columns, Entry, Reading, plain, unit_of

# how .xlsx and .xls begin, whatever their names say
ZIP, OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
# the order is that of CSV_COLUMNS and JSON_HEAD; only our own templates carry a fingerprint
HEAD_NAMES: tuple[HeadKey, ...] = ("form", "version", "unit", "period", "scheme", "scope", "nil", "money")


def read(name: str, content: bytes, catalogue: Catalogue, settings: Settings) -> Reading:
    """Read one file's bytes.

    Raises Unreadable where that is not safe or not possible; everything else is a finding in the reading.
    """
    if len(content) > settings.max_file_bytes:
        raise Unreadable("file.size", limit=f"{settings.max_file_bytes:,}")
    if content[:4] == ZIP or content[:8] == OLE:
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
        reading.period = catalogue.period.get((scheme, period_names.parse(head["period"].value) or ""))
        if reading.period is None:
            _unknown_period(reading, head["period"], scheme)
    if forms and reading.period:
        reading.form = _version(reading, forms[0].code, head.get("version"), reading.period, catalogue)
    if sender and reading.period:
        reading.sender = unit_of(sender, catalogue, reading.period.ends_on)
        if reading.sender is None:
            _unknown_unit(reading, head["unit"], reading.period, catalogue)
    if scope:
        known = catalogue.codes.scope
        reading.scope = next((key for key, words in known.items() if fold(scope) in {fold(w) for w in (*words, key)}), None)
        if reading.scope is None:
            reading.wrong("head.scope", head["scope"], words=" / ".join(words[0] for words in known.values()))
    mark = head.get("fingerprint")
    if (
        mark
        and reading.form
        and reading.sender
        and reading.period
        and fold(plain(mark.value)) != fingerprint(reading.form, reading.sender, reading.period)
    ):
        reading.wrong("head.fingerprint", mark)
    return reading


def _unknown_period(reading: Reading, place: Place, scheme: str) -> None:
    if readings := period_names.readings(place.value):
        value = f"{place.value:%d/%m/%Y}" if isinstance(place.value, date) else plain(place.value)
        reading.wrong("head.period_unclear", place, value=value, readings=" / ".join(readings))
    else:
        reading.wrong("head.period", place, scheme=scheme)


def _unknown_unit(reading: Reading, place: Place, period: Period, catalogue: Catalogue) -> None:
    named = unit_names.named(str(place.value), catalogue, period.ends_on)
    if named:
        reading.wrong("head.name", place, codes=", ".join(sorted(unit.code for unit in named)))
    else:
        reading.wrong("head.unit", place, value=unit_names.quoted(place.value), on=f"{period.ends_on:%d/%m/%Y}")


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


# --- workbooks ---------------------------------------------------------------------------------------------------


def _workbook(content: bytes, catalogue: Catalogue, settings: Settings) -> Reading:
    if content[:4] == ZIP:
        parts, plain = bounds.opened(content, settings)
        content, looks = bounds.archive(parts), sheet_xml.looks(parts, plain)
    else:
        bounds.opened_old(content)
        looks = xls.looks(content, settings)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [sheet.name for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible]
        parsed = [book.get_sheet_by_name(name) for name in shown]
        sheets = [
            layout.Sheet(sheet.name, sheet.to_python(skip_empty_area=False), sheet.merged_cell_ranges or []) for sheet in parsed
        ]
    except BaseException as error:
        # a panic of the parser is no Exception
        if isinstance(error, CalamineError | OSError | ValueError) or type(error).__name__ == "PanicException":
            raise Unreadable("file.damaged", detail="Excel") from error
        raise
    heads = {sheet.name: layout.head(sheet, catalogue.codes) for sheet in sheets}
    first: dict[HeadKey, Place] = next((head for head in heads.values() if "form" in head), {})
    reading = _identify(first, catalogue)
    reading.looks = looks
    for head in heads.values():
        for key in HEAD_NAMES[:6]:
            if key in head and key in first and _said(key, head[key]) != _said(key, first[key]):
                reading.wrong("head.differs", head[key])
    if reading.form and reading.period:
        _tables(reading, reading.form, reading.period.ends_on, sheets, heads, catalogue)
    if reading.findings:
        _legacy(reading, sheets)
    return reading


def _said(key: HeadKey, place: Place) -> str:
    """A head cell as it is compared: a period may be named in several ways."""
    return (period_names.parse(place.value) if key == "period" else None) or nfc(plain(place.value))


def _tables(
    reading: Reading,
    form: Form,
    on: date,
    sheets: list[layout.Sheet],
    heads: dict[str, dict[HeadKey, Place]],
    catalogue: Catalogue,
) -> None:
    seen: set[str] = set()
    for sheet in sheets:
        table = form.table.get(sheet.name.strip().upper()) or layout.table_by_header(sheet, form, catalogue.codes)
        if table is None:
            continue
        if table.code in seen:
            reading.wrong("table.twice", Place(None, sheet.name, "A1"), table=table.code)
            continue
        seen.add(table.code)
        _money(reading, heads[sheet.name].get("money"), catalogue)
        _sheet(sheet, table, on, catalogue, reading)
    if not seen and not reading.nil:
        reading.wrong("table.missing", None, form=form.code)


def _money(reading: Reading, place: Place | None, catalogue: Catalogue) -> None:
    """Note the unit of money; a finding where another sheet names another one."""
    if place and reading.money and catalogue.codes.factor(place.value) != catalogue.codes.factor(reading.money.value):
        reading.wrong("head.money", place, words=catalogue.codes.money_words)
    reading.money = reading.money or place


def _sheet(sheet: layout.Sheet, table: Table, on: date, catalogue: Catalogue, reading: Reading) -> None:
    header = layout.find_header(sheet, table.headers_on(on), catalogue.codes)
    if header is None:
        reading.wrong("table.header", Place(None, sheet.name, "A1"), table=table.code)
        return
    for place in header.unknown.values():
        dated = table.headers.get(fold(str(place.value)))
        if dated:
            reading.wrong("column.dated", place, on=f"{on:%d/%m/%Y}", label_vi=dated.vi, label_en=dated.en)
        else:
            reading.wrong("column.unknown", place, table=table.code)
    foot = Place(None, sheet.name, layout.coordinate(header.last_row, 0))
    columns = [f.code for f in header.fields.values()]
    for field_ in table.fields:
        if columns.count(field_.code) != 1:
            rule = "column.twice" if field_.code in columns else "column.missing"
            reading.wrong(rule, foot, label_vi=field_.vi, label_en=field_.en)
    leading: tuple[Literal["unit_code", "row"], ...] = ("unit_code",) if table.rows == (ALL_ROWS,) else ("unit_code", "row")
    missing = [key for key in leading if key not in header.leading]
    for key in missing:
        label_vi, *_, label_en = catalogue.codes.columns[key]
        reading.wrong("column.missing", foot, label_vi=label_vi, label_en=label_en)
    _money(reading, header.money, catalogue)
    if not missing:
        layout.read_rows(reading, sheet, table, header, catalogue, on)


def _legacy(reading: Reading, sheets: list[layout.Sheet]) -> None:
    """In a font of before Unicode no label can be known: then that is the one thing to tell, and the other findings follow."""
    places: dict[str, Place] = {}
    for sheet in sheets:
        for r, texts in enumerate(sheet.texts):
            for c in texts:
                places.setdefault(sheet.grid[r][c], sheet.place(r, c))
    if found := old_fonts.found(places):
        text, encoding = found
        reading.findings.clear()
        reading.wrong("file.legacy", places[text], encoding=encoding)


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
    reading = _identify(head, catalogue)
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
