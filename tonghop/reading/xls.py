"""What python-calamine leaves out of an .xls (Excel 97 to 2003), and a bound on how far apart its cells may be.

An .xls is a small file system of sectors (MS-CFB); its stream `Workbook` is a run of records, each a type, a length and its bytes
(MS-XLS, BIFF8). Only the records that place, format or hide cells are looked at.
"""

import struct
from collections.abc import Iterator

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading.layout import coordinate
from tonghop.reading.raw import Look
from tonghop.reading.sheet_xml import BUILT_IN, is_plain

_END = 0xFFFFFFFA  # from here on a sector's number has another meaning
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
BOUNDSHEET, FORMAT, XF, ROW, COLINFO, FILEPASS, EOF = 0x85, 0x41E, 0xE0, 0x208, 0x7D, 0x2F, 0x0A
NUMBER, RK, MULRK, FORMULA, BOOLERR = 0x203, 0x27E, 0xBD, 0x06, 0x205
# records that begin with row, column and format: numbers, and texts and blanks, which only place cells
_CELLS = {NUMBER, RK, FORMULA, BOOLERR, 0xFD, 0x204, 0x201, 0xD6}
_ROWS_OF_CELLS = {MULRK: 6, 0xBE: 2}  # bytes a cell


def looks(content: bytes, settings: Settings) -> dict[str, Look]:
    """What each sheet shows, by the sheet's name.

    Raises Unreadable where the file is damaged, encrypted or older than Excel 97, or its cells spread too far.
    """
    try:
        stream = _workbook(content)
        formats: dict[int, str] = dict(BUILT_IN)
        styles: list[int] = []
        sheets: list[tuple[str, int]] = []
        for kind, body in _records(stream, 0):
            if kind == FILEPASS:
                raise ValueError("encrypted")
            if kind == FORMAT:
                formats[struct.unpack_from("<H", body)[0]] = _text(body[2:], wide=True)
            elif kind == XF:
                styles.append(struct.unpack_from("<2H", body)[1])
            elif kind == BOUNDSHEET:
                sheets.append((_text(body[6:], wide=False), struct.unpack_from("<I", body)[0]))
        odd = {n: formats[style] for n, style in enumerate(styles) if not is_plain(formats.get(style, "General"))}
        return {name: _sheet(stream, start, odd, settings) for name, start in sheets}
    except (struct.error, IndexError, ValueError) as error:
        raise Unreadable("file.damaged", detail="xls") from error


def _workbook(content: bytes) -> bytes:
    """The stream `Workbook`; errors where there is none, or its sectors do not hang together."""

    def number(offset: int) -> int:
        return int(struct.unpack_from("<I", content, offset)[0])

    def numbers(part: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(part) // 4}I", part[: len(part) // 4 * 4])

    size = 1 << min(content[30], 12)

    def sector(n: int) -> bytes:
        return content[(n + 1) * size : (n + 2) * size].ljust(size, b"\0")

    def chain(start: int, follow: tuple[int, ...]) -> Iterator[int]:
        for _ in range(len(follow) + 1):
            if start >= _END:
                return
            yield start
            start = follow[start]
        raise ValueError("sectors in a circle")

    def stream(start: int) -> bytes:
        return b"".join(map(sector, chain(start, table)))

    parts = list(struct.unpack_from("<109I", content, 76))
    more = number(68)
    for _ in range(len(content) // size):
        if more >= _END:
            break
        *further, more = numbers(sector(more))
        parts += further
    table = numbers(b"".join(sector(n) for n in parts if n < _END))
    directory = stream(number(48))
    entries: dict[str, tuple[int, int]] = {}
    for offset in range(0, len(directory) - 127, 128):
        name = directory[offset : offset + max(directory[offset + 64] - 2, 0)].decode("utf-16-le", "replace")
        entries.setdefault(name, struct.unpack_from("<2I", directory, offset + 116))
    if not {"Workbook", "Root Entry"} <= entries.keys():
        raise ValueError("no workbook of Excel 97 or later")
    start, length = entries["Workbook"]
    if length >= number(56):
        return stream(start)[:length]
    small, follow = stream(entries["Root Entry"][0]), numbers(stream(number(60)))
    return b"".join(small[n * 64 : n * 64 + 64] for n in chain(start, follow))[:length]


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of the stream, up to its end."""
    while True:
        kind, length = struct.unpack_from("<2H", stream, start)
        if kind == EOF:
            return
        yield kind, stream[start + 4 : start + 4 + length]
        start += 4 + length


def _text(body: bytes, wide: bool) -> str:
    """A text after its length (of two bytes where wide) and a flag that tells two-byte letters."""
    length, at = (struct.unpack_from("<H", body)[0], 2) if wide else (body[0], 1)
    two_bytes = body[at] & 1
    return body[at + 1 : at + 1 + length * (1 + two_bytes)].decode("utf-16-le" if two_bytes else "latin-1")


def _sheet(stream: bytes, start: int, odd: dict[int, str], settings: Settings) -> Look:
    formats: dict[str, str] = {}
    errors: dict[str, str] = {}
    rows: set[int] = set()
    columns: set[int] = set()
    height = width = 0
    for kind, body in _records(stream, start):
        if kind in _CELLS:
            row, column, style = struct.unpack_from("<3H", body)
            if style in odd:
                formats[coordinate(row, column)] = odd[style]
            failed = (
                body[6]
                if kind == BOOLERR and body[7]
                else body[8]
                if kind == FORMULA and body[6] == 2 and body[12:14] == b"\xff\xff"
                else None
            )
            if failed is not None:
                errors[coordinate(row, column)] = _ERRORS.get(failed, "#?")
            height, width = max(height, row + 1), max(width, column + 1)
        elif kind in _ROWS_OF_CELLS:
            row, first = struct.unpack_from("<2H", body)
            for n, at in enumerate(range(4, len(body) - 2, _ROWS_OF_CELLS[kind])):
                if (style := struct.unpack_from("<H", body, at)[0]) in odd:
                    formats[coordinate(row, first + n)] = odd[style]
                width = max(width, first + n + 1)
            height = max(height, row + 1)
        elif kind == ROW and struct.unpack_from("<H", body, 12)[0] & 0x20:
            rows.add(struct.unpack_from("<H", body)[0] + 1)
        elif kind == COLINFO and struct.unpack_from("<H", body, 8)[0] & 1:
            first, last = struct.unpack_from("<2H", body)
            columns.update(range(first + 1, min(last, 255) + 2))
        if height * width > settings.max_cells:
            raise Unreadable("file.bounds")
    return Look(formats, errors, frozenset(rows), frozenset(columns))
