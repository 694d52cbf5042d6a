"""Every trap of the data: a real file each, and the exact answer that it must get.

What may mean two things is returned with both readings; what a cell shows counts as well as what it holds; and no text that may
be somebody's name comes back out of a cell.
"""

import unicodedata
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tonghop.base.settings import PROJECT, Settings
from tonghop.base.text import fold
from tonghop.catalogue.forms import Form
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.reading import old_fonts, period_names
from tonghop.reading.numbers import Vocabulary, Wrong, number_in_cell, parse_number
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check

FOLDER = Path(__file__).parent / "data" / "traps"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text("utf-8"))
NAME = "Nguyễn Văn A"
CODES = load_catalogue(PROJECT / "catalogue").codes
WORDS = Vocabulary(CODES)


def read(name: str, catalogue: Catalogue) -> Report:
    return read_and_check(name, (FOLDER / name).read_bytes(), catalogue, Settings(home=PROJECT / "nowhere"))


def test_every_file_has_its_answer() -> None:
    assert {path.name for path in FOLDER.iterdir()} - {"expected.yaml"} == set(EXPECTED)
    assert len(EXPECTED) > 90


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_trap_gets_exactly_its_answer(catalogue: Catalogue, name: str) -> None:
    wanted, answer = EXPECTED[name], read(name, catalogue)
    found = [f"{f.rule} {f.cell}" if f.cell else f.rule for f in answer.findings]
    assert (answer.status, found) == (wanted["status"], wanted.get("findings", []))
    said = " ".join(f.message_vi for f in answer.findings)
    assert [words for words in wanted.get("says", []) if words not in said] == []
    assert all(f.message_en and "{" not in f.message_vi + f.message_en for f in answer.findings)
    figures = {c.indicator: c.value if c.state == "value" else c.state for c in answer.cells}
    assert {key: figures.get(key) for key in wanted.get("figures", {})} == wanted.get("figures", {})
    assert len(answer.cells) == wanted.get("cells", len(answer.cells))
    assert wanted.get("period") in (None, answer.period and answer.period.code)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_text_of_a_cell_comes_back_out_of_it(catalogue: Catalogue, name: str) -> None:
    answer = read(name, catalogue)
    told = repr(answer.findings) + repr(answer.cells)
    assert NAME not in told
    assert "Nguyễn" not in told
    assert "Ban chấp hành" not in told
    assert "912345678" not in told
    assert "calc" not in told


@pytest.mark.parametrize(("day", "status"), [("2018-12-31", "accepted"), ("2018-12-30", "returned")])
def test_a_header_synonym_counts_while_it_is_in_use(catalogue: Catalogue, day: str, status: str) -> None:
    """The file says `Cán bộ nòng cốt`; the form of this test knows that label until the day."""
    form = next(f for f in catalogue.forms if f.code == "F8")
    told = form.model_dump()
    told["tables"][0]["fields"][0]["synonyms"] = [{"text": "Cán bộ nòng cốt", "valid_to": day}]
    forms = tuple(Form.model_validate(told) if f is form else f for f in catalogue.forms)
    answer = read("header_unknown.xlsx", replace(catalogue, forms=forms))
    assert answer.status == status
    assert ("column.dated" in {f.rule for f in answer.findings}) == (status == "returned")


def test_a_form_refuses_one_label_for_two_fields(catalogue: Catalogue) -> None:
    told = next(f for f in catalogue.forms if f.code == "F8").model_dump()
    told["tables"][0]["fields"][0]["synonyms"] = [{"text": "Công  CHỨC", "valid_to": "2015-12-31"}]
    with pytest.raises(ValidationError, match="công chức"):
        Form.model_validate(told)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_xls_is_answered_and_never_raises(catalogue: Catalogue, data: st.DataObject) -> None:
    whole = bytearray((FOLDER / "xls_plain.xls").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        # the file system's tables stand in the first sector, the records from the next ones on
        whole[data.draw(st.integers(0, 511) | st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(0, len(whole)) | st.just(len(whole))) :]
    assert read_and_check("a.xls", bytes(whole), catalogue, Settings(home=PROJECT / "nowhere")).status in (
        "accepted",
        "returned",
        "quarantined",
    )


def test_an_xls_without_the_stream_that_its_workbook_lies_in_is_damaged(catalogue: Catalogue) -> None:
    whole = (FOLDER / "xls_plain.xls").read_bytes()
    start = whole.rindex("Root Entry".encode("utf-16-le")) + 116  # of the root's stream, in which short ones lie
    without = whole[:start] + b"\xfe\xff\xff\xff" + whole[start + 4 :]
    read = read_and_check("a.xls", without, catalogue, Settings(home=PROJECT / "nowhere"))
    assert (read.status, [f.rule for f in read.findings]) == ("quarantined", ["file.damaged"])


# --- periods -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("SỐ LIỆU THÁNG 9 NĂM 2021", ["2021-M09"]),
        ("Báo cáo quý IV năm 2021, kế hoạch tháng 1/2022", ["2021-Q4", "2022-M01"]),
        ("Kết quả 6 tháng đầu năm 2018", ["2018-H1"]),
        ("Báo cáo ngày 15 tháng 9 năm 2021", []),
        ("Báo cáo số 12/2021", []),
        ("Nhiệm kỳ 2015 - 2020", ["2015-2020-TERM"]),
    ],
)
def test_periods_are_found_among_other_words(text: str, codes: list[str]) -> None:
    assert period_names.within(fold(text)) == codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tháng 7/2018", "2018-M07"),
        ("Tháng 07 năm 2018", "2018-M07"),
        ("T7/2018", "2018-M07"),
        ("12/2018", "2018-M12"),
        ("Quý I/2018", "2018-Q1"),
        ("Quý 1 năm 2018", "2018-Q1"),
        ("QUÍ IV/2018", "2018-Q4"),
        ("Q3/2018", "2018-Q3"),
        ("6T/2018", "2018-H1"),
        ("6 tháng đầu năm 2018", "2018-H1"),
        ("6 tháng cuối năm 2018", "2018-H2"),
        ("9T/2024", "2024-9M"),
        ("9 tháng năm 2024", "2024-9M"),
        ("năm 2018", "2018-Y"),
        ("Nhiệm kỳ 2015-2020", "2015-2020-TERM"),
        ("nhiệm kì 2015 – 2020", "2015-2020-TERM"),
        (" 2018–q1 ", "2018-Q1"),
        ("qu\u0301y\u0301 i/2018", None),
        (unicodedata.normalize("NFD", "Quý I/2018"), "2018-Q1"),
        ("2018", None),
        ("quý V/2018", None),
        ("tháng 13/2018", None),
        ("3T/2018", None),
        ("Quý I", None),
        ("quý I/18", None),
        ("07/12/2018", None),
        (43465, None),
        (None, None),
        (True, None),
    ],
)
def test_a_name_of_one_period_gives_its_code_and_nothing_else_is_guessed(text: Any, code: str | None) -> None:
    assert period_names.parse(text) == code


def test_every_code_of_the_calendar_names_itself(catalogue: Catalogue) -> None:
    codes = {period.code for period in catalogue.period.values()}
    assert {period_names.parse(code) for code in codes} == codes
    assert {period_names.parse(code.lower().replace("-", " – ")) for code in codes} == codes


@given(st.integers(1900, 2100), st.integers(1, 12))
def test_a_month_in_words_is_the_month_of_its_code(year: int, month: int) -> None:
    assert period_names.parse(f"Tháng {month} năm {year}") == period_names.parse(f"T{month}/{year}") == f"{year}-M{month:02d}"
    assert period_names.parse(f"01/{month:02d}/{year}") is None


@given(st.text())
def test_whatever_is_parsed_is_a_code_that_names_itself(text: str) -> None:
    code = period_names.parse(text)
    assert code is None or period_names.parse(code) == code


# --- figures -----------------------------------------------------------------------------------------------------


@given(
    st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()),
    st.sampled_from([None, "0.000", "0%", ";;;", "["]),
    st.booleans(),
)
def test_a_cell_gives_an_exact_number_or_a_reason(value: Any, code: str | None, mixed: bool) -> None:
    number = number_in_cell(value, code, mixed, WORDS)
    if isinstance(number, Wrong):
        assert number.rule.startswith("cell.")
    elif isinstance(value, str):
        assert number == parse_number(value.strip().removeprefix("'"))
    else:
        # a whole number, or the 15 digits of a fraction that a spreadsheet keeps
        assert number == (Decimal(value) if value == int(value) else Decimal(f"{value:.15g}"))


@given(st.text())
def test_a_finding_quotes_no_word_that_it_does_not_know(text: str) -> None:
    known = {word for words in CODES.words.values() for phrase in words for word in phrase.casefold().split()}
    masked = WORDS.mask(text)
    words = "".join(c if c.isalpha() else " " for c in masked).split()
    assert all(word.casefold() in known for word in words)


# --- labels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Đảng viên", unicodedata.normalize("NFD", "Đảng viên")),
        ("Đảng viên", "Ðảng viên"),
        ("Hoà", "Hòa"),
        ("Thuỷ", "Thủy"),
        ("Xuân Hoà", "Xuân Hòa"),
        ("B'Lao", "B’Lao"),
        ("Vĩnh Yên - Phúc Yên", "Vĩnh Yên – Phúc Yên"),
        ("Kỷ luật", "Kỉ luật"),
        ("Thạc sỹ", "Thạc sĩ"),
        ("Quý", "Quí"),
        ("tỷ đồng", "Tỉ  đồng"),
        ("Đại học", "Đại\u00a0học\n"),
        ("Đại học", "Đại\u200b học"),
    ],
)
def test_two_spellings_of_a_label_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Văn Lang", "Văn Lăng"), ("Sơn Hà", "Sơn Hạ"), ("Đa", "Da"), ("hai", "hay"), ("Thuý", "Thúi")]
)
def test_two_words_are_never_one(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    "texts",
    [
        ["Đảng bộ phường Ngô Quyền", "Tổng hợp"],
        ["Grassroots committees", "Café"],
        ["à la carte «été»", "§ 5 – 20 °C"],
        ["Müller"],
        [],
    ],
)
def test_unicode_text_is_not_taken_for_an_old_font(texts: list[str]) -> None:
    assert old_fonts.found(texts) is None
