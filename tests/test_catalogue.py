"""The catalogue: the forms as data, the periods and deadlines, the labels, and the copy in the warehouse."""

import csv
import random
import re
import shutil
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from tonghop.base.settings import PROJECT, Settings
from tonghop.base.text import fold, sort_key
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.forms import Form, Table
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.metrics import metrics
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.warehouse.connect import connect

SEEDS = PROJECT / "samples" / "seed_facts.csv"


def form(catalogue: Catalogue, code: str, version: int = 1) -> Form:
    return next(f for f in catalogue.forms if (f.code, f.version) == (code, version))


def table(catalogue: Catalogue, code: str, version: int = 1) -> Table:
    return next(f.table[code] for f in catalogue.forms if code in f.table and f.version == version)


def period(catalogue: Catalogue, code: str, scheme: str = "CALENDAR") -> Period:
    return catalogue.period[scheme, code]


# --- the forms -------------------------------------------------------------------------------------------------


def test_the_eight_forms_stand_with_their_tables(catalogue: Catalogue) -> None:
    assert [(f.code, f.version, *(t.code for t in f.tables)) for f in catalogue.forms] == [
        ("F1", 1, "F1"),
        ("F2", 1, "F2"),
        ("F3", 1, "F3A", "F3B"),
        ("F3", 2, "F3A", "F3B"),
        ("F4", 1, "F4"),
        ("F5", 1, "F5"),
        ("F6", 1, "F6"),
        ("F7", 1, "F7TCD", "F7XLD"),
        ("F8", 1, "F8A", "F8B", "F8C"),
    ]


def seed_rows() -> Iterator[tuple[str, str]]:
    with SEEDS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["load_as"] in ("count", "rate", "bound"):
                yield row["form_field"], row["report_period"]


def seed_fields(text: str) -> list[tuple[str, str]]:
    """(table, field) of each field named."""
    return re.findall(r"(F\d[A-Z]*)\.(\w+)", text)


def seed_periods(text: str) -> list[str]:
    if found := re.fullmatch(r"Y(\d{4})(?: to Y(\d{4}))?", text):
        return [f"{year}-Y" for year in range(int(found[1]), int(found[2] or found[1]) + 1)]
    if found := re.fullmatch(r"(H1|TERM) ([\d-]+)", text):
        return [f"{found[2]}-{found[1]}"]
    return {
        "first month of 2018": ["2018-M01"],
        "last month of 2018": ["2018-M12"],
        "each year": [f"{year}-Y" for year in range(2016, 2021)],
    }[text]


@pytest.mark.parametrize(("fields", "periods"), sorted(set(seed_rows())))
def test_what_the_source_documents_state_has_a_field_that_is_taken_for_its_period(
    catalogue: Catalogue, fields: str, periods: str
) -> None:
    assert seed_fields(fields)
    for code, field in seed_fields(fields):
        for period_code in seed_periods(periods):
            when = period(catalogue, period_code)
            versions = [
                f
                for f in catalogue.versions_of(code[:2], when)
                if field in {i for x in f.table[code].fields for i in x.indicators}
            ]
            assert versions, f"no version of {code[:2]} in {period_code} has {code}.{field}"
            assert all(f.scheme == when.scheme and when.type in f.table[code].period_types for f in versions)


def test_every_ratio_that_the_source_documents_state_is_a_rate(catalogue: Catalogue) -> None:
    rates = {(r.table, tuple(r.numerator), tuple(r.denominator)) for f in catalogue.forms for r in f.rates}
    ratios = {text for text, _ in seed_rows() if " / " in text and not text.startswith("sum")}
    assert len(ratios) == 11
    for text in ratios:
        above, *below = map(seed_fields, text.split(" / "))
        for denominator in below:
            assert (above[0][0], tuple(f for _, f in above), tuple(f for _, f in denominator)) in rates, text


@pytest.mark.parametrize(
    ("code", "levels", "owed", "accepted"),
    [
        ("F1", "cell section grassroots district province", "H1 Y", "H2"),
        ("F2", "cell", "M", "Q"),
        ("F3A", "grassroots district province", "Y", "TERM"),
        ("F3B", "grassroots district province", "Y", "TERM"),
        ("F4", "grassroots district province", "H1 Y", "H2"),
        ("F5", "grassroots district province", "Y", "Q TERM"),
        ("F6", "grassroots district province", "M Q H1 9M Y TERM", ""),
        ("F7XLD", "grassroots district province", "Q H1 9M Y", "H2"),
        ("F8A", "grassroots district province", "H1 Y", "H2"),
        ("F8B", "grassroots district province", "Q Y", "TERM"),
    ],
)
def test_who_owes_what(catalogue: Catalogue, code: str, levels: str, owed: str, accepted: str) -> None:
    t = table(catalogue, code)
    assert (t.levels, t.owed, t.accepted) == (tuple(levels.split()), tuple(owed.split()), tuple(accepted.split()))


def test_of_the_quarters_inspection_owes_the_first_only(catalogue: Catalogue) -> None:
    owed = {q for q in range(1, 5) if table(catalogue, "F6").owes(period(catalogue, f"2020-Q{q}"))}
    assert (owed, "Q" in table(catalogue, "F6").period_types) == ({1}, True)
    assert all(table(catalogue, "F8B").owes(period(catalogue, f"2020-Q{q}")) for q in range(1, 5))


def test_exits_grading_and_discipline_are_withheld_and_nothing_else(catalogue: Catalogue) -> None:
    withheld = {(t.code, x.code) for f in catalogue.forms for t in f.tables for x in t.fields if x.shown_from == "never"}
    assert {field for code, field in withheld if code == "F1"} == {"dv_xin_ra", "dv_xoa_ten", "dv_khai_tru"}
    assert {field for code, field in withheld if code == "F6"} == {
        "phai_ky_luat",
        "da_ky_luat",
        "kl_khien_trach",
        "kl_canh_cao",
        "kl_giai_tan",
    }
    graded = {field for code, field in withheld if code == "F3B"}
    assert graded == {x.code for x in table(catalogue, "F3B").fields} - {"tong_dv"}
    assert {code for code, _ in withheld} == {"F1", "F3B", "F6"}


def test_a_rate_of_a_withheld_figure_is_withheld(catalogue: Catalogue) -> None:
    for f in catalogue.forms:
        for rate in f.rates:
            parts = [x for x in f.table[rate.table].fields if {*x.indicators} & {*rate.numerator, *rate.denominator}]
            assert (rate.shown_from == "never") == any(x.shown_from for x in parts), rate.code


def test_a_period_takes_every_grading_version_that_it_overlaps(catalogue: Catalogue) -> None:
    assert [f.version for f in catalogue.versions_of("F3", period(catalogue, "2015-2020-TERM"))] == [2, 1]
    assert [f.version for f in catalogue.versions_of("F3", period(catalogue, "2017-Y"))] == [1]
    assert [f.version for f in catalogue.versions_of("F3", period(catalogue, "2018-Y"))] == [2, 1]
    assert [f.version for f in catalogue.versions_of("F3", period(catalogue, "2019-Y"))] == [2]


@pytest.mark.parametrize(
    ("code", "header", "field"),
    [
        ("F1", "TCCSĐ", "tccsd_total"),
        ("F1", "Tổ chức cơ sở đảng", "tccsd_total"),
        ("F1", "TCCS Đảng", "tccsd_total"),
        ("F1", "ĐV", "dv_cuoi_ky"),
        ("F1", "ĐẢNG VIÊN", "dv_cuoi_ky"),
        ("F1", "Chi bộ TDP", "chi_bo_tdp"),
        ("F1", "Chi bộ KDC", "chi_bo_tdp"),
        ("F1", "Xoá tên", "dv_xoa_ten"),
        ("F3A", "TSVM", "tsvm"),
        ("F3B", "HTXSNV", "htxs"),
        ("F5", "P.", "goi_y_phuong"),
        ("F8A", "Thạc sỹ  trở lên", "thac_sy_tro_len"),
    ],
)
def test_a_column_is_known_by_every_name_that_clerks_give_it(catalogue: Catalogue, code: str, header: str, field: str) -> None:
    assert table(catalogue, code).headers[fold(header)].code == field


def test_every_text_is_composed_and_every_vietnamese_label_has_its_marks(catalogue: Catalogue) -> None:
    for path in (PROJECT / "catalogue" / "forms").glob("*.yaml"):
        assert unicodedata.is_normalized("NFC", path.read_text("utf-8")), path
    messages = [r.check.message.vi for f in catalogue.forms for r in f.rules]
    assert not [text for text in messages if text.isascii()]


# --- the rules -------------------------------------------------------------------------------------------------


def holds(catalogue: Catalogue, rule: str, values: dict[str, int], version: int = 1) -> bool:
    """A rule on figures of one report; what is not given is 0."""
    check = next(c for f in catalogue.forms for c in f.checks if c.rule == rule and f.version == version)
    assert set(values) <= set(check.terms)
    gap = sum((coefficient * values.get(name, 0) for name, coefficient in check.terms.items()), Decimal(0)) - check.bound
    return gap == 0 if check.op == "=" else gap <= 0


@pytest.mark.parametrize(
    ("rule", "version", "good", "bad"),
    [
        (
            "F1.1a",
            1,
            {"dv_dau_ky": 100, "dv_ket_nap": 5, "dv_chuyen_di": 3, "dv_khai_tru": 1, "dv_cuoi_ky": 101},
            {"dv_cuoi_ky": 102},
        ),
        ("F1.1b", 1, {"dv_dau_ky": 10, "dv_ket_nap": 1, "dv_cuoi_ky": 10}, {"dv_cuoi_ky": 12}),
        ("F1.5", 1, {"tccsd_total": 787, "dang_bo_co_so": 269, "chi_bo_co_so": 518}, {"tccsd_total": 786}),
        ("F1.6", 1, {"chi_bo_truc_thuoc": 16, "chi_bo_tdp": 9, "chi_bo_khac": 7}, {"chi_bo_khac": 8}),
        ("F1.9", 1, {"dv_chinh_thuc": 3}, {"dv_chinh_thuc": 2}),
        ("F1.10a", 1, {"dv_xin_ra": 0}, {"dv_xin_ra": 1}),
        ("F2.2", 1, {"dv_du": 17, "dv_vang_ly_do": 2, "dv_vang_khong_ly_do": 1, "dv_phai_du": 20}, {"dv_du": 18}),
        ("F2.4", 1, {"hop_thuong_ky": 1}, {"hop_thuong_ky": 0}),
        ("F2.6", 1, {"hop_thuong_ky": 1, "so_phut": 90}, {"so_phut": 89}),
        ("F2.6", 1, {"hop_thuong_ky": 1, "hop_chuyen_de": 1, "hop_gop": 1, "so_phut": 120}, {"so_phut": 119}),
        ("F2.6", 1, {"hop_thuong_ky": 1, "hop_chuyen_de": 1, "so_phut": 180}, {"so_phut": 179}),
        ("F2.7", 1, {"dv_phai_du": 20, "dv_du": 17}, {"dv_du": 16}),
        ("F3.1a", 2, {"tong_to_chuc": 686, "duoc_xep": 662, "chua_xep": 24}, {"chua_xep": 25}),
        ("F3.2a", 2, {"htxs": 100, "htt": 504, "ht": 58, "khong_ht": 0, "duoc_xep": 662}, {"ht": 59}),
        ("F3.2c", 1, {"htt_tro_len": 93, "ht": 5, "khong_ht": 2, "duoc_xep": 100}, {"htt_tro_len": 80}),
        ("F3.3", 2, {"htxs": 20, "htt_rieng": 100}, {"htxs": 21}),
        ("F3.4a", 1, {"tsvm_tieu_bieu": 5, "tsvm": 5}, {"tsvm": 4}),
        ("F3.4b", 1, {"tsvm": 8797, "htt": 1022, "ht": 142, "yeu_kem": 39, "duoc_xep": 10000}, {"yeu_kem": 40}),
        ("F4.2c", 1, {"dv_tham_gia": 95, "dv_trieu_tap": 100}, {"dv_tham_gia": 101}),
        ("F5.2a", 1, {"goi_y_kd_sau": 7, "goi_y_phuong": 5, "goi_y_xa": 2}, {"goi_y_khac": 1}),
        ("F5.5a", 1, {"hc_dau_ky": 2, "hc_moi": 6, "hc_khac_phuc_xong": 3, "hc_cuoi_ky": 5}, {"hc_cuoi_ky": 8}),
        ("F6.4a", 1, {"da_ky_luat": 3, "kl_khien_trach": 2, "kl_canh_cao": 1}, {"kl_giai_tan": 1}),
        ("F7.1a", 1, {"luot": 259, "tx_luot": 161, "dk_luot": 98}, {"luot": 260}),
        ("F7.1b", 1, {"nguoi": 316, "tx_nguoi": 201, "dk_nguoi": 115}, {"nguoi": 315}),
        ("F7.1c", 1, {"luot": 259, "nguoi": 316}, {"luot": 317}),
        ("F7.2d", 1, {"du_dieu_kien": 9, "thuoc_tq": 5, "khong_tq": 4}, {"thuoc_tq": 6}),
        ("F7.3", 1, {"ton_dau": 4, "nhan_mot_nguoi": 6, "giai_quyet": 7, "ton_cuoi": 3}, {"ton_cuoi": 4}),
        ("F8.1a", 1, {"can_bo": 8, "cong_chuc": 12, "hop_dong": 1, "tong": 21}, {"tong": 20}),
        ("F8.1b", 1, {"thac_sy_tro_len": 2, "dai_hoc": 18, "trung_cap": 1, "tong": 21}, {"tong": 20}),
        ("F8.3a", 1, {"chi_tieu_vuot": 5, "chi_tieu_dat": 9}, {"chi_tieu_vuot": 10}),
    ],
)
def test_a_rule_holds_on_good_figures_and_breaks_on_bad_ones(
    catalogue: Catalogue, rule: str, version: int, good: dict[str, int], bad: dict[str, int]
) -> None:
    assert holds(catalogue, rule, good, version)
    assert not holds(catalogue, rule, good | bad, version)


def test_every_rule_is_of_its_kind(catalogue: Catalogue) -> None:
    kinds: dict[str, set[str]] = {}
    for check in (c for f in catalogue.forms for c in f.checks):
        kinds.setdefault(check.kind, set()).add(check.rule)
    assert kinds["consistency"] == {"F1.2", "F1.7a", "F1.7b", "F1.8", "F4.2d", "F7.4"}
    assert kinds["compliance"] == {"F1.9", "F2.4", "F2.5", "F2.6", "F2.7", "F3.3"}
    numbers: dict[str, set[int]] = {}
    for rule in kinds["identity"]:
        code, number = rule.rstrip("abcdef").split(".")
        numbers.setdefault(code, set()).add(int(number))
    assert numbers == {
        "F1": {1, 3, 4, 5, 6, 10},
        "F2": {1, 2, 3},
        "F3": {1, 2, 4},
        "F4": {1, 2},
        "F5": {1, 2, 3, 4, 5},
        "F6": {1, 2, 3, 4},
        "F7": {1, 2, 3},
        "F8": {1, 2, 3},
    }


def test_an_identity_is_decided_by_the_report_alone(catalogue: Catalogue) -> None:
    rules = [r for f in catalogue.forms for r in f.rules]
    assert all(r.on_arrival for r in rules if r.check.kind == "identity")
    assert not [r.check.rule for r in rules if r.on_arrival and r.check.kind == "consistency"]


@pytest.mark.parametrize(
    ("rule", "since"), [("F2.6", date(2025, 10, 28)), ("F2.7", date(2018, 7, 6)), ("F3.3", date(2019, 10, 18))]
)
def test_a_threshold_holds_from_its_day(catalogue: Catalogue, rule: str, since: date) -> None:
    assert {c.valid_from for f in catalogue.forms for c in f.checks if c.rule == rule} == {since}


def test_the_roll_up_rule_opens_into_one_rule_a_column(catalogue: Catalogue) -> None:
    rules = [r for r in form(catalogue, "F1").rules if r.check.rule == "F1.7a"]
    assert {r.instance for r in rules} == {x.code for x in table(catalogue, "F1").fields}
    for r in rules:
        assert [(t.indicator, t.coefficient, t.at) for t in r.terms] == [(r.instance, 1, "same"), (r.instance, -1, "children")]


def test_a_field_of_another_table_stands_elsewhere(catalogue: Catalogue) -> None:
    (rule,) = (r for r in form(catalogue, "F4").rules if r.check.rule == "F4.2d")
    assert [(t.table, t.at) for t in rule.terms] == [("F4", "same"), ("F1", "elsewhere")]
    assert not rule.on_arrival


def test_a_coded_column_opens_into_one_indicator_a_code(catalogue: Catalogue) -> None:
    field = next(x for x in table(catalogue, "F2").fields if x.type == "code")
    assert field.indicators == ("xep_loai_buoi_tot", "xep_loai_buoi_kha", "xep_loai_buoi_tb", "xep_loai_buoi_kem")


def test_every_indicator_and_rate_is_a_metric_with_its_unit_and_formula(catalogue: Catalogue) -> None:
    known = {metric.code: metric for metric in metrics(catalogue)}
    rates = {rate.code for form in catalogue.forms for rate in form.rates}
    assert set(known) == {f"{table}.{indicator}" for table, indicator in catalogue.columns} | rates
    attendance = known["F2.attendance"]
    assert (attendance.unit, attendance.over_units, attendance.over_time) == ("%", "ratio", "ratio")
    assert attendance.formula.vi == "Lượt đảng viên dự họp ÷ Lượt đảng viên phải dự"
    minutes = known["F2.minutes_per_meeting"]
    assert minutes.unit == "phút/buổi"
    assert minutes.formula.en == "Minutes of meetings ÷ (Ordinary meetings + Thematic meetings − Ordinary and thematic combined)"
    # petitions that were carried over are there in both of two quarters: so is a rate of them
    assert (known["F7XLD.phai_xu_ly"].over_time, known["F7XLD.handled"].over_time) == ("distinct", "distinct")
    assert known["F3A.htt_share"].broken_on == (date(2018, 9, 24),)
    assert known["F1.dv_khai_tru"].shown_from == "never"


# --- wrong files -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue folder to spoil."""
    return shutil.copytree(PROJECT / "catalogue", tmp_path / "catalogue")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{path.name} has no {old}"
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("F4.v1.yaml", "aggregation: stock", "aggregation: average", r"tables\.0\.fields\.0\.aggregation"),
        ("F4.v1.yaml", "unit: tổ chức, ", "", r"tables\.0\.fields\.0\.unit"),
        ("F4.v1.yaml", "code: so_chi_bo,", "code: Số,", r"tables\.0\.fields\.0\.code"),
        ("F4.v1.yaml", "owed: [H1, Y]", "owed: [H1, S2]", r"tables\.0\.owed\.1"),
        ("F4.v1.yaml", "    owed:", "    owes:", r"tables\.0\.owes"),
        ("F4.v1.yaml", 'op: "<="', 'op: ">="', r"checks\.0\.op"),
        ("F4.v1.yaml", "so_chi_bo: -1}", "so_chi_boo: -1}", r"F4\.1: F4 has no field so_chi_boo"),
        ("F4.v1.yaml", "denominator: {so_chi_bo: 1}", "denominator: {so_to: 1}", r"F4\.rollout: F4 has no field so_to"),
        ("F4.v1.yaml", "ĐV triệu tập", "ĐV  tham gia", r"F4: a header that two fields share: đv tham gia"),
        ("F2.v1.yaml", "codes: {", "unknown: {", r"tables\.0\.fields\.14"),
        ("F2.v1.yaml", "type: flag", "type: code", "cap_uy_cap_tren_du: `codes` goes with type code"),
        (
            "F7.v1.yaml",
            "aggregation: opening, synonyms: [Tồn",
            "aggregation: stock, synonyms: [Tồn",
            r"ton_dau is what ton_cuoi was",
        ),
        ("F5.v1.yaml", "aggregation: opening", "aggregation: stock", r"F5\.5a?: flows make up the difference"),
        ("F8.v1.yaml", "table: F8A", "table: F9A", r"F8\.1a: no table F9A"),
        ("F8.v1.yaml", "code: F8\n", "code: [F8\n", "line"),
    ],
)
def test_a_wrong_form_is_refused_with_its_file_and_the_field(folder: Path, file: str, old: str, new: str, told: str) -> None:
    edit(folder / "forms" / file, old, new)
    with pytest.raises(CatalogueError, match=rf"(?s){re.escape(file)}.*{told}"):
        load_catalogue(folder)


NEW_FIELD = "fields:\n      - {{code: {}, vi: Số thử, en: Trial, unit: đảng viên, aggregation: stock}}"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "F3.v1.yaml",
            "aggregation: distinct",
            "aggregation: stock",
            r"F3A\.tong_to_chuc is stock in version 1, distinct in version 2",
        ),
        ("F4.v1.yaml", "F1.dv_cuoi_ky", "F1.dv_cuoi", r"F4\.2d: no field F1\.dv_cuoi"),
        ("F4.v1.yaml", "F1.dv_cuoi_ky", "F3A.tong_to_chuc", r"F4\.2d: which row of F3A\.tong_to_chuc is meant"),
        ("F4.v1.yaml", "levels: [grassroots", "levels: [village", "F4: no level village"),
        ("F4.v1.yaml", "code: F4\n    vi", "code: F5\n    vi", r"F4\.1: no table F4"),
        ("F3.v1.yaml", "valid_to: 2018-09-23", "valid_to: 2018-12-31", "form F3: versions 1 and 2 overlap"),
        ("F3.v1.yaml", "version: 1", "version: 2", "form F3 version 2 is there twice"),
        ("F4.v1.yaml", "scheme: CALENDAR", "scheme: LUNAR", "form F4 version 1: calendar.yaml has no scheme LUNAR"),
        ("F4.v1.yaml", "so_mo_hinh", "year", r"F4\.year: the table's view has a column of this name"),
        ("F4.v1.yaml", "so_mo_hinh", "province_name", r"F4\.province_name: the table's view has a column"),
        ("F1.v1.yaml", "shown_from: never", "shown_from: ward", r"F1\.dv_xin_ra: shown_from names no level ward"),
        # two things of one name: a column of views, a metric
        (
            "F1.v1.yaml",
            "fields:",
            NEW_FIELD.format("women_numerator"),
            r"F1\.v1\.yaml: .*F1: field women_numerator and rate F1\.women would both be column women_numerator of its views",
        ),
        (
            "F1.v1.yaml",
            "- code: F1.women",
            "- code: F1.dv_nu",
            r"field dv_nu of F1 and rate F1\.dv_nu of F1 would both be metric F1\.dv_nu",
        ),
        (
            "F1.v1.yaml",
            "- code: F1.women",
            "- code: F1.excused",
            r"rate F1\.excused and rate F1\.excused would both be column excused_num",
        ),
        (
            "F1.v1.yaml",
            "- code: F1.women",
            "- code: excused",
            r"rate excused and rate F1\.excused would both be column excused_num",
        ),
        (
            "F3.v1.yaml",
            "fields:",
            NEW_FIELD.format("htxs_share_numerator"),
            r"F3A: field htxs_share_numerator of row \w+ and rate F3A\.htxs_share of row \w+, of its versions, would",
        ),
    ],
)
def test_forms_that_do_not_fit_the_rest_are_refused(folder: Path, file: str, old: str, new: str, told: str) -> None:
    edit(folder / "forms" / file, old, new)
    with pytest.raises(CatalogueError, match=told):
        load_catalogue(folder)


# --- periods and deadlines -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["ND09", "CALENDAR"])
@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("M01", "M02", "M03"), "Q1"),
        (("M10", "M11", "M12"), "Q4"),
        (("Q1", "Q2"), "H1"),
        (("Q3", "Q4"), "H2"),
        (("H1", "Q3"), "9M"),
        (("9M", "Q4"), "Y"),
        (("H1", "H2"), "Y"),
    ],
)
def test_parts_tile_the_cumulative_period(catalogue: Catalogue, scheme: str, parts: tuple[str, ...], whole: str) -> None:
    for year in range(catalogue.calendar.first_year, catalogue.calendar.last_year + 1):
        pieces = [period(catalogue, f"{year}-{part}", scheme) for part in parts]
        total = period(catalogue, f"{year}-{whole}", scheme)
        assert (pieces[0].starts_on, pieces[-1].ends_on) == (total.starts_on, total.ends_on)
        assert all(b.starts_on == a.ends_on + timedelta(days=1) for a, b in pairwise(pieces))


# a cut-off on the 20th from 2027 on
LATER = "  ND27: {last_day: 20, after: ND09, first_year: 2027, name: {vi: Chốt ngày 20, en: Cut off on the 20th}}\n"


def test_another_cut_off_goes_on_where_the_one_before_it_ends(folder: Path) -> None:
    edit(folder / "calendar.yaml", "deadline:", LATER + "deadline:")
    changed = load_catalogue(folder)
    last, first, term = (
        period(changed, code, scheme) for scheme, code in (("ND09", "2026-M12"), ("ND27", "2027-M01"), ("ND27", "2025-2030-TERM"))
    )
    assert (first.starts_on, first.ends_on) == (last.ends_on + timedelta(days=1), date(2027, 1, 20))
    assert (term.starts_on, term.ends_on) == (date(2024, 12, 15), date(2030, 12, 20))
    assert not {p.code for p in changed.calendar.periods() if p.scheme == "ND27"} & {"2026-M12", "2026-Y", "2020-2025-TERM"}
    # what was there keeps its number
    here = {p.period_id: p for p in load_catalogue(PROJECT / "catalogue").calendar.periods()}
    assert {p.period_id: p for p in changed.calendar.periods() if p.scheme != "ND27"} == here


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("last_day: 14", "last_day: 31", "schemes.ND09.last_day"),
        ("deadline:", LATER.replace("after: ND09, ", "") + "deadline:", "ND27: `after` goes with `first_year`"),
        ("deadline:", LATER.replace("after: ND09", "after: ND26") + "deadline:", "ND27: no scheme ND26 before it"),
        ("  ND09:", "  ND08:", "form F7 version 1: calendar.yaml has no scheme ND09"),
    ],
)
def test_a_calendar_that_does_not_hang_together_is_refused(folder: Path, old: str, new: str, told: str) -> None:
    edit(folder / "calendar.yaml", old, new)
    with pytest.raises(CatalogueError, match=told):
        load_catalogue(folder)


@pytest.mark.parametrize(
    ("scheme", "code", "starts", "ends"),
    [
        ("ND09", "2024-M03", date(2024, 2, 15), date(2024, 3, 14)),
        ("ND09", "2024-M01", date(2023, 12, 15), date(2024, 1, 14)),
        ("ND09", "2024-Q2", date(2024, 3, 15), date(2024, 6, 14)),
        ("ND09", "2024-H1", date(2023, 12, 15), date(2024, 6, 14)),
        ("ND09", "2024-H2", date(2024, 6, 15), date(2024, 12, 14)),
        ("ND09", "2024-9M", date(2023, 12, 15), date(2024, 9, 14)),
        ("ND09", "2024-Y", date(2023, 12, 15), date(2024, 12, 14)),
        ("CALENDAR", "2024-M02", date(2024, 2, 1), date(2024, 2, 29)),
        ("CALENDAR", "2023-M12", date(2023, 12, 1), date(2023, 12, 31)),
        ("CALENDAR", "2024-9M", date(2024, 1, 1), date(2024, 9, 30)),
        ("CALENDAR", "2015-2020-TERM", date(2015, 1, 1), date(2020, 12, 31)),
    ],
)
def test_a_period_opens_and_closes_as_its_scheme_says(
    catalogue: Catalogue, scheme: str, code: str, starts: date, ends: date
) -> None:
    found = period(catalogue, code, scheme)
    assert (found.starts_on, found.ends_on) == (starts, ends)


@pytest.mark.parametrize("scheme", ["ND09", "CALENDAR"])
def test_the_predecessor_ends_the_day_before_its_period_starts(catalogue: Catalogue, scheme: str) -> None:
    for kind, before in (("M", "M"), ("Q", "Q"), ("H1", "H2"), ("H2", "H1"), ("9M", "Y"), ("Y", "Y")):
        mine = [
            p
            for p in catalogue.period.values()
            if p.scheme == scheme and p.type == kind and p.year > catalogue.calendar.first_year
        ]
        ends = {p.ends_on for p in catalogue.period.values() if p.scheme == scheme and p.type == before}
        assert mine
        assert all(p.starts_on - timedelta(days=1) in ends for p in mine)


def test_a_periods_number_is_its_own_and_tells_its_year(catalogue: Catalogue) -> None:
    assert len({p.period_id for p in catalogue.period.values()}) == len(catalogue.period)
    assert all(
        p.year == p.ends_on.year and p.code.startswith(str(p.starts_on.year if p.type == "TERM" else p.year))
        for p in catalogue.period.values()
        if p.scheme == "CALENDAR"
    )
    assert all(p.ordinal == p.ends_on.month for p in catalogue.period.values() if p.type == "M")


@pytest.mark.parametrize(
    ("code", "period_code", "level", "due", "why"),
    [
        ("F7", "2024-Q2", "province", date(2024, 6, 25), "a Tuesday stands"),
        ("F7", "2024-H1", "cell", date(2024, 6, 17), "15 June is a Saturday"),
        ("F7", "2024-Y", "grassroots", date(2024, 12, 17), "three days after the cut-off"),
        ("F2", "2024-M12", "cell", date(2025, 1, 15), "calendar months close on their last day, so it is in the next month"),
        ("F2", "2019-M03", "cell", date(2019, 4, 16), "15 April 2019 makes good for the Hùng Kings' day, a Sunday"),
        ("F2", "2018-M01", "cell", date(2018, 2, 21), "15 February 2018 is the eve of Tết, which lasts until the 20th"),
        ("F1", "2024-Y", "province", date(2025, 2, 3), "25 January 2025 is a Saturday, then comes Tết"),
    ],
)
def test_a_deadline_rolls_over_weekends_and_holidays(
    catalogue: Catalogue, code: str, period_code: str, level: str, due: date, why: str
) -> None:
    spec = form(catalogue, code)
    assert catalogue.due(spec, level, period(catalogue, period_code, spec.scheme)) == due, why


def test_a_deadline_comes_after_the_cut_off_on_a_working_day(catalogue: Catalogue) -> None:
    for spec in (form(catalogue, "F1"), form(catalogue, "F7")):
        for when in (p for p in catalogue.period.values() if p.scheme == spec.scheme):
            for level in ("cell", "grassroots", "province"):
                due = catalogue.due(spec, level, when)
                assert when.ends_on < due < when.ends_on + timedelta(days=40)
                assert due.weekday() < 5


def test_a_form_may_set_its_own_day(catalogue: Catalogue) -> None:
    spec = form(catalogue, "F7").model_copy(update={"deadline": {"province": 20}})
    assert catalogue.due(spec, "province", period(catalogue, "2024-Q2", "ND09")) == date(2024, 6, 20)
    assert catalogue.due(spec, "grassroots", period(catalogue, "2024-Q2", "ND09")) == date(2024, 6, 17)


# --- labels ----------------------------------------------------------------------------------------------------

IN_ORDER = [
    "8 tháng 3",
    "An",
    "Án",
    "Áng",
    "Ăn",
    "Âm",
    "Ba",
    "Ba Đình",
    "Bà",
    "Bà Rịa",
    "Bả",
    "Bã",
    "Bá",
    "Bạ",
    "Bai",
    "Bài",
    "Ban",
    "Bàn",
    "Bang",
    "Băng",
    "Bâng",
    "Cà Mau",
    "Chi bộ 2",
    "Chi bộ 10",
    "Dung",
    "Đa",
    "Đà Nẵng",
    "Đà Nẵng 2",
    "Em",
    "Êm",
    "Hà Nam",
    "Hà Nội",
    "Hạ Long",
    "Hoa",
    "Hòa",
    "Hoàng",
    "Hùng Vương",
    "Ích",
    "Ngô Quyền",
    "On",
    "Ôn",
    "Ơn",
    "Sơn Hà",
    "Sơn Hạ",
    "Ung",
    "Ưng",
    "Văn Lang",
    "Văn Lăng",
    "Xuân",
    "Ý",
]


@given(st.randoms(use_true_random=False))
def test_the_sort_key_puts_vietnamese_words_in_dictionary_order(shuffler: random.Random) -> None:
    words = list(IN_ORDER)
    shuffler.shuffle(words)
    assert sorted(words, key=sort_key) == IN_ORDER


@given(st.sampled_from(IN_ORDER))
def test_the_sort_key_looks_at_neither_case_nor_composition(word: str) -> None:
    assert sort_key(word) == sort_key(word.upper()) == sort_key(unicodedata.normalize("NFD", word)) == sort_key(f" {word} ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Xuân Hoà", "Xuân Hòa"),
        ("Hoả", "Hỏa"),
        ("Khoẻ", "Khỏe"),
        ("Thuỷ", "Thủy"),
        ("Xoá tên", "XÓA TÊN"),
        ("Quý", "Qúy"),
        ("Loẹ", "Lọe"),
        ("B'Lao", "B’Lao"),
        ("Hà Nội - Huế", "Hà Nội–Huế"),
        (unicodedata.normalize("NFD", "Đảng viên"), "đảng  viên"),
        ("Số lượt:", "số lượt"),
    ],
)
def test_fold_brings_both_spellings_to_one_key(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_fold_keeps_apart_what_differs_by_its_marks() -> None:
    words = ["Văn Lang", "Văn Lăng", "Sơn Hà", "Sơn Hạ", "Đa", "Da", "Hòa", "Hóa", "Hoa"]
    assert all(fold(a) != fold(b) for a, b in combinations(words, 2))


@given(st.text(alphabet="aoeuyhxquàáảãạòóỏõọèéẻẽẹùúủũụỳýỷỹỵ -", max_size=12))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


# --- in the warehouse ------------------------------------------------------------------------------------------


def copies(connection: psycopg.Connection[Any], catalogue_id: int | None = None) -> dict[str, list[Any]]:
    """Every row of every catalogue table, or of what one version holds."""
    names = [
        row[0]
        for row in connection.execute(
            "select table_name::text from information_schema.columns where table_schema = 'catalogue' group by 1"
            " having %s::int is null or bool_or(column_name = 'catalogue_id')",
            [catalogue_id],
        )
    ]
    chosen = sql.SQL("" if catalogue_id is None else "where catalogue_id = {}").format(sql.Literal(catalogue_id))
    return {
        name: connection.execute(
            sql.SQL("select c::text from catalogue.{} c {} order by 1").format(sql.Identifier(name), chosen)
        ).fetchall()
        for name in names
    }


def test_a_column_that_an_earlier_catalogue_named_is_refused_with_whose_it_is(
    catalogue: Catalogue, settings: Settings, folder: Path
) -> None:
    edit(folder / "forms" / "F1.v1.yaml", "fields:", NEW_FIELD.format("women_numerator"))
    edit(folder / "forms" / "F1.v1.yaml", "- code: F1.women", "- code: F1.share_of_women")
    with connect(settings) as connection:
        sync(load_catalogue(folder), connection)
        with pytest.raises(CatalogueError, match=r"forms: F1: the column women_numerator .* \(F1\.women_numerator\), for ever"):
            sync(catalogue, connection)


def test_syncing_twice_adds_nothing(catalogue: Catalogue, settings: Settings) -> None:
    with connect(settings) as connection:
        first = sync(catalogue, connection)
        before = copies(connection)
        again = sync(catalogue, connection)
        assert (first.new, again.new, again.catalogue_id) == (True, False, first.catalogue_id)
        assert (again.unit, again.indicator, again.row) == (first.unit, first.indicator, first.row)
        assert copies(connection) == before
        for name in ("unit_version", "field", "check_rule", "check_term", "rate_term", "obligation", "period"):
            assert before[name], name


def test_a_changed_catalogue_adds_a_version_and_leaves_the_old_rows(
    catalogue: Catalogue, settings: Settings, folder: Path
) -> None:
    edit(folder / "forms" / "F4.v1.yaml", "vi: Số mô hình,", "vi: Số mô hình mới,")
    edit(
        folder / "forms" / "F4.v1.yaml",
        "      - {code: so_chuyen_de,",
        "      - {code: so_buoi, vi: Số buổi, en: Sessions, unit: buổi, aggregation: flow}\n      - {code: so_chuyen_de,",
    )
    with connect(settings) as connection:
        old = sync(catalogue, connection)
        kept = copies(connection, old.catalogue_id)
        new = sync(load_catalogue(folder), connection)
        assert new.new
        assert new.catalogue_id > old.catalogue_id
        assert copies(connection, old.catalogue_id) == kept
        assert new.indicator.keys() - old.indicator.keys() == {("F4", "so_buoi")}
        assert old.indicator.items() < new.indicator.items()
        assert (new.unit, new.row) == (old.unit, old.row)
        labels = dict(
            connection.execute(
                "select catalogue_id, label_vi from catalogue.field where indicator_id = %s", [new.indicator["F4", "so_mo_hinh"]]
            ).fetchall()
        )
        assert labels == {old.catalogue_id: "Số mô hình", new.catalogue_id: "Số mô hình mới"}
        back = sync(catalogue, connection)
        assert (back.new, back.indicator) == (True, new.indicator)


def test_the_catalogue_in_the_warehouse_is_append_only(catalogue: Catalogue, settings: Settings) -> None:
    with connect(settings) as connection:
        sync(catalogue, connection)
        for statement in (
            "update catalogue.field set label_vi = 'x'",
            "delete from catalogue.obligation",
            "truncate catalogue.rate_term",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"), connection.transaction():
                connection.execute(sql.SQL(statement))


def test_a_year_is_owed_on_one_version_only(catalogue: Catalogue, settings: Settings) -> None:
    with connect(settings) as connection:
        sync(catalogue, connection)
        owed = connection.execute("""
            select p.code, array_agg(distinct o.form_version) from catalogue.obligation o
            join catalogue.period p using (period_id)
            where o.table_code = 'F3A' and p.code in ('2017-Y', '2018-Y', '2019-Y') group by 1 order by 1""").fetchall()
        assert owed == [("2017-Y", [1]), ("2018-Y", [2]), ("2019-Y", [2])]
        assert connection.execute("""
            select array_agg(distinct p.code) from catalogue.obligation o join catalogue.period p using (period_id)
            where o.table_code = 'F6' and p.period_type = 'Q' and p.code like '2020%'""").fetchone() == (["2020-Q1"],)
