"""A worksheet's XML: what python-calamine does not tell of it, and the one form in which python-calamine gets it.

Every sheet that is not plain (plain_sheet.py) is read here by expat and written anew, so that nothing depends on how a program
spells XML: prefixes, quotes, comments, CDATA, the order of cells, cells without their names.
"""

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from tonghop.base.findings import Unreadable
from tonghop.reading.formula import Area, Condition, Formula
from tonghop.reading.plain_sheet import COLUMNS, FOR_WANT_OF_A_VALUE, MAX_MERGES, ROWS, simple
from tonghop.reading.raw import Look
from tonghop.reading.styles_xml import Colours, Styles, font_of, stretch
from tonghop.xlsx.parts import is_true
from tonghop.xlsx.xml_edit import MAIN, column_number, letters, split

MAX_CONDITIONS, _DEEPEST = 1_000, 200
STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_MAIN = {MAIN.decode(), STRICT.decode(), ""}
# lower or narrower than this (points, characters) nobody reads what is in it
LOW, NARROW = 4.0, 1.0

# --- the one form ------------------------------------------------------------------------------------------------


class Grid:
    """The cells of a sheet as they come, to be written in order; a second one in a place is a contradiction."""

    def __init__(self, max_cells: int):
        self._cells: dict[int, dict[int, bytes]] = {}
        self._max_cells, self.height, self.width, self.merged = max_cells, 0, 0, list[str]()

    def put(self, row: int, column: int, xml: str) -> None:
        """Add a cell that holds something; row and column count from 1."""
        self.height, self.width = max(self.height, row), max(self.width, column)
        if self.height * self.width > self._max_cells:
            raise Unreadable("file.bounds")
        cells = self._cells.setdefault(row, {})
        if column in cells:
            raise ValueError("two cells in one place")
        cells[column] = xml.encode()

    def merge(self, area: str) -> None:
        """Add a merged range."""
        if len(self.merged) >= MAX_MERGES:
            raise Unreadable("file.bounds")
        self.merged.append(area)

    def xml(self) -> bytes:
        """The sheet."""
        rows = [
            b'<row r="%d">%s</row>' % (row, b"".join(cells[column] for column in sorted(cells)))
            for row, cells in sorted(self._cells.items())
        ]
        merged = "".join(f'<mergeCell ref="{area}"/>' for area in self.merged)
        below = f"<mergeCells>{merged}</mergeCells>".encode() if merged else b""
        return b'<worksheet xmlns="%s"><sheetData>%s</sheetData>%s</worksheet>' % (MAIN, b"".join(rows), below)


class Context(NamedTuple):
    """What the other parts of a workbook say about its sheets."""

    styles: Styles
    # numbers of the shared texts of which a stretch is struck out, raised or white, with the rule that says so
    faded: dict[int, str]
    recalculates: bool
    may_be_stale: bool
    max_cells: int


def sheet(xml: bytes, context: Context) -> tuple[bytes, Look]:
    """A sheet as python-calamine gets it, and its look.

    Raises Unreadable beyond the bounds, ValueError where the sheet is not well formed or contradicts itself.
    """
    read = _Sheet(context)
    parse(xml, read)
    return read.grid.xml(), read.look()


class Handler:
    """What is done with the elements of the spreadsheet's own namespaces, and the path to each; texts come whole.

    Everything inside an element of another namespace is passed over, and may hold none of `content`: some programs would read it
    and others not.
    """

    content = frozenset[str]()
    texts = frozenset[str]()

    def __init__(self) -> None:
        self.path: list[str] = []
        self.foreign = 0
        self.text: list[str] | None = None

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; `path` ends with it."""

    def closed(self, name: str, text: str) -> None:
        """An element ends; `path` still ends with it. The text is that of an element of `texts`."""

    def passed(self, name: str, attributes: dict[str, str]) -> None:
        """An element of another namespace, or within one, is passed over."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        uri, _, local = name.rpartition(" ")
        if self.foreign or uri not in _MAIN:
            self.foreign += 1
            self.passed(local, attributes)
            if uri in _MAIN and local in self.content:
                raise ValueError(f"{local} within another element")
        if len(self.path) + self.foreign > _DEEPEST:
            raise Unreadable("file.unsafe", detail="XML")
        if not self.foreign:
            if self.text is not None:
                raise ValueError(f"{local} within a text")
            self.path.append(local)
            self.text = [] if local in self.texts else None
            self.opened(local, attributes)

    def end(self, _: str) -> None:
        if self.foreign:
            self.foreign -= 1
        else:
            text, self.text = "".join(self.text or ()), None
            self.closed(self.path[-1], text)
            self.path.pop()

    def characters(self, text: str) -> None:
        if self.foreign:
            return
        if self.text is not None:
            self.text.append(text)
        elif self.path and self.path[-1] in self.content and not text.isspace():
            raise ValueError("text between elements")


def parse(xml: bytes, handler: Handler) -> None:
    """Read XML that has no DTD. Raises ValueError where it is not well formed."""
    parser = ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.CharacterDataHandler = handler.characters
    try:
        parser.Parse(xml, True)
    except ExpatError as error:
        raise ValueError(str(error)) from error


_REFERENCE = re.compile(r"([A-Za-z]+)([0-9]+)")
_AREA = re.compile(r"\$?[A-Z]{1,3}\$?[1-9][0-9]{0,6}(:\$?[A-Z]{1,3}\$?[1-9][0-9]{0,6})?")
# what stands for a formula that has no value yet, so that its cell is not taken for an empty one
NO_VALUE = "=…"


class _Sheet(Handler):
    content = frozenset({"sheetData", "row", "c", "v", "f", "is", "t", "mergeCell"})
    texts = frozenset({"v", "f", "t", "formula"})

    def __init__(self, context: Context):
        super().__init__()
        self.context, self.grid = context, Grid(context.max_cells)
        self.row = self.column = self.count = self.tables = 0
        self.rows: set[int] = set()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.shown_columns: set[int] = set()
        self.hides_rows = self.hides_columns = False
        self.formats: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.faded: dict[str, str] = {}
        self.uncomputed: set[str] = set()
        self.formulas: dict[str, Formula] = {}
        self.kept: set[str] = set()
        # by number: the formula that several cells share
        self.shared: dict[str, Formula] = {}
        self.conditions: list[Condition] = []
        self.areas: tuple[Area, ...] = ()
        self.rule: dict[str, str] = {}
        self.rule_formulas: list[str] = []
        self.has_other_conditions = False
        # of the cell at hand
        self.style = self.type = ""
        self.parts: dict[str, str] = {}
        self.inline: list[str] = []
        self.stretch: str | None = None
        self.of_formula: dict[str, str] = {}

    def look(self) -> Look:
        hidden = self.hidden_columns
        if self.hides_columns:
            hidden |= {*range(1, self.grid.width + 1)} - self.shown_columns
        return Look(
            self.formats,
            self.errors,
            frozenset(self.hidden_rows),
            frozenset(hidden),
            self.faded,
            frozenset(self.uncomputed),
            self.formulas,
            kept=self.kept,
            conditions=tuple(self.conditions),
            has_other_conditions=self.has_other_conditions,
        )

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        parent = self.path[-2] if len(self.path) > 1 else ""
        if name == "c":
            self._cell(parent, attributes)
        elif name == "row":
            self._row(parent, attributes)
        elif name in ("v", "f", "is"):
            if parent != "c" or name in self.parts:
                raise ValueError(f"{name} where none may be")
            self.parts[name] = ""
            self.of_formula = attributes if name == "f" else self.of_formula
            self.type = self.type or ("inlineStr" if name == "is" else "")
        elif "is" in self.path and (rule := _of_a_stretch(name, self.path, attributes, self.context.styles.colours)):
            self.stretch = rule
        elif name == "t":
            if "is" not in self.path:
                raise ValueError("t where none may be")
        elif name == "sheetData":
            self.tables += 1
            if self.tables > 1 or self.path != ["worksheet", "sheetData"]:
                raise ValueError("cells in two places")
        elif name == "worksheet":
            if parent:
                raise ValueError("a sheet within a sheet")
        elif name == "mergeCell":
            area = attributes.get("ref", "").strip().upper()
            if parent != "mergeCells" or not _AREA.fullmatch(area):
                raise ValueError("a merged range that is none")
            self.grid.merge(area.replace("$", ""))
        elif name == "conditionalFormatting":
            self.areas = tuple(_area(area) for area in attributes.get("sqref", "").split())
        elif name == "cfRule":
            self.rule, self.rule_formulas = attributes, []
        elif name in ("dataBar", "iconSet") and attributes.get("showValue") in ("0", "false"):
            self._conditional(None, "cell.unseen")
        elif name == "col" and parent == "cols":
            self._columns(attributes)
        elif name == "sheetFormatPr":
            height, width = (_size(attributes, key) for key in ("defaultRowHeight", "defaultColWidth"))
            # a sheet of rows that are hidden unless they are written (zeroHeight) shows those that are
            self.hides_rows = height is not None and height < LOW
            self.hides_columns = width is not None and width < NARROW

    def _columns(self, attributes: dict[str, str]) -> None:
        first, last = (int(attributes.get(key, "0")) for key in ("min", "max"))
        columns = range(max(first, 1), min(last, COLUMNS) + 1)
        width = _size(attributes, "width")
        hidden = is_true(attributes.get("hidden")) or (width is not None and width < NARROW)
        (self.hidden_columns if hidden else self.shown_columns).update(columns)

    def _row(self, parent: str, attributes: dict[str, str]) -> None:
        if parent != "sheetData":
            raise ValueError("a row where none may be")
        number = attributes.get("r")
        self.row, self.column = int(number[:10]) if number else self.row + 1, 0
        self._within(self.row, 1)
        if self.row in self.rows:
            raise ValueError("two rows in one place")
        self.rows.add(self.row)
        height, hidden = _size(attributes, "ht"), attributes.get("hidden")
        by_size = height < LOW if height is not None else self.hides_rows and hidden is None
        if is_true(hidden) or by_size:
            self.hidden_rows.add(self.row)

    def _cell(self, parent: str, attributes: dict[str, str]) -> None:
        if parent != "row":
            raise ValueError("a cell where none may be")
        row, self.column = self.row, self.column + 1
        if named := attributes.get("r"):
            reference = _REFERENCE.fullmatch(named.strip())
            if reference is None:
                raise ValueError("a cell whose name is none")
            # a few characters are enough to be beyond all bounds
            row, self.column = int(reference[2][:10]), column_number(reference[1][:10].upper())
        self._within(row, self.column)
        if row != self.row:
            raise ValueError("a cell in another row than its own")
        self.style, self.type = attributes.get("s", "0").strip(), attributes.get("t", "")
        self.parts, self.inline, self.stretch, self.of_formula = {}, [], None, {}

    def _within(self, row: int, column: int) -> None:
        self.count += 1
        if not (1 <= row <= ROWS and 1 <= column <= COLUMNS) or self.count > self.context.max_cells:
            raise Unreadable("file.bounds")

    def closed(self, name: str, text: str) -> None:
        if name == "c":
            self._close()
        elif name == "t":
            # how a text is pronounced is no part of it
            if "rPh" not in self.path:
                self.inline.append(text)
        elif name in ("v", "f"):
            self.parts[name] = text
        elif name == "formula" and "cfRule" in self.path:
            self.rule_formulas.append(text)
        elif name == "cfRule":
            look = int(self.rule.get("dxfId", "-1"))
            if look in self.context.styles.conditional:
                self._conditional(*self.context.styles.conditional[look])

    def passed(self, name: str, attributes: dict[str, str]) -> None:
        # Excel's newer conditional formats, where they have a look of their own or show no number
        if name == "dxf" or attributes.get("showValue") in ("0", "false"):
            self.has_other_conditions = True

    def _conditional(self, code: str | None, rule: str | None) -> None:
        if len(self.conditions) >= MAX_CONDITIONS:
            raise Unreadable("file.bounds")
        if self.areas:
            kind, sign = self.rule.get("type", ""), self.rule.get("operator", "")
            self.conditions.append(Condition(self.areas, kind, sign, tuple(self.rule_formulas), code, rule))

    def _formula(self, cell: str, text: str) -> None:
        """Keep a cell's formula, its own or the one that it shares with others."""
        own = simple(text, self.row - 1, self.column - 1)
        if self.of_formula.get("t") == "shared":
            number = self.of_formula.get("si", "")
            own = self.shared.setdefault(number, own) if own else self.shared.get(number)
        if own and self.of_formula.get("t") in (None, "normal", "shared"):
            self.formulas[cell] = own
        else:
            self.kept.add(cell)

    def _close(self) -> None:
        parts, cell = self.parts, f"{letters(self.column)}{self.row}"
        if ("is" in parts and self.type != "inlineStr") or (self.type == "inlineStr" and parts.get("v")):
            raise ValueError("a cell with two values, or one of another kind than it says")
        text = "".join(self.inline) if self.type == "inlineStr" else parts.get("v", "")
        if "f" in parts and self._is_without_result(text.strip()):
            self.uncomputed.add(cell)
            text, self.type = text.strip() or NO_VALUE, self.type if text.strip() else "str"
        elif "f" in parts and self.context.may_be_stale and self.type in ("", "n"):
            self._formula(cell, parts["f"])
        if self.type not in ("str", "inlineStr"):
            text = text.strip()
        if not text:
            return
        style = int(self.style)
        if code := self.context.styles.formats.get(style):
            self.formats[cell] = code
        rule = self.context.styles.faded.get(style)
        if rule := rule or self.stretch or (self.context.faded.get(int(text)) if self.type == "s" else None):
            self.faded[cell] = rule
        if self.type == "e":
            # python-calamine knows the old errors only, and not #SPILL!, #CALC!, #FIELD! ...
            self.errors[cell], self.type = text[:20], "str"
        written = escape(text)
        if self.type == "inlineStr":
            value = f'<is><t xml:space="preserve">{written}</t></is>'
        elif self.type in ("", "n", "s", "str", "b", "d"):
            value = f"<v>{written}</v>"
        else:
            raise ValueError("a cell of a kind that is none")
        self.grid.put(self.row, self.column, f'<c r="{cell}" s="{style}" t="{self.type or "n"}">{value}</c>')

    def _is_without_result(self, text: str) -> bool:
        """Whether a formula has no value, or one that says nothing where the workbook is yet to be computed."""
        if not text:
            return self.context.recalculates or not ("v" in self.parts and self.type == "str")
        return self.context.recalculates and self.type in ("", "n") and bool(FOR_WANT_OF_A_VALUE.fullmatch(text.encode()))


def _area(text: str) -> Area:
    """The rows and columns of a range, from 0: top, left, bottom, right. Raises ValueError where it is none."""
    if not _AREA.fullmatch(text):
        raise ValueError("a range that is none")
    corners = [split(cell) for cell in text.replace("$", "").split(":")]
    rows, columns = zip(*corners, strict=True)
    return min(rows) - 1, min(columns) - 1, max(rows) - 1, max(columns) - 1


def _size(attributes: dict[str, str], name: str) -> float | None:
    """A height or width; None where it is not stated."""
    return float(attributes[name]) if name in attributes else None


# --- shared texts ------------------------------------------------------------------------------------------------


def strings(xml: bytes, colours: Colours, max_cells: int) -> tuple[list[str], dict[int, str]]:
    """The shared texts, and those of which a stretch is struck out, raised or white.

    Raises Unreadable beyond the bounds, ValueError where they are not well formed.
    """
    read = _Strings(colours, max_cells)
    parse(xml, read)
    return read.found, read.faded


def written_strings(texts: list[str]) -> bytes:
    """Shared texts as python-calamine gets them."""
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
    return b'<sst xmlns="%s">%s</sst>' % (MAIN, items.encode())


def _of_a_stretch(name: str, path: list[str], attributes: dict[str, str], colours: Colours) -> str | None:
    """The rule for a text of which a stretch is struck out, white, or above or below the line: its digits are no figure's."""
    if "rPr" not in path or "rPh" in path:
        return None
    look = Element("rPr")
    look.append(Element(name, attributes))
    return stretch(font_of(look, colours))


class _Strings(Handler):
    content = frozenset({"si", "t", "r"})
    texts = frozenset({"t"})

    def __init__(self, colours: Colours, max_cells: int):
        super().__init__()
        self.colours, self.max_cells = colours, max_cells
        self.found, self.now, self.faded = list[str](), list[str](), dict[int, str]()

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "si":
            if self.path != ["sst", "si"]:
                raise ValueError("a text where none may be")
            self.now = []
        elif rule := _of_a_stretch(name, self.path, attributes, self.colours):
            self.faded[len(self.found)] = rule

    def closed(self, name: str, text: str) -> None:
        if name == "t" and "rPh" not in self.path:
            self.now.append(text)
        elif name == "si":
            self.found.append("".join(self.now))
            if len(self.found) > self.max_cells:
                raise Unreadable("file.bounds")
