"""Sheets as Excel, LibreOffice and the libraries write them, proved to be so and read in one pass.

A sheet is plain where patterns match it from its first byte to its last: what is above its rows, each row with the cells under
their names and in their places, nothing that hides it or that failed, and what is below. Only what was understood so is read
here; of any other sheet the answer is None, and it goes the way of sheet_xml.py and of python-calamine, which gives the same.

Reports come from few templates, so most of a sheet has been read before. A row without its numbers (figures, and the numbers of
shared texts) is looked at once: what it says is kept by its very bytes, as is what is above the rows and below. What is kept is
worked out from these bytes alone, so a file can leave nothing behind that another one would be read by.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import re2
from pydantic_core import from_json

from tonghop.base.findings import Unreadable
from tonghop.reading.formula import Formula
from tonghop.reading.layout import Area, Sheet, coordinate
from tonghop.reading.raw import Look
from tonghop.reading.styles_xml import Styles
from tonghop.xlsx.xml_edit import MAIN, column_number, split

ROWS, COLUMNS, MAX_MERGES = 1_048_576, 16_384, 20_000

# --- the patterns ------------------------------------------------------------------------------------------------

_A = rb'(?: [\w:]+="[^"<]*")*'
_YES_NO, _HEIGHT, _WIDTH = rb'"(?:0|1|true|false)"', rb'"(?:[4-9]|[1-9][0-9]+)(?:\.[0-9]+)?"', rb'"[1-9][0-9]*(?:\.[0-9]+)?"'


def _one_of(*patterns: bytes) -> bytes:
    return b"(?:" + b"|".join(patterns) + b")"


def _element(names: str, attributes: bytes = _A) -> bytes:
    return rb"</?" + _one_of(*names.encode().split()) + attributes + rb" ?/?>"


_SAID = rb'(?:spans|s|outlineLevel|x14ac:dyDescent)="[0-9: .]*"'
_SWITCHES = rb"(?:customFormat|customHeight|collapsed|thickTop|thickBot|ph)=" + _YES_NO
_SEEN = rb'hidden="(?:0|false)"'
_ROW_SAYS = b"(?: " + _one_of(_SAID, _SWITCHES, _SEEN, b"ht=" + _HEIGHT) + b")* ?"
_FORMULA = rb'<f(?: (?:aca|ca|t|ref|si|bx)="[^"<>]*")*(?:/>|>[^<]*</f>)'
# a number is spelt out: a program may stop short at a reference such as &#48;. A row is looked at without its numbers, and in the
# place of each is a byte that no XML holds
_VALUE, _HOLE = re.compile(rb"<v>([0-9.eE+-]+)</v>"), b"<v>\0</v>"
_NUMBER = rb"(?: t=\"[nsb]\")? ?(?:/>|>(?:(?:" + _FORMULA + rb")?<v>\x00</v>)?</c>)"
_RESULT = rb' t="str">(?:' + _FORMULA + rb")?<v>[^<]*</v></c>"
_INLINE = rb' t="inlineStr"><is><t(?: xml:space="preserve")?>[^<]*</t></is></c>'
_CELL = rb'<c r="[A-Z]{1,3}[1-9][0-9]{0,6}"(?: s="[0-9]+")?' + _one_of(_NUMBER, _RESULT, _INLINE)
_ROW = rb'<row r="[1-9][0-9]{0,6}"' + _ROW_SAYS + rb"(?:/>|>(?:" + _CELL + rb")*</row>)"
_DECLARED = rb"(?:<\?xml [^?>]*\?>[\r\n]*)?"
_WORKSHEET = rb"<worksheet" + _A + rb' xmlns="' + MAIN.replace(b".", rb"\.") + rb'"' + _A + rb">"
_ABOVE = _one_of(
    _element("sheetPr tabColor outlinePr pageSetUpPr dimension sheetViews sheetView pane selection cols"),
    b"<sheetFormatPr(?: "
    + _one_of(
        rb'(?:baseColWidth|outlineLevelRow|outlineLevelCol|x14ac:dyDescent)="[0-9.]+"',
        rb"(?:customHeight|thickTop|thickBottom)=" + _YES_NO,
        rb'zeroHeight="(?:0|false)"',
        rb"defaultRowHeight=" + _HEIGHT,
        rb"defaultColWidth=" + _WIDTH,
    )
    + b")* ?/?>(?:</sheetFormatPr>)?",
    b"<col(?: "
    + _one_of(
        rb'(?:min|max|style|outlineLevel)="[0-9]+"',
        rb"(?:customWidth|bestFit|collapsed|phonetic)=" + _YES_NO,
        _SEEN,
        rb"width=" + _WIDTH,
    )
    + b")* ?/?>(?:</col>)?",
)
_BARS = (
    rb"(?: (?:minLength|maxLength|border|gradient|direction|axisPosition|iconSet|percent|reverse|custom|"
    rb'negativeBar[A-Za-z]+|xmlns:[a-z0-9]+)="[^"<]*")*'
)
_BELOW = _one_of(
    rb'<mergeCell ref="[A-Z]{1,3}[1-9][0-9]{0,6}:[A-Z]{1,3}[1-9][0-9]{0,6}" ?/>',
    _element(
        "sheetCalcPr sheetProtection protectedRanges protectedRange autoFilter filterColumn filters filter customFilters "
        "customFilter sortState sortCondition mergeCells phoneticPr conditionalFormatting cfRule formula colorScale "
        "cfvo color dataValidations dataValidation formula1 formula2 hyperlinks hyperlink printOptions "
        "pageMargins pageSetup headerFooter oddHeader oddFooter evenHeader evenFooter firstHeader firstFooter rowBreaks "
        "colBreaks brk customProperties customPr ignoredErrors ignoredError drawing legacyDrawing legacyDrawingHF picture "
        "tableParts tablePart extLst ext x14:conditionalFormattings x14:conditionalFormatting x14:cfRule x14:cfvo "
        "x14:negativeFillColor x14:axisColor x14:dataValidations x14:dataValidation x14:formula1 x14:formula2 "
        "x14:ignoredErrors x14:ignoredError xm:f xm:sqref"
    )
    + rb"[^<]*",
    # without showValue, which may hide the figures
    _element("dataBar iconSet x14:dataBar x14:iconSet", _BARS),
)
_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_ABOVE_ROWS = re2.compile(_DECLARED + _WORKSHEET + rb"(?:" + _ABOVE + rb")*", _OPTIONS)
_PLAIN_ROWS = re2.compile(rb"(?:" + _ROW + rb")*", _OPTIONS)
_BELOW_ROWS = re2.compile(rb"(?:" + _BELOW + rb")*</worksheet>\s*", _OPTIONS)
_STRINGS = re2.compile(
    _DECLARED
    + (rb"<sst" + _A + rb">")
    + rb'(?:<si>(?:<t(?: xml:space="preserve")?>[^<]*</t>|<t(?: xml:space="preserve")? ?/>)</si>|<si ?/>)*</sst>\s*',
    _OPTIONS,
)
# in what has matched: a shared text, or that there is none; the names of rows and cells in their order; cells with what they hold
_STRING = re.compile(r"<t[^>/]*>([^<]*)</t>|<(?:si|t)(?: [^>]*)?/>")
_PLACE = re.compile(rb' r="([^"]*)')
_EACH = re.compile(
    rb'<c r="([A-Z]+)([0-9]+)"(?: s="([0-9]+)")?(?: t="([a-zA-Z]+)")? ?'
    rb"(?:/>|></c>|>(<f[^<>]*(?:/>|>[^<]*</f>))?<(?:v|is><t[^>]*)>([^<]*)<)"
)
_MERGED = re.compile(rb'<mergeCell ref="([^":]*):([^"]*)')
# what a program writes for the value of a formula that it does not compute, beside nothing at all
FOR_WANT_OF_A_VALUE = re.compile(rb"-?0(?:\.0+)?")
# a formula that may be computed here: it begins with a sum, a cell, a number or a bracket; and one that stands for itself alone
_SIMPLE = re.compile(r"[-+]?(?:SUM)?(?:\(|\$?[A-Z]{1,3}\$?[0-9]|[0-9])[A-Z0-9$:,+*/(). -]*")
_OWN_FORMULA = re.compile(rb'<f(?: (?:aca|ca)="[^"<>]*")*>([^<]*)</f>')
# a reference other than those that every program knows
_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")


_Found = TypeVar("_Found")


def _kept(most: int, longest: int) -> Callable[[Callable[[bytes], _Found]], Callable[[bytes], _Found]]:
    """Keep what was worked out from bytes alone, by these bytes: so many results, and none for more bytes than so many."""

    def keeping(work_out: Callable[[bytes], _Found]) -> Callable[[bytes], _Found]:
        known = lru_cache(maxsize=most)(work_out)

        def found(xml: bytes) -> _Found:
            return known(xml) if len(xml) <= longest else work_out(xml)

        return found

    return keeping


# --- shared texts ------------------------------------------------------------------------------------------------


def texts(xml: bytes) -> list[str] | None:
    """The shared texts of a workbook; None where they are not plain."""
    if not _STRINGS.fullmatch(xml):
        return None
    try:
        found = _STRING.findall(xml.decode())
        return [*map(_text, found)] if "&" in (joined := "".join(found)) or is_escaped(joined) else found
    except ValueError:
        return None


def is_escaped(text: str) -> bool:
    """Whether a text holds what programs read differently: a character by its number (_x000D_), a carriage return."""
    return "_x" in text or "\r" in text


def _text(text: str) -> str:
    """A text of XML as it is meant. Raises ValueError where that is not plain."""
    if is_escaped(text):
        raise ValueError("a text that programs read differently")
    if "&" not in text:
        return text
    if _REFERENCE.search(text):
        raise ValueError("a reference that programs read differently")
    for name, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        text = text.replace(f"&{name};", character)
    return text


def simple(text: str, row: int, column: int) -> Formula | None:
    """A cell's formula where it may be computed here; row and column count from 0."""
    return Formula(text, row, column) if _SIMPLE.fullmatch(text) else None


# --- rows --------------------------------------------------------------------------------------------------------


class _Columns(dict[bytes, int]):
    """The numbers of columns, from 0, by their names."""

    def __missing__(self, name: bytes) -> int:
        self[name] = found = column_number(name.decode()) - 1
        return found


_COLUMNS = _Columns()


class _Run(NamedTuple):
    """Cells of one kind beside each other: their columns, and which number of the row is the first that they hold, from 0."""

    kind: bytes
    first: int
    end: int
    number: int


class _Row(NamedTuple):
    """A row without its numbers, and with it the empty rows before it: the first of these, and the row itself."""

    first: int
    number: int
    # texts and blanks up to its last cell that is filled
    values: list[Any]
    runs: list[_Run]
    # column, style and kind of the filled cells
    cells: list[tuple[int, int, bytes]]
    styles: frozenset[int]
    # the columns of those that hold texts
    texts: tuple[int, ...]
    # the numbers, from 0, that formulas gave, with their columns and the formula where it may be computed here
    results: list[tuple[int, int, Formula | None]]
    # whether a formula gave an empty text, and whether one is shared with other cells
    has_blank: bool
    shares: bool


@_kept(1_000, 4_096)
def _row(xml: bytes) -> _Row | None:
    """A row and the empty ones before it, without its numbers and without its end; None where they are not plain."""
    start = xml.rfind(b"<row ")
    above, xml = _between(xml[:start]), xml[start:] + b"</row>"
    if above is None or not _PLAIN_ROWS.fullmatch(xml):
        return None
    found = _EACH.findall(xml)
    columns = [_COLUMNS[name] for name, *_ in found]
    # no XML has a row within a row, so this one is named first, and its cells after it
    number = xml[len(b'<row r="') : xml.index(b'"', len(b'<row r="'))]
    if {at for _, at, *_ in found} != {number} or columns != sorted({*columns}):
        return None
    if not above[1] < int(number) <= ROWS or columns[-1] >= COLUMNS:
        return None
    runs, cells, results = list[_Run](), list[tuple[int, int, bytes]](), list[tuple[int, int, Formula | None]]()
    has_blank, held, filled = False, 0, dict[int, str]()
    run, first, end = b"", 0, -1
    for column, (_, _, style, kind, formula, content) in zip(columns, found, strict=True):
        if content == b"\0":
            kind = kind or b"n"
            if b"&#" in formula:  # which another program may read as letters of the formula
                return None
            if formula and kind == b"n":
                own = _OWN_FORMULA.fullmatch(formula)
                results.append((held, column, simple(own[1].decode(errors="replace"), int(number) - 1, column) if own else None))
            if kind != run or column != end:
                if run:
                    runs.append(_Run(run, first, end, held - end + first))
                run, first = kind, column
            end, held = column + 1, held + 1
        elif content:
            try:
                filled[column] = _text(content.decode())
            except ValueError:
                return None
        else:
            has_blank = has_blank or kind in (b"str", b"inlineStr")
            continue
        cells.append((column, int(style or b"0"), kind))
    if run:
        runs.append(_Run(run, first, end, held - end + first))
    values: list[Any] = [""] * (cells[-1][0] + 1 if cells else 0)
    for column, text in filled.items():
        values[column] = text
    styles, texts = frozenset(style for _, style, _ in cells), tuple(at for at, _, kind in cells if kind not in (b"n", b"b"))
    shares = any(b't="shared"' in formula for _, _, _, _, formula, _ in found)
    return _Row(above[0] or int(number), int(number), values, runs, cells, styles, texts, results, has_blank, shares)


def _between(xml: bytes) -> tuple[int, int] | None:
    """The first and the last of some rows, 0 where there are none.

    None where they are not plain, one of them or of their cells is not below or to the right of the one before, or is beyond
    what a sheet has.
    """
    if not xml:
        return 0, 0
    if not _PLAIN_ROWS.fullmatch(xml):
        return None
    first = row = column = 0
    own = b""
    for place in _PLACE.findall(xml):
        if place.isdigit():
            if int(place) <= row:
                return None
            row, column, own = int(place), 0, place
            first = first or row
        else:
            named = place[: -len(own)]
            at = column_number(named.decode()) if place.endswith(own) and named.isalpha() else 0
            if not column < at <= COLUMNS:
                return None
            column = at
    return (first, row) if row <= ROWS else None


# --- the sheet ---------------------------------------------------------------------------------------------------


@_kept(100, 1 << 14)
def _is_above(xml: bytes) -> bool:
    return bool(_ABOVE_ROWS.fullmatch(xml))


@_kept(100, 1 << 14)
def _merged(xml: bytes) -> tuple[Area, ...] | None:
    """The merged ranges of what is below the rows; None where that is not plain."""
    if not _BELOW_ROWS.fullmatch(xml):
        return None
    if xml.count(b"<mergeCell ") > MAX_MERGES:
        raise Unreadable("file.bounds")
    areas = list[Area]()
    for corners in _MERGED.findall(xml):
        rows, columns = zip(*(split(corner.decode()) for corner in corners), strict=True)
        if max(rows) > ROWS or max(columns) > COLUMNS:
            return None
        areas.append(((min(rows) - 1, min(columns) - 1), (max(rows) - 1, max(columns) - 1)))
    return tuple(areas)


def _floats(numbers: list[bytes]) -> list[float]:
    """Numbers as Python reads them. Raises ValueError where one is none."""
    try:
        # ten times as fast, and no JSON where one is anything but digits without leading zeros, and a sign
        return from_json(b"[%s.0]" % b".0,".join(numbers)) if numbers else []
    except ValueError:
        return [*map(float, numbers)]


class Reader:
    """Reads the plain sheets of a workbook whose shared texts are plain."""

    def __init__(self, texts: list[str], styles: Styles, recalculates: bool, may_be_stale: bool, max_cells: int):
        self._styles, self._max_cells = styles, max_cells
        self._recalculates, self._may_be_stale = recalculates, may_be_stale
        self._values: dict[bytes, Callable[[bytes], Any]] = {
            b"s": dict(zip(map(b"%d".__mod__, range(len(texts))), texts, strict=True)).__getitem__,
            b"b": {b"0": False, b"1": True}.__getitem__,
            b"str": bytes.decode,
            b"inlineStr": bytes.decode,
        }

    def sheet(self, name: str, xml: bytes) -> tuple[Sheet, Look] | None:
        """A sheet and its look; None where it is not plain, or holds more than it may."""
        start, end = xml.find(b"<sheetData>"), xml.rfind(b"</sheetData>")
        if not 0 <= start < end or not _is_above(xml[:start]):
            return None
        below = xml[end + len(b"</sheetData>") :]
        merged = _merged(below)
        if merged is None or (self._styles.conditional and b"<cfRule" in below):
            return None
        try:
            found = self._rows(xml[start + len(b"<sheetData>") : end])
        except (KeyError, ValueError):  # a text that is not there, a number that is none
            return None
        return found and (Sheet(name, found[0], [*merged], found[1]), found[2])

    def _rows(self, xml: bytes) -> tuple[list[list[Any]], list[tuple[int, ...]], Look] | None:
        grid, written = list[list[Any]](), list[tuple[int, ...]]()
        formats, faded, uncomputed = dict[str, str](), dict[str, str](), set[str]()
        formulas, kept = dict[str, Formula](), set[str]()
        special, number, width, empty = self._styles.special, 0, 0, list[bytes]()
        # the numbers of all rows, which are read together, and where they belong
        numbers, places = list[bytes](), list[tuple[list[Any], int, int]]()
        for given in xml.split(b"</row>"):
            if b"</v>" not in given and b"</t>" not in given:
                empty.append(given)
                continue
            if empty:
                given = b"</row>".join([*empty, given])
                empty.clear()
            pieces = _VALUE.split(given)
            row, values = _row(_HOLE.join(pieces[::2])), pieces[1::2]
            if row is None or row.first <= number:
                return None
            number, width = row.number, max(width, len(row.values))
            if number * width > self._max_cells:
                return None
            if special and not special.isdisjoint(row.styles):
                for column, style, kind in row.cells:
                    if kind == b"n" and style in self._styles.dated:
                        return None
                    if code := self._styles.formats.get(style):
                        formats[coordinate(number - 1, column)] = code
                    if rule := self._styles.faded.get(style):
                        faded[coordinate(number - 1, column)] = rule
            if (self._recalculates and row.has_blank) or (self._may_be_stale and row.shares):
                return None  # an empty text that is no result, and what another cell's formula gives
            for n, column, formula in row.results:
                if self._recalculates and FOR_WANT_OF_A_VALUE.fullmatch(values[n]):
                    uncomputed.add(coordinate(number - 1, column))
                elif self._may_be_stale and formula:
                    formulas[coordinate(number - 1, column)] = formula
                elif self._may_be_stale:
                    kept.add(coordinate(number - 1, column))
            filled = row.values.copy()
            for kind, first, end, at in row.runs:
                if kind == b"n":
                    numbers += values[at : at + end - first]
                    places.append((filled, first, end))
                else:
                    filled[first:end] = map(self._values[kind], values[at : at + end - first])
            while len(grid) < number - 1:
                grid.append([])
                written.append(())
            grid.append(filled)
            written.append(row.texts)
        below = _between(b"</row>".join(empty))
        if below is None or 0 < below[0] <= number:
            return None
        floats, at = _floats(numbers), 0
        for filled, first, end in places:
            filled[first:end] = floats[at : at + end - first]
            at += end - first
        for filled in grid:
            filled += [""] * (width - len(filled))
        return grid, written, Look(formats, faded=faded, uncomputed=frozenset(uncomputed), formulas=formulas, kept=kept)
