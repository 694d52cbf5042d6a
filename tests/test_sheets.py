"""Views of form tables: names of columns that stay, and fields that are shown at some levels only."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gate_world
import pytest

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.release import gate, suites
from tonghop.warehouse import views
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR, READER, STAR


@pytest.fixture
def form(settings: Settings, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Changes the form of gate_world and syncs it: the columns of its view by month, and what fills them."""
    here = settings.model_copy(update={"catalogue": tmp_path / "catalogue"})
    gate_world.write_catalogue(here.catalogue)

    def change(*edits: tuple[str, str], versions: tuple[int, ...] = (1,), beside: str = "") -> dict[str, str]:
        forms = here.catalogue / "forms"
        for version in versions:
            path = forms / f"T.v{version}.yaml"
            text = (path if path.exists() else forms / "T.v1.yaml").read_text("utf-8")
            for old, new in edits:
                assert old in text
                text = text.replace(old, new)
            path.write_text(text + beside, "utf-8")
        with connect(here) as connection:
            sync(load_catalogue(here.catalogue), connection)
            views.apply(connection)
            columns = [
                name
                for (name,) in connection.execute(
                    "select attname from pg_attribute where attrelid = 'bi.t1_month'::regclass and attnum > 0 order by attnum"
                )
            ]
            text = connection.execute("select pg_get_viewdef('bi.t1_month'::regclass)").fetchall()[0][0]
        place = columns.index("units_unowed") + 1
        filled = {name: by.strip() for by, name in re.findall(r"(.*?) AS (\w+)(?:,| FROM)", " ".join(text.split()))}
        return {name: filled[name] for name in columns[place:]}

    return change


def test_a_columns_name_stays_whatever_becomes_of_its_field(form: Callable[..., dict[str, str]]) -> None:
    rate = ["share_female_numerator", "share_female_denominator"]
    assert list(form()) == ["male", "female", "members", *rate]
    # the words of a field change their meaning with the next version of the form
    form(("version: 1\n", "version: 1\nvalid_to: 2025-12-31\n"))
    crosswalk = """crosswalk:
  - {table: T1, old: members, new: [members], broken: true, why: {vi: Khác, en: Different}}
"""
    now = form(
        ("version: 1\nvalid_to: 2025-12-31\n", "version: 2\n"),
        ("valid_from: 2020-01-01\n", "valid_from: 2026-01-01\n"),
        versions=(2,),
        beside=crosswalk,
    )
    since = ["members__tu_20260101", *(f"{name}__tu_20260101" for name in rate)]
    assert list(now) == ["male", "female", "members", *rate, *since]
    for name in ("share_female_numerator", "share_female_denominator"):
        assert "ends_on < '2026-01-01'::date" in now[name]
        assert "ends_on >= '2026-01-01'::date" in now[f"{name}__tu_20260101"]
    assert "ends_on < '2026-01-01'::date" in now["members"]
    assert "ends_on >= '2026-01-01'::date" in now["members__tu_20260101"]
    # one is withheld and one opened: the column of the one is empty, that of the other comes last
    now = form(
        ("en: Female, unit: người, aggregation: stock}", "en: Female, unit: người, aggregation: stock, shown_from: never}"),
        (", shown_from: never}\nchecks", "}\nchecks"),
        versions=(2,),
    )
    assert list(now) == ["male", "female", "members", *rate, *since]
    # with the parts of the rate that would tell it
    assert now["share_female_denominator"] == now["share_female_numerator"] == now["female"]
    assert now["female"].startswith("NULL::numeric")
    now = form((", shown_from: never}\nchecks", "}\nchecks"))
    assert list(now) == ["male", "female", "members", *rate, *since, "punished"]
    # the table gets a second row: the figures of the first keep their names
    now = form(
        (
            "    fields:\n",
            "    rows:\n      - {code: all, vi: Tổng, en: All}\n      - {code: new, vi: Mới, en: New}\n    fields:\n",
        ),
        versions=(1, 2),
    )
    assert list(now)[:9] == ["male", "female", "members", *rate, *since, "punished"]
    assert "new__male" in now
    assert "new__share_female_numerator" not in now


def test_a_field_that_is_shown_from_a_level_up_has_a_view_of_its_own_there(
    copy_of: Callable[[Settings], Settings], two_releases: Settings
) -> None:
    settings = copy_of(two_releases)
    path = settings.catalogue / "forms" / "T.v1.yaml"
    path.write_text(path.read_text("utf-8").replace("shown_from: never", "shown_from: province"), "utf-8")
    gate_world.open_release(settings)

    def asked(role: str, query: str) -> list[tuple[Any, ...]]:
        with connect(settings) as connection:
            (number,) = connection.execute("select release_id from build.candidate").fetchone()
            gate.prepare(connection, suites.read(), number, whole=True)
            connection.execute("update ctl.current_release set release_id = %s", [number])
            connection.execute(f"set local role {role}".encode())
            found = connection.execute(query.encode()).fetchall()
            connection.rollback()
        return found

    shown = "select province_code, period_code, units_reported, units_due, punished from bi.t1_month_from_province order by 2"
    assert asked(READER, shown) == [("P", "2025-M01", 2, 2, 1), ("P", "2025-M02", 2, 2, 0)]
    assert asked(READER, shown.replace("from_province", "from_province_today")) == asked(READER, shown)
    columns = {name for (name,) in asked(READER, "select attname from pg_attribute where attrelid = 'bi.t1_month'::regclass")}
    assert "members" in columns
    assert not columns & {"punished"}
    levels = asked(READER, "select attname from pg_attribute where attrelid = 'bi.t1_month_from_province'::regclass")
    assert not {name for (name,) in levels} & {"unit_code", "district_code", "grassroots_code"}
    assert asked(STAR, "select from star.dim_indicator where field_code = 'punished'") == []
    question = suites.read().question("sheets_show_nothing_withheld", "select count(*), sum(failed) from population")
    ((rows, failed),) = asked(AUDITOR, question)
    assert rows > 2
    assert failed == 0
