"""The DAG files only wire, and Airflow reads them as meant. (Runs of them: test_services.py.)"""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tonghop.base.settings import Settings
from tonghop.ops import configuration

FILES = sorted(configuration.DAGS.glob("*.py"))
DAGS = [path for path in FILES if not path.name.startswith("_")]
LIGHT = {"airflow", "_common", "datetime"}
# run with Airflow's interpreter: this process never imports Airflow
DESCRIBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
sys.path.append(sys.argv[1])   # as Airflow's own processes do
bag = DagBag(sys.argv[1])
print(json.dumps({"errors": bag.import_errors, "dags": {name: {
    "owner": dag.owner, "doc": dag.doc_md, "description": dag.description, "tags": sorted(dag.tags),
    "active": dag.max_active_runs, "catchup": dag.catchup, "schedule": getattr(dag.timetable, "expression", None),
    "waits_for": [asset.name for asset in getattr(getattr(dag.timetable, "asset_condition", None), "objects", [])],
    "tasks": {task.task_id: {"follows": sorted(task.upstream_task_ids), "rule": task.trigger_rule.value,
                             "retries": task.retries, "emits": [outlet.name for outlet in task.outlets]} for task in dag.tasks}}
    for name, dag in bag.dags.items()}}))
"""


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow itself makes of the DAG folder."""
    settings = Settings(home=tmp_path_factory.mktemp("dags"), airflow_database_url="postgresql://nobody@127.0.0.1:1/none")
    configuration.configure(settings)
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, str(configuration.DAGS)],
        env=configuration.environment(settings),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_airflow_reads_every_dag_without_an_error(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert sorted(described["dags"]) == [path.stem for path in DAGS] == ["audit", "intake", "pages", "release"]


def test_every_dag_says_who_owns_it_and_what_it_does(described: dict[str, Any]) -> None:
    for dag in described["dags"].values():
        assert dag["owner"] == "data-engineering"
        assert dag["doc"]
        assert dag["description"]
        assert dag["tags"] == ["tonghop"]


def test_no_dag_runs_twice_at_once_or_catches_up_on_the_past(described: dict[str, Any]) -> None:
    assert {(dag["active"], dag["catchup"]) for dag in described["dags"].values()} == {(1, False)}


def test_the_assets_pass_the_work_from_dag_to_dag(described: dict[str, Any]) -> None:
    emitted = {
        name: [asset for task in dag["tasks"].values() for asset in task["emits"]] for name, dag in described["dags"].items()
    }
    assert emitted == {"audit": [], "intake": ["accepted_submissions"], "release": ["published_release"], "pages": []}
    assert {name: dag["waits_for"] for name, dag in described["dags"].items()} == {
        "audit": [],
        "intake": [],
        "release": ["accepted_submissions"],
        "pages": ["published_release"],
    }
    assert described["dags"]["intake"]["schedule"] == "*/5 * * * *"


def test_the_steps_follow_one_another_and_nothing_runs_after_a_failure(described: dict[str, Any]) -> None:
    chains = {name: {task: facts["follows"] for task, facts in dag["tasks"].items()} for name, dag in described["dags"].items()}
    assert chains == {
        "audit": {"audit": []},
        "intake": {"receive": [], "load": ["receive"], "announce": ["load"]},
        "release": {
            "open_candidate": [],
            "staging": ["open_candidate"],
            "intermediate": ["staging"],
            "marts": ["intermediate"],
            "gate": ["marts"],
            "publish": ["gate"],
        },
        "pages": {"write_pages": []},
    }
    assert {task["rule"] for dag in described["dags"].values() for task in dag["tasks"].values()} == {"all_success"}


def test_a_build_that_failed_is_not_tried_again_by_itself(described: dict[str, Any]) -> None:
    assert {task["retries"] for task in described["dags"]["release"]["tasks"].values()} == {0}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_read_in_one_glance(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_imports_nothing_heavy_while_it_is_parsed(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert {name.split(".")[0] for name in names} <= LIGHT


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.name)
def test_tasks_hand_on_nothing_but_numbers(path: Path) -> None:
    returns = {
        node.name: ast.unparse(node.returns) if node.returns else None
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and any("task" in ast.unparse(d) for d in node.decorator_list)
    }
    assert returns
    assert set(returns.values()) <= {"None", "int", "int | None", "list[int]"}
