"""The reform of 1 July 2025, whole: 10,035 communes before and 3,321 after, every total on every tree, and its page."""

from collections.abc import Callable
from pathlib import Path

import pytest

from samples import reform
from samples.reform import proof
from tonghop.settings import Settings


@pytest.fixture(scope="module")
def found(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> proof.Proof:
    home = tmp_path_factory.mktemp("reform")
    folder = reform.catalogue(home / "catalogue", "F1.v1.yaml")
    settings = new_warehouse(home / "home").model_copy(update={"catalogue": folder})
    proof.load(settings)
    return proof.prove(settings)


def test_every_national_total_is_the_same_on_all_trees(found: proof.Proof) -> None:
    sums: dict[tuple[str, str], set[object]] = {}
    for period, _, indicator, value in found.national:
        sums.setdefault((period, indicator), set()).add(value)
    assert len(found.national) == 2 * 23 * 4
    assert all(len(values) == 1 and values != {0} for values in sums.values())


def test_every_total_of_every_province_is_the_same_on_all_trees(found: proof.Proof) -> None:
    assert len(found.provincial) == 2 * 34 * 23
    assert [row for row in found.provincial if row[3] + row[4] != row[5]] == []
    # before the reform nothing stood above the provinces
    assert {row[4] for row in found.provincial if row[0] == proof.BEFORE} == {0}


def test_every_successor_and_the_five_new_zones_are_reached(found: proof.Proof) -> None:
    assert found.counts == {"communes before": 10_035, "districts before": 691, "provinces before": 63, "communes after": 3_321,
                            "provinces after": 34, "successors": 3_316, "divided": 471, "divided across provinces": 0,
                            "without a place": 0}
    assert len(found.zones) == 5
    assert all(name.startswith("Đặc khu") for _, name, *_ in found.zones)


def test_every_divided_commune_is_listed_and_stands_at_its_province(found: proof.Proof) -> None:
    assert len(found.divided) == 471
    assert all(row[5].split(" ", 1)[1].startswith(("Tỉnh", "Thành phố")) and "; " in row[4] for row in found.divided)


def test_units_of_the_source_documents_are_followed_though_their_codes_belong_to_others(found: proof.Proof) -> None:
    became = {(then, name): (code, at) for then, _, name, code, at, _ in found.followed}
    assert became["08719", "Phường Ngô Quyền"] == ("08716", "Phường Vĩnh Phúc")
    assert became["08737", "Phường Hùng Vương"] == ("08740", "Phường Phúc Yên")
    assert became["13645", "Phường Quang Trung"] == ("13669", "Phường Nam Định")
    assert became["13648", "Phường Cửa Bắc"] == ("13669", "Phường Nam Định")
    assert {name for _, eve, name, *_ in found.followed if not eve} == {
        "Phường Trần Đăng Ninh", "Phường Vị Hoàng", "Phường Nguyễn Du", "Phường Trần Tế Xương"}
    assert next(row[5] for row in found.followed if row[0] == "13669") == "Phường Nam Định"


def test_the_old_city_tells_what_can_be_rebuilt(found: proof.Proof) -> None:
    assert [row[1] for row in found.nam_dinh if row[3] and not row[6]] == ["13669", "13684", "13693", "13708"]
    assert [row[1] for row in found.nam_dinh if row[6]] == ["13699", "13777", "13972", "13984"]
    assert {row[3] for row in found.nam_dinh_back} == {"Thành phố Nam Định", "Tỉnh Nam Định"}


def test_the_page_says_what_was_found(found: proof.Proof) -> None:
    assert proof.PAGE.read_text("utf-8") == proof.page(found)
    assert proof.DIVIDED.read_text("utf-8") == proof.csv_of(found)
