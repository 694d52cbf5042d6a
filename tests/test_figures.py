"""What a broken rule says in figures: to its sender in the text, the workbook and JSON; to nobody else."""

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import tree_world
from books import STAFF, book
from openpyxl import load_workbook

from tonghop.base.findings import Finding, number_in
from tonghop.base.settings import Settings
from tonghop.catalogue.forms import Form
from tonghop.catalogue.model import Catalogue
from tonghop.intake import returned
from tonghop.intake.answer import Answer
from tonghop.intake.before_sending import precheck
from tonghop.intake.delivery import answers_of
from tonghop.intake.submit import submit
from tonghop.reading import rules
from tonghop.reading.report import Report
from tonghop.reading.rules import is_slip
from tonghop.reading.understand import read_and_check
from tonghop.warehouse.connect import connect
from tonghop.xlsx.annotate import PAGE

WARD, PERIOD, CITY = "08719", "2018-Y", "243"


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("limits"))


def staff(catalogue: Catalogue, limits: Settings, total: Any = None, **changes: Any) -> Report:
    content = book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | changes)], total=total)
    return read_and_check("F8.xlsx", content, catalogue, limits)


def targets(catalogue: Catalogue, limits: Settings, figures: dict[str, Any], **more: Any) -> Report:
    return read_and_check("F8.xlsx", book(catalogue, "F8C", CITY, PERIOD, [(CITY, figures)], **more), catalogue, limits)


def figures(found: Report) -> dict[str, tuple[str, str]]:
    return {f.rule: (f.figures_vi, f.figures_en) for f in found.findings}


def test_a_sum_that_is_wrong_shows_its_terms_its_total_the_difference_and_each_column_in_both_languages(
    catalogue: Catalogue, limits: Settings
) -> None:
    told = figures(staff(catalogue, limits, tong=22))["F8.1a"]
    assert told == (
        "8 + 12 + 1 = 21, ô G9 ghi 22, chênh 1 (D9 Cán bộ; E9 Công chức; F9 Hợp đồng; G9 Tổng số cán bộ, công chức).",
        "8 + 12 + 1 = 21, cell G9 states 22, difference 1 "
        "(D9 Elected or appointed officials; E9 Civil servants; F9 Contract staff; G9 Staff in all).",
    )


def test_numbers_are_written_as_each_language_writes_them_and_what_is_not_applicable_as_it_is_sent(
    catalogue: Catalogue, limits: Settings
) -> None:
    vi, en = figures(staff(catalogue, limits, can_bo=4037, hop_dong="x"))["F8.1a"]
    assert vi.startswith("4.037 + 12 + x = 4.049, ô G9 ghi 21, chênh 4.028 (")
    assert en.startswith("4,037 + 12 + x = 4,049, cell G9 states 21, difference 4,028 (")
    assert [number_in(language, Decimal(n)) for n in ("1234.50", "-0.05", "1E+6") for language in ("vi", "en")] == [
        *("1.234,5", "1,234.5"),
        *("-0,05", "-0.05"),
        *("1.000.000", "1,000,000"),
    ]


def test_a_bound_shows_how_much_may_stand_there_and_by_how_much_it_is_missed(catalogue: Catalogue, limits: Settings) -> None:
    more = {"chi_tieu_giao": 10, "chi_tieu_dat": 9, "chi_tieu_vuot": 20, "thu_ngan_sach": 0}
    (told,) = targets(catalogue, limits, more, money="đồng").findings
    assert told.figures_vi == "Nhiều nhất 9, ô F10 ghi 20, vượt 11 (E10 Chỉ tiêu đạt; F10 Chỉ tiêu vượt)."
    assert told.figures_en == "At most 9, cell F10 states 20, 11 too many (E10 Targets met; F10 Targets exceeded)."
    meeting = {"dv_tong": 20, "dv_mien": 0, "dv_phai_du": 20, "dv_du": 15, "dv_vang_ly_do": 5, "dv_vang_khong_ly_do": 0}
    rows = [("08719.01", {f.code: 0 for f in _form(catalogue, "F2").table["F2"].fields if not f.codes} | meeting)]
    report = read_and_check("F2.xlsx", book(catalogue, "F2", WARD, "2019-M03", rows), catalogue, limits)
    told = next(f for f in report.findings if f.rule == "F2.7")
    assert told.figures_vi.startswith("Ít nhất 0,85 × 20 = 17, ô ")
    assert " ghi 15, thiếu 2 (" in told.figures_vi
    assert " states 15, 2 too few (" in told.figures_en
    assert (told.kind, told.returns) == ("compliance", False)


def _form(catalogue: Catalogue, code: str) -> Form:
    return next(f for f in catalogue.forms if f.code == code)


def test_amounts_are_shown_in_the_unit_of_money_of_the_report(catalogue: Catalogue, limits: Settings) -> None:
    plain = _form(catalogue, "F8").model_dump()
    (table,) = (t for t in plain["tables"] if t["code"] == "F8C")
    amount = next(f for f in table["fields"] if f["type"] == "amount")
    table["fields"] = (*table["fields"], *(amount | {"code": c, "vi": c, "en": c, "synonyms": ()} for c in ("trong", "ngoai")))
    plain["checks"] += (
        {
            "rule": "F8.9",
            "kind": "identity",
            "table": "F8C",
            "terms": {"thu_ngan_sach": 1, "trong": -1, "ngoai": -1},
            "op": "=",
            "message": {"vi": "Thu = trong + ngoài", "en": "Revenue = inside + outside"},
        },
    )
    changed = replace(catalogue, forms=tuple(Form.model_validate(plain) if f.code == "F8" else f for f in catalogue.forms))
    sent = {
        "chi_tieu_giao": 1,
        "chi_tieu_dat": 1,
        "chi_tieu_vuot": 0,
        "thu_ngan_sach": "1.234,5",
        "trong": 1000,
        "ngoai": "234,25",
    }
    for money in ("tỷ đồng", "triệu đồng", "đồng"):
        (told,) = targets(changed, limits, sent, money=money).findings
        assert told.figures_vi.startswith(f"1.000 + 234,25 = 1.234,25, ô G10 ghi 1.234,5, chênh 0,25 {money} (H10 trong; I10 ")
        assert told.figures_en.startswith(f"1,000 + 234.25 = 1,234.25, cell G10 states 1,234.5, difference 0.25 {money} (H10 ")
    total = [1, 1, 0, 1234, 1000, 234]
    words = targets(changed, limits, sent | {"ngoai": "234,5"}, money="tỷ đồng", total=total).findings
    assert [f.message_vi for f in words] == [
        "Cột «Thu ngân sách trên địa bàn»: hàng cộng ghi 1.234, các hàng cộng lại 1.234,5, chênh 0,5 tỷ đồng (hàng 10).",
        "Cột «ngoai»: hàng cộng ghi 234, các hàng cộng lại 234,5, chênh 0,5 tỷ đồng (hàng 10).",
    ]


def test_a_total_row_shows_what_it_states_what_its_rows_add_up_to_and_which_they_are(
    catalogue: Catalogue, limits: Settings
) -> None:
    (told,) = staff(catalogue, limits, total=[9, *list(STAFF.values())[1:]]).findings
    assert (told.cell, told.message_vi, told.message_en) == (
        "D10",
        "Cột «Cán bộ»: hàng cộng ghi 9, các hàng cộng lại 8, chênh 1 (hàng 9).",
        "Column “Elected or appointed officials”: the total row states 9, the rows add up to 8, difference 1 (row 9).",
    )


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"tong": 22}, "G9"),  # the one number that mends both rules
        ({"dai_hoc": 81}, "I9"),  # 18 with its digits exchanged; a total of 84 would break the other rule
        ({"can_bo": 9}, "D9"),
        # 12 with its digits exchanged: the others would have to be 41 and 31
        ({"can_bo": 50, "cong_chuc": 21, "hop_dong": 40, "tong": 102, "dai_hoc": 99}, "E9"),
        ({"cong_chuc": 21}, "E9"),  # the others would be below nothing
    ],
)
def test_the_likeliest_wrong_cell_comes_first_and_every_term_is_marked(
    catalogue: Catalogue, limits: Settings, changes: dict[str, int], first: str
) -> None:
    found = staff(catalogue, limits, **changes)
    terms = {"F8.1a": {"D9", "E9", "F9", "G9"}, "F8.1b": {*(f"{c}9" for c in "GHIJKL")}}
    assert [(f.cell, f.cells[0], {*f.cells}) for f in found.findings] == [(first, first, terms[f.rule]) for f in found.findings]


def test_a_slip_is_two_digits_exchanged_or_one_lost_or_one_too_many() -> None:
    assert [is_slip(*pair.split()) for pair in ("18 81", "1234 1324", "120 12", "12 120", "1 11")] == [True] * 5
    assert [is_slip(*pair.split()) for pair in ("18 19", "1234 4231", "12 21000", "15 15", "1212 2121")] == [False] * 5


def test_every_blank_of_an_identity_is_named_and_marked_in_one_finding(catalogue: Catalogue, limits: Settings) -> None:
    (told,) = staff(catalogue, limits, dai_hoc=None, khac=None).findings
    assert (told.rule, told.cell, told.cells) == ("cell.blank", "I9", ("I9", "L9"))
    assert told.figures_vi == "Chưa có số: I9 Đại học; L9 Trình độ khác."
    lines = ["form,version,sender,period,scheme,scope,table,unit,row,field,value"]
    lines += [f"F8,1,{WARD},{PERIOD},CALENDAR,own,F8A,{WARD},,{name},{n}" for name, n in STAFF.items() if name != "khac"]
    (told,) = read_and_check("a.csv", "\r\n".join([*lines, ""]).encode(), catalogue, limits).findings
    assert told.text("en").endswith("No figure yet: Other qualification.")


def test_a_csv_names_its_lines(catalogue: Catalogue, limits: Settings) -> None:
    lines = ["form,version,sender,period,scheme,scope,table,unit,row,field,value"]
    lines += [f"F8,1,{WARD},{PERIOD},CALENDAR,own,F8A,{WARD},,{name},{n}" for name, n in (STAFF | {"tong": 22}).items()]
    vi, en = figures(read_and_check("a.csv", "\r\n".join([*lines, ""]).encode(), catalogue, limits))["F8.1a"]
    assert vi.startswith("8 + 12 + 1 = 21, dòng 5 ghi 22, chênh 1 (dòng 2 Cán bộ; dòng 3 Công chức; ")
    assert en.startswith("8 + 12 + 1 = 21, line 5 states 22, difference 1 (line 2 Elected")


def test_text_workbook_and_json_have_the_figures(catalogue: Catalogue, limits: Settings) -> None:
    content = book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | {"tong": 22})])
    answer = Answer.to(read_and_check("F8.xlsx", content, catalogue, limits), "F8.xlsx", "")
    words = "8 + 12 + 1 = 21, ô G9 ghi 22, chênh 1"
    assert words in answer.as_text()
    assert "8 + 12 + 1 = 21, cell G9 states 22, difference 1" in answer.as_text()
    told = answer.as_json()["findings"][0]
    assert words in told["figures_vi"]
    assert told["cells"] == ["G9", "D9", "E9", "F9"]
    workbook = load_workbook(io.BytesIO(returned.marked(content, answer)))
    assert words in str(workbook[PAGE]["D6"].value)
    comments = {cell.coordinate: cell.comment.text for cell in workbook["F8A"][9] if cell.comment}
    assert {*comments} == {f"{column}9" for column in "DEFGHIJKL"}
    assert all(words in comments[cell] for cell in ("D9", "E9", "F9", "G9"))


def test_with_a_warehouse_the_other_reports_figure_is_named_and_readers_are_told_no_figure_of_a_finding(
    settings: Settings, catalogue: Catalogue, tmp_path: Path
) -> None:
    def path(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    def members(opening: int) -> dict[str, int]:
        flows = dict.fromkeys((f.code for f in _form(catalogue, "F1").table["F1"].fields), 0)
        return flows | {"dv_dau_ky": opening, "dv_cuoi_ky": opening, "dv_chinh_thuc": opening}

    wrong = path("F8.xlsx", book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | {"tong": 22})]))
    before = path("2017.xlsx", book(catalogue, "F1", WARD, "2017-Y", [(WARD, members(100))]))
    answers = submit(settings, [wrong, before])
    assert [answer.status for answer in answers] == ["returned", "accepted"]
    with connect(settings) as connection:
        after = path("2018.xlsx", book(catalogue, "F1", WARD, "2018-H1", [(WARD, members(103))]))
        (told,) = precheck(settings, [after], connection)
    assert [(f.rule, f.figures_vi, f.figures_en) for f in told.findings] == [
        (
            "F1.2",
            "100, ô K9 ghi 103, chênh 3 (Đảng viên cuối kỳ (kỳ trước); K9 Đảng viên đầu kỳ).",
            "100, cell K9 states 103, difference 3 (Members at the end (the period before); K9 Members at the start).",
        )
    ]
    # an answer that is given late has them from the warehouse
    stored = answers_of(settings, [1])[1].findings
    assert [vars(f) for f in stored] == [vars(f) for f in answers[0].findings]
    assert stored[0].cells == ("G9", "D9", "E9", "F9")
    tree_world.release(settings)
    shown = tree_world.rows(settings, "select rule, message_vi, message_en from star.fct_finding where source = 'arrival'")
    assert sorted(shown) == sorted((f.rule, f.message_vi, f.message_en) for f in stored)
    assert not any(character.isdigit() for _, vi, en in shown for character in vi + en)
    # the likeliest wrong cell is told by the figures
    for view in ("star.fct_finding", "star_asof.fct_finding"):
        assert {*tree_world.rows(settings, f"select sheet, cell from {view} where source = 'arrival'")} == {(None, None)}


def test_no_model_reads_the_figures() -> None:
    assert {"figures_vi", "figures_en", "cells"} <= Finding.__dataclass_fields__.keys()
    models = Path(tree_world.__file__).parents[1] / "dbt_project" / "models"
    assert not [path for path in models.rglob("*.sql") if "figures_vi" in path.read_text() or "figures_en" in path.read_text()]


def test_a_table_that_is_wrong_throughout_is_told_row_by_row_and_explained_as_far_as_it_is_shown(
    catalogue: Catalogue, limits: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "EXPLAINED", 3)
    cells = [f"08719.0{n}" for n in range(1, 6)]
    wrong = {f.code: 0 for f in _form(catalogue, "F2").table["F2"].fields if not f.codes} | {"hop_thuong_ky": 1, "dv_tong": 9}
    found = read_and_check("x", book(catalogue, "F2", WARD, "2018-M03", [(c, wrong) for c in cells]), catalogue, limits)
    assert [(f.rule, f.cell, bool(f.figures_vi)) for f in found.findings if f.rule == "F2.1"] == [
        ("F2.1", f"{'H' if n < 3 else 'J'}{9 + n}", n < 3) for n in range(5)
    ]
