"""A binary workbook (.xlsb), written anew in the one form of sheet_xml.py: it gets every look that an .xlsx gets.

Its parts are runs of records (MS-XLSB): a type and a length in up to two and four bytes of seven bits, and a body. Only records
that name, hold, format or hide cells are looked at.
"""

import struct
from collections.abc import Iterator
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading import tokens
from tonghop.reading.plain_sheet import COLUMNS, ROWS
from tonghop.reading.raw import Look
from tonghop.reading.sheet_xml import LOW, NARROW, NO_VALUE, Grid
from tonghop.reading.styles_xml import BLACK, BUILT_IN, RGB, WHITE, Colours, Ink, Styles, as_xml, faded, is_plain, stretch
from tonghop.reading.tokens import computable
from tonghop.reading.xlsx import MAX_SHEET_NAME, MAX_SHEETS, written
from tonghop.xlsx.comments import has_asides
from tonghop.xlsx.parts import part_called, related
from tonghop.xlsx.xml_edit import letters

ROW, BLANK, RK, ERROR, BOOL, REAL, TEXT, SHARED, F_TEXT, F_REAL, F_BOOL, F_ERROR = range(12)
SHORT_BLANK, SHORT_SHARED = 12, 18  # cells from BLANK to SHARED that follow one: without a column of their own
SHARED_FORMULA = 427
SHARED_TEXT, FONT, FORMAT, FILL, STYLE, COLUMNS_INFO, RICH, MERGED, CONDITIONAL = 19, 43, 44, 45, 47, 60, 62, 176, 461
WORKBOOK, SHEET, CALCULATION, CELL_STYLES, CELL_STYLES_END = 153, 156, 157, 617, 618
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}


def opened(parts: dict[str, bytes], workbook: str, settings: Settings) -> tuple[bytes, dict[str, Look]]:
    """A workbook for python-calamine, and what each visible sheet shows, by the sheet's name.

    Raises Unreadable where it is damaged or beyond the bounds.
    """
    try:
        to = related(parts, workbook)
        others = {kind: part for kind, part in to.values() if kind in ("styles", "sharedStrings", "theme")}
        fonts, styles = _styles(parts[part_called(parts, others["styles"])], parts.get(others.get("theme", "")))
        texts: list[tuple[str, str | None]] = []
        if "sharedStrings" in others:
            texts = _texts(parts[part_called(parts, others["sharedStrings"])], fonts, settings.max_cells)
        since_1904 = recalculates = by_hand = False
        # whether what its formulas gave may be older than its cells, as in an .xlsx
        chained = any(kind == "calcChain" for kind, _ in to.values())
        sheets: dict[str, bytes] = {}
        looks: dict[str, Look] = {}
        for kind, body in records(parts[workbook]):
            if kind == WORKBOOK:
                since_1904 = bool(body[0] & 1)
            elif kind == CALCULATION:
                recalculates, by_hand = bool(body[24] & 1), struct.unpack_from("<I", body, 4)[0] == 0
        for kind, body in records(parts[workbook]):
            if kind == SHEET:
                state = struct.unpack_from("<I", body)[0]
                relation, at = _text(body, 8)
                name, _ = _text(body, at)
                target = to.get(relation, ("", ""))
                if state or target[0] != "worksheet":
                    continue
                if len(looks) >= MAX_SHEETS:
                    raise Unreadable("file.bounds")
                if len(name) > MAX_SHEET_NAME:
                    raise Unreadable("file.unsafe", detail="xlsb")
                may_be_stale = recalculates or by_hand or not chained
                read = _Sheet(styles, fonts, texts, recalculates, may_be_stale, settings.max_cells)
                for record in records(parts[part_called(parts, target[1])]):
                    read.take(*record)
                sheets[name], looks[name] = read.grid.xml(), read.look(has_asides(parts, part_called(parts, target[1])))
    except (KeyError, IndexError, struct.error, ValueError) as error:
        raise Unreadable("file.damaged", detail="xlsb") from error
    return written(sheets, styles.xml, since_1904=since_1904), looks


def records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part, each a type and a body. Raises ValueError where one is cut off."""
    at = 0
    while at < len(part):
        kind, at = _number(part, at, 2)
        length, at = _number(part, at, 4)
        if at + length > len(part):
            raise ValueError("cut off")
        yield kind, part[at : at + length]
        at += length


def _number(part: bytes, at: int, most: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = 0
    for n in range(most):
        number |= (part[at + n] & 0x7F) << 7 * n
        if not part[at + n] & 0x80:
            return number, at + n + 1
    return number, at + most


def _text(body: bytes, at: int) -> tuple[str, int]:
    """A text after its length, and where it ends."""
    length = int(struct.unpack_from("<I", body, at)[0])
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * length
    if end > len(body):
        raise ValueError("a text that is cut off")
    return body[at + 4 : end].decode("utf-16-le"), end


def _rich_text(body: bytes, at: int, fonts: list[Ink]) -> tuple[str, str | None]:
    """A text after its flags, and the rule that says why a stretch of it is no part of a figure."""
    text, end = _text(body, at + 1)
    if not body[at] & 1:
        return text, None
    count = struct.unpack_from("<I", body, end)[0]
    runs = struct.iter_unpack("<2H", body[end + 4 : end + 4 + 4 * count])
    return text, next(filter(None, (stretch(fonts[font]) for begins, font in runs if begins < len(text))), None)


def _texts(part: bytes, fonts: list[Ink], max_cells: int) -> list[tuple[str, str | None]]:
    texts = []
    for kind, body in records(part):
        if kind == SHARED_TEXT:
            texts.append(_rich_text(body, 0, fonts))
            if len(texts) > max_cells:
                raise Unreadable("file.bounds")
    return texts


def _styles(part: bytes, theme: bytes | None) -> tuple[list[Ink], Styles]:
    colours = Colours((), theme)
    codes: dict[int, str] = {}
    fonts: list[Ink] = []
    grounds: list[RGB | None] = []
    styles: list[tuple[int, int, int]] = []
    of_cells = False
    for kind, body in records(part):
        if kind == FORMAT:
            codes[struct.unpack_from("<H", body)[0]] = _text(body, 2)[0]
        elif kind == FONT:
            height, flags, _, raised = struct.unpack_from("<4H", body)
            fonts.append(Ink(bool(flags & 8), colours.of(_colour(body, 12), BLACK), raised in (1, 2), height / 20))
        elif kind == FILL:
            pattern = struct.unpack_from("<I", body)[0]
            grounds.append(WHITE if pattern == 0 else colours.of(_colour(body, 4), BLACK) if pattern == 1 else None)
        elif kind in (CELL_STYLES, CELL_STYLES_END):
            of_cells = kind == CELL_STYLES
        elif kind == STYLE and of_cells:
            styles.append(struct.unpack_from("<4H", body)[1:])
    formats = {n: (BUILT_IN | codes).get(number, "General") for n, (number, *_) in enumerate(styles)}
    unseen = {n: faded(fonts[font], grounds[fill]) for n, (_, font, fill) in enumerate(styles)}
    return fonts, Styles(
        {n: code for n, code in formats.items() if not is_plain(code)},
        {n: rule for n, rule in unseen.items() if rule},
        as_xml(codes, (number for number, *_ in styles)),
        colours,
        {},
    )


def _counted(body: bytes, at: int) -> tuple[bytes, bytes]:
    """The tokens after the number of their bytes, and what they need besides."""
    end = at + 4 + struct.unpack_from("<I", body, at)[0]
    return body[at + 4 : end], body[end + 4 :]


def _colour(body: bytes, at: int) -> Element:
    kind, index, tint, red, green, blue = struct.unpack_from("<BBh3B", body, at)
    colour = {1: {"indexed": str(index)}, 2: {"rgb": f"FF{red:02X}{green:02X}{blue:02X}"}, 3: {"theme": str(index)}}
    return Element("color", colour.get(kind >> 1, {"auto": "1"}) | {"tint": str(tint / 32768)})


class _Sheet:
    def __init__(
        self,
        styles: Styles,
        fonts: list[Ink],
        texts: list[tuple[str, str | None]],
        recalculates: bool,
        may_be_stale: bool,
        max_cells: int,
    ):
        self.styles, self.fonts, self.texts = styles, fonts, texts
        self.recalculates, self.may_be_stale = recalculates, may_be_stale
        self.grid = Grid(max_cells)
        self.row = self.column = self.count = 0
        self.max_cells = max_cells
        self.rows: set[int] = set()
        self.columns: set[int] = set()
        self.formats: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.faded: dict[str, str] = {}
        self.uncomputed: set[str] = set()
        self.has_conditions = False
        # what the cells' formulas consist of, the cell last seen with one, and the formulas that several cells share by the first
        self.tokens: dict[tuple[int, int], bytes] = {}
        self.last, self.shared = (0, 0), dict[tuple[int, int], bytes]()

    def look(self, has_asides: bool) -> Look:
        formulas, kept = computable(self.tokens, self.shared, wide=True)
        return Look(
            self.formats,
            self.errors,
            frozenset(self.rows),
            frozenset(self.columns),
            self.faded,
            frozenset(self.uncomputed),
            formulas,
            kept=kept,
            has_other_conditions=self.has_conditions,
            has_asides=has_asides,
        )

    def take(self, kind: int, body: bytes) -> None:
        """Take in a record."""
        if kind == ROW:
            self.row, _, height = struct.unpack_from("<IIH", body)
            self.row += 1
            if body[11] & 0x10 or height < LOW * 20:
                self.rows.add(self.row)
        elif kind <= F_ERROR or kind == RICH:
            self._cell(kind, body)
        elif SHORT_BLANK <= kind <= SHORT_SHARED:
            self._cell(kind - SHORT_BLANK + BLANK, struct.pack("<I", self.column) + body)
        elif kind == COLUMNS_INFO:
            first, last, width, _, flags = struct.unpack_from("<4IH", body)
            if flags & 1 or width < NARROW * 256:
                self.columns.update(range(first + 1, min(last + 1, COLUMNS) + 1))
        elif kind == SHARED_FORMULA:
            self.shared[self.last] = _counted(body, 16)[0]
        elif kind == CONDITIONAL:
            self.has_conditions = True
        elif kind == MERGED:
            top, bottom, left, right = struct.unpack_from("<4I", body)
            if max(top, bottom) >= ROWS or max(left, right) >= COLUMNS:
                raise ValueError("a merged range that is none")
            self.grid.merge(f"{letters(left + 1)}{top + 1}:{letters(right + 1)}{bottom + 1}")

    def _cell(self, kind: int, body: bytes) -> None:
        column, style = struct.unpack_from("<II", body)
        self.column = column = column + 1
        style &= 0xFFFFFF
        self.count += 1
        if not 1 <= self.row <= ROWS or column > COLUMNS or self.count > self.max_cells:
            raise Unreadable("file.bounds")
        if kind == BLANK:
            return
        cell, (written_as, text, stretch) = f"{letters(column)}{self.row}", self._value(kind, body)
        if self.recalculates and ((kind == F_REAL and not float(text)) or (kind == F_TEXT and not text)):
            self.uncomputed.add(cell)
            text = text or NO_VALUE
        elif kind in (F_REAL, F_TEXT, F_BOOL, F_ERROR):
            self.last = self.row - 1, column - 1
            if kind == F_REAL and self.may_be_stale:
                own, further = _counted(body, 18)
                # of a shared formula the column stands behind
                self.tokens[self.last] = own + further if own[:1] == bytes([tokens.SHARED]) else own
        if kind in (ERROR, F_ERROR):
            self.errors[cell] = text
        if not text:
            return
        if code := self.styles.formats.get(style):
            self.formats[cell] = code
        if rule := self.styles.faded.get(style) or stretch:
            self.faded[cell] = rule
        self.grid.put(self.row, column, f'<c r="{cell}" s="{style}" t="{written_as}"><v>{escape(text)}</v></c>')

    def _value(self, kind: int, body: bytes) -> tuple[str, str, str | None]:
        """The type and the text of a cell's value as an .xlsx has them, and the rule for a stretch of a text."""
        if kind == RK:
            return "n", repr(_rk(struct.unpack_from("<I", body, 8)[0])), None
        if kind in (REAL, F_REAL):
            return "n", repr(struct.unpack_from("<d", body, 8)[0]), None
        if kind in (BOOL, F_BOOL):
            return "b", str(body[8]), None
        if kind in (ERROR, F_ERROR):
            return "str", _ERRORS.get(body[8], "#?"), None
        if kind == SHARED:
            return "str", *self.texts[struct.unpack_from("<I", body, 8)[0]]
        return "str", *(_rich_text(body, 8, self.fonts) if kind == RICH else (_text(body, 8)[0], None))


def _rk(packed: int) -> float:
    """A number of four bytes: a whole one or the upper half of a binary fraction, of which a hundredth may be meant."""
    if packed & 2:
        number = float(packed >> 2 if packed < 1 << 31 else (packed >> 2) - (1 << 30))
    else:
        number = float(struct.unpack("<d", b"\0\0\0\0" + struct.pack("<I", packed & 0xFFFFFFFC))[0])
    return number / 100 if packed & 1 else number
