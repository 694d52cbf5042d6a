"""Makes the files of tests/data/traps: one real file for each trap of the data. Run it again after adding one.

    python tests/make_traps.py        LibreOffice makes the .xls files and computes the formulas; the tests do not need it

Each is the staff report of one ward (F8A: header in row 7, column numbers in row 8, its row 9) with one thing done to it; what
must come of it stands in tests/data/traps/expected.yaml.
"""

import io
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from books import STAFF, book
from openpyxl import Workbook, load_workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from tonghop.base.settings import PROJECT
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue

FOLDER = Path(__file__).parent / "data" / "traps"
WARD, OTHER_WARD, TOWN = "08719", "08737", "243"
PERIOD_CELL = "B4"
MEETING = {
    "hop_ke_hoach": 1,
    "hop_thuong_ky": 1,
    "hop_chuyen_de": 0,
    "hop_gop": 0,
    "dv_tong": 20,
    "dv_mien": 2,
    "dv_phai_du": 18,
    "dv_du": 17,
    "dv_vang_ly_do": 1,
    "dv_vang_khong_ly_do": 0,
    "so_phut": 90,
    "cap_uy_cap_tren_du": 0,
    "co_noi_dung_ct05": 1,
    "co_nghi_quyet": 1,
    "xep_loai_buoi": "Tốt",
}
RESULTS = {"chi_tieu_giao": 10, "chi_tieu_dat": 9, "chi_tieu_vuot": 2, "thu_ngan_sach": 7148}
RECEPTION = {
    "luot": 259,
    "nguoi": 316,
    "vu": 250,
    "tx_luot": 161,
    "tx_nguoi": 201,
    "dk_luot": 98,
    "dk_nguoi": 115,
    "vu_lan_dau": 240,
    "vu_nhieu_lan": 10,
    "doan_dong_nguoi": 1,
}
GRADING = {"tong_to_chuc": 10, "duoc_xep": 10, "chua_xep": 0, "htxs": 2, "htt": 6, "ht": 2, "khong_ht": 0}

# what stands in a cell that should hold a count (D9: officials), and its number format
CELLS: dict[str, tuple[Any, str]] = {
    "text_decimals": ("1.234,5", "@"),
    "text_foreign_marks": ("1,234.5", "@"),
    "text_comma_group": ("1,234", "@"),
    "text_unit": ("15 nghìn", "@"),
    "text_unit_ambiguous": ("7.148 tỷ", "@"),
    "text_spaces": ("4 037", "@"),
    "text_no_break_space": ("4\u00a0037", "@"),
    "text_date": ("07/12/2018", "@"),
    "text_boolean": (True, "General"),
    "text_percent": ("85%", "@"),
    "text_percent_spaced": ("85 %", "@"),
    "text_percent_decimal": ("0,85", "@"),
    "text_percent_more": ("hơn 65%", "@"),
    "text_percent_over": ("trên 90%", "@"),
    "text_times": ("tăng 1,8 lần", "@"),
    "text_nearly": ("gần 15 nghìn", "@"),
    "text_about": ("trên dưới 20", "@"),
    "text_tilde": ("~ 20", "@"),
    "text_words": ("không rõ", "@"),
    "text_name": ("Nguyễn Văn A 15", "@"),
    "text_long": ("Ban chấp hành " * 3_000, "@"),
    "text_zero_leading": ("0.123", "@"),
    "text_large": ("9" * 30, "@"),
    "excel_four_or_four_thousand": (4, "0.000"),
    "excel_three_decimals": (1.234, "General"),
    "excel_half": (8.5, "General"),
    "excel_percent": (0.85, "0%"),
    "excel_percent_whole": (1, "0.00%"),
    "excel_fraction": (0.85, "General"),
    "excel_thousands_cut": (8_000, "#,##0,"),
    "excel_words": (15, '0" nghìn"'),
    "excel_not_shown": (8, ";;;"),
    "excel_date": (date(2018, 12, 7), "d-mmm"),
    "excel_negative": (-8, "General"),
    "excel_plain_grouping": (8, "#,##0"),
    "excel_accounting": (8, '_(* #,##0_);_(* \\(#,##0\\);_(* "-"??_);_(@_)'),
    "text_apostrophe": ("'8", "@"),
    "text_trailing_space": ("8\u00a0 ", "@"),
    "text_line_feed": ("8\n", "@"),
}
ERRORS = {"error_ref": "#REF!", "error_na": "#N/A", "error_division": "#DIV/0!"}
PERIODS: dict[str, Any] = {
    "period_year": "năm 2018",
    "period_half": "6T/2018",
    "period_half_words": "6 tháng đầu năm 2018",
    "period_two_dates": "07/12/2018",
    "period_one_date": "31/12/2018",
    "period_date": date(2018, 12, 31),
    "period_serial": 43465,
    "period_bare_year": 2018,
    "period_unknown": "kỳ vừa rồi",
}

Edit = Callable[[Worksheet], None]
EDITS: dict[str, Edit] = {}


def edit(function: Edit) -> Edit:
    """A trap of the function's name."""
    EDITS[function.__name__] = function
    return function


def set_row(sheet: Worksheet, number: int, values: list[Any]) -> None:
    for column, value in enumerate(values, start=1):
        sheet.cell(number, column).value = value


@edit
def text_thousands(sheet: Worksheet) -> None:
    sheet["D9"], sheet["G9"], sheet["I9"] = "4.000", "4.013", "4.010"


@edit
def text_mixed_column(sheet: Worksheet) -> None:
    sheet["B3"] = TOWN
    set_row(sheet, 9, [1, WARD, None, "4.000", *list(STAFF.values())[1:]])
    set_row(sheet, 10, [2, "243.01", None, "1,234.5", *list(STAFF.values())[1:]])


@edit
def text_formula(sheet: Worksheet) -> None:
    sheet["D9"] = "=cmd|'/c calc'!A1"
    sheet["D9"].data_type = "s"


@edit
def composed_apart(sheet: Worksheet) -> None:
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str):
                cell.value = unicodedata.normalize("NFD", cell.value)


@edit
def spelt_otherwise(sheet: Worksheet) -> None:
    # tone on the other vowel, i for y, the Icelandic letter for Đ, an invisible character, another dash and other cases
    sheet["C7"], sheet["D7"], sheet["H7"], sheet["I7"] = "ÐƠN VỊ", "Cán\u200b bộ", "Thạc sỹ trở lên", "ĐẠI  HỌC"
    sheet["A4"], sheet["B4"] = "Kì báo cáo", "2018–Y"
    sheet["C9"] = "Ðảng uỷ Phường Ngô Quyền"


@edit
def header_line_feeds(sheet: Worksheet) -> None:
    for column in "ABCDEFGHIJKL":
        sheet[f"{column}7"] = f" {sheet[f'{column}7'].value} ".replace(" ", "\n", 2) + "\u00a0"


@edit
def header_merged(sheet: Worksheet) -> None:
    sheet.insert_rows(7)
    for column in "ABCG":
        sheet[f"{column}7"], sheet[f"{column}8"] = sheet[f"{column}8"].value, None
        sheet.merge_cells(f"{column}7:{column}8")
    sheet["D7"], sheet["H7"] = "Trong đó", "Trình độ"
    sheet.merge_cells("D7:F7")
    sheet.merge_cells("H7:L7")


@edit
def header_unknown(sheet: Worksheet) -> None:
    sheet["D7"] = "Cán bộ nòng cốt"


@edit
def column_numbers_with_formulas(sheet: Worksheet) -> None:
    set_row(sheet, 8, ["A", "B", "C", "1", "2", "3", "4=1+2+3=5+6+...+9", "5", "6", "7", "8", "9"])


@edit
def column_numbers_bare(sheet: Worksheet) -> None:
    set_row(sheet, 8, list(range(1, 13)))


@edit
def column_numbers_none(sheet: Worksheet) -> None:
    # its first row of data is small numbers only, from the number to the last figure
    sheet["B3"] = 26
    set_row(sheet, 8, [1, 26, None, *STAFF.values()])
    sheet.delete_rows(9)


@edit
def total_on_top(sheet: Worksheet) -> None:
    sheet.insert_rows(9)
    sheet["C9"] = "TỔNG CỘNG:"
    for column in "DEFGHIJKL":
        sheet[f"{column}9"] = sheet[f"{column}10"].value


def _sections(sheet: Worksheet, second: int) -> None:
    figures = list(STAFF.values())
    sheet["B3"] = TOWN
    for number, row in enumerate(
        [
            ["A", None, "KHỐI XÃ, PHƯỜNG"],
            ["I", None, "Các phường"],
            [1, WARD, "P. Ngô Quyền", *figures],
            [None, None, "Cộng I", *figures],
            ["II", None, "Các tổ chức khác"],
            [1, "243.01", None, *figures],
            [2, "243.02", None, *figures],
            [None, None, "Cộng mục II", *(second * n for n in figures)],
            [None, None, "Cộng A", *(3 * n for n in figures)],
            ["B", None, "KHỐI KHÁC", *figures],
            [1, "243.03", None, *figures],
            [None, None, "Tổng cộng", *(4 * n for n in figures)],
            [None, None, "TM. BAN THƯỜNG VỤ"],
        ],
        start=9,
    ):
        set_row(sheet, number, row + [None] * (12 - len(row)))


@edit
def sections(sheet: Worksheet) -> None:
    _sections(sheet, 2)


@edit
def sections_wrong_subtotal(sheet: Worksheet) -> None:
    _sections(sheet, 3)


@edit
def hidden_row(sheet: Worksheet) -> None:
    sheet.row_dimensions[9].hidden = True


@edit
def hidden_column(sheet: Worksheet) -> None:
    sheet.column_dimensions["E"].hidden = True


@edit
def row_without_code(sheet: Worksheet) -> None:
    set_row(sheet, 10, [2, None, "Phường Hùng Vương", *STAFF.values()])


@edit
def signature_with_numbers(sheet: Worksheet) -> None:
    set_row(sheet, 10, [None] * 12)
    set_row(sheet, 11, [None, None, None, "Ngày 15 tháng 12 năm 2018"])
    set_row(sheet, 12, [None, "Nơi nhận:", None, "TM. BAN THƯỜNG VỤ"])
    set_row(sheet, 13, [None, "- Lưu VP", None, 912345678, 15])
    set_row(sheet, 14, [None, "Nguyễn Văn A", None, None, None, 1975])


@edit
def name_below_the_table(sheet: Worksheet) -> None:
    set_row(sheet, 10, [None] * 12)
    set_row(sheet, 12, [None, "Nguyễn Văn A"])


@edit
def name_for_a_code(sheet: Worksheet) -> None:
    set_row(sheet, 10, [2, "Nguyễn Văn A", None, *STAFF.values()])


@edit
def marks_of_nothing(sheet: Worksheet) -> None:
    sheet["J9"], sheet["L9"], sheet["F9"], sheet["E9"] = "–", "X", "—", "13"
    sheet["D9"] = 8


@edit
def blank_in_an_identity(sheet: Worksheet) -> None:
    sheet["F9"] = "  "


@edit
def leading_zeros_lost(sheet: Worksheet) -> None:
    sheet["B3"], sheet["B9"] = 8719, 8719


@edit
def same_name_other_code(sheet: Worksheet) -> None:
    sheet["C9"] = "P. Hùng Vương"


@edit
def name_for_a_sender(sheet: Worksheet) -> None:
    sheet["B3"] = "Phường Ngô Quyền"


@edit
def formula_never_computed(sheet: Worksheet) -> None:
    sheet["G9"] = "=SUM(D9:F9)"


@edit
def cells_far_apart(sheet: Worksheet) -> None:
    sheet["IV65536"] = 1


@edit
def legacy_tcvn3(sheet: Worksheet) -> None:
    # "Biểu", "Mã đơn vị báo cáo", "Cán bộ", "Công chức" in .VnTime
    sheet["A1"], sheet["A3"], sheet["D7"], sheet["E7"] = "BiÓu", "M· ®¬n vÞ b¸o c¸o", "C¸n bé", "C«ng chøc"


@edit
def legacy_vni(sheet: Worksheet) -> None:
    sheet["A1"], sheet["A3"], sheet["D7"], sheet["E7"] = "Bieåu", "Maõ ñôn vò baùo caùo", "Caùn boä", "Coâng chöùc"


def _money(sheet: Worksheet) -> None:
    sheet["E1"] = "(Đơn vị tính: triệu đồng)"


def _money_in_the_header(sheet: Worksheet) -> None:
    sheet["G7"] = "Thu ngân sách (triệu đồng)"


def _money_twice(sheet: Worksheet) -> None:
    _money(sheet)
    sheet["G7"] = "Thu ngân sách (tỷ đồng)"


def _money_ambiguous(sheet: Worksheet) -> None:
    _money(sheet)
    sheet["G9"] = 7.148


def _money_exact(sheet: Worksheet) -> None:
    _money(sheet)
    sheet["G9"] = "7,1480"


def _groups(sheet: Worksheet) -> None:
    sheet.insert_rows(7)
    for column in "ABCDEFKLM":
        sheet[f"{column}7"], sheet[f"{column}8"] = sheet[f"{column}8"].value, None
        sheet.merge_cells(f"{column}7:{column}8")
    sheet["G7"], sheet["I7"] = "Tiếp thường xuyên", "Tiếp định kỳ và đột xuất"
    for column, text in zip("GHIJ", ("Số lượt", "Số người") * 2, strict=True):
        sheet[f"{column}8"] = text
    sheet.merge_cells("G7:H7")
    sheet.merge_cells("I7:J7")


def _merged_code(sheet: Worksheet) -> None:
    sheet["B10"] = sheet["B11"] = None
    sheet.merge_cells("B9:B11")


def _quarter(sheet: Worksheet) -> None:
    sheet[PERIOD_CELL] = "Quý IV năm 2021"


def make(catalogue: Catalogue, folder: Path) -> None:
    """Write every trap's file into a folder."""

    def staff() -> Workbook:
        return load_workbook(io.BytesIO(book(catalogue, "F8A", WARD, "2018-Y", [(WARD, STAFF)])))

    def write(name: str, workbook: Workbook) -> None:
        workbook.save(folder / f"{name}.xlsx")

    for name, (value, number_format) in CELLS.items():
        workbook = staff()
        workbook["F8A"]["D9"] = value
        workbook["F8A"]["D9"].number_format = number_format
        write(name, workbook)
    for name, error in ERRORS.items():
        workbook = staff()
        workbook["F8A"]["D9"] = error
        write(name, workbook)
    for name, value in PERIODS.items():
        workbook = staff()
        workbook["F8A"][PERIOD_CELL] = value
        write(name, workbook)
    workbook = staff()
    workbook.epoch = CALENDAR_MAC_1904
    workbook["F8A"][PERIOD_CELL] = date(2018, 12, 31)
    write("period_date_since_1904", workbook)
    for name, change in EDITS.items():
        workbook = staff()
        change(workbook["F8A"])
        write(name, workbook)
    cell = "08737.01"
    others = {
        "code_not_in_the_list": ("F2", cell, "2021-M10", [(cell, MEETING | {"xep_loai_buoi": "Nguyễn Văn A"})], None),
        "code_in_other_letters": ("F2", cell, "2021-M10", [(cell, MEETING | {"xep_loai_buoi": " TỐT "})], None),
        "period_month": ("F2", cell, "Tháng 10/2021", [(cell, MEETING)], None),
        "money_in_the_title": ("F8C", TOWN, "2018-Y", [(TOWN, RESULTS)], _money),
        "money_in_the_header": ("F8C", TOWN, "2018-Y", [(TOWN, RESULTS)], _money_in_the_header),
        "money_twice": ("F8C", TOWN, "2018-Y", [(TOWN, RESULTS)], _money_twice),
        "money_nowhere": ("F8C", TOWN, "2018-Y", [(TOWN, RESULTS)], None),
        "money_ambiguous": ("F8C", TOWN, "2018-Y", [(TOWN, RESULTS)], _money_ambiguous),
        "money_exact": ("F8C", TOWN, "2018-Y", [(TOWN, RESULTS)], _money_exact),
        "header_groups": ("F7TCD", OTHER_WARD, "2021-Y", [(OTHER_WARD, RECEPTION)], _groups),
        "period_quarter": ("F7TCD", OTHER_WARD, "2021-Q4", [(OTHER_WARD, RECEPTION)], _quarter),
        "merged_unit_code": (
            "F3A",
            WARD,
            "2018-Y",
            [(WARD, row, GRADING) for row in ("Tổ chức cơ sở đảng", "Đảng bộ bộ phận", "Chi bộ")],
            _merged_code,
        ),
    }
    for name, (table, unit, period, rows, change) in others.items():
        workbook = load_workbook(io.BytesIO(book(catalogue, table, unit, period, rows, version=2 if table == "F3A" else None)))
        if change:
            change(workbook[table])
        write(name, workbook)
    with tempfile.TemporaryDirectory() as temporary:
        for name, source, kind in (
            ("xls_plain", "column_numbers_bare", "xls"),
            ("xls_legacy_tcvn3", "legacy_tcvn3", "xls"),
            ("xls_legacy_vni", "legacy_vni", "xls"),
            ("xls_error", "error_ref", "xls"),
            ("xls_cells_far_apart", "cells_far_apart", "xls"),
            ("xls_four_or_four_thousand", "excel_four_or_four_thousand", "xls"),
            ("xls_hidden_row", "hidden_row", "xls"),
            ("xls_percent", "excel_percent_whole", "xls"),
            ("formula_computed", "formula_never_computed", "xlsx"),
        ):
            subprocess.run(
                ["soffice", "--headless", "--convert-to", kind, "--outdir", temporary, str(folder / f"{source}.xlsx")],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            (folder / f"{name}.{kind}").write_bytes((Path(temporary) / f"{source}.{kind}").read_bytes())


if __name__ == "__main__":
    make(load_catalogue(PROJECT / "catalogue"), FOLDER)
