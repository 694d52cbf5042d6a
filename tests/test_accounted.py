"""Every cell below a table's header that holds anything is read, refused or named in the answer, whatever a sheet looks like."""

import io
import re
from collections import Counter
from datetime import date
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils import column_index_from_string, get_column_letter, range_boundaries

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check

CATALOGUE = load_catalogue(PROJECT / "catalogue")  # no fixture: a failure would print it whole
NAME = "Nguyễn Văn A"
Line = list[Any]


class Paper(NamedTuple):
    """A form table as its sheet begins: the head, the titles of its columns and their numbers; and codes that it may hold."""

    head: list[tuple[str, str]]
    titles: list[str]
    lead: int
    codes: list[str]
    # the letters of the columns that hold words, of which nobody can state a sum
    words: set[str]

    @property
    def above(self) -> int:
        """How many rows stand above the first one of figures."""
        return len(self.head) + 2

    @property
    def numbers(self) -> list[str]:
        return [f"({n})" for n in range(1, len(self.titles) + 1)]


def paper(form: str, table: str, version: int, sender: str, period: str, *codes: str) -> Paper:
    spec = next(f for f in CATALOGUE.forms if (f.code, f.version) == (form, version)).table[table]
    head = [("Biểu", form), ("Mã đơn vị báo cáo", sender), ("Kỳ báo cáo", period), ("Phạm vi số liệu", "Riêng đơn vị")]
    leading = ["STT", "Mã đơn vị", "Tên đơn vị", *(["Loại hình"] if len(spec.rows) > 1 else [])]
    words = {get_column_letter(n) for n, field in enumerate(spec.fields, start=len(leading) + 1) if field.codes}
    return Paper(
        head, [*leading, *(field.vi for field in spec.fields)], len(leading), [*codes, f"{sender}.99", "O8719", NAME], words
    )


# counts alone; fixed rows and a sum in place of its parts; flags and a column of words
PAPERS = [
    paper("F8", "F8A", 1, "243", "2018-Y", "08719", "8719", "243.01", "243.02"),
    paper("F3", "F3A", 2, "08719", "2019-Y", "08719", "08719.01"),
    paper("F2", "F2", 1, "08737", "2021-M10", "08737.01", "08737.02"),
]

texts = st.sampled_from(
    f"{NAME}|(Ký, họ tên)|không rõ|TM. BAN THƯỜNG VỤ|NGƯỜI LẬP BIỂU|Hà Nội, ngày 5 tháng 7 năm 2025|xong| |\u200b|"
    "Ghi chú: số liệu trên tính đến 01/12|Ngày 30/9 bổ sung:|ĐT: 0912345678|SỐ LIỆU NĂM 2017|Số: 15/BC".split("|")
)
figures = st.one_of(
    st.sampled_from([8, 12, 0, 8.5, -1, "8", "1.234", "hơn 65%", "15 nghìn", "x", "-", "–", "7/12", "\u200b8", True]),
    st.sampled_from([date(2018, 12, 7), "không rõ", "#REF!"]),
)


def spread(column: int, value: Any) -> Line:
    return [*[None] * column, value]


def beside(line: Line, width: int, value: Any) -> Line:
    """A line with a value more, to the right of the table."""
    return line if value is None else [*line, *[None] * (width - len(line)), value]


def sheets(of: Paper) -> st.SearchStrategy[list[Line]]:
    """What may stand below the titles."""
    lead, wide = of.lead, len(of.titles) - of.lead
    counts = [[8] * wide, ["8"] * wide]
    office = st.tuples(
        st.integers(1, 9) | st.none(),
        st.sampled_from(of.codes) | st.none(),
        st.sampled_from(["–", NAME, None]),
        *[st.sampled_from(["Chi bộ", "Tổ chức cơ sở đảng", NAME, None])] * (lead - 3),
        st.sampled_from(counts) | st.lists(figures | st.none(), min_size=wide, max_size=wide),
    ).map(lambda parts: [*parts[:-1], *parts[-1]])
    # rows of sums, of which none is right: each must be refused at its cell
    total = st.tuples(
        st.sampled_from(["Cộng", "Tổng cộng", "Cộng I", "Cộng mục Z"]),
        st.integers(0, 2),
        st.lists(st.just(10**7) | st.just("cỡ 100"), min_size=wide, max_size=wide),
    ).map(lambda parts: [*[None] * parts[1], parts[0], *[None] * (lead - 1 - parts[1]), *parts[2]])
    lines = st.one_of(
        office,
        office,
        total,
        st.builds(spread, st.integers(0, lead + wide + 1), texts),
        st.builds(spread, st.integers(0, lead + wide + 1), figures),
        st.lists(texts | figures | st.none(), max_size=lead + wide + 2),
        st.just([]),
        st.just(of.titles),
        st.just(of.numbers),
        st.just(["STT", None, "Đơn vị", "Nghị quyết", "Đề án", "Chỉ thị", "Kế hoạch"]),
        st.sampled_from([["I", None, "Các phường"], ["A", None, "KHỐI XÃ", *[None] * (lead - 3), *[10**7] * wide], ["II"]]),
        st.just([*[None] * (lead - 1), "ĐVT", "nghìn", "%"]),
        # what may begin a second table right below: its title, and its lines
        st.sampled_from([["Bảng 2. Lao động hợp đồng"], ["LAO ĐỘNG HỢP ĐỒNG"], [None, None, "Biểu F5"], [None, "Nghị quyết", 3]]),
    )
    return st.lists(st.builds(beside, lines, st.just(lead + wide), st.none() | st.none() | figures), max_size=9)


extra = st.sampled_from([None, "Ghi chú", "Kiến nghị", "Cán bộ (nghìn người)"])


def sheet_of(of: Paper, body: list[Line], title: str | None, merged: str | None) -> tuple[bytes, dict[str, Any]]:
    """A workbook and its cells below the header that an eye can see something in: all from the first figure column on, and
    numbers left of it but for those of the rows."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (*of.head, [*of.titles, title], of.numbers, *body):
        sheet.append(list(line) or [None])
    if merged:
        sheet.merge_cells(merged)
    held = {
        cell.coordinate: cell.value
        for row in sheet.iter_rows(min_row=of.above + 1, min_col=2)
        for cell in row
        if cell.value is not None and str(cell.value).strip(" \u200b")
        if cell.column > of.lead or isinstance(cell.value, int | float)
    }
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue(), held


def inside(cell: str, ranges: str) -> bool:
    column, row = re.fullmatch(r"([A-Z]+)(\d+)", cell).groups()  # type: ignore[union-attr]
    at = column_index_from_string(column), int(row)
    bounds = [range_boundaries(each) for each in ranges.split(", ") if each]
    return any(left <= at[0] <= right and top <= at[1] <= bottom for left, top, right, bottom in bounds)  # type: ignore[operator]


def unaccounted(report: Report, held: dict[str, Any], of: Paper, title: str | None) -> dict[str, Any]:
    titles, most = [*of.titles, title], 1 + (len(of.titles) - of.lead) // 2
    read, first, last = {cell.cell for cell in report.cells}, *map(get_column_letter, (of.lead + 1, len(of.titles)))
    of_rows = {re.sub("[A-Z]+", "", cell) for cell in read}
    refused = {f.cell for f in report.findings if f.cell}
    rows = {
        f.cell[1:] for f in report.findings if f.cell and f.rule.startswith(("row.", "table.level")) and f.rule != "row.twice"
    }
    columns = {(f.cell or "").rstrip("0123456789") for f in report.findings if f.rule.startswith("column.")}
    columns |= {
        get_column_letter(n)
        for c in report.read.columns
        for left, _, right in [c.column.partition(":")]
        for n in range(column_index_from_string(left), column_index_from_string(right or left) + 1)
    }
    passed = ", ".join(c.cells for c in report.read.cells)
    # a row of which most cells hold numbers is somebody's: to name it is not enough
    counts = [cell for cell, value in held.items() if type(value) is int and inside(cell, f"{first}1:{last}{10**6}")]
    numbers = Counter(re.sub("[A-Z]+", "", cell) for cell in counts)

    def known(cell: str, value: Any) -> bool:
        column, row = cell.rstrip("0123456789"), cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        # a column's own title once more, and its number
        again = (
            str(value) in (titles[column_index_from_string(column) - 1 : column_index_from_string(column)] or [None])
            or str(value) == f"({column_index_from_string(column)})"
        )
        return (
            cell in read | refused
            or row in rows
            or (row in of_rows and column_index_from_string(column) <= of.lead)
            or column in columns
            or again
            or ((numbers[row] < most or column in of.words) and inside(cell, passed))
        )

    return {cell: value for cell, value in held.items() if not known(cell, value)}


@pytest.mark.parametrize("of", PAPERS, ids=lambda of: str(of.head[0][1]))
@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_every_cell_below_a_header_is_read_refused_or_named(of: Paper, data: st.DataObject) -> None:
    body, title = data.draw(sheets(of)), data.draw(extra)
    column = [get_column_letter(of.lead + n) for n in range(3)]
    merges = [None, None, f"{column[1]}8:{column[1]}9", f"{column[1]}8:{column[2]}8", f"{column[0]}7:{column[1]}8", "B7:B8"]
    merged = data.draw(st.sampled_from(merges))
    content, held = sheet_of(of, body, title, merged)
    report = read_and_check("a.xlsx", content, CATALOGUE, Settings(home=PROJECT / "nowhere"))
    assert report.status in ("accepted", "returned"), report.findings
    # what is said of a merged code is said of its rows
    ours = [f.cell for f in report.findings if f.rule.startswith("row.")]
    if merged == "B7:B8" and "B7" in ours:
        held = {cell: value for cell, value in held.items() if not cell.endswith("8") or cell[-2:].isdigit()}
    assert unaccounted(report, held, of, title) == {}
    assert NAME not in repr(report)
