"""What python-calamine leaves out of an .xls (Excel 97 to 2003), and a bound on how far apart its cells may be.

An .xls is a small file system of sectors (MS-CFB); its stream `Workbook` is a run of records, each a type, a length and its bytes
(MS-XLS, BIFF8). Only the records that place, format or hide cells are looked at.
"""

import struct
from collections.abc import Iterator
from functools import cached_property

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading import kinds
from tonghop.reading.layout import coordinate
from tonghop.reading.raw import Look
from tonghop.reading.sheet_xml import LOW, NARROW
from tonghop.reading.styles_xml import BLACK, BUILT_IN, PALETTE, RGB, WHITE, Ink, faded, from_hex, is_plain, stretch
from tonghop.reading.tokens import computable

_END = 0xFFFFFFFA  # from here on a sector's number has another meaning
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
BOUNDSHEET, FORMAT, XF, ROW, COLINFO, FILEPASS, EOF = 0x85, 0x41E, 0xE0, 0x208, 0x7D, 0x2F, 0x0A
FONT, OWN_COLOURS, RECALCID, TEXT_OBJECT = 0x31, 0x92, 0x1C1, 0x1B6
NUMBER, RK, MULRK, FORMULA, SHARED_FORMULA, BOOLERR = 0x203, 0x27E, 0xBD, 0x06, 0x4BC, 0x205
SHARED_TEXTS, GOES_ON, SHARED, RICH = 0xFC, 0x3C, 0xFD, 0xD6
# conditional formats, of Excel 97 and of 2007
_CONDITIONAL = (0x1B0, 0x879)
# records that begin with row, column and format: numbers, and texts and blanks, which only place cells
_CELLS = {NUMBER, RK, FORMULA, BOOLERR, SHARED, 0x204, 0x201, RICH}
_ROWS_OF_CELLS = {MULRK: 6, 0xBE: 2}  # bytes a cell


def looks(content: bytes, settings: Settings) -> dict[str, Look]:
    """What each sheet shows, by the sheet's name.

    Raises Unreadable where the file is damaged, encrypted or older than Excel 97, or its cells spread too far.
    """
    try:
        stream = _workbook(content)
        book = _Book()
        for kind, body in _records(stream, 0):
            book.take(kind, body)
        return {name: _sheet(stream, start, book, settings) for name, start in book.sheets}
    except (struct.error, IndexError, ValueError) as error:
        raise Unreadable("file.damaged", detail="xls") from error


class _Book:
    """What the workbook's own records say of its sheets' cells."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, int]] = []
        self._formats: dict[int, str] = dict(BUILT_IN)
        self._fonts: list[tuple[int, int, int, int]] = []
        self._styles: list[tuple[int, int, int, int]] = []
        self._palette = [from_hex(code) for code in PALETTE]
        # the record of the texts that cells share, and those that it goes on in
        self._texts: list[bytes] = []
        self._last = 0
        # a spreadsheet says which of its versions computed the formulas; a library that computes none does not
        self.computed = False

    def take(self, kind: int, body: bytes) -> None:
        """Take in a record."""
        if kind == FILEPASS:
            raise Unreadable("file.password")
        if kind == FORMAT:
            self._formats[struct.unpack_from("<H", body)[0]] = _text(body[2:], wide=True)
        elif kind == FONT:
            height, flags, ink, _, raised = struct.unpack_from("<5H", body)
            self._fonts.append((height, flags, ink, raised))
        elif kind == OWN_COLOURS:
            self._palette[8:] = [tuple(body[at : at + 3]) for at in range(2, len(body) - 3, 4)]  # type: ignore[misc]
        elif kind == XF:
            font, number = struct.unpack_from("<2H", body)
            pattern, ground = struct.unpack_from("<IH", body, 14)
            self._styles.append((font, number, pattern >> 26, ground & 0x7F))
        elif kind == BOUNDSHEET:
            self.sheets.append((_text(body[6:], wide=False), struct.unpack_from("<I", body)[0]))
        elif kind == RECALCID:
            self.computed = True
        elif kind == SHARED_TEXTS or (kind == GOES_ON and self._last == SHARED_TEXTS):
            self._texts.append(body)
            kind = SHARED_TEXTS
        self._last = kind

    @cached_property
    def shared(self) -> dict[int, str]:
        """Why shared texts are no figures, by number: a stretch is struck out, raised or not seen."""
        found, count = {}, struct.unpack_from("<I", self._texts[0], 4)[0] if self._texts else 0
        blocks = _Blocks([self._texts[0][8:], *self._texts[1:]]) if count else None
        for n in range(count):
            assert blocks
            if rule := self.stretch(*_rich_text(blocks)):
                found[n] = rule
        return found

    def stretch(self, length: int, runs: list[tuple[int, int]]) -> str | None:
        """The rule for a text that is in other fonts from some of its letters on."""
        return next(filter(None, (stretch(self._ink(font)) for begins, font in runs if begins < length)), None)

    @cached_property
    def odd(self) -> dict[int, str]:
        """The number formats that are not plain, by style."""
        codes = ((n, self._formats.get(number, "General")) for n, (_, number, _, _) in enumerate(self._styles))
        return {n: code for n, code in codes if not is_plain(code)}

    @cached_property
    def faded(self) -> dict[int, str]:
        """Why a figure is not seen as one, by style."""
        found = {}
        for n, (font, _, pattern, ground) in enumerate(self._styles):
            behind = WHITE if pattern == 0 else self._colour(ground) if pattern == 1 else None
            if rule := faded(self._ink(font), behind):
                found[n] = rule
        return found

    def _ink(self, font: int) -> Ink:
        font -= font > 4  # there is no font of number 4
        height, flags, ink, raised = self._fonts[font] if font < len(self._fonts) else (220, 0, 64, 0)
        return Ink(bool(flags & 8), self._colour(ink), raised in (1, 2), height / 20)

    def _colour(self, number: int) -> RGB | None:
        if number in (64, 0x7FFF):
            return BLACK
        return WHITE if number == 65 else self._palette[number] if number < len(self._palette) else None


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
    if "Workbook" not in entries:
        raise kinds.of_streams(set(entries))
    start, length = entries["Workbook"]
    if length >= number(56):
        return stream(start)[:length]
    # the first entry is the root, whatever a program calls it
    root = struct.unpack_from("<I", directory, 116)[0]
    small, follow = stream(root), numbers(stream(number(60)))
    return b"".join(small[n * 64 : n * 64 + 64] for n in chain(start, follow))[:length]


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of the stream, up to its end."""
    while True:
        kind, length = struct.unpack_from("<2H", stream, start)
        if kind == EOF:
            return
        yield kind, stream[start + 4 : start + 4 + length]
        start += 4 + length


class _Blocks:
    """The bytes of a record and of those that it goes on in."""

    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks, self._block, self._at = blocks, 0, 0

    def take(self, size: int) -> bytes:
        """So many bytes, wherever they are. Raises IndexError at the end."""
        taken = bytearray()
        while len(taken) < size:
            part = self._blocks[self._block][self._at : self._at + size - len(taken)]
            taken += part
            self._at += len(part)
            if not part:
                self._block, self._at = self._block + 1, 0
        return bytes(taken)

    def skip_letters(self, count: int, wide: int) -> None:
        """Pass over letters; where they go on in another record, its first byte says how wide they are there."""
        while count:
            if self._at >= len(self._blocks[self._block]):
                self._block, self._at = self._block + 1, 1
                wide = self._blocks[self._block][0] & 1
                continue
            have = min(count, (len(self._blocks[self._block]) - self._at + wide) >> wide)
            count, self._at = count - have, self._at + (have << wide)


def _rich_text(blocks: _Blocks) -> tuple[int, list[tuple[int, int]]]:
    """The length of a shared text, and from which letter on it is in which font."""
    length, flags = struct.unpack("<HB", blocks.take(3))
    runs = struct.unpack("<H", blocks.take(2))[0] if flags & 8 else 0
    further = struct.unpack("<I", blocks.take(4))[0] if flags & 4 else 0
    blocks.skip_letters(length, flags & 1)
    found = [*struct.iter_unpack("<2H", blocks.take(4 * runs))]
    blocks.take(further)
    return length, found


def _text(body: bytes, wide: bool) -> str:
    """A text after its length (of two bytes where wide) and a flag that tells two-byte letters."""
    length, at = (struct.unpack_from("<H", body)[0], 2) if wide else (body[0], 1)
    two_bytes = body[at] & 1
    return body[at + 1 : at + 1 + length * (1 + two_bytes)].decode("utf-16-le" if two_bytes else "latin-1")


def _sheet(stream: bytes, start: int, book: _Book, settings: Settings) -> Look:
    formats: dict[str, str] = {}
    errors: dict[str, str] = {}
    unseen: dict[str, str] = {}
    uncomputed: set[str] = set()
    rows: set[int] = set()
    columns: set[int] = set()
    height = width = 0
    has_conditions = has_asides = False
    # what the cells' formulas consist of, the cell last seen with one, and the formulas that several cells share by the first one
    tokens: dict[tuple[int, int], bytes] = {}
    last, shared = (0, 0), dict[tuple[int, int], bytes]()
    for kind, body in _records(stream, start):
        for row, column, style in _cells(kind, body):
            if style in book.odd:
                formats[coordinate(row, column)] = book.odd[style]
            if style in book.faded:
                unseen[coordinate(row, column)] = book.faded[style]
            height, width = max(height, row + 1), max(width, column + 1)
        if kind in (SHARED, RICH):
            row, column, _, number = struct.unpack_from("<3HI", body)
            rule = book.shared.get(number) if kind == SHARED else book.stretch(*_rich_cell(body))
            if rule:
                unseen.setdefault(coordinate(row, column), rule)
        elif kind in (BOOLERR, FORMULA):
            row, column = struct.unpack_from("<2H", body)
            failed, without = _result(kind, body)
            if failed is not None:
                errors[coordinate(row, column)] = _ERRORS.get(failed, "#?")
            if without and not book.computed:
                uncomputed.add(coordinate(row, column))
            elif kind == FORMULA:
                last = row, column
                if body[12:14] != b"\xff\xff":
                    tokens[last] = _counted(body, 20)
        elif kind == SHARED_FORMULA:
            shared[last] = _counted(body, 8)
        elif kind == ROW:
            row, _, _, tall = struct.unpack_from("<4H", body)
            # twentieths of a point, of a row that has a height of its own
            if struct.unpack_from("<H", body, 12)[0] & 0x20 or tall < LOW * 20:
                rows.add(row + 1)
        elif kind == COLINFO:
            first, last, wide = struct.unpack_from("<3H", body)
            if struct.unpack_from("<H", body, 8)[0] & 1 or wide < NARROW * 256:
                columns.update(range(first + 1, min(last, 255) + 2))
        has_conditions = has_conditions or kind in _CONDITIONAL
        # the text of a box or of a note, if it has letters
        has_asides = has_asides or (kind == TEXT_OBJECT and body[10:12] != b"\0\0")
        if height * width > settings.max_cells:
            raise Unreadable("file.bounds")
    formulas, kept = computable(tokens, shared, wide=False)
    return Look(
        formats,
        errors,
        frozenset(rows),
        frozenset(columns),
        unseen,
        frozenset(uncomputed),
        formulas,
        kept=kept,
        has_other_conditions=has_conditions,
        has_asides=has_asides,
    )


def _counted(body: bytes, at: int) -> bytes:
    """The tokens after the number of their bytes."""
    return body[at + 2 : at + 2 + struct.unpack_from("<H", body, at)[0]]


def _cells(kind: int, body: bytes) -> Iterator[tuple[int, int, int]]:
    """Row, column and style of the cells in a record; row and column count from 0."""
    if kind in _CELLS:
        yield struct.unpack_from("<3H", body)
    elif kind in _ROWS_OF_CELLS:
        row, first = struct.unpack_from("<2H", body)
        for n, at in enumerate(range(4, len(body) - 2, _ROWS_OF_CELLS[kind])):
            yield row, first + n, struct.unpack_from("<H", body, at)[0]


def _rich_cell(body: bytes) -> tuple[int, list[tuple[int, int]]]:
    """The length of a cell's own text, and from which letter on it is in which font."""
    length, flags = struct.unpack_from("<HB", body, 6)
    at = 9 + (length << (flags & 1))
    count = struct.unpack_from("<H", body, at)[0]
    return length, [*struct.iter_unpack("<2H", body[at + 2 : at + 2 + 4 * count])]


def _result(kind: int, body: bytes) -> tuple[int | None, bool]:
    """The error of a cell, and whether it is a formula with nothing or zero for its result."""
    if kind == BOOLERR:
        return (body[6] if body[7] else None), False
    if body[12:14] != b"\xff\xff":
        return None, not any(body[6:14])
    return (body[8] if body[6] == 2 else None), body[6] == 3
