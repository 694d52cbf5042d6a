"""An .xlsx package: its index, shared texts and styles followed as a spreadsheet follows them, and written anew for the parser.

python-calamine gets one archive that can be read in one way only: the visible sheets, each in the form of sheet_xml.py, under
names that are always the same. So what is parsed is what was looked at, however the package was put together.
"""

from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading import bounds, sheet_xml
from tonghop.reading.raw import Look
from tonghop.reading.sheet_xml import Context
from tonghop.reading.styles_xml import Colours, Styles, as_xml, styles
from tonghop.xlsx.parts import RELATION, Index, found
from tonghop.xlsx.xml_edit import MAIN

MAX_SHEETS, MAX_SHEET_NAME = 100, 100
_NO_STYLES = Styles({}, {}, as_xml({}, [0]), Colours((), None), {})
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def opened(parts: dict[str, bytes], contents: Index, settings: Settings) -> tuple[bytes, dict[str, Look]]:
    """A workbook for python-calamine, and what each visible sheet shows, by the sheet's name.

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
        other = {kind: parts[found(parts, part)] for kind, part in contents.others.items() if kind in _USED}
        looked = styles(other["styles"], other.get("theme")) if "styles" in other else _NO_STYLES
        texts, faded = b"", dict[int, str]()
        if "sharedStrings" in other:
            texts, faded = sheet_xml.strings(other["sharedStrings"], looked.colours, settings.max_cells)
        context = Context(looked, faded, contents.recalculates, contents.may_be_stale, settings.max_cells)
        looks: dict[str, Look] = {}
        files: dict[str, bytes] = {}
        for sheet in contents.sheets:
            if sheet.visible:
                where = sheet.name
                number = len(looks) + 1
                files[f"xl/worksheets/sheet{number}.xml"], looks[sheet.name] = sheet_xml.sheet(
                    parts[found(parts, sheet.part)], context
                )
    except (KeyError, ElementTree.ParseError, ValueError, IndexError) as error:
        raise Unreadable("file.damaged", detail=where) from error
    return written([*looks], files, looked.xml, texts, contents.since_1904), looks


_USED = {"sharedStrings", "styles", "theme"}


def written(names: list[str], sheets: dict[str, bytes], styles: bytes, texts: bytes = b"", since_1904: bool = False) -> bytes:
    """The archive of a workbook whose parts are in their one form."""
    listed = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, start=1))
    workbook = (
        f'<workbook xmlns="{MAIN.decode()}" xmlns:r="{RELATION[:-1]}">'
        f'<workbookPr date1904="{since_1904:d}"/><sheets>{listed}</sheets></workbook>'
    )
    parts = {
        "_rels/.rels": _related("officeDocument", ["xl/workbook.xml"]),
        "xl/_rels/workbook.xml.rels": _related("worksheet", [name.removeprefix("xl/") for name in sheets]),
        "xl/workbook.xml": workbook.encode(),
        "xl/styles.xml": styles,
        **sheets,
    }
    return bounds.archive(parts | ({"xl/sharedStrings.xml": texts} if texts else {}))


def _related(kind: str, targets: list[str]) -> bytes:
    each = (f'<Relationship Id="rId{n}" Type="{RELATION}{kind}" Target="{to}"/>' for n, to in enumerate(targets, start=1))
    return f'<Relationships xmlns="{_PACKAGE}">{"".join(each)}</Relationships>'.encode()
