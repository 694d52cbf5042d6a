"""A workbook: one sheet a form table, each with a head of labelled cells, a header, and rows that each name a subject unit.

Only declared cells are read: hidden sheets, titles, notes and signature blocks never leave this module.
"""

from datetime import date
from typing import Any, Literal
from xml.etree import ElementTree

from tonghop.base.findings import Place, Unreadable, printable
from tonghop.base.settings import Settings
from tonghop.base.text import fold, nfc
from tonghop.catalogue.forms import ALL_ROWS, Form, HeadKey, Table
from tonghop.catalogue.model import Catalogue
from tonghop.reading import bounds, formula, kinds, layout, ods, old_fonts, period_names, printed, xls, xlsb, xlsx, zipped
from tonghop.reading.formula import Formulas
from tonghop.reading.head import HEAD_NAMES, identify
from tonghop.reading.numbers import Vocabulary, parse_number
from tonghop.reading.parser import parsed
from tonghop.reading.raw import Look, Reading, plain
from tonghop.reading.rows import Rows, other_measure
from tonghop.reading.sheet_xml import NO_VALUE
from tonghop.xlsx.parts import index, main_part
from tonghop.xlsx.xml_edit import split


def read_workbook(content: bytes, catalogue: Catalogue, settings: Settings, received: date | None = None) -> Reading:
    sheets, looks = _opened(content, settings)
    for sheet in sheets:
        _complete(sheet, looks.get(sheet.name, Look()), settings)
    return read_sheets(sheets, looks, catalogue, received)


def read_sheets(sheets: list[layout.Sheet], looks: dict[str, Look], catalogue: Catalogue, received: date | None) -> Reading:
    """Sheets of whatever kind of file: what they say they are, and their figures."""
    forms = frozenset(form.code for form in catalogue.forms)
    heads = {sheet.name: layout.head(sheet, catalogue.codes, forms) for sheet in sheets}
    first: dict[HeadKey, Place] = next((head for head in heads.values() if "form" in head), {})
    for place in first.values():
        looks.get(place.sheet, Look()).computed(place)
    named = (value for sheet in sheets for row in sheet.grid[: layout.HEAD_ROWS] for value in row)
    reading = identify(first, catalogue, received, named)
    reading.looks = looks
    for head in heads.values():
        for key in HEAD_NAMES[:6]:
            if key in head and key in first and _said(key, head[key]) != _said(key, first[key]):
                reading.wrong("head.differs", head[key])
    if reading.form and reading.period:
        _tables(reading, printed.form(reading), reading.period.ends_on, sheets, heads, catalogue)
        printed.brought_up(reading)
    if reading.findings:
        _legacy(reading, sheets)
    if reading.sender is None and reading.period is None:
        _one_column(reading, sheets)
    return reading


def _complete(sheet: layout.Sheet, look: Look, settings: Settings) -> None:
    """Add to the values what failed or was never computed, which the parser leaves empty, and to the look what the values tell:
    what a merged cell covers, formulas that give another number now, and what conditional formats do."""
    for cell in (*look.errors, *look.uncomputed):
        at, column = split(cell)
        if at <= len(sheet.grid) and column <= len(sheet.grid[0]) and sheet.grid[at - 1][column - 1] in ("", None):
            sheet.grid[at - 1][column - 1] = look.errors.get(cell, NO_VALUE)
    for (top, left), (bottom, right) in sheet.merged:
        for r, row in enumerate(sheet.grid[top : bottom + 1], start=top):
            for c, value in enumerate(row[left : right + 1], start=left):
                if value not in ("", None) and (r, c) != (top, left):
                    look.faded.setdefault(layout.coordinate(r, c), "cell.unseen")
    if look.formulas or look.conditions:
        _computed(sheet, look, settings.max_cells)


def _computed(sheet: layout.Sheet, look: Look, most: int) -> None:
    places = {(row - 1, column - 1): formula for cell, formula in look.formulas.items() for row, column in [split(cell)]}
    formulas = Formulas(sheet.grid, places)
    height, width = len(sheet.grid), len(sheet.grid[0]) if sheet.grid else 0
    for row, column in places:
        if row < height and column < width:
            cell = layout.coordinate(row, column)
            try:
                value = formulas.at(row, column)
                if formula.differs(sheet.grid[row][column], value) and (number := parse_number(float(value or 0))) is not None:
                    look.stale[cell] = number
            except formula.NO_VALUE:
                look.kept.add(cell)
    for condition in look.conditions:
        for top, left, bottom, right in condition.areas:
            for row in range(top, min(bottom + 1, height)):
                for column in range(left, min(right + 1, width)):
                    most -= 1
                    if most < 0:
                        raise Unreadable("file.bounds")
                    if layout.holds(sheet.grid[row][column]) and condition.holds(formulas, row, column):
                        _conditional(condition, sheet.grid[row][column], layout.coordinate(row, column), look)


def _conditional(condition: formula.Condition, value: Any, cell: str, look: Look) -> None:
    """What a rule of a conditional format that holds does to a cell; one that hides a zero hides nothing."""
    if condition.code:
        look.formats[cell] = condition.code
    if condition.rule and value not in (0, "0"):
        look.faded.setdefault(cell, condition.rule)


def _opened(content: bytes, settings: Settings) -> tuple[list[layout.Sheet], dict[str, Look]]:
    """The visible sheets of a workbook, and what they show."""
    if content[:4] != zipped.ZIP:
        bounds.opened_old(content)
        looks = xls.looks(content, settings)
        return parsed(content), looks
    try:
        parts = bounds.opened(content, settings)
    except Unreadable as unreadable:
        raise (zipped.untaken(content, settings) or unreadable) from unreadable
    if parts.get("mimetype", b"").strip().removesuffix(b"-template") == ods.MIMETYPE:
        book, looks = ods.opened(parts, settings)
        return parsed(book), looks
    try:
        main = main_part(parts)
        if main.endswith(".bin") and main in parts:
            book, looks = xlsb.opened(parts, main, settings)
            return parsed(book), looks
        contents = index(parts)
    except (KeyError, ElementTree.ParseError, ValueError, StopIteration) as error:
        raise (zipped.untaken(content, settings) or kinds.of_package(set(parts))) from error
    return xlsx.opened(parts, contents, settings)


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
    named = [(form.table.get(sheet.name.strip().upper()), 1.0) for sheet in sheets]
    likely = [
        (t, s) if t else layout.closest_table(sheet, form, catalogue.codes) for sheet, (t, s) in zip(sheets, named, strict=True)
    ]
    # where no sheet has most columns of a table, the one that has the greatest share tells which it lacks
    most = max(share for _, share in likely)
    for sheet, (table, share) in zip(sheets, likely, strict=True):
        if table is None or share < min(0.5, most) or share == 0.5 < most:
            own = reading.is_template and sheet.name in (layout.CHECKS_SHEET, layout.GUIDE_SHEET)
            if not own and any(layout.holds(value) for row in sheet.grid for value in row):
                reading.sheets_passed.append(printable(sheet.name))
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
    leading: tuple[Literal["unit_code", "row"], ...] = ("unit_code",) if table.rows == (ALL_ROWS,) else ("unit_code", "row")
    missing = [key for key in leading if key not in header.leading]
    rows = None if missing or not header.fields else Rows(reading, sheet, table, header, catalogue, on)
    for c, place in header.unknown.items():
        if rows and not rows.has_figures(c):
            continue
        dated = table.headers.get(fold(str(place.value)))
        if dated:
            reading.wrong("column.dated", place, on=f"{on:%d/%m/%Y}", label_vi=dated.vi, label_en=dated.en)
        else:
            reading.wrong("column.unknown", place, table=table.code)
    foot = Place(None, sheet.name, layout.coordinate(header.last_row, 0))
    columns = [f.code for f in header.fields.values()]
    for field_ in table.fields:
        if columns.count(field_.code) != 1 and not table.given_otherwise(field_.code, columns):
            rule = "column.twice" if field_.code in columns else printed.missing(reading, table, field_)
            if rule:
                reading.wrong(rule, foot, label_vi=field_.vi, label_en=field_.en)
                reading.missing |= {(table.code, i) for i in field_.indicators if field_.code not in columns}
    for key in missing:
        label_vi, *_, label_en = catalogue.codes.columns[key]
        reading.wrong("column.missing", foot, label_vi=label_vi, label_en=label_en)
    for twice, place in header.twice.items():
        label_vi, *_, label_en = catalogue.codes.columns[twice]
        reading.wrong("column.twice", place, label_vi=label_vi, label_en=label_en)
    _money(reading, header.money, catalogue)
    _measures(reading, sheet, table, header, catalogue)
    if rows:
        rows.read()


def _measures(reading: Reading, sheet: layout.Sheet, table: Table, header: layout.TableHeader, catalogue: Catalogue) -> None:
    """A finding for every unit of measure that the head or the header gives and the table does not count in."""
    vocabulary = Vocabulary(catalogue.codes)
    for spec, place in header.measures:
        reading.findings.append(other_measure(place, table, vocabulary, spec))
    in_header = {place.cell for _, place in header.measures}
    for place in layout.declared_measures(sheet, range(header.last_row + 1), catalogue.codes, header):
        if place.cell not in in_header and not layout.own_measure(place.value, table, catalogue.codes):
            reading.findings.append(other_measure(place, table, vocabulary))


def _one_column(reading: Reading, sheets: list[layout.Sheet]) -> None:
    """Of a CSV that was opened with another separator than its own nothing can be known: then that is the one thing to tell."""
    for sheet in sheets:
        for r, row in enumerate(sheet.grid[: 2 * layout.HEAD_ROWS]):
            if found := layout.in_one_cell(row, 2):
                reading.findings.clear()
                reading.wrong("row.one_cell", sheet.place(r, found[0])._replace(value=None), separator=layout.shown(found[1]))
                return


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
