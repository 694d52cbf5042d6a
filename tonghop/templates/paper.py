"""Sheets on paper: A4 landscape. A table that is too wide for a page goes on beside it, with the header and the units again."""

import math
from typing import Any

from tonghop.reading.layout import SIGNED
from tonghop.templates.looks import CellFormats

_MOST = 16  # columns of figures on a page
_A4 = 9
_ROOM = 5  # lines left for signature and stamp


def finish(sheet: Any) -> None:
    """Lock a sheet, without a password, and set it up for paper: one page wide."""
    sheet.protect("", {"format_columns": True, "format_rows": True})
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(0.4, 0.4, 0.5, 0.5)
    sheet.set_footer("&C&P/&N")


def pages(fields: int) -> tuple[int, int]:
    """Over how many pages a table of so many columns of figures goes, and how many of these a page has."""
    count = math.ceil(fields / _MOST)
    return count, math.ceil(fields / count)


def side_by_side(sheet: Any, lead: int, pages: int) -> None:
    """Print a finished sheet in pages beside each other, each with the leading columns again.

    The largest scale at which it takes so many pages fills all but the last with the same number of columns.
    """
    sheet.fit_to_pages(pages, 0)
    sheet.repeat_columns(0, lead - 1)


def signature(sheet: Any, style: CellFormats, row: int, columns: tuple[int, int]) -> int:
    """Room for a date, a signature and a stamp between two columns; returns the last row of it. It asks for nobody's name."""
    for text, look in zip(SIGNED, ({"italic": True}, {"bold": True}, {"italic": True}), strict=True):
        sheet.merge_range(row, columns[0], row, columns[1], text, style(align="center", **look))
        row += 1
    return row + _ROOM
