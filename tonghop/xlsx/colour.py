"""Colour cells of a sheet: a cell gets its own style with another fill; a cell that is not there is made where it belongs."""

import re

from tonghop.xlsx.styles import StylesPart
from tonghop.xlsx.xml_edit import ATTRIBUTES, TAG, NotKept, attributes, letters, prefix, splice, split, with_attributes

_ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])")


def coloured(xml: bytes, body: tuple[int, int, int, int], cells: list[tuple[int, int]], styles: StylesPart) -> bytes:
    """A sheet with cells (row, column) filled, in order; one that is not there is put where it belongs."""
    wanted: dict[int, list[int]] = {}
    for row, column in cells:
        wanted.setdefault(row, []).append(column)
    p = prefix(xml)
    columns = _column_styles(xml[: body[0]])
    edits: list[tuple[int, int, bytes]] = []
    row, starts = 0, [m.start() for m in _ROW.finditer(xml, body[1], body[2])]
    for start, end in zip(starts, [*starts[1:], body[2]], strict=True):
        tag = TAG.match(xml, start)
        if tag is None:
            raise NotKept("built")
        given = attributes(tag[3])
        row = int(given.get(b"r", row + 1))
        for missing in [r for r in wanted if r < row]:
            edits.append((start, start, _new_row(p, missing, wanted.pop(missing), columns, styles)))
        if row in wanted:
            base = int(given.get(b"s", 0)) if given.get(b"customFormat") in (b"1", b"true") else None
            edits += _in_row(xml, (tag.start(), tag.end(), end), p, row, wanted.pop(row), base, columns, styles)
    last = b"".join(_new_row(p, r, wanted[r], columns, styles) for r in sorted(wanted))
    if body[1] == body[2] and xml[: body[1]].endswith(b"/>"):
        edits.append((body[0], body[1], b"<%ssheetData>%s</%ssheetData>" % (p, last, p)))
    else:
        edits.append((body[2], body[2], last))
    return splice(xml, edits)


def _in_row(
    xml: bytes,
    place: tuple[int, int, int],
    p: bytes,
    row: int,
    wanted: list[int],
    base: int | None,
    columns: dict[int, int],
    styles: StylesPart,
) -> list[tuple[int, int, bytes]]:
    edits, column, (start, inner, end) = [], 0, place
    if xml[start:inner].endswith(b"/>"):
        cells = b"".join(_new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles) for c in wanted)
        return [(start, inner, xml[start : inner - 2] + b">" + cells + b"</%srow>" % p)]
    for opening in _CELL.finditer(xml, inner, end):
        tag = TAG.match(xml, opening.start())
        if tag is None:
            raise NotKept("built")
        given = attributes(tag[3])
        column = split(given[b"r"].decode())[1] if b"r" in given else column + 1
        while wanted and wanted[0] < column:
            c = wanted.pop(0)
            new = _new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles)
            edits.append((tag.start(), tag.start(), new))
        if wanted and wanted[0] == column:
            wanted.pop(0)
            edits.append((tag.start(), tag.end(), with_attributes(tag[0], s=b"%d" % styles.filled(int(given.get(b"s", 0))))))
    at = xml.rindex(b"</", inner, end)
    rest = b"".join(_new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles) for c in wanted)
    return [*edits, (at, at, rest)]


def _new_row(p: bytes, row: int, wanted: list[int], columns: dict[int, int], styles: StylesPart) -> bytes:
    cells = b"".join(_new_cell(p, row, c, columns.get(c, 0), styles) for c in wanted)
    return b'<%srow r="%d">%s</%srow>' % (p, row, cells, p)


def _new_cell(p: bytes, row: int, column: int, base: int, styles: StylesPart) -> bytes:
    return b'<%sc r="%s%d" s="%d"/>' % (p, letters(column).encode(), row, styles.filled(base))


def _column_styles(head: bytes) -> dict[int, int]:
    styles: dict[int, int] = {}
    for tag in re.findall(rb"<(?:\w+:)?col%s/?>" % ATTRIBUTES, head):
        a = attributes(tag)
        if b"style" in a:
            styles |= dict.fromkeys(range(int(a[b"min"]), min(int(a[b"max"]), 16384) + 1), int(a[b"style"]))
    return styles
