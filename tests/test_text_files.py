"""CSV and JSON as programs and offices write them: each kind with its exact answer."""

import csv
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from books import STAFF, book
from hostile import as_csv, as_json
from openpyxl import load_workbook

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake.pool import Pool
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check
from tonghop.templates.book import workbook
from tonghop.templates.plan import Planner

WARD, PERIOD = "08719", "2018-Y"
LIMITS = Settings(home=Path("/nowhere"))
LONG = as_csv(STAFF).decode()
# as spreadsheet programs write a sheet: every line as wide as the widest
SHEET: list[list[Any]] = [
    ["Biểu", "F8"],
    ["Phiên bản", "1"],
    ["Mã đơn vị báo cáo", WARD],
    ["Kỳ báo cáo", PERIOD],
    ["Phạm vi số liệu", "Riêng đơn vị"],
    ["", "", "Báo cáo của phường,\nlập theo mẫu"],
]


def read(content: str | bytes, catalogue: Catalogue, name: str = "a.csv", received: date | None = None) -> Report:
    return read_and_check(name, content if isinstance(content, bytes) else content.encode(), catalogue, LIMITS, received)


def told(report: Report) -> tuple[str, list[str]]:
    return report.status, [f"{f.rule} {f.cell}" for f in report.findings]


def figures(report: Report) -> dict[str, int]:
    return {cell.indicator: int(cell.value) for cell in report.cells if cell.value is not None}


def saved(catalogue: Catalogue, separator: str = ",", square: bool = True, **changes: Any) -> str:
    """A sheet with its head, header, one row and foot as CSV."""
    fields = next(form.table["F8A"] for form in catalogue.forms if "F8A" in form.table).fields
    rows = [
        *SHEET,
        ["STT", "Mã đơn vị", "Tên đơn vị", *(f.vi for f in fields)],
        ["1", WARD, "Đảng bộ phường Ngô Quyền", *((STAFF | changes)[f.code] for f in fields)],
        ["", "", "Cộng", *((STAFF | changes)[f.code] for f in fields)],
        ["", "", "TM. BAN THƯỜNG VỤ"],
    ]
    width = max(map(len, rows)) if square else 0
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows([*row, *[""] * (width - len(row))] for row in rows)
    return out.getvalue()


# --- a figure a line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.replace(",", ";"),
        LONG.replace(",", "\t"),
        "sep=,\r\n" + LONG,
        "SEP=;\r\n" + LONG.replace(",", ";"),
        "sep=|\n" + LONG.replace(",", "|"),
        LONG.replace(",", "|"),
        LONG + "\x1a",
        LONG.replace(WARD, "'" + WARD),
        LONG.replace(",8\r", ",8.0\r"),
        LONG.replace("\r\n", "\n"),
        LONG.replace("\r\n", "\r"),
        LONG.replace("\r\n", ",,,\r\n"),
        LONG + ",,,,,,,,,,\r\n\r\n",
        "\ufeff" + LONG,
        LONG.replace("form,", "Form ,").replace("value", "VALUE"),
        '"' + LONG.replace(",", '","').replace("\r\n", '"\r\n"').removesuffix('"'),
    ],
    ids=[
        "comma", "semicolon", "tab", "sep", "SEP with another", "sep with a bar", "bar", "ctrl-z", "apostrophes", "8.0",
        "unix", "mac", "trailing commas", "blank lines",
        "byte order mark", "letters and spaces in names", "all quoted",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_figure_a_line_is_read_whatever_separates_and_encodes_it(catalogue: Catalogue, text: str, encoding: str) -> None:
    report = read(text.encode(encoding), catalogue)
    assert (told(report), figures(report)) == (("accepted", []), STAFF)


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "A.TSV"])
def test_what_excel_calls_unicode_text_is_read(catalogue: Catalogue, name: str) -> None:
    assert figures(read(saved(catalogue, "\t").encode("utf-16"), catalogue, name)) == STAFF


def test_semicolons_go_with_a_decimal_comma(catalogue: Catalogue) -> None:
    money = [("F8C", "243", "tong", "1.234,5")]
    text = (
        LONG.split("\r\n")[0]
        + ",money\r\n"
        + "".join(
            f'F8,1,243,2018-Y,CALENDAR,own,{table},{unit},,{field},"{value}",triệu đồng\r\n'
            for table, unit, field, value in money
        )
    )
    semicolons = text.replace('"1.234,5"', "1.234;5").replace(",", ";").replace("1.234;5", "1.234,5")
    both = [read(one, catalogue) for one in (text, semicolons)]
    assert [cell.value for report in both for cell in report.cells] == [cell.value for cell in both[0].cells] * 2


@pytest.mark.parametrize("encoding", ["cp1258", "cp1252", "utf-16-le", "utf-32"])
def test_another_encoding_is_refused_with_what_to_do(catalogue: Catalogue, encoding: str) -> None:
    report = read("Đỗ, ế, é\r\n".encode(encoding, "replace") + LONG.encode(encoding), catalogue)
    assert told(report) == ("quarantined", ["file.encoding None"])
    assert "CSV UTF-8" in report.findings[0].message_vi


def test_an_error_of_a_spreadsheet_is_told_as_such(catalogue: Catalogue) -> None:
    report = read(LONG.replace(",8\r", ",#REF!\r"), catalogue)
    assert told(report) == ("returned", ["cell.error line 2"])
    assert "#REF!" in report.findings[0].message_vi
    assert told(read(saved(catalogue, ";", can_bo="#N/A"), catalogue)) == ("returned", ["cell.error D8", "cell.error D9"])


def test_a_line_that_is_no_figure_is_named(catalogue: Catalogue) -> None:
    lines = LONG.splitlines(keepends=True)
    few = "".join([*lines[:4], "F8,1,08719,2018-Y\r\n", *lines[4:]])
    assert told(read(few, catalogue)) == ("returned", ["file.width line 5"])
    many = LONG.replace(",21\r", ",21,5\r")
    report = read(many, catalogue)
    assert told(report) == ("returned", ["file.width line 5"])
    assert "12 ô" in report.findings[0].message_vi
    twice = LONG.replace("scheme,scope", "scope,scope", 1)
    assert told(read(twice, catalogue))[0] == "quarantined"
    assert told(read(LONG.replace(",value\r", ",value,value\r", 1), catalogue)) == ("quarantined", ["file.columns_twice line 1"])


# --- a column a field --------------------------------------------------------------------------------------------


def wide(**changes: Any) -> str:
    head = {"form": "F8", "version": 1, "sender": WARD, "period": PERIOD, "scheme": "CALENDAR", "scope": "own"}
    line = head | {"table": "F8A", "unit": WARD} | STAFF | changes
    return ",".join(line) + "\r\n" + ",".join(map(str, line.values())) + "\r\n"


def test_a_column_a_field_is_read(catalogue: Catalogue) -> None:
    report = read(wide(), catalogue)
    assert (told(report), figures(report)) == (("accepted", []), STAFF)
    assert {cell.cell for cell in report.cells} == {f"line 2, {name}" for name in STAFF}
    assert told(read(wide(tong="hơn 20"), catalogue)) == ("returned", ["cell.approximate line 2, tong"])
    assert told(read(wide(tuoi=3), catalogue)) == ("returned", ["column.unknown line 2, tuoi"])
    blank = wide().replace("khac\r", "khac,\r").replace(",0\r", ",0,5\r")
    assert told(read(blank, catalogue)) == ("returned", ["file.width line 2"])
    assert told(read(wide().replace(",can_bo,", ",,", 1), catalogue))[1][0] == "column.unknown line 2"
    assert told(read(wide().replace("khac\r", "\r"), catalogue))[1][0] == "file.width line 2"


# --- a saved sheet -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("stated", [True, False])
def test_a_saved_sheet_is_read_like_the_sheet(catalogue: Catalogue, separator: str, square: bool, stated: bool) -> None:
    text = (f"sep={separator}\r\n" if stated else "") + saved(catalogue, separator, square)
    report = read(text, catalogue)
    assert (told(report), figures(report)) == (("accepted", []), STAFF)
    # a quoted line feed is no row, nor is the line with the separator: as Excel shows the file
    assert {cell.cell for cell in report.cells} == {f"{letter}8" for letter in "DEFGHIJKL"}


@pytest.mark.parametrize("empty", ["\r\n", ";;;\r\n"])
def test_a_saved_sheet_may_begin_with_an_empty_line_and_keep_a_codes_zeros(catalogue: Catalogue, empty: str) -> None:
    text = empty + saved(catalogue, ";").replace(f"1;{WARD}", f'1;="{WARD}"')
    assert '="' in text
    report = read(text, catalogue)
    assert (told(report), figures(report)) == (("accepted", []), STAFF)
    assert {cell.cell for cell in report.cells} == {f"{letter}9" for letter in "DEFGHIJKL"}


def test_a_saved_sheet_gets_the_findings_of_the_sheet(catalogue: Catalogue) -> None:
    assert told(read(saved(catalogue, ";", khac="hơn 5"), catalogue)) == (
        "returned",
        ["cell.approximate L8", "cell.approximate L9"],
    )
    assert told(read(saved(catalogue, ";").replace(WARD, "99999"), catalogue))[1][0] == "head.unit B3"
    content = book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | {"tong": 22})])
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows([["" if v is None else v for v in row] for row in sheet.iter_rows(values_only=True)])
    assert told(read(out.getvalue(), catalogue)) == told(read(content, catalogue, "a.xlsx"))


# --- cut off -----------------------------------------------------------------------------------------------------


def test_a_csv_cut_anywhere_within_a_line_is_never_accepted(catalogue: Catalogue) -> None:
    for text in (LONG, wide(), saved(catalogue, ";"), saved(catalogue, ",", square=False)):
        ends = {n + 1 for n, c in enumerate(text) if c == "\n"} | {n for n, c in enumerate(text) if c == "\n"}
        for at in range(0, len(text), 7):
            if at not in ends:
                assert read(text[:at], catalogue).status != "accepted", text[:at]


def test_a_csv_without_its_last_line_end_says_how_to_add_it(catalogue: Catalogue) -> None:
    for text, line in ((LONG, 10), (wide(), 2), (saved(catalogue), 11)):
        report = read(text.removesuffix("\r\n"), catalogue)
        assert told(report) == ("returned", [f"file.cut line {line}"])
        assert "Enter" in report.findings[0].message_vi
        assert report.sender


def test_a_csv_that_ends_within_a_quoted_cell_is_cut(catalogue: Catalogue) -> None:
    assert told(read(LONG + 'F8,1,"087\n', catalogue)) == ("quarantined", ["file.cut line 11"])


def test_a_row_of_figures_that_ends_early_is_cut_and_a_short_foot_is_not(catalogue: Catalogue) -> None:
    lines = saved(catalogue, square=False).split("\r\n")
    assert told(read("\r\n".join([*lines[:8], ""]).replace(",1,0\r\n", ",1\r\n"), catalogue)) == ("returned", ["file.width A8"])


def test_json_that_ends_early_says_so_and_other_json_that_is_none_does_not(catalogue: Catalogue) -> None:
    whole = json.dumps(json.loads(as_json()))
    for at in range(1, len(whole)):
        assert [f.rule for f in read(whole[:at], catalogue, "a.json").findings] == ["file.cut_json"], whole[:at]
    for wrong in (
        whole.replace(":", "=", 1),
        whole + "}",
        whole.replace("1", "tru", 1),
        "<xml>",
        whole + whole,
        "9" * 5_000,
        "NaN",
    ):
        report = read(wrong, catalogue, "a.json")
        assert [f.rule for f in report.findings] == ["file.json"], wrong
        assert "bằng Excel" not in report.findings[0].message_vi


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
@pytest.mark.parametrize("text", ["", " ", "\r\n\r\n", "\ufeff", "\ufeff\r\n"])
def test_a_text_of_nothing_is_called_empty(catalogue: Catalogue, name: str, text: str) -> None:
    assert told(read(text, catalogue, name)) == ("quarantined", ["file.nothing None"])


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.xlsx"])
def test_zeros_that_a_copy_left_are_no_old_alphabet(catalogue: Catalogue, name: str) -> None:
    assert told(read(bytes(4096), catalogue, name)) == ("quarantined", ["file.nothing None"])
    if name != "a.xlsx":
        assert told(read(LONG[:-50].encode() + bytes(50), catalogue, name)) == ("quarantined", ["file.damaged None"])


def test_a_json_without_rows_is_told_so_and_not_that_nothing_is_filled_in(catalogue: Catalogue) -> None:
    told_ = json.loads(as_json())
    told_["data"] = told_.pop("rows")
    assert told(read(json.dumps(told_), catalogue, "a.json")) == ("quarantined", ["file.shape None"])


def test_what_a_json_or_a_csv_has_besides_is_named(catalogue: Catalogue) -> None:
    told_ = json.loads(as_json()) | {"don_vi_tinh": "nghìn người"}
    told_["rows"][0]["note"] = "x"
    report = read(json.dumps(told_), catalogue, "a.json")
    assert [c.cells for c in report.read.cells] == ["/don_vi_tinh, /rows/0/note"]
    lines = LONG.split("\r\n")
    report = read("\r\n".join([lines[0] + ",dvt,other", *(line + ",nghìn," for line in lines[1:-1]), ""]), catalogue)
    assert (report.status, [c.column for c in report.read.columns]) == ("accepted", ["L"])


def test_remarks_beside_a_column_a_field_are_passed_over_and_named(catalogue: Catalogue) -> None:
    head, line, _ = wide().split("\r\n")
    report = read(f"{head},Ghi chú\r\n{line},xem lại\r\n", catalogue)
    assert (report.status, figures(report), [c.label for c in report.read.columns]) == ("accepted", STAFF, ["Ghi chú"])


@pytest.mark.parametrize("of", ["long", "wide", "sheet"])
def test_spaces_round_cells_are_none_of_them(catalogue: Catalogue, of: str) -> None:
    text = {"long": LONG, "wide": wide(), "sheet": saved(catalogue)}[of]
    report = read(text.replace(",", ",  "), catalogue)
    assert (told(report), figures(report)) == (("accepted", []), STAFF)


@pytest.mark.parametrize(
    "line", ["2;243.01;;5;5;0;10;1;9;0;0;0", '"2,243.01,,5,5,0,10,1,9,0,0,0"', "2\t243.01\t\t5\t5\t0\t10\t1\t9"]
)
def test_a_row_that_stands_in_one_cell_is_returned(catalogue: Catalogue, line: str) -> None:
    lines = saved(catalogue, square=False).split("\r\n")
    for at in (9, 10, len(lines) - 1):
        report = read("\r\n".join([*lines[:at], line, *lines[at:]]), catalogue)
        assert told(report) == ("returned", [f"row.one_cell A{at + 1}"]), at


def test_a_csv_of_no_known_word_is_not_called_damaged(catalogue: Catalogue) -> None:
    assert told(read('"Quy tắc\nRule";"Bảng\nTable";"Kết quả\nResult"\r\n"F8.1a";"F8A";"đúng"\r\n', catalogue)) == (
        "quarantined",
        ["file.columns line 1"],
    )


def test_an_old_font_in_a_csv_is_called_one(catalogue: Catalogue) -> None:
    text = "BiÓu,F8\r\nM· ®¬n vÞ b¸o c¸o,243\r\nKú b¸o c¸o,2018-Y\r\nPh¹m vi sè liÖu,own\r\n"
    assert told(read(text, catalogue)) == ("quarantined", ["file.legacy line 1"])


def test_figures_without_a_unit_are_told_so(catalogue: Catalogue) -> None:
    assert told(read(wide().replace(f",{WARD},", f",{WARD},", 1).replace(f"F8A,{WARD}", "F8A,"), catalogue))[1] == [
        "row.no_unit line 2, can_bo"
    ]


# --- the unit that is meant --------------------------------------------------------------------------------------

# 13693 was Lộc Hòa's until the reform of 1 July 2025, and is Đông A's since
REUSED, BEFORE, AFTER, LATE, IN_TIME = "13693", "2024-Y", "2025-Y", date(2025, 8, 1), date(2025, 1, 20)


def late(**changes: Any) -> str:
    line = {"form": "F8", "version": 1, "sender": REUSED, "period": BEFORE, "scheme": "CALENDAR", "scope": "own"}
    line |= {"table": "F8A", "unit": REUSED} | STAFF | changes
    return ";".join(line) + "\r\n" + ";".join(map(str, line.values())) + "\r\n"


def sender(report: Report) -> str | None:
    return report.sender.unit if report.sender else None


def test_a_code_that_went_to_another_unit_since_is_returned_with_both(catalogue: Catalogue) -> None:
    report = read(late(), catalogue, received=LATE)
    assert told(report) == ("returned", ["head.code_reused line 2"])
    said = report.findings[0].message_vi
    assert all(words in said for words in ("31/12/2024", "Lộc Hòa (loc-hoa-nd)", "01/07/2025", "Đông A (p-dong-a)"))
    assert sender(read(late(), catalogue, received=IN_TIME)) == "loc-hoa-nd"
    assert sender(read(late(period=AFTER), catalogue, received=LATE)) == "p-dong-a"


@pytest.mark.parametrize(
    "settled",
    [
        {"sender_name": "Đảng bộ phường Lộc Hòa"},
        {"sender_name": "phường Lộc Hoà"},
        {"unit_name": "P. Lộc Hòa"},
        {"codes_on": "31/12/2024"},
        {"codes_on": "2025-06-30"},
        {"sender": "loc-hoa-nd"},
    ],
)
def test_a_name_the_units_key_or_a_stated_day_settles_it(catalogue: Catalogue, settled: dict[str, str]) -> None:
    report = read(late(**settled), catalogue, received=LATE)
    assert (sender(report), told(report)) == ("loc-hoa-nd", ("accepted", []))


@pytest.mark.parametrize("settled", [{"sender_name": "–"}, {"sender_name": "phường"}, {"unit_name": "Đảng bộ phường Đông A"}])
def test_a_name_that_does_not_settle_it_leaves_it_open(catalogue: Catalogue, settled: dict[str, str]) -> None:
    assert told(read(late(**settled), catalogue, received=LATE))[1][0] == "head.code_reused line 2"


@pytest.mark.parametrize(
    ("head", "rules"),
    [
        # the unit that bore the code before
        ({"period": AFTER, "sender_name": "Đảng bộ phường Lộc Hòa"}, ["head.unit_name line 2"]),
        ({"sender": WARD, "unit": WARD, "period": PERIOD, "sender_name": "P. Hùng Vương"}, ["head.unit_name line 2"]),
        ({"sender": WARD, "unit": WARD, "period": PERIOD, "sender_name": "P. Ngô Quyền"}, []),
        ({"sender": WARD, "unit": WARD, "period": PERIOD, "sender_name": "Văn phòng"}, []),
    ],
)
def test_a_sender_who_is_called_as_another_unit_is_asked_which_is_right(
    catalogue: Catalogue, head: dict[str, str], rules: list[str]
) -> None:
    assert told(read(late(**head), catalogue, received=LATE))[1] == rules


def test_a_row_that_is_called_as_the_unit_which_bore_its_code_before_is_asked_about(catalogue: Catalogue) -> None:
    report = read(late(period=AFTER, unit_name="Đảng bộ phường Lộc Hòa"), catalogue, received=LATE)
    assert {f.rule for f in report.findings} == {"row.name"}


def test_a_day_that_is_none_is_asked_about(catalogue: Catalogue) -> None:
    report = read(late(codes_on="Nguyễn Văn A"), catalogue, received=LATE)
    assert "head.codes_on line 2" in told(report)[1]
    assert "Nguyễn" not in repr(report.findings)


def test_a_code_that_is_none_is_asked_about_for_the_day_that_is_stated(catalogue: Catalogue) -> None:
    # Đông A bears the code from the reform on, which is after the period's end
    report = read(late(sender="13693", codes_on="2025-07-02"), catalogue, received=LATE)
    assert told(report)[1] == ["head.unit_then line 2"]
    assert "Ngày 02/07/2025 mã 13693 là của" in report.findings[0].message_vi
    assert "(31/12/2024)" in report.findings[0].message_vi
    report = read(late(sender="99999", unit="99999", codes_on="2025-06-30"), catalogue, received=LATE)
    assert told(report)[1] == ["head.unit line 2"]
    assert "vào ngày 30/06/2025" in report.findings[0].message_vi
    report = read(late(unit="99999", codes_on="2025-06-30"), catalogue, received=LATE)
    assert "vào ngày 30/06/2025" in report.findings[0].message_vi


@pytest.mark.parametrize(("row", "rules"), [("Chi bộ", {"row.none"}), ("", set()), ("Tổng hợp", set())])
def test_a_row_of_a_table_that_has_none_is_asked_about(catalogue: Catalogue, row: str, rules: set[str]) -> None:
    assert {f.rule for f in read(late(row=row, codes_on="2025-06-30"), catalogue, received=LATE).findings} == rules
    data = json.loads(as_json())
    data["rows"][0]["row"] = row
    assert {f.rule for f in read(json.dumps(data), catalogue, "a.json").findings} == rules


def test_the_unit_of_a_row_is_asked_about_like_the_sender(catalogue: Catalogue) -> None:
    for name, rules in (
        ("–", ["row.code_reused"]),
        ("Đảng bộ phường Lộc Hòa", []),
        ("Đảng bộ phường Đông A", ["row.code_reused"]),
    ):
        content = book(catalogue, "F8A", "356", BEFORE, [(REUSED, STAFF)])
        workbook = load_workbook(io.BytesIO(content))
        assert workbook.active
        for row in workbook.active.iter_rows():
            if row[1].value == REUSED:
                row[2].value = name
        out = io.BytesIO()
        workbook.save(out)
        report = read_and_check("a.xlsx", out.getvalue(), catalogue, LIMITS, LATE)
        assert [f.rule for f in report.findings] == rules


def test_a_workbook_whose_title_or_row_names_its_sender_is_booked_to_it(catalogue: Catalogue) -> None:
    text = saved(catalogue).replace(WARD, REUSED).replace(PERIOD, BEFORE)
    assert told(read(text.replace("Ngô Quyền", "Khác"), catalogue, received=LATE))[1] == ["head.code_reused B3"]
    for named in (text.replace("Ngô Quyền", "Lộc Hòa"), text.replace("Báo cáo của phường,\nlập theo mẫu", "PHƯỜNG LỘC HÒA")):
        report = read(named, catalogue, received=LATE)
        assert (sender(report), figures(report)) == ("loc-hoa-nd", STAFF)


def test_a_key_is_taken_for_the_code_of_a_row_too(catalogue: Catalogue) -> None:
    report = read(wide(unit="ngo-quyen", sender="ngo-quyen"), catalogue)
    assert (told(report), {cell.unit for cell in report.cells}) == (("accepted", []), {"ngo-quyen"})
    assert all(isinstance(cell.value, Decimal) for cell in report.cells)


def test_the_day_of_receipt_goes_with_a_file_to_whoever_reads_it(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(late())
    sent = [("a.csv", tmp_path / "a.csv", day) for day in (IN_TIME, LATE)]
    with Pool(catalogue, Settings(home=tmp_path, readers=1)) as pool:
        assert [sender(report) for report in pool.reports([*sent, ("a.csv", tmp_path / "a.csv")])] == ["loc-hoa-nd", None, None]


@pytest.mark.parametrize(
    ("head", "row", "rule"),
    [
        ({}, {}, "head.code_reused"),
        ({"sender_name": "Đảng bộ phường Lộc Hòa"}, {}, None),
        ({}, {"unit_name": "phường Lộc Hòa"}, None),
        ({"codes_on": "2024-12-31"}, {}, None),
        ({"sender": "loc-hoa-nd"}, {"unit": "loc-hoa-nd"}, None),
        ({"sender_name": ["Lộc Hòa"]}, {"unit_name": {"vi": "Lộc Hòa"}}, "head.code_reused"),
    ],
)
def test_json_is_asked_the_same(catalogue: Catalogue, head: dict[str, Any], row: dict[str, Any], rule: str | None) -> None:
    document = json.loads(as_json(**{"sender": REUSED, "period": BEFORE} | head))
    document["rows"][0] |= {"unit": REUSED} | row
    report = read(json.dumps(document), catalogue, "a.json", LATE)
    assert ([f.rule for f in report.findings], sender(report)) == ([rule] if rule else [], None if rule else "loc-hoa-nd")


def test_a_template_is_for_the_unit_that_it_was_made_for(catalogue: Catalogue) -> None:
    template = Planner(catalogue, "F8", BEFORE).unit(REUSED)
    given = {("F8A", "loc-hoa-nd", "all", name): value for name, value in STAFF.items()}
    report = read(workbook(catalogue, template, given), catalogue, "F8.xlsx", LATE)
    assert (sender(report), {cell.unit for cell in report.cells}) == ("loc-hoa-nd", {"loc-hoa-nd"})
