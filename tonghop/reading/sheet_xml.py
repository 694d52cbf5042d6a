"""What python-calamine does not tell of an .xlsx: how numbers are shown, what failed, what is hidden.

Not a parser: the parts' names come from the workbook's index, then each sheet's bytes are searched, and only for what is
there at all. The parts are those that bounds.py has let through.
"""

import re
from functools import lru_cache
from xml.etree import ElementTree

from tonghop.base.findings import Unreadable
from tonghop.reading.raw import Look
from tonghop.xlsx.parts import local_name, sheets

_CELL_REF = re.compile(rb'\br=["\']([A-Z]{1,3}\d{1,7})["\']')
_ERROR_CELL = re.compile(
    rb'<(?:\w+:)?c\s([^>]*\bt=["\']e["\'][^>]*)>(?:<(?:\w+:)?f[^>]*(?:/>|>[^<]*</(?:\w+:)?f>))?\s*<(?:\w+:)?v>([^<]{1,20})<'
)
_ERROR = re.compile(rb't=["\']e["\']')
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\s([^>]*\bhidden=["\'](?:1|true)["\'][^>]*)>')
_HIDDEN_COLUMN = re.compile(rb'<(?:\w+:)?col\s([^>]*\bhidden=["\'](?:1|true)["\'][^>]*)>')
_NUMBER = re.compile(rb'\b(r|min|max)=["\'](\d{1,7})["\']')
_COLUMNS = 16_384
# number formats that a file names by number only, where they are not plain; python-calamine finds dates
BUILT_IN = {9: "0%", 10: "0.00%"}
_PLAIN = re.compile(r"General|@|[#0,]*0(\.0{1,2}|\.0{4,})?(_\))?", re.I)


def is_plain(format_code: str) -> bool:
    """Whether a number format shows a number as it is, or rounds what no count can have."""
    return bool(_PLAIN.fullmatch(format_code))


def looks(parts: dict[str, bytes], plain: set[str]) -> dict[str, Look]:
    """What each sheet shows, by the sheet's name; in the plain ones nothing is hidden, and nothing failed.

    Raises Unreadable where the workbook's index cannot be followed.
    """
    try:
        formats = _odd_formats(parts.get("xl/styles.xml"))
        return {name: _look(parts[part], formats, part in plain) for name, part in sheets(parts)}
    except (KeyError, ElementTree.ParseError, ValueError) as error:
        raise Unreadable("file.damaged", detail="xlsx") from error


@lru_cache(maxsize=1)
def _odd_formats(styles_xml: bytes | None) -> dict[int, str]:
    """Number formats by cell style, the plain ones left out."""
    if styles_xml is None:
        return {}
    root = ElementTree.fromstring(styles_xml)
    codes = BUILT_IN | {int(e.get("numFmtId", "0")): e.get("formatCode", "") for e in root.iter() if local_name(e) == "numFmt"}
    styles = next((e for e in root if local_name(e) == "cellXfs"), ())
    every = {n: codes.get(int(style.get("numFmtId", "0")), "General") for n, style in enumerate(styles)}
    return {n: code for n, code in every.items() if not is_plain(code)}


def _look(xml: bytes, formats: dict[int, str], plain: bool) -> Look:
    shown: dict[str, str] = {}
    if formats:
        styles = "|".join(map(str, formats)).encode()
        for tag, style in re.findall(rb'<(?:\w+:)?c\s([^>]*\bs=["\'](' + styles + rb')["\'][^>]*)>', xml):
            if place := _CELL_REF.search(tag):
                shown[place[1].decode()] = formats[int(style)]
    if plain:
        return Look(shown)
    errors: dict[str, str] = {}
    if _ERROR.search(xml):
        for tag, error in _ERROR_CELL.findall(xml):
            if place := _CELL_REF.search(tag):
                errors[place[1].decode()] = error.decode("ascii", "replace")
    rows: set[int] = set()
    columns: set[int] = set()
    if b"hidden=" in xml:
        rows = {int(number) for tag in _HIDDEN_ROW.findall(xml) for name, number in _NUMBER.findall(tag) if name == b"r"}
        for tag in _HIDDEN_COLUMN.findall(xml):
            ends = {name: int(number) for name, number in _NUMBER.findall(tag)}
            columns.update(range(ends.get(b"min", 1), min(ends.get(b"max", 0), _COLUMNS) + 1))
    return Look(shown, errors, frozenset(rows), frozenset(columns))
