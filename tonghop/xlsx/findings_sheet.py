"""The sheet that lists what was found in a workbook: its rows, and its XML."""

import math
from dataclasses import dataclass

from tonghop.xlsx.styles import WRONG
from tonghop.xlsx.xml_edit import MAIN, escaped, letters


@dataclass(frozen=True)
class PageCell:
    """A cell of the page. `to` is the (sheet, cell) that it leads to; `style` a name of StylesPart.of_findings."""

    text: str
    style: str = "text"
    to: tuple[str, str] | None = None


SheetRows = list[list[PageCell | None]]
_WIDTHS = (6, 12, 9, 60, 60, 46)
_DENSE = 1.25  # letters of a text beside the digits in which a width is counted


def drawn(rows: SheetRows, style: dict[str, int]) -> bytes:
    """The XML of the sheet, in the styles of StylesPart.of_findings."""
    lines, links = [], []
    for r, row in enumerate(rows, start=1):
        cells = []
        for c, cell in enumerate(row, start=1):
            if cell is None:
                continue
            place = f"{letters(c)}{r}"
            cells.append(
                b'<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>'
                % (place.encode(), style[cell.style], escaped(cell.text))
            )
            if cell.to:
                name = cell.to[0].replace("'", "''")
                links.append(
                    b'<hyperlink ref="%s" location="%s" display="%s"/>'
                    % (place.encode(), escaped(f"'{name}'!{cell.to[1]}"), escaped(cell.text))
                )
        height = b' ht="%d" customHeight="1"' % (15 * _lines(row) + 5)
        lines.append(b'<row r="%d"%s>%s</row>' % (r, height, b"".join(cells)))
    widths = b"".join(b'<col min="%d" max="%d" width="%d" customWidth="1"/>' % (n, n, w) for n, w in enumerate(_WIDTHS, 1))
    return (
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="%s"><sheetPr><tabColor rgb="%s"/>'
        b'<pageSetUpPr fitToPage="1"/></sheetPr><sheetViews><sheetView showGridLines="0" tabSelected="1" '
        b'workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>%s</cols><sheetData>%s</sheetData>'
        % (MAIN, WRONG, widths, b"".join(lines))
        + (b"<hyperlinks>%s</hyperlinks>" % b"".join(links) if links else b"")
        + b'<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>'
    )


def _lines(row: list[PageCell | None]) -> int:
    """How many lines the tallest cell of a row of the page takes."""
    return max(
        (
            sum(max(1, math.ceil(len(line) / (width * _DENSE))) for line in cell.text.split("\n"))
            for cell, width in zip(row, _WIDTHS, strict=False)
            if cell and cell.style in ("cell", "head")
        ),
        default=1,
    )
