"""What a workbook may be before anything parses it: a zip that says the truth about itself, and XML of a bounded size.

Every part is inflated here, once, and its bytes counted, whatever its headers say. Refused: parts that are not of the size they
claim, two parts of one name, names that lead out of the archive, DTDs (entities), macros, text in an encoding that few programs
know, and more parts than a report can need; sheets, texts, cells and merged ranges are counted where they are read. An archive
within the archive is never opened.

External links are left alone: nothing here or in the parser ever follows one; the value that Excel last saw counts.
"""

import json
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import re2
from zlib_ng import zlib_ng

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading import zipped
from tonghop.xlsx.parts import plain_name

# how an .xls begins, whatever its name says
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
MAX_PARTS = 1_000
_LOCAL = struct.Struct("<4s5H3I2H")
# of an archive: the header of a part, its entry in the directory, and the end
_PART, _LISTED, _END, UTF8 = struct.Struct("<3H4I2H"), struct.Struct("<3H2I"), struct.Struct("<4s4H2IH"), 1 << 11
_XML_PART = re.compile(r".*\.(xml|rels|vml)", re.IGNORECASE)
# what begins no element; RE2 sees soonest that there is none
_MARKUP = re2.compile(rb"<!")
_DTD = re.compile(rb"<!(?!--|\[CDATA\[)")
# encodings of text that a spreadsheet reads beside UTF-8; each is made UTF-8 before anything looks at it
_ENCODINGS = {"utf-16", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252", "windows-1258"}
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*?\?>")
_ENCODING = re.compile(rb"<\?xml\s[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")


def opened(content: bytes, settings: Settings) -> dict[str, bytes]:
    """The parts of an archive by their plain names, each within its bounds; those that are XML are UTF-8 and have no DTD.

    Raises Unreadable where the archive is not safe to parse.
    """
    try:
        return {
            plain_name(entry.filename): _xml(part) if _XML_PART.fullmatch(entry.filename) else part
            for entry, part in entries(content, settings)
        }
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


def _xml(part: bytes) -> bytes:
    if part.startswith((b"\xff\xfe", b"\xfe\xff")):
        part = _utf8(part, "utf-16")
    elif (declared := _ENCODING.match(part, 0, 200)) and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        part = _utf8(part, declared[1].decode("ascii", "replace").lower())
    if b"\0" in part or (_MARKUP.search(part) and _DTD.search(part)):
        raise Unreadable("file.unsafe", detail="XML")
    return part


def _utf8(part: bytes, encoding: str) -> bytes:
    try:
        return _DECLARATION.sub("", part.decode(encoding if encoding in _ENCODINGS else "ascii"), count=1).encode()
    except UnicodeError as error:
        raise Unreadable("file.unsafe", detail=f"XML, {encoding[:20]}") from error


def opened_old(content: bytes) -> None:
    """Refuse an .xls with macros. Its other bounds are the worker's: of memory and time. Raises Unreadable."""
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise Unreadable("file.macro")


def archive(parts: dict[str, bytes]) -> bytes:
    """The parts as an archive that can be read in one way only: what is parsed is what was looked at.

    Stored as they are: to write this little takes zipfile as long as to inflate them.
    """
    files, directory, size = [], [], 0
    for name, part in parts.items():
        path = name.encode()
        header = _PART.pack(20, UTF8, zipfile.ZIP_STORED, 0, zlib_ng.crc32(part), len(part), len(part), len(path), 0)
        files += [b"PK\3\4", header, path, part]
        directory += [b"PK\1\2\x14\0", header, _LISTED.pack(0, 0, 0, 0, size), path]
        size += 4 + _PART.size + len(path) + len(part)
    listed = b"".join(directory)
    count = len(files) // 4
    return b"".join([*files, listed, _END.pack(b"PK\5\6", 0, 0, count, count, len(listed), size, 0)])


def entries(content: bytes, settings: Settings) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Each part of an archive with its entry in the directory.

    Raises Unreadable where the archive is not safe, and what zipfile and zlib raise where it is damaged.
    """
    listed = zipped.opened(content).infolist()
    if len(listed) > MAX_PARTS:
        raise Unreadable("file.bounds")
    names = {plain_name(entry.filename) for entry in listed}
    if len(names) < len(listed) or any(name.startswith("/") or ":" in name or ".." in name.split("/") for name in names):
        raise Unreadable("file.unsafe", detail="zip")
    if any(name.endswith("vbaproject.bin") for name in names):
        raise Unreadable("file.macro")
    left = settings.max_unpacked_bytes
    for entry in listed:
        part = _inflate(content, entry, left)
        left -= len(part)
        yield entry, part


def _inflate(content: bytes, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """One part's bytes. A part that is longer or shorter than it says is refused once that shows, never inflated further."""
    magic, _, flags, *_, name_length, extra_length = _LOCAL.unpack_from(content, entry.header_offset)
    if magic != zipped.ZIP or (flags ^ entry.flag_bits) & 1:
        raise zipfile.BadZipFile("no part here")
    if flags & 1:
        raise Unreadable("file.password")
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
