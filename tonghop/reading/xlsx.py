"""An .xlsx package: its index, shared texts and styles followed as a spreadsheet follows them, and its visible sheets read.

A plain sheet is read by plain_sheet.py. Of all others python-calamine gets one archive that can be read in one way only: each in
the form of sheet_xml.py, under names that are always the same. So what is parsed is what was looked at, however the package was
put together.
"""

from dataclasses import replace
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading import bounds, plain_sheet, sheet_xml
from tonghop.reading.layout import Sheet
from tonghop.reading.parser import parsed
from tonghop.reading.raw import Look
from tonghop.reading.sheet_xml import Context
from tonghop.reading.styles_xml import Colours, Styles, as_xml, styles
from tonghop.xlsx.comments import has_asides
from tonghop.xlsx.parts import RELATION, Index, part_called
from tonghop.xlsx.xml_edit import MAIN

MAX_SHEETS, MAX_SHEET_NAME = 100, 100
_NO_STYLES = Styles({}, {}, as_xml({}, [0]), Colours((), None), {})
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def opened(parts: dict[str, bytes], contents: Index, settings: Settings) -> tuple[list[Sheet], dict[str, Look]]:
    """The visible sheets of a workbook, and what each shows, by its name.

    Raises Unreadable where the workbook is damaged, contradicts itself or is beyond the bounds.
    """
    names = [sheet.name for sheet in contents.sheets]
    if len(names) > MAX_SHEETS:
        raise Unreadable("file.bounds")
    if any(len(name) > MAX_SHEET_NAME for name in names):  # Excel stops at 31; every cell carries the name
        raise Unreadable("file.unsafe", detail="XML")
    where = "xlsx"
    try:
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("two sheets of one name")
        other = {kind: parts[part_called(parts, part)] for kind, part in contents.others.items() if kind in _USED}
        looked = styles(other["styles"], other.get("theme")) if "styles" in other else _NO_STYLES
        texts, faded, plain = _texts(other["sharedStrings"], looked, settings) if "sharedStrings" in other else ([], {}, True)
        context = Context(looked, faded, contents.recalculates, contents.may_be_stale, settings.max_cells)
        reader = plain_sheet.Reader(texts, looked, *context[2:]) if plain else None
        looks: dict[str, Look] = {}
        read: dict[str, Sheet] = {}
        files: dict[str, bytes] = {}
        for sheet in contents.sheets:
            if sheet.visible:
                where, xml = sheet.name, parts[part_called(parts, sheet.part)]
                if reader and (done := reader.sheet(sheet.name, xml)):
                    read[sheet.name], looks[sheet.name] = done
                else:
                    files[sheet.name], looks[sheet.name] = sheet_xml.sheet(xml, context)
                if has_asides(parts, part_called(parts, sheet.part)):
                    looks[sheet.name] = replace(looks[sheet.name], has_asides=True)
    except (KeyError, ElementTree.ParseError, ValueError, IndexError) as error:
        raise Unreadable("file.damaged", detail=where) from error
    if files:
        book = written(files, looked.xml, sheet_xml.written_strings(texts) if texts else b"", contents.since_1904)
        read |= zip(files, parsed(book), strict=True)
    return [read[name] for name in looks], looks


def _texts(xml: bytes, looked: Styles, settings: Settings) -> tuple[list[str], dict[int, str], bool]:
    """The shared texts, those that are struck out or the like, and whether cells that hold them may be plain."""
    if len(xml) > 3 * settings.max_cells and xml.count(b"<si") > settings.max_cells:
        raise Unreadable("file.bounds")
    if (texts := plain_sheet.texts(xml)) is not None:
        return texts, {}, True
    texts, faded = sheet_xml.strings(xml, looked.colours, settings.max_cells)
    return texts, faded, not faded and not any(plain_sheet.is_escaped(text) for text in texts)


_USED = {"sharedStrings", "styles", "theme"}


def written(sheets: dict[str, bytes], styles: bytes, texts: bytes = b"", since_1904: bool = False) -> bytes:
    """The archive of a workbook whose parts are in their one form; its sheets by their names."""
    listed = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, start=1))
    files = {f"worksheets/sheet{n}.xml": xml for n, xml in enumerate(sheets.values(), start=1)}
    workbook = (
        f'<workbook xmlns="{MAIN.decode()}" xmlns:r="{RELATION[:-1]}">'
        f'<workbookPr date1904="{since_1904:d}"/><sheets>{listed}</sheets></workbook>'
    )
    parts = {
        "_rels/.rels": _related("officeDocument", ["xl/workbook.xml"]),
        "xl/_rels/workbook.xml.rels": _related("worksheet", [*files]),
        "xl/workbook.xml": workbook.encode(),
        "xl/styles.xml": styles,
        **{f"xl/{name}": xml for name, xml in files.items()},
    }
    return bounds.archive(parts | ({"xl/sharedStrings.xml": texts} if texts else {}))


def _related(kind: str, targets: list[str]) -> bytes:
    each = (f'<Relationship Id="rId{n}" Type="{RELATION}{kind}" Target="{to}"/>' for n, to in enumerate(targets, start=1))
    return f'<Relationships xmlns="{_PACKAGE}">{"".join(each)}</Relationships>'.encode()
