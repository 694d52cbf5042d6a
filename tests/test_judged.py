"""A release is what was judged: what the gate saw is what publish lets through, and a layer is built on what is really there."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gate_world
import psycopg
import pytest
import yaml
from psycopg import sql

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.release import dbt, gate, layers, publish, run, suites
from tonghop.release.candidate import discard, open_candidate
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect
from tonghop.warehouse.migrate import ready
from tonghop.warehouse.roles import AUDITOR, BUILDER, READER, STAR

ALONE = "select count(*) from pg_locks where relation = 'marts.fct_rate'::regclass and not granted"


def filed(settings: Settings) -> Settings:
    """January of two cells is reported; no release is open."""
    gate_world.write_catalogue(settings.home / "catalogue")
    settings = settings.model_copy(update={"catalogue": settings.home / "catalogue"})
    with connect(settings) as connection:
        synced = sync(load_catalogue(settings.catalogue), connection)
        january = gate_world.period(connection, "2025-M01")
        gate_world.file(connection, synced, "w", january, {"c1": (3, 2, 5, 0), "c2": (4, 4, 8, 1)})
    return settings


def built(settings: Settings) -> Settings:
    assert open_candidate(settings) == 1
    run.step(settings, 1, "build")
    return settings


@pytest.fixture(scope="module")
def new_build(
    new_warehouse: Callable[[Path], Settings], copy_of: Callable[[Settings], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Settings]:
    once = built(filed(new_warehouse(tmp_path_factory.mktemp("judged") / "home")))
    return lambda: copy_of(once)


@pytest.fixture(scope="module")
def judged_once(new_build: Callable[[], Settings]) -> Settings:
    settings = new_build()
    gate.judge(settings, 1)
    return settings


@pytest.fixture
def judged(judged_once: Settings) -> Iterator[Settings]:
    """Release 1 is open, built by dbt, and judged good. Tests leave it as they found it, but for the verdict."""
    yield judged_once
    with connect(judged_once) as connection:
        connection.execute("update ctl.gate_run set ended_at = null, ended_by = null")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project of its own, from which layers are built."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(dbt.DBT_PROJECT, copy)
    monkeypatch.setattr(dbt, "DBT_PROJECT", copy)
    monkeypatch.setattr(layers, "DBT_PROJECT", copy)
    return copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(suites.FOLDER, tmp_path / "expectations"))


def one(settings: Settings, query: str) -> Any:
    with connect(settings) as connection:
        return connection.execute(query.encode()).fetchone()[0]


# --- what ends a verdict -------------------------------------------------------------------------------------


def test_a_verdict_names_the_models_the_suites_and_the_rows_that_it_saw(judged: Settings) -> None:
    with connect(judged) as connection:
        models, asked, ended = connection.execute("select models, suites, ended_at from ctl.gate_run").fetchone()
        rows = dict(connection.execute("select expectation, rows_checked from ctl.gate_result").fetchall())
        recorded = connection.execute("select models from build.layer_built where layer = 'marts'").fetchone()
    assert (models,) == recorded
    assert asked == suites.read().fingerprint
    assert ended is None
    assert set(rows) == {e.name for suite in suites.read().suites for e in suite.expectations}
    assert all(rows.values())


def test_models_changed_after_the_verdict_are_judged_again_before_they_are_published(
    new_build: Callable[[], Settings], project: Path
) -> None:
    settings = new_build()
    gate.judge(settings, 1)
    before = one(settings, "select models from ctl.gate_run")
    model = project / "models" / "marts" / "fct_rollup.sql"
    text = model.read_text()
    model.write_text(text.replace("s.value,", "2 * s.value as value,"))
    run.step(settings, 1, "marts")
    with pytest.raises(
        publish.PublishRefused, match=r"judged another build: since its verdict marts was built again; run the gate"
    ):
        publish.publish(settings, 1)
    with pytest.raises(gate.GateFailed, match="sums_follow_the_tree"):
        gate.judge(settings, 1)
    model.write_text(text + "\n-- mended\n")
    run.step(settings, 1, "marts")
    with pytest.raises(publish.PublishRefused, match="judged another build"):
        publish.publish(settings, 1)
    gate.judge(settings, 1)
    assert one(settings, "select models from ctl.gate_run order by run_at desc limit 1") != before
    publish.publish(settings, 1)
    assert one(settings, "select release_id from ctl.current_release") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update marts.fct_rollup set value = value * 2",
        "update marts.fct_rollup_2025 set value = value * 2",
        "delete from marts.fct_rate",
        "truncate marts.fct_completeness",
        "insert into marts.dim_tree values (1, '2025-01-01', '2025-01-02', false, 1, 2147483647)",
        "set local role tonghop_builder; update marts.fct_rate set release_to = release_to",
    ],
)
def test_a_mart_that_is_written_ends_the_verdict(judged: Settings, statement: str) -> None:
    with connect(judged) as connection:
        connection.execute(statement.encode())
        # nothing of it need stay: the verdict ends with the writer's own work
        connection.execute("reset role")
        ended = connection.execute("select ended_by from ctl.gate_run").fetchone()[0]
        connection.rollback()
    assert ended == f"marts.{statement.split('marts.')[1].split()[0]} was written"


def test_a_readers_view_that_changes_ends_the_verdict_that_it_shows_nothing_withheld(judged: Settings) -> None:
    ready(judged)
    assert one(judged, "select ended_by from ctl.gate_run") is None
    with connect(judged) as connection:
        connection.execute("alter view star.withheld set (security_barrier = false)")
    ready(judged)
    assert one(judged, "select ended_by from ctl.gate_run") == "a view was made again"
    with pytest.raises(publish.PublishRefused, match="a view was made again; run the gate again"):
        publish.publish(judged, 1)


def test_publish_waits_for_whoever_writes_a_mart_and_refuses_what_they_wrote(judged: Settings) -> None:
    refused: list[Exception] = []

    def try_to_publish() -> None:
        try:
            publish.publish(judged, 1)
        except publish.PublishRefused as error:
            refused.append(error)

    with connect(judged) as writer, connect(judged) as watcher:
        watcher.autocommit = True
        writer.execute("update marts.fct_rate set release_to = release_to")
        trial = threading.Thread(target=try_to_publish)
        trial.start()
        while watcher.execute("select count(*) from pg_stat_activity where wait_event_type = 'Lock'").fetchone() == (0,):
            assert trial.is_alive()
        writer.commit()
        trial.join()
    assert "marts.fct_rate was written" in str(refused[0])
    assert one(judged, "select release_id from ctl.current_release") == 0


def test_the_gate_waits_for_whoever_writes_a_mart(judged: Settings) -> None:
    runs = one(judged, "select count(*) from ctl.gate_run")
    with connect(judged) as writer, connect(judged) as watcher:
        watcher.autocommit = True
        writer.execute("update marts.fct_rate set release_to = release_to")
        trial = threading.Thread(target=lambda: gate.judge(judged, 1))
        trial.start()
        while watcher.execute(ALONE).fetchone() == (0,):
            assert trial.is_alive()
        writer.commit()
        trial.join()
    with connect(judged) as connection:
        newest = connection.execute("select ended_by from ctl.gate_run order by run_at desc limit 1").fetchone()
        connection.execute("delete from ctl.gate_result where run_at > (select min(run_at) from ctl.gate_run)")
        deleted = connection.execute("delete from ctl.gate_run where run_at > (select min(run_at) from ctl.gate_run)")
        assert deleted.rowcount == runs
    assert newest == (None,)


@pytest.mark.parametrize("role", [BUILDER, AUDITOR, READER, STAR])
@pytest.mark.parametrize(
    "statement",
    [
        "insert into ctl.gate_run (release_id, models, suites) values (1, '', '')",
        "update ctl.gate_run set ended_at = null, ended_by = null",
        "insert into ctl.gate_result values (1, now(), 's', 'e', 'critical', true, 1, 0)",
        "update ctl.gate_result set success = true",
        "insert into build.layer_built values ('marts', 1, '')",
        "update build.layer_built_unlogged set release_id = 2",
        "delete from build.layer_built",
        "select ctl.end_verdict('out of spite')",
        "alter table marts.fct_rate disable trigger ends_verdict",
    ],
)
def test_only_the_owner_can_write_a_verdict_or_end_it_otherwise(judged: Settings, role: str, statement: str) -> None:
    with connect(judged) as connection:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


# --- the suites ----------------------------------------------------------------------------------------------


def test_suites_that_changed_after_the_verdict_let_nothing_through(judged: Settings, folder: Path) -> None:
    drift = folder / "drift.yaml"
    drift.write_text(drift.read_text().replace("10 *", "1000 *"))
    with pytest.raises(publish.PublishRefused, match="suites have changed since the gate asked them"):
        publish.publish(judged, 1, folder)


def without_file(folder: Path) -> str:
    (folder / "exposure.yaml").unlink()
    return "exposure nothing_withheld_is_shown .critical."


def without_expectation(folder: Path) -> str:
    suite = yaml.safe_load((folder / "vacuity.yaml").read_text())
    suite["expectations"] = suite["expectations"][:1]
    (folder / "vacuity.yaml").write_text(yaml.safe_dump(suite))
    return "vacuity no_slice_is_lost .critical."


def only_warning(folder: Path) -> str:
    suite = folder / "identities.yaml"
    suite.write_text(suite.read_text().replace("severity: critical", "severity: warning"))
    return "identities identities_hold .critical."


def without_list(folder: Path) -> str:
    (folder / "required.yaml").unlink()
    return "lacks required.yaml"


def without_steps(folder: Path) -> str:
    (folder / "candidate.sql").unlink()
    return "lacks candidate.sql"


def not_listed(folder: Path) -> str:
    required = folder / "required.yaml"
    required.write_text(required.read_text().replace("    - views_stand\n", ""))
    return "does not list exposure views_stand"


@pytest.mark.parametrize(
    "take", [without_file, without_expectation, only_warning, without_list, without_steps, not_listed], ids=lambda f: f.__name__
)
def test_suites_that_are_not_whole_stop_the_gate_and_publish(judged: Settings, folder: Path, take: Callable[[Path], str]) -> None:
    missed = take(folder)
    with pytest.raises(suites.SuiteError, match=missed):
        gate.judge(judged, 1, folder)
    with pytest.raises(suites.SuiteError, match=missed):
        publish.publish(judged, 1, folder)


# --- what a layer is built on --------------------------------------------------------------------------------


def test_a_layer_is_built_only_on_one_that_was_built_for_the_same_candidate(settings: Settings) -> None:
    settings = filed(settings)
    open_candidate(settings)
    with pytest.raises(layers.BuildFailed, match="staging is not built for release 1"):
        run.step(settings, 1, "intermediate")
    run.step(settings, 1, "staging")
    run.step(settings, 1, "intermediate")
    with pytest.raises(layers.BuildFailed, match="marts is not built for release 1"):
        run.step(settings, 1, "gate")
    discard(settings, 1)
    assert open_candidate(settings) == 2
    with pytest.raises(layers.BuildFailed, match="intermediate is not built for release 2"):
        run.step(settings, 2, "marts")


def test_a_step_that_is_run_again_takes_back_what_was_built_on_it(new_build: Callable[[], Settings], project: Path) -> None:
    settings = new_build()
    gate.judge(settings, 1)
    broken = project / "models" / "staging" / "stg_cell.sql"
    whole = broken.read_text()
    broken.write_text("select 1 / 0 as nothing from nowhere")
    with pytest.raises(layers.BuildFailed):
        run.step(settings, 1, "staging")
    with pytest.raises(layers.BuildFailed, match="intermediate is not built"):
        run.step(settings, 1, "marts")
    with pytest.raises(publish.PublishRefused, match="since its verdict staging was built again"):
        publish.publish(settings, 1)
    broken.write_text(whole)


@pytest.mark.parametrize("layer", layers.LAYERS)
def test_models_that_change_while_they_are_built_are_not_taken_for_built(
    new_build: Callable[[], Settings], project: Path, layer: str
) -> None:
    settings = new_build()
    late = project / "models" / layer / "_late.sql"
    with pytest.raises(layers.BuildFailed, match="models of staging, intermediate, marts changed while they were being built"):
        run.step(settings, 1, "build", say=lambda _: late.write_text("select 1 as one"))
    with pytest.raises(layers.BuildFailed, match="marts is not built"):
        gate.judge(settings, 1)
    assert one(settings, "select count(*) from build.layer_built") == 0


@pytest.mark.parametrize("step", ["build", "marts"])
def test_a_mart_that_no_model_builds_stops_the_build(new_build: Callable[[], Settings], project: Path, step: str) -> None:
    settings = new_build()
    settings_of_dbt = project / "dbt_project.yml"
    text = settings_of_dbt.read_text()
    settings_of_dbt.write_text(text.replace("    marts:\n", "    marts:\n      fct_finding: {+enabled: false}\n", 1))
    (project / "models" / "marts" / "_readers.yml").unlink()  # it names what is gone, and dbt would stop at that
    with pytest.raises(layers.BuildFailed, match="no model builds fct_finding of the marts"):
        run.step(settings, 1, step)
    with pytest.raises(layers.BuildFailed, match="marts is not built"):
        gate.judge(settings, 1)


def test_flags_of_dbt_that_somebody_set_for_their_own_work_take_nothing_out_of_a_build(
    new_build: Callable[[], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_build()
    usual: list[str] = []
    dbt.build(settings, "marts", say=usual.append)
    for name, value in ("DBT_RESOURCE_TYPES", "model"), ("DBT_EMPTY", "true"), ("DBT_ENGINE_FULL_REFRESH", "true"):
        monkeypatch.setenv(name, value)
    said: list[str] = []
    dbt.build(settings, "marts", say=said.append)
    assert len(said) == len(usual)
    assert os.environ["DBT_RESOURCE_TYPES"] == "model"


def test_a_step_of_another_release_touches_nothing_of_the_open_candidate(judged: Settings) -> None:
    for step in ("build", *layers.LAYERS):
        with pytest.raises(layers.BuildFailed, match="release 7 is not an open candidate"):
            run.step(judged, 7, step)
    assert one(judged, "select ended_by from ctl.gate_run") is None
    assert one(judged, "select count(*) from build.layer_built") == 3


def test_after_a_crash_of_the_server_the_marts_are_not_built_from_emptied_tables(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("crash") / "home")
    ready(settings)
    try:
        settings = filed(settings)
        open_candidate(settings)
        run.step(settings, 1, "staging")
        run.step(settings, 1, "intermediate")
        sums = one(settings, "select count(*) from intermediate.int_rollup")
        assert sums > 0
        pid = int((embedded.data_folder(settings) / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        while embedded.running(settings):
            pass
        start_again(settings)
        assert one(settings, "select count(*) from intermediate.int_rollup") == 0
        with pytest.raises(layers.BuildFailed, match=r"(?s)intermediate is not built.*crashed.*Run intermediate again"):
            run.step(settings, 1, "marts")
        for name in ("intermediate", "marts", "gate", "publish"):
            run.step(settings, 1, name)
        assert one(settings, "select count(*) from intermediate.int_rollup") == sums
        assert one(settings, "select count(*) from marts.fct_observation") == 8
        assert one(settings, "select release_id from ctl.current_release") == 1
    finally:
        embedded.stop(settings)


def start_again(settings: Settings) -> None:
    """The killed server's children take a moment to see that it is gone, and it will not start before."""
    for _ in range(100):
        try:
            embedded.start(settings)
        except embedded.ServerError:
            continue
        return
    embedded.start(settings)
