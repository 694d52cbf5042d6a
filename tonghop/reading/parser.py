"""python-calamine: it reads an .xls, and every workbook that was written anew in the form of sheet_xml.py."""

import io

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from tonghop.base.findings import Unreadable
from tonghop.reading.layout import Area, Sheet


def parsed(content: bytes) -> list[Sheet]:
    """The visible sheets of a workbook. Raises Unreadable where it is damaged."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [sheet.name for sheet in book.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible]
        sheets = [book.get_sheet_by_name(name) for name in shown]
        return [Sheet(sheet.name, sheet.to_python(skip_empty_area=False), _merged(sheet)) for sheet in sheets]
    except BaseException as error:
        # a panic of the parser is no Exception
        if isinstance(error, CalamineError | OSError | ValueError) or type(error).__name__ == "PanicException":
            raise Unreadable("file.damaged", detail="Excel") from error
        raise


def _merged(sheet: CalamineSheet) -> list[Area]:
    """The merged ranges of a sheet, each from its upper left to its lower right cell, whichever two corners the file names."""
    corners = [[*zip(*area, strict=True)] for area in sheet.merged_cell_ranges or []]
    return [((min(rows), min(columns)), (max(rows), max(columns))) for rows, columns in corners]
