"""What a workbook may be before anything parses it: a zip that says the truth about itself, and XML of a bounded size.

Every part is inflated here, once, and its bytes counted, whatever its headers say; the parser gets the very bytes that were
looked at. Refused: parts that are not of the size they claim, two parts of one name, names that lead out of the archive, DTDs
(entities), macros, text in another encoding than UTF-8 (which the looks below would not see through), and more parts, sheets,
texts, cells, merged ranges or empty room than a report can need. An archive within the archive is never opened.

External links are left alone: nothing here or in the parser ever follows one; the value that Excel last saw counts.
"""

import io
import json
import math
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from string import ascii_uppercase, digits
from typing import Any

import re2
from zlib_ng import zlib_ng

from tonghop.base.findings import Place, Unreadable
from tonghop.base.settings import Settings
from tonghop.xlsx.xml_edit import ATTRIBUTE, column_number

MAX_PARTS, MAX_SHEETS, MAX_MERGES, MAX_SHEET_NAME = 1_000, 100, 20_000, 100
_LOCAL = struct.Struct("<4s5H3I2H")
# of an archive: the header of a part, its entry in the directory, and the end
_PART, _LISTED, _END, _UTF8 = struct.Struct("<3H4I2H"), struct.Struct("<3H2I"), struct.Struct("<4s4H2IH"), 1 << 11
_XML_PART = re.compile(r".*\.(xml|rels|vml)", re.IGNORECASE)
# what no reader of cells needs: the document's properties and theme
_UNPARSED = re.compile("docProps/|xl/theme/", re.IGNORECASE)
_DTD = re.compile(rb"<!(?!--|\[CDATA\[)")
_SHEET_NAME = re.compile(rb'<(?:\w+:)?sheet\s[^>]*?\bname\s*=\s*(?:"([^"]*)"|\'([^\']*)\')')
# as every spreadsheet program writes them: each names its place, and no name has a prefix
_PLACED, _PREFIXED = re.compile(rb'<(?:row|c)(?: r="([A-Z]{0,3}\d{1,7})"|(?=[\s/>]))'), re.compile(rb":(?:row|c)\b")
_LETTERS, _DIGITS = ascii_uppercase.encode(), digits.encode()
# what few sheets hold, looked for in one pass: a prefix, what is hidden or failed, a formula without its value, and a row or cell
# whose place is not within ZZ99
_NEAR, _BYTES = (99, 26 + 26**2), re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_ODD = re2.compile(
    rb':(?:row|c)\b|hidden=|t=["\']e["\']'
    rb"|<f[\s/>][^<]*<(?:[^/]|/f>(?:[^<]|<[^v]|<v[^>]|<v><))"
    rb'|<(?:c|row)(?:[^\w ]| (?:[^r]|r[^=]|r=[^"]|r="(?:[A-Z]{3}|[A-Z]{0,2}(?:[^A-Z0-9]|[0-9]{3}|[0-9]{1,2}[^0-9"]))))',
    _BYTES,
)
# a row or a cell with its attributes, in which a quoted > ends nothing; and its place
_OPENING = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])((?:[^>"']|"[^"]*"|'[^']*')*+)""")
_REFERENCE = re.compile(rb"([A-Za-z]*)(\d*)")
# cheap to look for, and of every formula without a value: all others are followed by theirs
_NO_VALUE = re.compile(rb"<f[\s/>](?![^<]*</f><v>[^<])")
_FORMULA_WITHOUT_VALUE = re.compile(
    rb'<c\s(?![^>]*\bt="str")[^>]*?\br="([A-Z]+\d+)"[^>]*>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


def opened(content: bytes, settings: Settings) -> tuple[dict[str, bytes], set[str]]:
    """The XML parts of a workbook, each within its bounds, and the names of the sheets that hold nothing out of the ordinary.

    Raises Unreadable where the workbook is not safe to parse, and where it has a formula that was never computed.
    """
    try:
        xml = {name: part for name, part in _parts(content, settings) if _XML_PART.fullmatch(name)}
        plain = set()
        for name, part in xml.items():
            # no byte is found sooner than a rare one
            if b"\0" in part or (b"!" in part and _DTD.search(part)):
                raise Unreadable("file.unsafe", detail="XML")
            # a shorter part cannot hold so many
            if len(part) > 3 * settings.max_cells and part.count(b"<si") > settings.max_cells:
                raise Unreadable("file.bounds")
            if name.lower() == "xl/workbook.xml":
                _sheet_names(part)
            # a sheet, wherever it lies
            elif (b"sheetData" in part or b"mergeCell" in part) and _sheet(name, part, settings):
                plain.add(name)
    # zlib-ng's type stub takes its exception class for an instance
    except (
        zipfile.BadZipFile,
        zlib_ng.error,
        struct.error,
        EOFError,
        NotImplementedError,  # type: ignore[misc]
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise Unreadable("file.damaged", detail="zip") from error
    return xml, plain


def opened_old(content: bytes) -> None:
    """Refuse an .xls with macros. Its other bounds are the worker's: of memory and time. Raises Unreadable."""
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise Unreadable("file.macro")


def archive(parts: dict[str, bytes]) -> bytes:
    """The parts as an archive that can be read in one way only: what is parsed is what was looked at.

    Stored as they are, with no more than the parser needs: to write this little takes zipfile as long as to inflate them.
    """
    files, directory, size = [], [], 0
    for name, part in parts.items():
        if _UNPARSED.match(name):
            continue
        path = name.encode()
        header = _PART.pack(20, _UTF8, zipfile.ZIP_STORED, 0, zlib_ng.crc32(part), len(part), len(part), len(path), 0)
        files += [b"PK\3\4", header, path, part]
        directory += [b"PK\1\2\x14\0", header, _LISTED.pack(0, 0, 0, 0, size), path]
        size += 4 + _PART.size + len(path) + len(part)
    listed = b"".join(directory)
    count = len(files) // 4
    return b"".join([*files, listed, _END.pack(b"PK\5\6", 0, 0, count, count, len(listed), size, 0)])


def _parts(content: bytes, settings: Settings) -> Iterator[tuple[str, bytes]]:
    entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    if len(entries) > MAX_PARTS:
        raise Unreadable("file.bounds")
    names = {entry.filename.lower() for entry in entries}
    if len(names) < len(entries) or any(name.startswith("/") or ":" in name or ".." in name.split("/") for name in names):
        raise Unreadable("file.unsafe", detail="zip")
    if any(name.endswith("vbaproject.bin") for name in names):
        raise Unreadable("file.macro")
    left = settings.max_unpacked_bytes
    for entry in entries:
        part = _inflate(content, entry, left)
        left -= len(part)
        yield entry.filename, part


def _inflate(content: bytes, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """One part's bytes. A part that is longer or shorter than it says is refused once that shows, never inflated further."""
    magic, _, flags, *_, name_length, extra_length = _LOCAL.unpack_from(content, entry.header_offset)
    if magic != b"PK\x03\x04" or (flags | entry.flag_bits) & 1:
        raise zipfile.BadZipFile("no part here, or one that is encrypted")
    if entry.file_size > limit:
        raise Unreadable("file.bounds")
    start = entry.header_offset + _LOCAL.size + name_length + extra_length
    packed = memoryview(content)[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        part = bytes(packed)
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        part = zlib_ng.decompressobj(-zlib_ng.MAX_WBITS).decompress(packed, entry.file_size + 1)
    else:
        # what zipfile raises for one that it does not know: the same answer, given by opened()
        raise NotImplementedError("another compression than Excel's")
    if len(part) > entry.file_size:
        raise Unreadable("file.unsafe", detail="zip")
    if len(part) < entry.file_size or zlib_ng.crc32(part) != entry.CRC:
        raise zipfile.BadZipFile("checksum")
    return part


def _sheet_names(xml: bytes) -> None:
    names = [double or single for double, single in _SHEET_NAME.findall(xml)]
    if len(names) > MAX_SHEETS:
        raise Unreadable("file.bounds")
    if any(len(name.decode()) > MAX_SHEET_NAME for name in names):  # Excel stops at 31; every cell carries the name
        raise Unreadable("file.unsafe", detail="XML")


def _sheet(name: str, xml: bytes, settings: Settings) -> bool:
    """Whether a sheet has nothing odd. The rectangle from A1 around all cells must be bounded: the parser fills it."""
    if len(xml) > 10 * MAX_MERGES and xml.count(b"mergeCell ") > MAX_MERGES:
        raise Unreadable("file.bounds")
    if math.prod(_NEAR) <= settings.max_cells and not _ODD.search(xml):
        return True
    height, width = _spread(xml, settings)
    if height * max(width, 1) > settings.max_cells:
        raise Unreadable("file.bounds")
    if _NO_VALUE.search(xml) and (empty := _FORMULA_WITHOUT_VALUE.search(xml)):
        raise Unreadable("file.formula", Place(None, name.rpartition("/")[2], empty.group(1).decode()))
    return False


def _spread(xml: bytes, settings: Settings) -> tuple[int, int]:
    """How many rows and columns the rectangle from A1 around all rows and cells has at most."""
    placed = _PLACED.findall(xml)
    if all(placed) and not _PREFIXED.search(xml):
        together = b" ".join(placed)
        rows, columns = ({*together.translate(None, other).split()} for other in (_LETTERS, _DIGITS))
        return max(map(int, rows), default=0), max((column_number(letters.decode()) for letters in columns), default=0)
    height = width = row = column = 0
    for opening in _OPENING.finditer(xml):
        kind, attributes = opening.groups()
        # of two the parser takes the first
        places = (double or single for name, double, single in ATTRIBUTE.findall(attributes) if name == b"r")
        reference = _REFERENCE.fullmatch(next(places, b""))
        letters, number = reference.groups() if reference else (b"", b"")
        # without a place of its own it comes after the one before; a few characters are enough to be far beyond all bounds
        if kind == b"row":
            row, column = int(number[:10]) if number else row + 1, 0
        else:
            column = column_number(letters[:10].decode().upper()) if letters else column + 1
            row = int(number[:10]) if number else row
        height, width = max(height, row), max(width, column)
        if height * max(width, 1) > settings.max_cells:
            break
    return height, width


def from_json(text: str) -> tuple[Any, list[str]]:
    """A JSON text's value, its numbers exact, and the keys that come twice in one object, where only the last would count.

    Raises ValueError for what is not JSON (NaN and infinities among it) and for numbers beyond all figures,
    RecursionError where it is nested too deep.
    """
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return found

    return json.loads(text, parse_float=_exact, parse_constant=_refuse, object_pairs_hook=once), twice


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    if not -30 < number.adjusted() < 30:  # written out, 1e999999999 fills the memory
        raise ValueError("a number beyond all figures")
    return number


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")
