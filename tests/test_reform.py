"""The reform of 1 July 2025, whole: 10,035 communes before and 3,321 after, every total on every tree, and its page."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from samples import reform
from samples.reform import proof
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.release import gate, suites
from tonghop.warehouse.connect import connect

pytestmark = pytest.mark.trials  # a nation's reports: minutes
INDICATORS = 141  # of the forms that communes file


@pytest.fixture(scope="module")
def reformed(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The release that holds all reports, asked by the gate and then published."""
    home = tmp_path_factory.mktemp("reform")
    folder = reform.catalogue(home / "catalogue", *proof.FORMS)
    settings = new_warehouse(home / "home").model_copy(update={"catalogue": folder})
    number = proof.load(settings)
    with pytest.raises(gate.GateFailed):
        gate.judge(settings, number)
    proof.publish(settings, number)
    return settings


@pytest.fixture(scope="module")
def found(reformed: Settings) -> proof.Proof:
    return proof.prove(reformed)


def test_the_gate_finds_nothing_wrong_in_any_row_but_what_figures_made_up_by_rule_cannot_keep(reformed: Settings) -> None:
    with connect(reformed) as connection:
        asked = {
            name: (success, rows)
            for name, success, rows in connection.execute("select expectation, success, rows_checked from ctl.gate_result")
        }
        size = {
            name: connection.execute(query).fetchone()[0]
            for name, query in {
                "sums_follow_the_tree": "select count(*) from marts.fct_rollup",
                "restated_sums_follow_the_tree": "select count(*) from marts.fct_restated",
                "completeness_follows_the_tree": "select count(*) from marts.fct_completeness",
                "every_figure_stands_on_every_tree": "select 2 * count(*) from (select distinct unit_id, ends_on "
                "from marts.fct_observation join catalogue.period using (period_id)) as reported",
                # what is stored of each, and the unit and period that it is of
                "facts_equal_receipts": "select 2 * count(*) from intake.receipt",
            }.items()
        }
        across = {
            rule
            for (rule,) in connection.execute(
                "select distinct rule from marts.fct_finding where kind = 'consistency' and submission_id is not null"
            )
        }
    assert asked.keys() == {e.name for suite in suites.read().suites for e in suite.expectations}
    assert {name for name, (success, _) in asked.items() if not success} == {
        "identities_hold",
        "rates_within_the_whole",
        "reports_agree",
    }
    assert across == {"F4.2d"}  # of two forms, each made up without the other
    assert {name: asked[name][1] for name in size} == size


def test_every_additive_indicator_that_communes_report_is_in_the_proof(found: proof.Proof) -> None:
    loaded = load_catalogue(PROJECT / "catalogue")
    additive = {
        f"{table.code}.{name}"
        for form in loaded.forms
        if form.valid_to.year > 2025
        for table in form.tables
        if "grassroots" in table.levels
        for column in table.fields
        if column.type in ("count", "amount")
        for name in column.indicators
    }
    assert {code for _, _, code, _ in found.national} == additive
    assert len(additive) == INDICATORS


def test_every_national_total_is_the_same_on_all_trees(found: proof.Proof) -> None:
    sums: dict[tuple[str, str], set[object]] = {}
    for side, _, indicator, value in found.national:
        sums.setdefault((side, indicator), set()).add(value)
    assert len(found.national) == 2 * INDICATORS * len(proof.TREES)
    assert all(len(values) == 1 and values != {0} for values in sums.values())


def test_every_total_of_every_province_is_the_same_on_all_trees(found: proof.Proof) -> None:
    assert len(found.provincial) == 2 * 34 * INDICATORS
    assert [row for row in found.provincial if row[3] + row[4] != row[5]] == []
    # before the reform nothing stood above the provinces
    assert {row[4] for row in found.provincial if row[0] == "before"} == {0}
    assert [row[1:] for row in found.same] == [
        (35 * INDICATORS, 0),
        (64 * INDICATORS, 0),
        (35 * INDICATORS, 0),
        (35 * INDICATORS, 0),
    ]


def test_what_stands_at_each_level_of_the_other_tree_adds_up_to_what_was_reported(found: proof.Proof) -> None:
    stands: dict[tuple[str, str], Decimal] = {}
    for side, _, _, indicator, _, value in found.levels:
        stands[side, indicator] = stands.get((side, indicator), Decimal(0)) + value
    assert stands == {(side, indicator): value for side, tree, indicator, value in found.national if tree == "reported"}


def test_a_total_says_how_many_units_it_covers_and_how_many_are_restated_or_cannot_be(found: proof.Proof) -> None:
    # 132 of those before go on as they were
    assert found.coverage == [("before", 10_035, 10_035, 10_035 - 132 - 471, 471), ("after", 3_321, 3_321, 0, 0)]


def test_every_successor_and_the_five_new_zones_are_reached(found: proof.Proof) -> None:
    assert {name: n for name, n in found.counts.items() if not name.startswith("reports")} == {
        "communes before": 10_035,
        "districts before": 691,
        "provinces before": 63,
        "communes after": 3_321,
        "provinces after": 34,
        "successors": 3_316,
        "divided": 471,
        "divided across provinces": 0,
        "without a place": 0,
    }
    assert (found.counts["reports before"], found.counts["reports after"]) == (10_035, 3_321)
    assert {name.removeprefix("Đặc khu ") for _, name, *_ in found.zones} == {
        "Bạch Long Vĩ",
        "Cồn Cỏ",
        "Hoàng Sa",
        "Lý Sơn",
        "Côn Đảo",
    }


def test_every_divided_commune_is_listed_and_stands_at_its_province(found: proof.Proof) -> None:
    parts: dict[str, set[str]] = {}
    for row in reform.lineage():
        if row["kind"] == "part":
            parts.setdefault(row["old_commune_code"], set()).add(row["new_commune_code"])
    assert {row[0]: {heir.split(" ")[0] for heir in row[4].split("; ")} for row in found.divided} == parts
    province = {row["commune_code"]: row["province_code"] for row in reform.after()}
    assert {row[0]: row[5].split(" ")[0] for row in found.divided} == {old: province[min(new)] for old, new in parts.items()}


def test_units_of_the_source_documents_are_followed_though_their_codes_belong_to_others(found: proof.Proof) -> None:
    gone = ("", "")
    assert {row[:3]: row[3:5] for row in found.followed} == {
        ("08719", "08719", "phường Ngô Quyền"): ("08716", "Phường Vĩnh Phúc"),
        ("08737", "08737", "phường Hùng Vương"): ("08740", "Phường Phúc Yên"),
        ("13645", "13681", "phường Quang Trung"): ("13669", "Phường Nam Định"),
        ("13669", "", "phường Trần Đăng Ninh"): gone,
        ("13639", "", "phường Vị Hoàng"): gone,
        ("13666", "13666", "phường Trần Hưng Đạo"): ("13669", "Phường Nam Định"),
        ("13651", "", "phường Nguyễn Du"): gone,
        ("13693", "13693", "phường Lộc Hòa"): ("13693", "Phường Đông A"),
        ("13696", "", "xã Nam Phong"): gone,
        ("", "13696", "phường Nam Phong"): ("13972", "Phường Vị Khê"),
        ("13636", "", "phường Trần Tế Xương"): gone,
        ("13648", "13669", "phường Cửa Bắc"): ("13669", "Phường Nam Định"),
    }
    # the ward that vanished bears the code of the ward that three others went to
    assert next(row[5] for row in found.followed if row[2] == "phường Trần Đăng Ninh") == "13669 Phường Nam Định"


def test_the_old_city_tells_what_can_be_rebuilt(found: proof.Proof) -> None:
    inside = {row["commune_code"] for row in reform.before() if row["district_code"] == proof.NAM_DINH}
    sources: dict[str, set[str]] = {}
    for row in reform.lineage():
        sources.setdefault(row["new_commune_code"], set()).add(row["old_commune_code"])
    mixed = {new: len(old - inside) for new, old in sources.items() if old & inside}
    assert {row[1]: row[6] for row in found.nam_dinh} == mixed
    assert sum(row[4] for row in found.nam_dinh) == len(inside)
    assert {row[0]: row[3] for row in found.nam_dinh_back} == {
        new: "Tỉnh Nam Định" if strangers else "Thành phố Nam Định" for new, strangers in mixed.items()
    }


def test_the_page_says_what_was_found(found: proof.Proof) -> None:
    assert proof.PAGE.read_text("utf-8") == proof.page(found)
    assert proof.DIVIDED.read_text("utf-8") == proof.divided_csv(found)
    assert proof.TOTALS.read_text("utf-8") == proof.totals_csv(found)
