"""The real Airflow, up and down: a run is followed to the end of its chain, a failure says why, and nothing is left behind.

It is the one that test_end_to_end leaves, with the demo's traces in it; the last test ends it.
"""

import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tonghop.base.settings import Settings
from tonghop.ops import client, configuration, processes, services
from tonghop.warehouse import embedded

pytestmark = pytest.mark.airflow


def alive(settings: Settings) -> list[str]:
    """The command lines of all live processes that name the state folder in their arguments or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and str(settings.home) in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_up_returns_when_airflow_is_healthy(airflow: Settings) -> None:
    health = httpx.get(f"{configuration.url(airflow)}/api/v2/monitor/health", trust_env=False).json()
    assert {part: health[part]["status"] for part in ("metadatabase", "scheduler", "dag_processor")} == {
        "metadatabase": "healthy",
        "scheduler": "healthy",
        "dag_processor": "healthy",
    }
    assert set(services.status(airflow)["airflow"].values()) == {"up"}


def test_up_again_leaves_the_running_airflow_alone(airflow: Settings) -> None:
    before = {process.pid for process, _ in processes.processes(airflow)}
    services.up(airflow)
    assert before <= {process.pid for process, _ in processes.processes(airflow)}


def test_a_run_is_followed_through_the_assets_and_tasks_see_the_settings(airflow: Settings) -> None:
    assert [(run.dag, run.state) for run in client.run(airflow, "first")] == [("first", "success"), ("second", "success")]
    assert (airflow.home / "arrived").read_text() == str(airflow.batch_files) != str(Settings().batch_files)


def test_a_failed_run_names_the_dag_the_task_and_the_reason(airflow: Settings) -> None:
    with pytest.raises(processes.ServiceError, match=r"(?s)broken: count failed.*ValueError: model stg_fact failed"):
        client.run(airflow, "broken")


def test_strangers_are_kept_out(airflow: Settings) -> None:
    base = configuration.url(airflow)
    assert httpx.get(f"{base}/api/v2/dags", trust_env=False).status_code == 401
    wrong = {"username": configuration.ADMIN, "password": "guess"}
    assert httpx.post(f"{base}/auth/token", json=wrong, trust_env=False).status_code == 401
    ports = {
        connection.laddr.ip
        for process, _ in processes.processes(airflow)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports == {"127.0.0.1"}


def test_no_password_shows_in_logs_or_process_lists(airflow: Settings) -> None:
    secrets = [path.read_text() for path in (airflow.home / "secrets").iterdir()]
    assert len(secrets) >= 3
    shown = [
        path.read_text(errors="replace")
        for folder in (airflow.logs, airflow.home / "airflow" / "logs")
        for path in folder.rglob("*.log")
    ]
    shown += [" ".join([*process.cmdline(), *process.environ().values()]) for process, _ in processes.processes(airflow)]
    assert not [text for text in shown for secret in secrets if secret in text]
    kept = [airflow.home / "airflow" / name for name in ("airflow.cfg", "passwords.json")]
    assert {path.stat().st_mode & 0o777 for path in [*kept, *(airflow.home / "secrets").iterdir()]} == {0o600}


def test_down_where_nothing_runs_does_nothing(tmp_path: Path) -> None:
    services.down(Settings(home=tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_a_folder_without_dags_stops_up_before_airflow_starts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "_common.py").touch()
    try:
        with pytest.raises(processes.ServiceError, match="no DAG file"):
            services.up(settings, dags=tmp_path / "dags")
        assert processes.processes(settings) == []
    finally:
        services.down(settings)


def test_down_leaves_nothing_and_a_dag_that_cannot_be_read_stops_up_with_its_error(airflow: Settings, tmp_path: Path) -> None:
    settings = airflow
    services.down(settings)
    assert alive(settings) == []
    assert not embedded.running(settings)
    (tmp_path / "wrong.py").write_text("from airflow.sdk import dag\nimport no_such_module\n")
    try:
        with pytest.raises(processes.ServiceError, match=r"(?s)wrong\.py.*no_such_module"):
            services.up(settings, dags=tmp_path)
        assert alive(settings)
        # and down works on what has half died: the scheduler killed, its workers orphaned
        for process, role in processes.processes(settings):
            if role == "scheduler" and os.getsid(process.pid) == process.pid:
                process.send_signal(signal.SIGKILL)
                process.wait()
        assert [role for _, role in processes.processes(settings)].count("scheduler") > 0
        assert services.status(settings)["airflow"]["scheduler"] == "down"
    finally:
        services.down(settings)
    assert alive(settings) == []
    assert not embedded.running(settings)
