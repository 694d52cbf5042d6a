"""`tonghop reorg`: what a plan shows, and that applying and reverting heal wherever they are killed."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_events import write_events

from samples import filed, reform
from tonghop.base.codes import receipt_code
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue import obligations, reorg
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.cli.main import cli
from tonghop.intake import load
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect

SMALL = Path(__file__).parent / "data" / "catalogue_small"
MERGER = (
    "established n code=W name=N level=grassroots parent=p",
    "moved c1 parent=n",
    "merged w successor=n",
    "merged c2 successor=c1",
)


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> Settings:
    """A warehouse that has synced the small catalogue: p > w > c1, c2 and p > x."""
    folder = shutil.copytree(SMALL, tmp_path / "catalogue")
    world = settings.model_copy(update={"catalogue": folder})
    with connect(world) as connection:
        sync(load_catalogue(folder), connection)
    return world


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where event files lie before they are applied."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture
def file(elsewhere: Path) -> Path:
    """An event file that fits the small catalogue."""
    return write_events(elsewhere, *MERGER, name="merger.csv")


def state(world: Settings) -> dict[str, bytes]:
    return {p.relative_to(world.catalogue).as_posix(): p.read_bytes() for p in world.catalogue.rglob("*") if p.is_file()}


def asked(world: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(world) as connection:
        return connection.execute(query.encode()).fetchall()


def newest(world: Settings) -> tuple[int, str]:
    """The warehouse's newest catalogue: its number and its fingerprint."""
    [(number, sha256)] = asked(world, "select catalogue_id, sha256 from catalogue.version order by 1 desc limit 1")
    return number, sha256


SUCCESSIONS = """
    select p.unit_key, s.unit_key, on_date, weight from catalogue.succession join catalogue.unit p on p.unit_id = predecessor_id
    join catalogue.unit s on s.unit_id = successor_id
    where catalogue_id = (select max(catalogue_id) from catalogue.version) order by 1"""


# --- plan ------------------------------------------------------------------------------------------------------


def test_a_plan_shows_what_would_change_and_writes_nothing(world: Settings, file: Path) -> None:
    before, number = state(world), newest(world)
    plan = reorg.plan(world, file)
    assert (state(world), newest(world)) == (before, number)
    assert {(row["unit"], row["last_day"]) for row in plan.closed} == {(unit, date(2025, 2, 28)) for unit in ("w", "c1", "c2")}
    assert {(row["unit"], row["parent"]) for row in plan.opened} == {("n", "p"), ("c1", "n")}
    assert [(row["unit"], row["from"], row["to"]) for row in plan.moved] == [("c1", "w", "n")]
    assert {(row["unit"], row["successor"], row["weight"]) for row in plan.successions} == {("w", "n", 1), ("c2", "c1", 1)}
    assert [(row["unit"], row["change"], row["reports"], row["first"], row["owed_by"]) for row in plan.owed] == [
        ("c2", "ends", 1, "2025-M03", ["c1"])
    ]
    levels = {row["level"]: (row["before"], row["after"]) for row in plan.levels}
    assert (levels["province"], levels["grassroots"], levels["cell"]) == ((1, 1), (2, 2), (2, 1))


def test_the_command_shows_the_plan_for_people_and_for_programs(
    world: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGHOP_CATALOGUE", str(world.catalogue))
    told = CliRunner().invoke(cli, ["reorg", "plan", str(file), "--json"])
    assert told.exit_code == 0
    assert {part: len(rows) for part, rows in json.loads(told.stdout).items()} == {
        "levels": 6,
        "closed": 3,
        "opened": 2,
        "moved": 1,
        "successions": 2,
        "owed": 1,
        "orphaned": 0,
    }
    shown = CliRunner().invoke(cli, ["reorg", "plan", str(file)])
    assert "2025-02-28" in shown.stdout
    file.write_text(file.read_text("utf-8").replace("merged,w", "merged,z"), "utf-8")
    refused = CliRunner().invoke(cli, ["reorg", "plan", str(file)])
    assert refused.exit_code == 1
    assert "merger.csv, line 4: unit z: is not known" in refused.stderr


def test_the_plan_of_the_real_reform_counts_every_level(settings: Settings, tmp_path: Path) -> None:
    folder = reform.catalogue(tmp_path / "catalogue")
    reporting = folder / "reporting.csv"
    # what a special zone will report can only be said once it is established
    reporting.write_text("".join(line for line in reporting.open(encoding="utf-8") if not line.startswith("xa25-")), "utf-8")
    event_file = (folder / "events" / f"{reform.ON}.csv").rename(tmp_path / f"{reform.ON}.csv")
    plan = reorg.plan(settings.model_copy(update={"catalogue": folder}), event_file)
    assert {row["level"]: (row["before"], row["after"]) for row in plan.levels if row["before"]} == {
        "nation": (1, 1),
        "province": (63, 34),
        "district": (691, 0),
        "grassroots": (10_035, 3_321),
    }
    assert len(plan.moved) == sum(row["parent"].startswith("tinh") for row in plan.opened if row["unit"].startswith("xa-")) == 132
    assert len({row["unit"] for row in plan.successions if row["weight"] is None}) == 471
    passed_on = [row for row in plan.owed if row["change"] == "ends"]
    assert len({row["unit"] for row in passed_on}) == 10_035 - 132
    assert all(row["owed_by"] for row in passed_on)


def test_a_plan_says_what_a_unit_owes_newly_that_takes_another_in_and_stays(world: Settings, elsewhere: Path) -> None:
    (world.catalogue / "reporting.csv").write_text("unit,form,valid_from,valid_to\nc2,T,2025-01-01,2025-12-31\n", "utf-8")
    plan = reorg.plan(world, write_events(elsewhere, "merged c2 successor=c1"))
    periods = len(obligations.of_units(load_catalogue(world.catalogue), {"c2"}, date(2025, 3, 1))["c2", "T"])
    assert periods > 1
    assert {(row["unit"], row["table"], row["change"], row["reports"], *row["owed_by"]) for row in plan.owed} == {
        ("c2", table, "ends", periods, "c1") for table in ("T",)
    } | {("c1", table, "begins", periods, "c1") for table in ("T",)}


# --- reports that an event would leave without their unit --------------------------------------------------------


def filed_for(world: Settings, unit: str, period: str = "2025-M03") -> int:
    """The number of an accepted report of a unit."""
    return filed.file(world, [(unit, period, {("T", "all", "dau_ky"): 1})])[unit, period]


def test_an_event_that_orphans_reports_is_refused_with_their_receipts_and_who_stands_in_their_place(
    world: Settings, file: Path
) -> None:
    receipt = receipt_code(filed_for(world, "c2"))
    filed_for(world, "c2", "2025-M02")  # it is there at the end of February
    files, number = state(world), newest(world)
    assert [(row["receipt"], row["unit"], row["period"], row["instead"]) for row in reorg.plan(world, file).orphaned] == [
        (receipt, "C2", "2025-M03", "C1 Chi bộ 1")
    ]
    told = rf"merger\.csv, line 5: {receipt}, 2025-M03 of C2 .*2025-03-31; in its place: C1 .*tonghop withdraw {receipt} --reason"
    with pytest.raises(CatalogueError, match=told):
        reorg.apply(world, file)
    assert (state(world), newest(world)) == (files, number)
    load.withdraw(world, [int(receipt[1:])], "đã sáp nhập")
    assert reorg.apply(world, file) > number[0]


def test_an_event_is_not_reverted_from_under_accepted_reports(world: Settings, file: Path) -> None:
    reorg.apply(world, file)
    receipt = receipt_code(filed_for(world, "n"))
    files, number = state(world), newest(world)
    told = rf"merger\.csv, line 2: {receipt}, 2025-M03 of W N, .*in its place: W .*tonghop withdraw {receipt} --reason"
    with pytest.raises(CatalogueError, match=told):
        reorg.revert(world, "merger")
    assert (state(world), newest(world)) == (files, number)
    load.withdraw(world, [int(receipt[1:])], "không sáp nhập nữa")
    assert reorg.revert(world, "merger") > number[0]


def test_without_a_warehouse_a_plan_is_of_the_files_alone(world: Settings, file: Path) -> None:
    filed_for(world, "c2")
    nobody = world.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    assert reorg.plan(nobody, file).orphaned == []
    assert len(reorg.plan(nobody, file).closed) == 3


# --- apply and revert ------------------------------------------------------------------------------------------


def test_applying_puts_the_file_into_the_catalogue_and_the_warehouse(world: Settings, file: Path) -> None:
    old = newest(world)
    number = reorg.apply(world, file)
    assert (world.catalogue / "events" / "merger.csv").read_bytes() == file.read_bytes()
    assert newest(world) == (number, load_catalogue(world.catalogue).sha256)
    assert asked(world, SUCCESSIONS) == [("c2", "c1", date(2025, 3, 1), 1), ("w", "n", date(2025, 3, 1), 1)]
    assert asked(world, f"select count(*) from catalogue.succession where catalogue_id = {old[0]}") == [(0,)]
    assert reorg.apply(world, file) == number


def test_reverting_gives_the_original_and_forgets_nothing(world: Settings, file: Path) -> None:
    files, loaded, old = state(world), load_catalogue(world.catalogue), newest(world)
    applied = reorg.apply(world, file)
    number = reorg.revert(world, "merger")
    assert state(world) == files
    assert load_catalogue(world.catalogue) == loaded
    assert newest(world) == (number, old[1])
    assert old[0] < applied < number
    assert len(asked(world, f"select from catalogue.succession where catalogue_id = {applied}")) == 2
    columns = "unit_id, valid_from, valid_to, code, name, level, parent_id"
    assert not asked(
        world,
        f"select {columns} from catalogue.unit_version where catalogue_id = {old[0]} "
        f"except select {columns} from catalogue.unit_version where catalogue_id = {number}",
    )
    assert (world.home / "reverted" / "merger.csv").read_bytes() == file.read_bytes()
    with pytest.raises(CatalogueError, match=r"merger\.csv: no such event file"):
        reorg.revert(world, "merger")


@pytest.mark.parametrize(("row", "told"), [("dissolved w", "parent w does not exist"), ("merged c1 successor=z", "successor z")])
def test_what_a_plan_refuses_is_not_applied(world: Settings, elsewhere: Path, row: str, told: str) -> None:
    wrong, before, number = write_events(elsewhere, row), state(world), newest(world)
    with pytest.raises(CatalogueError, match=told):
        reorg.plan(world, wrong)
    with pytest.raises(CatalogueError, match=told):
        reorg.apply(world, wrong)
    assert (state(world), newest(world)) == (before, number)


def test_another_file_of_the_same_name_is_refused(world: Settings, file: Path) -> None:
    reorg.apply(world, file)
    file.write_text(file.read_text("utf-8").replace(",N,", ",Khác,"), "utf-8")
    with pytest.raises(CatalogueError, match="another event file of this name"):
        reorg.apply(world, file)


def test_what_later_events_build_on_is_not_reverted(world: Settings, file: Path, elsewhere: Path) -> None:
    reorg.apply(world, file)
    later = write_events(elsewhere, "renamed n name=Z on=2025-04-01 event=later", name="later.csv")
    reorg.apply(world, later)
    files, number = state(world), newest(world)
    with pytest.raises(CatalogueError, match=r"later\.csv, line 2: unit n: is not known"):
        reorg.revert(world, "merger.csv")
    assert (state(world), newest(world)) == (files, number)


# --- killed ----------------------------------------------------------------------------------------------------

WAITING = "select pid from pg_stat_activity where datname = current_database() and"
ON_A_LOCK = f"{WAITING} wait_event_type = 'Lock'"
IN_COMMIT = f"{WAITING} wait_event = 'PgSleep'"


def killed_when(world: Settings, call: str, reached: Callable[[], Any]) -> None:
    """Run a call to reorg in a process of its own, and kill it, and what it left in the server, when something is reached."""
    imports = "from pathlib import Path; from tonghop.catalogue import reorg; from tonghop.base.settings import Settings"
    code = f"{imports}; reorg.{call}"
    names = {"TONGHOP_HOME": world.home, "TONGHOP_CATALOGUE": world.catalogue, "TONGHOP_DATABASE_URL": world.database_url}
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **{name: str(value) for name, value in names.items()}}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    while not reached():
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    process.kill()
    process.wait()
    for waiting in (ON_A_LOCK, IN_COMMIT):
        asked(world, f"select pg_terminate_backend(pid, 10000) from ({waiting}) as left_behind")


def let_commits_take_a_minute(world: Settings, yes: bool = True) -> None:
    with connect(world) as connection:
        connection.execute("drop trigger if exists wait on catalogue.version")
        if yes:
            connection.execute("""
                create or replace function public.wait() returns trigger language plpgsql as
                $$ begin perform pg_sleep(60); return null; end $$;
                create constraint trigger wait after insert on catalogue.version deferrable initially deferred
                for each row execute function public.wait()""")


def test_killed_before_the_file_is_there_applying_has_done_nothing(world: Settings, file: Path) -> None:
    files, number = state(world), newest(world)
    with connect(world) as connection, connection.transaction():
        locks.take(connection, "catalogue")
        killed_when(world, f"apply(Settings(), Path({str(file)!r}))", lambda: asked(world, ON_A_LOCK))
    assert (state(world), newest(world)) == (files, number)
    assert reorg.apply(world, file) > number[0]
    assert newest(world)[1] == load_catalogue(world.catalogue).sha256


def test_killed_between_the_file_and_the_commit_applying_again_heals(world: Settings, file: Path) -> None:
    number, target = newest(world), world.catalogue / "events" / "merger.csv"
    let_commits_take_a_minute(world)
    killed_when(world, f"apply(Settings(), Path({str(file)!r}))", lambda: asked(world, IN_COMMIT))
    let_commits_take_a_minute(world, False)
    assert target.exists()
    assert newest(world) == number
    assert reorg.apply(world, file) > number[0]
    assert newest(world)[1] == load_catalogue(world.catalogue).sha256
    assert len(asked(world, SUCCESSIONS)) == 2
    assert [p.name for p in target.parent.iterdir()] == ["merger.csv"]


def test_killed_between_the_removal_and_the_commit_reverting_again_heals(world: Settings, file: Path) -> None:
    original, number = newest(world), reorg.apply(world, file)
    let_commits_take_a_minute(world)
    killed_when(world, "revert(Settings(), 'merger')", lambda: asked(world, IN_COMMIT))
    let_commits_take_a_minute(world, False)
    assert not (world.catalogue / "events" / "merger.csv").exists()
    assert newest(world)[0] == number
    assert reorg.revert(world, "merger") > number
    assert newest(world)[1] == original[1] == load_catalogue(world.catalogue).sha256
    assert not asked(world, SUCCESSIONS)


def test_the_last_event_file_of_the_project_can_be_planned_beside_the_catalogue_without_it() -> None:
    settings = Settings()
    plan = reorg.plan(settings, max((settings.catalogue / "events").glob("*.csv")))
    assert {row["unit"] for row in plan.closed} >= {"ngo-quyen", "hung-vuong", "vinh-phuc", "nam-dinh-tp"}
    assert {row["first_day"] for row in plan.opened} == {date(2025, 7, 1)}
