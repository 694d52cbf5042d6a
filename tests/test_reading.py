"""Files as clerks and programs write them: each handed-in file and its siblings, with the exact answer that it must get."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from books import STAFF, book
from make_traps import MEETING
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.intake.answer import Answer
from tonghop.reading import old_fonts
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check

FOLDER = Path(__file__).parent / "data" / "reading"
ANSWERS: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "answers.yaml").read_text("utf-8"))
CATALOGUE = load_catalogue(PROJECT / "catalogue")
NAME = "Nguyễn Văn A"
FIGURES = list(STAFF.values())
WARD, TOWN, CELL = "08719", "243", "243.01"
Edit = Callable[[Worksheet], None]


def read(name: str, content: bytes) -> Report:
    return read_and_check(name, content, CATALOGUE, Settings(home=PROJECT / "nowhere"))


def found(report: Report) -> list[str]:
    return [f"{f.rule} {f.cell}" if f.cell else f.rule for f in report.findings]


def test_each_file_was_handed_in_and_its_answer_is_what_must_hold() -> None:
    with (FOLDER / "expected.csv").open(encoding="utf-8") as file:
        must = {row["file"]: row["status"] for row in csv.DictReader(file)}
    assert {path.name for path in FOLDER.iterdir()} - {"expected.csv", "answers.yaml"} == set(must)
    assert {name: answer["status"] for name, answer in ANSWERS.items()} == {name: must[name] for name in ANSWERS}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_handed_file_gets_exactly_its_answer(name: str) -> None:
    wanted, report = ANSWERS[name], read(name, (FOLDER / name).read_bytes())
    assert report.status == wanted["status"], found(report)
    if rules := wanted.get("rules"):
        assert {f.rule for f in report.findings} == set(rules)
    else:
        assert found(report) == wanted.get("findings", [])
    said = " ".join(f.message_vi for f in report.findings)
    assert [words for words in wanted.get("says", []) if words not in said] == []
    assert all("{" not in f.message_vi + f.message_en for f in report.findings)
    assert len(report.cells) == wanted.get("cells", len(report.cells))
    assert [c.cells for c in report.read.cells] == wanted.get("passed", [])
    assert [f"{c.column} {c.label}".strip() for c in report.read.columns] == wanted.get("columns", [])
    assert list(report.read.sheets) == wanted.get("sheets", [])
    assert report.read.owed == wanted.get("owed", report.read.owed)


# --- siblings: the staff report of a town (F8A), header in row 7, column numbers in row 8, its first office in row 9 ------


def staff(edit: Edit) -> Report:
    workbook = load_workbook(io.BytesIO(book(CATALOGUE, "F8A", TOWN, "2018-Y", [(WARD, STAFF)])))
    edit(workbook["F8A"])
    buffer = io.BytesIO()
    workbook.save(buffer)
    return read("a.xlsx", buffer.getvalue())


def lines(*rows: list[Any], first: int = 10) -> Edit:
    """Put rows below the first office, in place of what stands there."""

    def edit(sheet: Worksheet) -> None:
        sheet.delete_rows(10, 5)
        for r, row in enumerate(rows, start=first):
            for c, value in enumerate(row, start=1):
                sheet.cell(r, c).value = value

    return edit


def put(**cells: Any) -> Edit:
    def edit(sheet: Worksheet) -> None:
        for cell, value in cells.items():
            sheet[cell] = value

    return edit


def insert(row: int, **cells: Any) -> Edit:
    """A new row with these cells."""

    def edit(sheet: Worksheet) -> None:
        sheet.insert_rows(row)
        put(**cells)(sheet)

    return edit


def without_numbers(**cells: Any) -> Edit:
    """No row of column numbers, then these cells."""

    def edit(sheet: Worksheet) -> None:
        sheet.delete_rows(8)
        put(**cells)(sheet)

    return edit


def merge(ranges: str, below: Edit | None = None) -> Edit:
    def edit(sheet: Worksheet) -> None:
        if below:
            below(sheet)
        sheet.merge_cells(ranges)

    return edit


TITLES = [
    "STT",
    "Mã đơn vị",
    "Tên đơn vị",
    "Cán bộ",
    "Công chức",
    "Hợp đồng",
    "Tổng số cán bộ, công chức",
    "Thạc sĩ trở lên",
    "Đại học",
]
TITLES += ["Cao đẳng", "Trung cấp", "Trình độ khác"]
SIGNED = [None, None, "TM. BAN THƯỜNG VỤ"]
OFFICE = [2, CELL, None, *FIGURES]
OTHER = ["STT", None, "Đơn vị", "Nghị quyết", "Đề án", "Chỉ thị", "Kế hoạch", "Văn bản khác", "Tổng số"]

RETURNED: dict[str, tuple[Edit, list[str]]] = {
    "last year's table below the signatures": (
        lines(SIGNED, [], [None, None, "SỐ LIỆU NĂM 2017"], TITLES, [1, WARD, None, *FIGURES], OFFICE),
        ["row.below B14", "row.below B15"],
    ),
    **{
        f"an office below the signature of {title!r}": (lines([*[None] * 6, title], OFFICE), ["row.below B11"])
        for title in ("CHỦ TỊCH", "BÍ THƯ", "Phó Trưởng ban", "Kế toán trưởng", "XÁC NHẬN CỦA CẤP TRÊN")
    },
    "last year's table under its own titles": (
        lines([], [None, None, "Số liệu năm 2017"], TITLES, OFFICE),
        ["row.below B13"],
    ),
    "last year's table under a title alone": (lines([None, "Số liệu năm 2017"], OFFICE), ["row.below B11"]),
    "the same period of last year": (lines([None, None, "Cùng kỳ năm trước:"], OFFICE), ["row.below B11"]),
    "another table below, no signatures between": (lines([], OTHER, OFFICE), ["row.below B12"]),
    "offices without codes below the signatures": (lines(SIGNED, [1, None, "Phường Hùng Vương", *FIGURES]), ["row.below B11"]),
    "a mistyped code below the signatures": (lines(SIGNED, [2, "243.99", None, 8]), ["row.below B11"]),
    "text figures below the signatures": (lines(SIGNED, [2, CELL, None, "8 người", *["x"] * 8]), ["row.below B11"]),
    "a total below the signatures": (lines(SIGNED, [None, None, "Cộng", *FIGURES]), ["row.below B11"]),
    **{
        f"an office in one cell, parted by {separator!r}": (
            lines([separator.join(map(str, [2, CELL, "", *FIGURES]))]),
            ["row.one_cell A10"],
        )
        for separator in ";,\t|"
    },
    "an office in one cell below the signatures": (lines(SIGNED, [f"2;{CELL};;8;12;1;21;2;18"]), ["row.one_cell A11"]),
    "an office in words without a code, numbered by a text": (
        lines(["2", None, "Phường Hùng Vương", "chưa có"]),
        ["row.no_unit B10"],
    ),
    "an office in words without a code, numbered with a dot": (
        lines(["2.", None, "Phường Hùng Vương", "chưa có"]),
        ["row.no_unit B10"],
    ),
    "an office in words without a code or a number": (
        lines([None, None, "Phường Hùng Vương", *["tám"] * 9]),
        ["row.no_unit B10"],
    ),
    "an office of dashes without a code": (lines([2, None, "Phường Hùng Vương", *["-"] * 9]), ["row.no_unit B10"]),
    "an office in words without a code": (lines([2, None, "Phường Hùng Vương", "chưa có"]), ["row.no_unit B10"]),
    "an office after a remark": (lines([None, None, "Lưu ý: bổ sung"], [2, None, "Phường Hùng Vương", "8"]), ["row.no_unit B11"]),
    "a mistyped code after a date": (lines(["Ngày 30/9 bổ sung"], [2, "O8719", None, *FIGURES]), ["row.unit B11"]),
    "the same mistyped code twice": (lines(*[[2, "243.99", None, *FIGURES]] * 2), ["row.unit B10", "row.unit B11"]),
    "a formula that failed in a row without a code": (lines([None, None, None, "#REF!"]), ["row.no_unit B10"]),
    "a total in words": (lines([None, None, "Cộng", "chừng 8", *FIGURES[1:]]), ["cell.approximate D10"]),
    "one value over two columns": (merge("D9:E9"), ["cell.merged D9", "cell.blank E9"]),
    "one value over an office and the total": (
        merge("D9:D10", lines([None, None, "Cộng", None, *FIGURES[1:]])),
        ["cell.merged D9"],
    ),
    "a figure two columns to the right": (put(N9=999), ["column.unlabelled N9"]),
    "a text figure under no title": (put(M9="12 người"), ["column.unlabelled M9"]),
    "a figure under a title that the form has not": (put(M7="Lương", M9=5), ["column.unknown M7"]),
    "a second column of codes": (put(M7="Mã đơn vị", M9=WARD), ["column.twice M7"]),
    "thousands beside the title": (put(E1="ĐỘI NGŨ CÁN BỘ (1.000 người)"), ["head.measure E1"]),
    "thousands after a name of the unit's column": (put(E1="Đơn vị: nghìn người"), ["head.measure E1"]),
    "thousands in a cell beside its label": (put(E1="ĐVT", F1="nghìn"), ["head.measure F1"]),
    "thousands alone in a cell": (put(L6="1.000 người"), ["head.measure L6"]),
    "thousands below their label": (put(L5="ĐVT", L6="nghìn người"), ["head.measure L6"]),
    "thousands over a group of titles": (insert(7, D7="Số lượng (nghìn người)"), ["head.measure D7"]),
    "thousands in a sentence above": (put(E1="Số liệu tính bằng nghìn người."), ["head.measure E1"]),
    "thousands in a sentence below": (lines(["(Số liệu trong biểu tính theo 1.000 người)"]), ["head.measure A10"]),
    "thousands in English": (put(E1="Unit: thousand persons"), ["head.measure E1"]),
    "figures that are rounded to thousands": (put(E1="Số liệu làm tròn đến nghìn người"), ["head.measure E1"]),
    "hundreds in English": (put(E1="Staff (in hundreds)"), ["head.measure E1"]),
    "thousands in English in brackets": (put(E1="Staff (in thousands)"), ["head.measure E1"]),
    "a factor alone": (put(L6="(x1000)"), ["head.measure L6"]),
    "percents": (put(E1="(Đơn vị tính: %)"), ["head.measure E1"]),
    "thousands in a title of a column": (put(D7="Cán bộ (nghìn người)"), ["column.measure D7"]),
    "thousands in a line under the titles": (insert(9, D9="nghìn", E9="(người)"), ["column.measure D9"]),
    "thousands in a note below": (lines([None, "Ghi chú: đơn vị tính nghìn người"]), ["head.measure B10"]),
    "a figure under no title beside the units of measure": (insert(9, D9="người", M9=8), ["column.unlabelled M9"]),
    "money where nothing is money": (put(E1="ĐVT: triệu đồng"), ["head.measure E1"]),
    "thousands in the column of units of measure": (put(M7="ĐVT", M9="nghìn người"), ["head.measure M9"]),
    "a title of a column that is misspelt": (put(D7="Số cán bộ"), ["column.unknown D7", "column.missing A7"]),
    "an office above the header": (insert(7, A7=2, B7=CELL, D7=8), ["row.above B7"]),
    "offices under a header that is misspelt on page 1 only": (
        lambda sheet: lines(TITLES, [2, CELL, None, *FIGURES])(sheet) or put(D7="Cán bộ (gồm cả)")(sheet),
        ["row.above B9"],
    ),
    "the head of another year between two offices": (lines(["Kỳ báo cáo", "2017-Y"], OFFICE), ["row.below B11"]),
    **{
        f"another period's offices under {title!r}": (lines([title], OFFICE), ["row.below B11"])
        for title in (
            "Năm 2017",
            "2017",
            "II. Năm 2017:",
            "(Năm 2017)",
            "Quý IV/2017",
            "6 tháng đầu năm 2018",
            "Số liệu năm trước",
            "b) Số liệu cùng kỳ",
            "- Năm trước",
            "* Quý trước",
            "Ước thực hiện năm 2019",
            "Dự kiến năm 2019",
            "So với năm 2017",
            "Đến 31/12/2017",
            "Last year",
        )
    },
    "another year in a cell of its own": (lines([None, None, 2017], OFFICE), ["row.below B11"]),
    "another year right below the titles": (insert(9, A9="Năm 2017"), ["head.year A9"]),
    "last year right below the titles": (insert(9, C9="Số liệu năm trước"), ["head.year C9"]),
    "half of the year over columns": (insert(7, D7="6 tháng đầu năm 2018"), ["head.year D7"]),
    "last year's figures over columns": (insert(7, D7="Số liệu năm trước"), ["head.year D7"]),
    "last year's figures over columns, after a dash": (insert(7, D7="- Năm trước"), ["head.year D7"]),
    "another year's title that cites a rule": (
        lines([], [None, None, "Số liệu năm 2017 (kèm theo Công văn số 5)"], TITLES, OFFICE),
        ["row.below B13"],
    ),
    "a wrong total of the whole town": (
        lines([None, None, "Cộng toàn thị xã", 9, *FIGURES[1:]]),
        ["total D10"],
    ),
    "an office that is called what a column is": (without_numbers(B8=None, C8="Đơn vị"), ["row.no_unit B8"]),
    "a form outside its time": (put(B1="F7"), ["head.in_force B4"]),
    "last year's figures under a group's title": (insert(7, D7="Năm 2017"), ["head.year D7"]),
    "a year over columns in a cell of its own": (insert(7, H7=2017), ["head.year H7"]),
    "the same period of last year over columns": (insert(7, D7="Cùng kỳ năm trước"), ["head.year D7"]),
    "what was done last year over columns": (insert(7, D7="Thực hiện năm 2017"), ["head.year D7"]),
    "what there was at the end of last year over columns": (insert(7, D7="Có đến 31/12/2017"), ["head.year D7"]),
    "next year's plan in the title": (put(E1="KẾ HOẠCH NĂM 2019"), ["head.year E1"]),
    "last year's figures beside this year's": (insert(7, D7="Năm 2017", H7="Năm 2018"), ["head.year D7"]),
    "another year in the title": (put(E1="SỐ LIỆU NĂM 2017"), ["head.year E1"]),
    "another year in the title that ends on a day": (put(E1="Số liệu đến ngày 31/12/2017"), ["head.year E1"]),
    "a second table right below without a title": (lines([], [1, CELL, None, *FIGURES]), ["row.again A11"]),
    "a second table under the same titles": (lines(TITLES, [1, CELL, None, *FIGURES]), ["row.again A11"]),
    "a second table under its number": (lines(["Bảng 2. Lao động hợp đồng"], [None, CELL, None, *FIGURES]), ["row.below B11"]),
    "a second table under its number and the same titles": (
        lines([None, None, None, "PHỤ LỤC II"], TITLES, [None, CELL, None, *FIGURES]),
        ["row.below B12"],
    ),
    "another table of the form": (lines([None, None, "Biểu số: F8B"], [2, CELL, None, *FIGURES]), ["row.below B11"]),
    "a second table under a total": (
        lines([None, None, "Cộng", *[2 * n for n in FIGURES]], ["1", CELL, None, *FIGURES]),
        ["row.again A11"],
    ),
    "titles of other columns over offices": (
        lines([None, None, None, "Nghị quyết", "Đề án", "Chỉ thị"], [None, CELL, None, *FIGURES]),
        ["row.below B11"],
    ),
    "thousands that are said to be the form's unit": (lines([None, "Đơn vị tính của biểu là nghìn người"]), ["head.measure B10"]),
    "a lone number above an office": (lines([*[None] * 6, 1], OFFICE), ["row.no_unit B10"]),
    "a wrong total of so many offices": (
        lines(OFFICE, [None, None, "Cộng 2 đơn vị", *[2 * n + (n == 12) for n in FIGURES]]),
        ["total E11"],
    ),
    "an error as text": (put(D9="#REF!"), ["cell.error D9"]),
    "an error as text in a row without a code": (lines([2, None, "Phường Hùng Vương", "#N/A"]), ["row.no_unit B10"]),
}

ACCEPTED: dict[str, tuple[Edit, list[str]]] = {
    "signatures below": (
        lines(
            [],
            [*[None] * 6, "Hà Nội, ngày 5 tháng 7 năm 2025"],
            [None, "NGƯỜI LẬP BIỂU", None, None, None, None, "THỦ TRƯỞNG ĐƠN VỊ"],
            [None, "(Ký, họ tên)", None, None, None, None, "(Ký, đóng dấu)"],
            [None, NAME, None, None, None, None, NAME],
        ),
        ["G11:G14"],
    ),
    "a date in cells of its own": (lines([None, None, None, "Ngày", 5, "tháng", 7, "năm", 2025]), ["D10:I10"]),
    "a date that is a date": (lines([*[None] * 6, date(2019, 1, 5)], [*[None] * 6, NAME]), ["G10:G11"]),
    "a telephone number below": (lines(SIGNED, [None, "ĐT:", None, 912345678]), ["D11"]),
    "a note between two offices": (lines([None, None, "Ghi chú: đến 01/12"], OFFICE), []),
    "a note of another year between two offices": (lines([None, None, "Sáp nhập năm 2017"], OFFICE), ["C10"]),
    "a line of no known word between two offices": (lines(["LAO ĐỘNG HỢP ĐỒNG"], OFFICE), ["A10"]),
    "a number left of the figures in a line that is no row": (lines([None, "Nghị quyết", 3]), ["C10"]),
    "the table's own number once more on page 2": (
        lambda sheet: lines(["Biểu số 01-TCD (tiếp)"], ["Biểu F8A"], TITLES, OFFICE)(sheet) or put(E1="Biểu số 01-TCD")(sheet),
        ["A10:A11"],
    ),
    "titles and numbers of columns on page 2": (
        lines(["Trang 2"], TITLES, [f"({n})" for n in range(1, 13)], OFFICE),
        [],
    ),
    "spaces only": (lines([None, None, None, "  ", "\u200b"]), []),
    "a form named in one cell": (put(A1=None, B1=None, E1="Biểu F8"), []),
    "a form and its series": (put(A1="Mẫu số", B1="F8-ĐLXH"), []),
    "a form and its series in one cell": (put(A1="Mẫu F8-ĐLXH", B1=None), []),
    "a form's number with its word": (put(A1="Biểu mẫu:", B1="Biểu F8"), []),
    "characters that nobody sees": (put(B4="2018\u200b-Y", B9="08719\u200b", B3="\ufeff243", E9="12\u2060"), []),
    "the form's own unit of measure": (put(E1="ĐVT: người"), []),
    "a sentence of the form's own unit": (lines(["Ghi chú: tỷ lệ tính bằng tử số chia mẫu số, người tính theo danh sách"]), []),
    "a column's own unit of measure": (put(D7="Cán bộ (người)"), []),
    "units of measure under the titles": (insert(9, D9="người", E9="(người)"), []),
    "units of measure between the titles and the numbers": (insert(8, D8="người", E8="người"), []),
    "signatures of no known word": (
        lines([*[None] * 6, "ĐẠI DIỆN"], [None, "Thư ký", *[None] * 4, NAME], [None, NAME]),
        ["G10:G11"],
    ),
    "notes with numbers": (lines([1, None, "Số liệu tính đến 31/12"], ["(*) Trong đó 2 biệt phái"]), []),
    "a page's number": (lines([*[None] * 6, "Trang 1/2"]), ["G10"]),
    "a date in cells of its own after a place": (
        lines([None, None, None, "Việt Trì, ngày", 5, "tháng", 7, "năm", 2018]),
        ["D10:I10"],
    ),
    "telephone numbers below": (
        lines([], [*[None] * 5, "0912.345.678"], [None, "Điện thoại:", None, "0210 3846 123"], [None, "Fax:", None, 3846123]),
        ["F11, D12:D13"],
    ),
    "a page's number between dashes": (lines([*[None] * 6, "- 2 -"], OFFICE), ["G10"]),
    "totals by other names": (
        lines([None, None, "Tổng:", *FIGURES], ["Cộng toàn thị xã", None, None, *FIGURES], [None, "Toàn huyện", None, *FIGURES]),
        [],
    ),
    "a total with a note in brackets": (lines([None, None, "TỔNG CỘNG (1 đơn vị)", *FIGURES]), []),
    "the head, and the rule it cites, once more on page 2": (
        lines(
            ["Biểu", "F8", None, None, "(Ban hành kèm theo Hướng dẫn số 16 ngày 05/7/2016)"],
            ["Mã đơn vị báo cáo", TOWN],
            ["Kỳ báo cáo", "2018-Y"],
            TITLES,
            OFFICE,
        ),
        ["E10"],
    ),
    "a form in brackets": (put(A1="(Biểu F8)", B1=None), []),
    "years that have the report's between them": (insert(7, D7="Nhiệm kỳ 2015-2020"), []),
    "a day right after the period over columns": (insert(7, D7="Thời điểm 01/01/2019"), []),
    "a rule of another year over columns": (insert(7, D7="Theo NĐ số 114/2003/NĐ-CP"), []),
    "a telephone number after its word in the column of codes": (lines([None, "Liên hệ:", *[None] * 3, 912345678]), ["F10"]),
    "a code as a program writes numbers": (put(B9="8719.0", B3="243.0"), []),
    "this year and the one before in one title": (put(E1="SỐ LIỆU NĂM 2018 (so với năm 2017)"), []),
    "a rule of another year in the title": (put(E1="BIỂU THỐNG KÊ theo Hướng dẫn số 12 ngày 17/5/2012"), []),
    "the day on which the title was written": (put(E1="Báo cáo ngày 15 tháng 01 năm 2019"), []),
    "offices that are counted anew under a title": (lines([None, None, "Khối trực thuộc"], [1, CELL, None, *FIGURES]), ["C10"]),
    "a telephone number alone": (lines([*[None] * 5, 912345678]), ["F10"]),
    "a page's number alone": (lines([], [*[None] * 11, "1"]), ["L11"]),
    "a page's number in a cell beside its word": (lines([*[None] * 6, "Trang", 1]), ["G10:H10"]),
    "a total of so many offices": (lines(OFFICE, [None, None, "Cộng 2 đơn vị", *[2 * n for n in FIGURES]]), []),
    "a total after a star": (lines([None, None, "* Tổng cộng:", *FIGURES]), []),
    "members as the form's people": (put(E1="ĐVT: đồng chí", D7="Cán bộ (đ/c)"), []),
    "a hundred per cent of something": (put(E1="Các đơn vị báo cáo đủ (100%)"), []),
    "the form's unit in a sentence": (lines([None, "Ghi chú: Đơn vị tính của biểu là người"]), []),
    "a code with what kept it a text": (put(B9="'08719", B3="'243"), []),
    "a whole number as a program writes it": (put(D9="8.0", E9="12.00"), []),
    "text beside the title": (put(E1="(Ban hành kèm theo Hướng dẫn số 16)", F4="Nơi nhận: Ban Tổ chức"), []),
}


@pytest.mark.parametrize(
    ("edit", "unnumbered"),
    [
        (lines([None, CELL, None, *FIGURES]), "A10"),  # it may be another table's, and looks like this one's
        (lines(TITLES, [None, CELL, None, *FIGURES]), "A11"),
        (lambda sheet: lines([None, CELL, None, *FIGURES])(sheet) or put(A9=None)(sheet), ""),
        (lines([None, None, "Cộng", *FIGURES]), ""),
    ],
)
def test_rows_without_a_number_below_numbered_ones_are_read_and_named(edit: Edit, unnumbered: str) -> None:
    report = staff(edit)
    assert (report.status, ", ".join(c.cells for c in report.read.unnumbered)) == ("accepted", unnumbered)
    named = f"rows without a number, read as the table's: F8A!{unnumbered}\n"
    assert (named in Answer.to(report, "a.xlsx", "0").as_text()) == bool(unnumbered)


@pytest.mark.parametrize("name", RETURNED)
def test_what_a_sheet_leaves_unclear_is_returned_at_its_cell(name: str) -> None:
    edit, findings = RETURNED[name]
    report = staff(edit)
    assert (report.status, found(report)) == ("returned", findings)
    assert all("{" not in f.message_vi + f.message_en for f in report.findings)
    assert "Hùng Vương" not in repr(report.findings)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_ordinary_is_accepted_and_what_is_passed_over_is_named(name: str) -> None:
    edit, passed = ACCEPTED[name]
    report = staff(edit)
    assert (report.status, found(report)) == ("accepted", [])
    assert ", ".join(c.cells for c in report.read.cells) == ", ".join(passed)
    assert NAME not in repr(report)


@pytest.mark.parametrize("dash", ["-", "--", "---", "- -", "–", "—", "––"])
def test_dashes_are_read_as_zero_and_the_answer_names_them(dash: str) -> None:
    report = staff(put(J9=dash, L9=dash))
    assert (report.status, found(report)) == ("accepted", [])
    assert {c.cell: c.value for c in report.cells if c.cell in ("J9", "L9")} == {"J9": 0, "L9": 0}
    assert "đọc là 0 / dashes read as 0: F8A!J9, L9\n" in Answer.to(report, "a.xlsx", "0").as_text()
    assert report.read.as_json()["dashes_read_as_0"] == [{"sheet": "F8A", "cells": "J9, L9"}]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ('0 "người"', None),
        ('#,##0" đồng chí"', None),
        ('0 "nghìn người"', "8 nghìn người"),
        ('0 "chi bộ"', "8 chi bộ"),
        ("[Red]0", None),
    ],
)
def test_a_number_format_may_show_the_fields_own_unit_and_no_other(code: str, shown: str | None) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet["D9"].number_format = code

    report = staff(edit)
    assert found(report) == (["cell.shown D9"] if shown else [])
    assert shown is None or shown in report.findings[0].message_vi


@pytest.mark.parametrize(("title", "label"), [("ĐVT", "ĐVT"), ("Đơn vị tính", "ĐVT"), ("Ghi chú (nếu có)", "Ghi chú")])
def test_a_column_of_units_or_of_remarks_may_stand_anywhere(title: str, label: str) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet.insert_cols(4)
        put(D7=title, D8=None, D9="người" if label == "ĐVT" else "2 người")(sheet)

    report = staff(edit)
    assert found(report) == []
    assert len(report.cells) == 9


def test_a_column_of_rows_in_a_table_that_has_none_is_named() -> None:
    def edit(sheet: Worksheet) -> None:
        sheet.insert_cols(4)
        put(D7="Nội dung", D8=None, D9="Chi bộ")(sheet)

    report = staff(edit)
    assert (report.status, [(c.column, c.label) for c in report.read.columns]) == ("accepted", [("D", "Dòng")])


def test_a_blank_under_two_rules_is_told_once() -> None:
    report = staff(put(G9=None))
    assert found(report) == ["cell.blank G9"]
    assert "F8.1a, F8.1b" in report.findings[0].message_vi
    report = staff(put(D9=None, H9=None))
    assert found(report) == ["cell.blank D9", "cell.blank H9"]


def test_a_column_without_figures_is_passed_over_and_said_to_be() -> None:
    report = staff(put(M7="Kiến nghị", M9="chờ duyệt", N7="Ghi chú", N9="12 đơn", O9="xem lại"))
    assert (report.status, found(report)) == ("accepted", [])
    told = Answer.to(report, "a.xlsx", "0").as_text()
    assert "F8A!M" in told
    assert "F8A!N (Ghi chú)" in told
    assert "F8A!O" in told
    assert "chờ duyệt" not in told
    assert "Kiến nghị" not in told


@pytest.mark.parametrize(
    ("money", "findings"), [("người", []), ("nghìn người", ["head.measure"]), ("triệu đồng", ["head.measure"])]
)
def test_a_unit_of_measure_of_a_json_is_asked_about_as_a_workbooks_is(money: str, findings: list[str]) -> None:
    told = {"form": "F8", "sender": WARD, "period": "2018-Y", "scope": "own", "money": money}
    told |= {"rows": [{"table": "F8A", "unit": WARD, "values": STAFF}]}
    assert found(read("a.json", json.dumps(told).encode())) == [f"{rule} /money" for rule in findings]


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("above", [None, "Kết quả tiếp công dân", "Trong đó"])
def test_groups_may_stand_above_the_titles_of_their_columns(rows: int, above: str | None) -> None:
    """In the handed file the groups stand in row 10 and the titles in row 11: with rows between them, and a text above."""
    workbook = load_workbook(FOLDER / "ld_right.xlsx")
    sheet = workbook.active
    assert sheet is not None
    if rows:
        sheet.insert_rows(11)
    sheet["D9"] = above
    sheet["J10"] = "Vụ việc"
    buffer = io.BytesIO()
    workbook.save(buffer)
    report = read("a.xlsx", buffer.getvalue())
    assert (report.status, found(report), len(report.cells)) == ("accepted", [], 10)


@pytest.mark.parametrize(
    ("title", "findings"),
    [
        ("SỐ LIỆU THÁNG 9/2021", ["head.year E1"]),
        ("BÁO CÁO QUÝ III NĂM 2021", ["head.year E1"]),
        ("BÁO CÁO THÁNG 10/2021 (so với tháng 9/2021)", []),
        ("BÁO CÁO THÁNG 10/2021, KẾ HOẠCH THÁNG 11/2021", []),
        ("BÁO CÁO QUÝ IV/2021", []),
        ("Báo cáo ngày 05 tháng 11 năm 2021", []),
        ("Báo cáo theo Công văn số 12 tháng 3 năm 2021", []),
    ],
)
def test_a_title_of_another_month_is_asked_about(title: str, findings: list[str]) -> None:
    workbook = load_workbook(io.BytesIO(book(CATALOGUE, "F2", "08737.01", "2021-M10", [("08737.01", MEETING)])))
    workbook["F2"]["E1"] = title
    buffer = io.BytesIO()
    workbook.save(buffer)
    assert found(read("a.xlsx", buffer.getvalue())) == findings


@pytest.mark.parametrize("value", ["không", "✓", True, 2])
def test_a_cell_of_yes_or_no_says_what_it_takes(value: Any) -> None:
    content = book(CATALOGUE, "F2", "08737.01", "2021-M10", [("08737.01", MEETING | {"co_nghi_quyet": value})])
    assert found(read("a.xlsx", content)) == ["cell.flag Q9"]


@pytest.mark.parametrize(("separator", "shown"), [(";", ";"), (",", ","), ("\t", "Tab")])
def test_a_sheet_in_one_column_is_told_so_and_not_that_its_head_is_missing(separator: str, shown: str) -> None:
    def edit(sheet: Worksheet) -> None:
        for row in sheet.iter_rows():
            text = separator.join("" if cell.value is None else str(cell.value) for cell in row)
            for cell in row:
                cell.value = None
            row[0].value = text

    report = staff(edit)
    assert (report.status, found(report)) == ("returned", ["row.one_cell A9"])
    assert f"«{shown}»" in report.findings[0].message_vi


GRADED = {"tong_to_chuc": 686, "duoc_xep": 662, "chua_xep": 24, "ht": 58, "khong_ht": 0}


@pytest.mark.parametrize(
    ("given", "findings"),
    [
        ({"htt_tro_len": 604}, []),
        ({"htxs": 100, "htt": 504}, []),
        ({"htxs": 100, "htt": 504, "htt_tro_len": 604}, []),
        ({"htt_tro_len": 605}, ["F3.2d"]),
        ({"htxs": 100, "htt": 504, "htt_tro_len": 504}, ["F3.2d"]),
        ({"htxs": 100, "htt": 505, "htt_tro_len": 604}, ["F3.2a"]),
        ({"htxs": 100, "htt_tro_len": 604}, ["cell.blank"]),
        ({"htxs": 100}, ["cell.blank"]),
        ({}, ["cell.blank"]),
    ],
)
def test_good_or_better_may_stand_in_place_of_its_parts_or_beside_them(given: dict[str, int], findings: list[str]) -> None:
    report = read("a.xlsx", book(CATALOGUE, "F3A", WARD, "2019-Y", [(WARD, "Chi bộ", GRADED | given)], version=2))
    assert [f.rule for f in report.findings] == findings
    assert {c.indicator for c in report.cells if c.state == "blank"} == {"htxs", "htt", "htt_tro_len"} - given.keys()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("given", "findings"),
    [
        ({"htt_tro_len": 93}, []),
        ({"htxs": 13, "htt_rieng": 80}, []),
        ({"htxs": 13, "htt_rieng": 80, "htt_tro_len": 93}, []),
        ({"htxs": 13, "htt_rieng": 80, "htt_tro_len": 80}, ["F3.2c"]),
        ({"htxs": 13, "htt_tro_len": 93}, ["cell.blank"]),
    ],
)
def test_members_good_or_better_may_stand_in_place_of_its_parts_too(
    version: int, given: dict[str, int], findings: list[str]
) -> None:
    graded = {"tong_dv": 103, "duoc_xep": 100, "mien_xep": 2, "chua_xep": 1, "ht": 5, "khong_ht": 2}
    period = "2017-Y" if version == 1 else "2018-Y"
    report = read("a.xlsx", book(CATALOGUE, "F3B", WARD, period, [(WARD, graded | given)], version=version))
    assert [f.rule for f in report.findings if f.returns] == findings


@pytest.mark.parametrize(
    "texts",
    [
        ["Größe der Straße", "Fußgänger über Äcker", "Öffnungszeiten für Müller"],
        ["Hämäläinen päivää", "pää asiat yö"],
        ["España año niño", "señor mañana"],
        ["São Paulo ação", "coração irmão"],
        ["Øresund Århus", "Smørrebrød på"],
        ["L'«île»", "«été» «là-bas»", "10 µm"],
    ],
)
def test_letters_of_other_languages_are_no_old_font(texts: list[str]) -> None:
    assert old_fonts.found(texts) is None


@pytest.mark.parametrize("label", ["form", "version", "unit", "period", "scheme", "scope", "money"])
def test_a_name_in_the_head_is_not_quoted(label: str) -> None:
    report = read("a.xlsx", book(CATALOGUE, "F8A", WARD, "2018-Y", [(WARD, STAFF)], head={label: NAME}))
    assert report.findings
    assert not any(NAME.casefold() in f"{f.message_vi} {f.message_en}".casefold() for f in report.findings)
