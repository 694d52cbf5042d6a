"""Reading and checking files: what is in the file is answered at its cell; nothing here needs a database."""

import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from books import STAFF, book
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.reading.report import Report
from tonghop.reading.understand import parse_number, read_and_check

WARD, PERIOD = "08719", "2018-Y"


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("limits"))


def staff(catalogue: Catalogue, limits: Settings, unit: Any = WARD, changes: dict[str, Any] | None = None, **more: Any) -> Report:
    return read_and_check(
        "F8.xlsx",
        book(catalogue, "F8A", more.pop("sender", WARD), PERIOD, [(unit, STAFF | (changes or {}))], **more),
        catalogue,
        limits,
    )


def told(answer: Report) -> list[tuple[str, str | None, str | None]]:
    return [(f.rule, f.sheet, f.cell) for f in answer.findings]


def test_a_good_workbook_is_accepted_cell_by_cell(catalogue: Catalogue, limits: Settings) -> None:
    answer = staff(catalogue, limits)
    assert (answer.status, told(answer)) == ("accepted", [])
    assert answer.form
    assert answer.form.code == "F8"
    found = {(c.unit, c.indicator): (c.value, c.sheet, c.cell) for c in answer.cells}
    assert found["ngo-quyen", "tong"] == (Decimal(21), "F8A", "G9")
    assert len(answer.cells) == len(STAFF)


def test_a_broken_identity_returns_the_report_with_its_cell_and_both_languages(catalogue: Catalogue, limits: Settings) -> None:
    answer = staff(catalogue, limits, changes={"tong": 22})
    assert answer.status == "returned"
    assert {rule.partition(".")[0] for rule, *_ in told(answer)} == {"F8"}
    assert all(sheet == "F8A" and cell for _, sheet, cell in told(answer))
    assert all(f.message_vi and f.message_en and f.kind == "identity" for f in answer.findings)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("hơn 4.000", "cell.approximate"),
        ("gần 15 nghìn", "cell.approximate"),
        ("không rõ", "cell.number"),
        (8.5, "cell.whole"),
        (-8, "cell.whole"),
        (True, "cell.number"),
        ("1,234.5", "cell.number"),
        ("8;", "cell.number"),
    ],
)
def test_what_is_not_a_count_is_returned_at_its_cell_and_never_guessed(
    catalogue: Catalogue, limits: Settings, value: Any, rule: str
) -> None:
    answer = staff(catalogue, limits, changes={"can_bo": value})
    assert answer.status == "returned"
    assert told(answer) == [(rule, "F8A", "D9")]
    assert not [c for c in answer.cells if c.indicator == "can_bo"]


def test_blank_zero_and_not_applicable_stay_three_things(catalogue: Catalogue, limits: Settings) -> None:
    answer = staff(catalogue, limits, changes={"cao_dang": "x", "khac": "-"})
    assert answer.status == "accepted"
    state = {c.indicator: (c.state, c.value) for c in answer.cells}
    assert state["cao_dang"] == ("not_applicable", None)
    assert state["khac"] == ("value", Decimal(0))
    blank = staff(catalogue, limits, changes=dict.fromkeys(STAFF))
    assert {c.state for c in blank.cells} == {"blank"}
    # nothing at all is filled in: a form handed in by mistake, or one that should have said nil
    assert (blank.status, [f.rule for f in blank.findings]) == ("returned", ["file.empty"])


def test_a_blank_in_an_identity_is_asked_about_and_not_taken_for_zero(catalogue: Catalogue, limits: Settings) -> None:
    answer = staff(catalogue, limits, changes={"khac": None})
    assert answer.status == "returned"
    assert ("cell.blank", "F8A", "L9") in told(answer)


def test_a_total_row_is_checked_and_then_dropped(catalogue: Catalogue, limits: Settings) -> None:
    right = staff(catalogue, limits, total=list(STAFF.values()))
    assert (right.status, len(right.cells)) == ("accepted", len(STAFF))
    wrong = staff(catalogue, limits, total=[9, *list(STAFF.values())[1:]])
    assert (wrong.status, told(wrong)) == ("returned", [("total", "F8A", "D10")])


def test_a_code_that_lost_its_leading_zero_is_still_the_unit(catalogue: Catalogue, limits: Settings) -> None:
    assert staff(catalogue, limits, unit=8719, sender=8719).status == "accepted"


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"unit": "99999"}, "row.unit"),
        ({"unit": "08737"}, "row.not_below"),
        ({"sender": "00000"}, "head.unit"),
        ({"head": {"period": "2018-X"}}, "head.period"),
        ({"head": {"period": None}}, "head.missing"),
        ({"head": {"period": "2018-M01"}}, "table.period"),
        ({"head": {"form": "F99"}}, "head.form"),
        ({"head": {"scope": "?"}}, "head.scope"),
        ({"head": {"version": 9}}, "head.version"),
        ({"head": {"nil": "x"}}, "head.nil"),
    ],
)
def test_a_head_or_row_that_does_not_fit_is_returned_with_its_rule(
    catalogue: Catalogue, limits: Settings, more: dict[str, Any], rule: str
) -> None:
    answer = staff(catalogue, limits, **more)
    assert answer.status == "returned"
    assert rule in {f.rule for f in answer.findings}


def test_a_nil_return_holds_nothing_and_is_accepted(catalogue: Catalogue, limits: Settings) -> None:
    answer = read_and_check("nil.xlsx", book(catalogue, "F8A", WARD, PERIOD, [], head={"nil": "x"}), catalogue, limits)
    assert (answer.status, answer.nil, answer.cells) == ("accepted", True, [])


def test_an_empty_report_that_does_not_say_nil_is_returned(catalogue: Catalogue, limits: Settings) -> None:
    answer = read_and_check("empty.xlsx", book(catalogue, "F8A", WARD, PERIOD, []), catalogue, limits)
    assert (answer.status, [f.rule for f in answer.findings]) == ("returned", ["file.empty"])


def _edited(content: bytes, edit: Any) -> bytes:
    workbook = load_workbook(io.BytesIO(content))
    edit(workbook)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def test_unknown_missing_and_repeated_columns_are_named(catalogue: Catalogue, limits: Settings) -> None:
    def edit(workbook: Workbook) -> None:
        sheet = workbook["F8A"]
        sheet["D7"] = "Ý kiến"
        sheet["F7"] = sheet["E7"].value

    answer = read_and_check("x.xlsx", _edited(book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)]), edit), catalogue, limits)
    rules = [f.rule for f in answer.findings]
    assert answer.status == "returned"
    assert rules.count("column.unknown") == 1
    assert rules.count("column.missing") == 2
    assert rules.count("column.twice") == 1


def test_hidden_sheets_notes_and_signatures_never_leave_the_reader(catalogue: Catalogue, limits: Settings) -> None:
    def edit(workbook: Workbook) -> None:
        hidden = workbook.copy_worksheet(workbook["F8A"])
        hidden.title, hidden.sheet_state = "F8B", "hidden"
        workbook.create_sheet("Ghi chú")["A1"] = "bí mật"
        workbook["F8A"]["D12"] = "bí mật"
        workbook.properties.creator = "bí mật"

    answer = read_and_check("x.xlsx", _edited(book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)]), edit), catalogue, limits)
    assert answer.status == "accepted"
    assert "bí mật" not in repr(answer.cells) + repr(answer.findings)
    assert {c.sheet for c in answer.cells} == {"F8A"}


def test_a_sheet_under_another_name_is_known_by_its_header(catalogue: Catalogue, limits: Settings) -> None:
    def edit(workbook: Workbook) -> None:
        workbook["F8A"].title = "Trang tính 1"

    answer = read_and_check("x.xlsx", _edited(book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)]), edit), catalogue, limits)
    assert (answer.status, {c.table for c in answer.cells}) == ("accepted", {"F8A"})


def test_a_unit_that_stands_twice_is_returned(catalogue: Catalogue, limits: Settings) -> None:
    answer = read_and_check("x.xlsx", book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF), (WARD, STAFF)]), catalogue, limits)
    assert answer.status == "returned"
    assert ("row.twice", "F8A", "D10") in told(answer)


def test_an_uncomputed_formula_quarantines_the_file_and_is_never_zero(catalogue: Catalogue, limits: Settings) -> None:
    answer = staff(catalogue, limits, changes={"tong": "=SUM(D9:F9)"})
    assert (answer.status, [(f.rule, f.cell) for f in answer.findings]) == ("quarantined", [("file.formula", "G9")])
    assert answer.cells == []


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("a.xlsx", b"PK\x03\x04 not a zip", "file.damaged"),
        ("a.pdf", b"%PDF-1.7", "file.document"),
        ("a.csv", b"\xff\xfe\x00", "file.encoding"),
        ("a.csv", b"form,version\nF1,1\n", "file.columns"),
        ("a.json", b"{", "file.cut_json"),
        ("a.json", b"[1]", "file.shape"),
        ("a.json", b"[" * 100_000, "file.json"),
        ("a.json", b'{"rows": [1]}', "file.shape"),
        ("", b"", "file.nothing"),
    ],
)
def test_what_cannot_be_read_is_quarantined_with_a_reason(
    catalogue: Catalogue, limits: Settings, name: str, content: bytes, rule: str
) -> None:
    answer = read_and_check(name, content, catalogue, limits)
    assert (answer.status, [f.rule for f in answer.findings]) == ("quarantined", [rule])


def test_a_truncated_workbook_is_quarantined(catalogue: Catalogue, limits: Settings) -> None:
    whole = book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)])
    for length in range(4, len(whole), 997):
        assert read_and_check("x.xlsx", whole[:length], catalogue, limits).status == "quarantined"


def test_a_bomb_and_a_far_away_cell_are_refused_before_they_are_parsed(catalogue: Catalogue, limits: Settings) -> None:
    def edit(workbook: Workbook) -> None:
        workbook["F8A"]["XFD1048576"] = 1

    far = read_and_check("x.xlsx", _edited(book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)]), edit), catalogue, limits)
    assert (far.status, [f.rule for f in far.findings]) == ("quarantined", ["file.bounds"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (limits.max_unpacked_bytes + 1))
    bomb = read_and_check("x.xlsx", buffer.getvalue(), catalogue, limits)
    assert (bomb.status, [f.rule for f in bomb.findings]) == ("quarantined", ["file.bounds"])


def _as_csv(values: dict[str, Any]) -> bytes:
    lines = ["form,version,sender,period,scheme,scope,table,unit,row,field,value"]
    lines += [f"F8,1,{WARD},{PERIOD},CALENDAR,own,F8A,{WARD},,{name},{value}" for name, value in values.items()]
    return ("\ufeff" + "\r\n".join([*lines, ""])).encode()


def _as_json(values: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "form": "F8",
            "version": 1,
            "sender": WARD,
            "period": PERIOD,
            "scheme": "CALENDAR",
            "scope": "own",
            "rows": [{"table": "F8A", "unit": WARD, "values": values}],
        }
    ).encode()


def test_csv_and_json_give_the_same_cells_as_a_workbook_with_their_own_places(catalogue: Catalogue, limits: Settings) -> None:
    def figures(answer: Report) -> set[tuple[str, str, Decimal | None]]:
        assert answer.status == "accepted", answer.findings
        return {(c.unit, c.indicator, c.value) for c in answer.cells}

    line, pointer = (
        read_and_check("a.csv", _as_csv(STAFF), catalogue, limits),
        read_and_check("a.json", _as_json(STAFF), catalogue, limits),
    )
    assert figures(line) == figures(pointer) == figures(staff(catalogue, limits))
    assert {c.cell for c in line.cells} >= {"line 2", "line 10"}
    assert "/rows/0/values/tong" in {c.cell for c in pointer.cells}


def test_a_field_that_a_csv_leaves_out_is_asked_about_where_an_identity_needs_it(catalogue: Catalogue, limits: Settings) -> None:
    answer = read_and_check("a.csv", _as_csv({k: v for k, v in STAFF.items() if k != "khac"}), catalogue, limits)
    assert (answer.status, {f.rule for f in answer.findings}) == ("returned", {"cell.blank"})


def test_one_csv_holds_one_report(catalogue: Catalogue, limits: Settings) -> None:
    rest = b",CALENDAR,own,F8A,08719,,dai_hoc"
    mixed = _as_csv(STAFF).replace(b",2018-Y" + rest, b",2019-Y" + rest)
    assert "head.differs" in {f.rule for f in read_and_check("a.csv", mixed, catalogue, limits).findings}


def test_money_is_read_in_the_unit_that_the_head_declares_and_refused_without_one(catalogue: Catalogue, limits: Settings) -> None:
    row = [("243", {"chi_tieu_giao": 10, "chi_tieu_dat": 9, "chi_tieu_vuot": 2, "thu_ngan_sach": "1.234,5"})]
    with_unit = read_and_check("x.xlsx", book(catalogue, "F8C", "243", "2018-Y", row, money="tỷ đồng"), catalogue, limits)
    assert with_unit.status == "accepted", with_unit.findings
    assert {c.value for c in with_unit.cells if c.indicator == "thu_ngan_sach"} == {Decimal("1234500000000")}
    without = read_and_check("x.xlsx", book(catalogue, "F8C", "243", "2018-Y", row), catalogue, limits)
    assert "head.money" in {f.rule for f in without.findings}


@given(st.integers(0, 10**12))
def test_a_count_in_vietnamese_notation_reads_as_the_number_it_shows(number: int) -> None:
    assert parse_number(f"{number:,}".replace(",", ".")) == number
    assert parse_number(str(number)) == number


@given(st.text())
def test_a_text_is_a_number_only_where_writing_it_out_again_gives_the_text(text: str) -> None:
    number = parse_number(text)
    if number is not None:
        assert text.isascii()
        assert set(text) <= set("-0123456789.,")


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.json", "a.xlsx", "a"]))
def test_no_bytes_make_the_reader_raise(catalogue: Catalogue, limits: Settings, content: bytes, name: str) -> None:
    assert read_and_check(name, content, catalogue, limits).status in ("returned", "quarantined")
