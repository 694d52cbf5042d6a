"""A workbook: one sheet a form table, each with a head of labelled cells, a header, and rows that each name a subject unit.

Only declared cells are read: hidden sheets, titles, notes and signature blocks never leave this module.
"""

import io
from datetime import date
from typing import Literal

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from tonghop.base.findings import Place, Unreadable
from tonghop.base.settings import Settings
from tonghop.base.text import fold, nfc
from tonghop.catalogue.forms import ALL_ROWS, Form, HeadKey, Table
from tonghop.catalogue.model import Catalogue
from tonghop.reading import bounds, layout, old_fonts, period_names, sheet_xml, xls
from tonghop.reading.head import HEAD_NAMES, identify
from tonghop.reading.raw import Reading, plain

# how .xlsx and .xls begin, whatever their names say
ZIP, OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")


def read_workbook(content: bytes, catalogue: Catalogue, settings: Settings) -> Reading:
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
    reading = identify(first, catalogue)
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
