"""An OpenDocument spreadsheet (.ods), written anew in the one form of sheet_xml.py: it gets every look that an .xlsx gets.

Its rows and cells say how often they are repeated, which may be more often than any report can need: what is empty is never
repeated, and what is not is counted. A number's format is made of elements; they are put together to a code as in an .xlsx, so
that one evaluation serves both.
"""

import io
import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.reading.formula import Formula
from tonghop.reading.plain_sheet import COLUMNS, ROWS, simple
from tonghop.reading.raw import Look
from tonghop.reading.sheet_xml import LOW, NARROW, NO_VALUE, Grid
from tonghop.reading.styles_xml import BLACK, RGB, WHITE, Ink, as_xml, faded, is_plain, stretch
from tonghop.reading.xlsx import MAX_SHEET_NAME, MAX_SHEETS, written
from tonghop.xlsx.parts import local_name
from tonghop.xlsx.xml_edit import letters

MIMETYPE = b"application/vnd.oasis.opendocument.spreadsheet"
# number formats of the cells that are written: none, a date, a time
_STYLES, _DATE, _TIME = as_xml({}, [0, 14, 21]), 1, 2
_LENGTH = re.compile(r"([\d.]+)(cm|mm|in|pt)?")
_POINTS = {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72.0, "pt": 1.0}
_HOURS = re.compile(r"PT(\d+)H(\d+)M([\d.]+)S")
_OF_TIME = {"day", "month", "year", "day-of-week", "week-of-year", "quarter", "era", "hours", "minutes", "seconds", "am-pm"}
# a cell or a range of the same sheet in a formula, [.D9:.F9]
_REFERENCE = re.compile(r"\[\.(\$?[A-Z]{1,3}\$?\d+)(?::\.(\$?[A-Z]{1,3}\$?\d+))?\]")
_FAILED = re.compile(r"#[A-Z/0!?]+|Err:\d+")


def opened(parts: dict[str, bytes], settings: Settings) -> tuple[bytes, dict[str, Look]]:
    """A spreadsheet for python-calamine, and what each visible sheet shows, by the sheet's name.

    Raises Unreadable where it is encrypted, has macros, is damaged or beyond the bounds.
    """
    if b"encryption-data" in parts.get("meta-inf/manifest.xml", b""):
        raise Unreadable("file.password")
    if any(name.startswith(("basic/", "scripts/")) for name in parts):
        raise Unreadable("file.macro")
    styles = _Styles()
    sheets: dict[str, bytes] = {}
    looks: dict[str, Look] = {}
    try:
        if "styles.xml" in parts:
            for section in ElementTree.fromstring(parts["styles.xml"]):
                styles.add(section)
        for name, grid, look in _sheets(parts["content.xml"], styles, settings.max_cells):
            if len(looks) >= MAX_SHEETS:
                raise Unreadable("file.bounds")
            if len(name) > MAX_SHEET_NAME:
                raise Unreadable("file.unsafe", detail="XML")
            if name in looks:
                raise ValueError("two sheets of one name")
            sheets[name], looks[name] = grid.xml(), look
    except (KeyError, ElementTree.ParseError, ValueError) as error:
        raise Unreadable("file.damaged", detail="ods") from error
    return written(sheets, _STYLES), looks


def _get(element: Element, name: str) -> str | None:
    """An attribute by its local name: every one that is asked for is of one namespace only."""
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), None)


class _Styles:
    """The styles of a spreadsheet by family and name."""

    def __init__(self) -> None:
        self._styles: dict[tuple[str, str], Element] = {}
        self._formats: dict[str, Element] = {}
        self._known: dict[str, tuple[str | None, str | None]] = {}

    def add(self, section: Element) -> None:
        """Take in the styles of a section."""
        for style in section if local_name(section) in ("styles", "automatic-styles") else ():
            name = _get(style, "name") or ""
            if local_name(style) == "style":
                self._styles[_get(style, "family") or "", name] = style
            elif local_name(style) == "default-style":
                self._styles[_get(style, "family") or "", "Default"] = style
            else:
                self._formats[name] = style

    def says(self, family: str, name: str | None, attribute: str) -> str | None:
        """What a style or one that it is made from says: an attribute of its own or of its properties."""
        for _ in range(20):
            style = self._styles.get((family, name or "Default"))
            if style is None:
                return None
            for element in (style, *style):
                if (value := _get(element, attribute)) is not None:
                    return value
            if name in (None, "Default"):
                return None
            name = _get(style, "parent-style-name")
        raise ValueError("styles in a circle")

    def length(self, family: str, name: str | None, attribute: str) -> float | None:
        """A height or a width in points; None where it is not stated."""
        found = _LENGTH.fullmatch(self.says(family, name, attribute) or "")
        return float(found[1]) * _POINTS[found[2] or "pt"] if found else None

    def cell(self, name: str | None) -> tuple[str | None, str | None]:
        """Of a cell's style: its number format's code, and the rule for a figure that is not seen as one."""
        if name not in self._known:
            data = self.says("table-cell", name, "data-style-name")
            ground = _colour(self.says("table-cell", name, "background-color"), WHITE)
            self._known[name or ""] = self._code(data), faded(self.ink("table-cell", name), ground)
        return self._known[name or ""]

    def has_conditions(self, name: str | None) -> bool:
        """Whether a cell's style changes under conditions."""
        style = self._styles.get(("table-cell", name or "Default"))
        return style is not None and any(local_name(part) == "map" for part in style)

    def ink(self, family: str, name: str | None) -> Ink:
        """How a text of a style is written."""
        kinds = (self.says(family, name, f"text-line-through-{kind}") for kind in ("style", "type"))
        raised = (self.says(family, name, "text-position") or "0%").split()[0]
        return Ink(
            any(kind not in (None, "none") for kind in kinds),
            _colour(self.says(family, name, "color"), BLACK),
            raised in ("super", "sub") or bool(raised.strip("-0%")),
            self.length(family, name, "font-size"),
        )

    def _code(self, name: str | None, mapped: bool = True) -> str | None:
        """A number format's code; None where there is none."""
        style = self._formats.get(name or "")
        if style is None:
            return None
        maps, code = [], ""
        for part in style:
            kind = local_name(part)
            text = part.text or ""
            if kind == "text":
                code += text if text == "%" and local_name(style) == "percentage-style" else f'"{text}"'.replace('""', "")
            elif kind == "currency-symbol":
                code += f'"{text}"'
            elif kind in ("number", "scientific-number", "fraction"):
                code += _places(part, kind)
            elif kind == "text-content":
                code += "@"
            elif kind == "map" and mapped:
                condition = (_get(part, "condition") or "").replace("value()", "").replace(" ", "").replace("!=", "<>")
                maps.append((condition, self._code(_get(part, "apply-style-name"), mapped=False) or ""))
            elif kind in _OF_TIME:
                return None  # a date or a time, whose value says so itself
            elif kind == "boolean":
                code += '"TRUE"'
        conditions = [condition for condition, _ in maps]
        if conditions in ([">=0"], [">0", "<0"], [">0", "<0", "=0"]):
            return ";".join([*(text for _, text in maps), code])
        return ";".join([*(f"[{condition}]{text}" for condition, text in maps), code])


def _places(part: Element, kind: str) -> str:
    whole, decimals = int(_get(part, "min-integer-digits") or 1), int(_get(part, "decimal-places") or 0)
    if decimals > 30 or whole > 30:
        raise ValueError("a format of too many places")
    if kind == "fraction":
        return "# ?/?"
    # a literal between digits reads as part of the number wherever it is
    inside = "".join(f'"{text.text}"' for text in part if local_name(text) == "embedded-text")
    least = _get(part, "min-decimal-places")
    required = decimals if least is None else min(int(least), decimals)
    code = "0" * whole or "#"
    if _get(part, "grouping") == "true":
        code = f"#,##{code}"
    if "decimal-places" not in {key.rpartition("}")[2] for key in part.attrib} and kind == "number":
        return f"{inside}General" if not _get(part, "grouping") else f"{inside}{code}.#########"
    code = f"{inside}{code}" + (f".{'0' * required}{'#' * (decimals - required)}" if decimals else "")
    factor = float(_get(part, "display-factor") or 1)
    while factor >= 1000:
        code, factor = f"{code},", factor / 1000
    return f"{code}E+00" if kind == "scientific-number" else code


def _colour(text: str | None, automatic: RGB) -> RGB | None:
    if text is None or text == "transparent":
        return automatic
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:], 16)) if re.fullmatch("#[0-9A-Fa-f]{6}", text) else None


# --- sheets ------------------------------------------------------------------------------------------------------


def _sheets(xml: bytes, styles: _Styles, max_cells: int) -> Iterator[tuple[str, Grid, Look]]:
    path: list[str] = []
    sheet: _Sheet | None = None
    for event, element in ElementTree.iterparse(io.BytesIO(xml), ("start", "end")):
        name = local_name(element)
        if event == "start":
            path.append(name)
            if path[1:] == ["body", "spreadsheet", "table"]:
                sheet = _Sheet(element, styles, max_cells)
            elif sheet and name == "table-row-group":
                sheet.folded.append(_get(element, "display") == "false")
            elif sheet and name == "conditional-format":
                sheet.has_conditions = True
            elif sheet and name == "table-column":
                sheet.column(element)
            continue
        path.pop()
        if name in ("automatic-styles", "styles"):
            styles.add(element)
        elif sheet and name == "table-row-group":
            sheet.folded.pop()
        elif sheet and name in ("annotation", "text-box", "custom-shape"):
            sheet.has_asides = sheet.has_asides or bool("".join(element.itertext()).strip())
        elif sheet and name == "table-row":
            sheet.row(element)
            element.clear()
        elif sheet and path == ["document-content", "body", "spreadsheet"]:
            if styles.says("table", sheet.style, "display") != "false":
                yield sheet.name, sheet.grid, sheet.look()
            sheet = None


class _Sheet:
    def __init__(self, table: Element, styles: _Styles, max_cells: int):
        self.name, self.style = _get(table, "name") or "", _get(table, "style-name")
        self.styles, self.grid = styles, Grid(max_cells)
        self.at = 0
        self.folded: list[bool] = []
        # of each run of columns: the last one, the style of its cells, and whether it is hidden
        self.columns: list[tuple[int, str | None, bool]] = []
        self.formats: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.faded: dict[str, str] = {}
        self.uncomputed: set[str] = set()
        self.formulas: dict[str, Formula] = {}
        self.kept: set[str] = set()
        self.hidden_rows: set[int] = set()
        self.has_conditions = self.has_asides = False

    def look(self) -> Look:
        hidden = frozenset(c for c in range(1, self.grid.width + 1) if self._column(c)[2])
        rows, uncomputed = frozenset(self.hidden_rows), frozenset(self.uncomputed)
        return Look(
            self.formats,
            self.errors,
            rows,
            hidden,
            self.faded,
            uncomputed,
            self.formulas,
            kept=self.kept,
            has_other_conditions=self.has_conditions,
            has_asides=self.has_asides,
        )

    def _column(self, number: int) -> tuple[int, str | None, bool]:
        return next((run for run in self.columns if number <= run[0]), (COLUMNS, None, False))

    def column(self, element: Element) -> None:
        width = self.styles.length("table-column", _get(element, "style-name"), "column-width")
        hidden = _get(element, "visibility") not in (None, "visible") or (width is not None and width < NARROW * 7)
        last = (self.columns[-1][0] if self.columns else 0) + _times(element, "number-columns-repeated")
        self.columns.append((last, _get(element, "default-cell-style-name"), hidden))

    def row(self, row: Element) -> None:
        first, times = self.at + 1, _times(row, "number-rows-repeated")
        self.at += times
        height = self.styles.length("table-row", _get(row, "style-name"), "row-height")
        seen = _get(row, "visibility") in (None, "visible") and not any(self.folded) and (height is None or height >= LOW)
        column, filled = 1, False
        for cell in row:
            if local_name(cell) not in ("table-cell", "covered-table-cell"):
                continue
            repeated = _times(cell, "number-columns-repeated")
            kind, text = self._value(cell)
            if text or kind == "uncomputed":
                filled = True
                for number in range(first, first + times):
                    for c in range(column, column + repeated):
                        self._put(cell, row, number, c, kind, text)
            spans = [_times(cell, f"number-{what}-spanned") for what in ("rows", "columns")]
            if max(spans) > 1 and column <= COLUMNS and first <= ROWS:
                last = f"{letters(min(column + spans[1] - 1, COLUMNS))}{min(first + spans[0] - 1, ROWS)}"
                self.grid.merge(f"{letters(column)}{first}:{last}")
            column += repeated
        if filled and not seen:
            self.hidden_rows.update(range(first, first + times))

    def _value(self, cell: Element) -> tuple[str, str]:
        """The kind and text of a cell's value as an .xlsx has them: n, b, str, date, time, error or uncomputed."""
        kind, calculated = _get(cell, "value-type"), _get(cell, "formula") is not None
        # an extension of LibreOffice says what failed by an attribute of the same name
        kinds = {value for key, value in cell.items() if key.rpartition("}")[2] == "value-type"}
        text = _said(cell)
        if "error" in kinds or (calculated and _FAILED.fullmatch(text.strip())):
            return "error", text.strip()[:20]
        if kind in ("float", "percentage", "currency"):
            value = (_get(cell, "value") or "").strip()
            return ("uncomputed", "") if calculated and not text and float(value or 0) == 0 else ("n", value)
        if kind == "boolean":
            return "b", str(int(_get(cell, "boolean-value") == "true"))
        if kind == "date":
            day = datetime.fromisoformat(_get(cell, "date-value") or "").replace(tzinfo=None) - datetime(1899, 12, 30)
            return "date", f"{day.total_seconds() / 86400:.10g}"
        if kind == "time":
            clock = _HOURS.fullmatch(_get(cell, "time-value") or "")
            seconds = int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]) if clock else 0
            return "time", f"{seconds / 86400:.10g}"
        if calculated and kind is None:
            return "uncomputed", ""
        stated = _get(cell, "string-value")
        return "str", text if stated is None else stated

    def _put(self, cell: Element, row: Element, number: int, column: int, kind: str, text: str) -> None:
        if number > ROWS or column > COLUMNS:
            raise Unreadable("file.bounds")
        name = f"{letters(column)}{number}"
        style = _get(cell, "style-name") or _get(row, "default-cell-style-name") or self._column(column)[1]
        code, rule = self.styles.cell(style)
        self.has_conditions = self.has_conditions or self.styles.has_conditions(style)
        if code is None and "percentage" in cell.attrib.values():
            code = "0%"
        if kind == "n" and (said := _said(cell)) and not any(c.isdigit() for c in said) and any(c.isalpha() for c in said):
            # whatever its format: what a number shows is written beside it
            code = '"{}"'.format(said[:40].replace('"', ""))
        if code and not is_plain(code):
            self.formats[name] = code
        spans = (stretch(self.styles.ink("text", _get(span, "style-name"))) for span in cell.iter() if local_name(span) == "span")
        if rule := rule or next(filter(None, spans), None):
            self.faded[name] = rule
        if kind == "n" and (formula := _get(cell, "formula")):
            if own := simple(_as_excel(formula), number - 1, column - 1):
                self.formulas[name] = own
            else:
                self.kept.add(name)
        if kind == "error":
            self.errors[name] = text
        elif kind == "uncomputed":
            self.uncomputed.add(name)
            text = NO_VALUE
        style_number = {"date": _DATE, "time": _TIME}.get(kind, 0)
        written_as = {"date": "n", "time": "n", "error": "str", "uncomputed": "str"}.get(kind, kind)
        self.grid.put(number, column, f'<c r="{name}" s="{style_number}" t="{written_as}"><v>{escape(text)}</v></c>')


def _times(element: Element, name: str) -> int:
    times = int(_get(element, name) or 1)
    if not 1 <= times <= 2 * ROWS:
        raise ValueError("repeated too often")
    return times


def _as_excel(formula: str) -> str:
    """A formula as an .xlsx has it: of:=SUM([.D9:.F9];1) is SUM(D9:F9,1)."""
    own = formula.partition("=")[2]
    return _REFERENCE.sub(lambda found: ":".join(filter(None, found.groups())), own).replace(";", ",")


def _said(cell: Element) -> str:
    """What a cell shows, as its program wrote it."""
    return "\n".join(_text(part) for part in cell if local_name(part) == "p")


def _text(element: Element) -> str:
    """The text of a paragraph, without notes and how it is pronounced."""
    if (name := local_name(element)) in ("annotation", "note", "ruby-text"):
        return ""
    text = " " * min(int(_get(element, "c") or 1), 1000) if name == "s" else {"tab": "\t", "line-break": "\n"}.get(name, "")
    return text + (element.text or "") + "".join(_text(inner) + (inner.tail or "") for inner in element)
