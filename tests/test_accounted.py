"""Every cell below a table's header that holds anything is read, refused or named in the answer, whatever a sheet looks like."""

import io
import re
from collections import Counter
from datetime import date
from typing import Any

from books import STAFF
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils import column_index_from_string, get_column_letter, range_boundaries

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check

CATALOGUE = load_catalogue(PROJECT / "catalogue")  # no fixture: a failure would print it whole
HEAD = [
    ("Biểu", "F8"),
    ("Mã đơn vị báo cáo", "243"),
    ("Kỳ báo cáo", "2018-Y"),
    ("Phạm vi số liệu", "Riêng đơn vị"),
]
TITLES = "STT|Mã đơn vị|Tên đơn vị|Cán bộ|Công chức|Hợp đồng|Tổng số cán bộ, công chức|Thạc sĩ trở lên|Đại học|Cao đẳng|Trung cấp"
LABELS = [*TITLES.split("|"), "Trình độ khác"]
HEADER = len(HEAD) + 2  # the last row of the header, with the columns' numbers
NUMBERS = [f"({n})" for n in range(1, 13)]
FIGURES = list(STAFF.values())
NAME = "Nguyễn Văn A"
Line = list[Any]

texts = st.sampled_from(
    f"{NAME}|(Ký, họ tên)|không rõ|TM. BAN THƯỜNG VỤ|NGƯỜI LẬP BIỂU|Hà Nội, ngày 5 tháng 7 năm 2025|xong| |\u200b|"
    "Ghi chú: số liệu trên tính đến 01/12|Ngày 30/9 bổ sung:|ĐT: 0912345678|SỐ LIỆU NĂM 2017|Số: 15/BC".split("|")
)
figures = st.one_of(
    st.sampled_from([8, 12, 0, 8.5, -1, "8", "1.234", "hơn 65%", "15 nghìn", "x", "-", "–", "7/12", "\u200b8", True]),
    st.sampled_from([date(2018, 12, 7), "không rõ", "#REF!"]),
)
codes = st.sampled_from(["08719", "243.01", "243.02", "243.99", "O8719", "8719", "24301", NAME])


def spread(column: int, value: Any) -> Line:
    return [*[None] * column, value]


@st.composite
def offices(draw: st.DrawFn) -> Line:
    """A row of an office, or what is left of one."""
    own = draw(st.sampled_from([FIGURES, [str(n) for n in FIGURES]]) | st.lists(figures | st.none(), min_size=9, max_size=9))
    number, code, name = draw(st.integers(1, 9) | st.none()), draw(codes | st.none()), draw(st.sampled_from(["–", NAME, None]))
    return [number, code, name, *own]


@st.composite
def totals(draw: st.DrawFn) -> Line:
    """A row of sums, of which none is right: each must be refused at its cell."""
    label = draw(st.sampled_from(["Cộng", "Tổng cộng", "Cộng I", "Cộng mục Z"]))
    where = draw(st.integers(0, 2))
    return [
        *spread(where, label),
        *[None] * (2 - where),
        *draw(st.lists(st.just(10**7) | st.just("cỡ 100"), min_size=9, max_size=9)),
    ]


lines = st.one_of(
    offices(),
    offices(),
    totals(),
    st.builds(spread, st.integers(0, 13), texts),
    st.builds(spread, st.integers(0, 13), figures),
    st.lists(texts | figures | st.none(), max_size=14),
    st.just([]),
    st.just(LABELS),
    st.just(NUMBERS),
    st.just(["STT", None, "Đơn vị", "Nghị quyết", "Đề án", "Chỉ thị", "Kế hoạch"]),
    st.sampled_from([["I", None, "Các phường"], ["A", None, "KHỐI XÃ", *[10**7] * 9], ["II"]]),
    st.just([None, None, "ĐVT", "nghìn", "%"]),
)
extra = st.sampled_from([None, "Ghi chú", "Kiến nghị", "Cán bộ (nghìn người)"])


def sheet_of(body: list[Line], title: str | None, merged: str | None) -> tuple[bytes, dict[str, Any]]:
    """A workbook and its cells below the header that an eye can see something in, from the first figure column on."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (*HEAD, [*LABELS, title], NUMBERS, *body):
        sheet.append(list(line) or [None])
    if merged:
        sheet.merge_cells(merged)
    held = {
        cell.coordinate: cell.value
        for row in sheet.iter_rows(min_row=HEADER + 1, min_col=4)
        for cell in row
        if cell.value is not None and str(cell.value).strip(" \u200b")
    }
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue(), held


def inside(cell: str, ranges: str) -> bool:
    column, row = re.fullmatch(r"([A-Z]+)(\d+)", cell).groups()  # type: ignore[union-attr]
    at = column_index_from_string(column), int(row)
    bounds = [range_boundaries(each) for each in ranges.split(", ") if each]
    return any(left <= at[0] <= right and top <= at[1] <= bottom for left, top, right, bottom in bounds)  # type: ignore[operator]


def unaccounted(report: Report, held: dict[str, Any], titles: list[str | None]) -> dict[str, Any]:
    read = {cell.cell for cell in report.cells}
    refused = {f.cell for f in report.findings if f.cell}
    rows = {f.cell[1:] for f in report.findings if f.cell and f.rule.startswith("row.") and f.rule != "row.twice"}
    columns = {(f.cell or "").rstrip("0123456789") for f in report.findings if f.rule.startswith("column.")}
    columns |= {
        get_column_letter(n)
        for c in report.read.columns
        for first, _, last in [c.column.partition(":")]
        for n in range(column_index_from_string(first), column_index_from_string(last or first) + 1)
    }
    passed = ", ".join(c.cells for c in report.read.cells)
    # a row of which most cells hold numbers is somebody's: to name it is not enough
    numbers = Counter(re.sub("[A-Z]+", "", cell) for cell, value in held.items() if type(value) is int and cell < "M")

    def known(cell: str, value: Any) -> bool:
        column, row = cell.rstrip("0123456789"), cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        # a column's own title once more, and its number
        again = (
            str(value) in (titles[column_index_from_string(column) - 1 : column_index_from_string(column)] or [None])
            or str(value) == f"({column_index_from_string(column)})"
        )
        return cell in read | refused or row in rows or column in columns or again or (numbers[row] < 5 and inside(cell, passed))

    return {cell: value for cell, value in held.items() if not known(cell, value)}


@given(st.lists(lines, max_size=9), extra, st.sampled_from([None, None, "D8:D9", "E8:F8", "C7:D8"]))
@settings(deadline=None, max_examples=300)
def test_every_cell_below_a_header_is_read_refused_or_named(body: list[Line], title: str | None, merged: str | None) -> None:
    content, held = sheet_of(body, title, merged)
    report = read_and_check("a.xlsx", content, CATALOGUE, Settings(home=PROJECT / "nowhere"))
    assert report.status in ("accepted", "returned"), report.findings
    assert unaccounted(report, held, [*LABELS, title]) == {}
    assert NAME not in repr(report)
