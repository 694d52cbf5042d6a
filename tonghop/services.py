"""The database and Airflow: bring them up, take them down, trigger a DAG and wait for all that follows from it.

Airflow runs as four processes (scheduler, dag-processor, api-server, triggerer) from the interpreter that runs this, each the
leader of a session of its own. Every process that comes of them carries MARK in its environment, with the state folder
as its value: that is how `down` finds all of them, and only them. A recorded process id would not do: LocalExecutor's
workers outlive a scheduler that was killed, and other clones may run on the same machine.
"""

import base64
import configparser
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
import psycopg

from tonghop import server
from tonghop.settings import PREFIX, PROJECT, Settings

Say = Callable[[str], None]

MARK, ROLE = "_TONGHOP_HOME", "_TONGHOP_ROLE"
COMMANDS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),   # logs are read from the folder; no port for them
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
    "triggerer": ("triggerer", "--skip-serve-logs"),   # nothing here defers; without it Airflow's front page shows a fault
}
NEEDED = COMMANDS.keys() - {"triggerer"}
DAGS = PROJECT / "dags"
ADMIN = "admin"
QUIET = {"AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False", "GX_ANALYTICS_ENABLED": "False", "DO_NOT_TRACK": "1",
         "DBT_SEND_ANONYMOUS_USAGE_STATS": "False", "OPENLINEAGE_DISABLED": "True", "SCARF_ANALYTICS": "False",
         # dbt in a task leaves semaphores to the end of the process; Airflow would log Python's remark on it as an error
         "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"}
START_SECONDS, STOP_SECONDS = 120, 10


class ServiceError(Exception):
    """Airflow did not start, or a run failed; the message says which part and shows the end of its log."""


class PortTaken(ServiceError):
    """Something else listens where Airflow was to; between asking for a free port and using it there is a moment."""


@dataclass(frozen=True)
class Run:
    """One DAG run that ended."""

    dag: str
    run: str
    state: str


# --- up and down ---------------------------------------------------------------------------------------------

def up(settings: Settings, say: Say = lambda _: None, dags: Path = DAGS) -> None:
    """Start the database and Airflow, and return when they are healthy and every DAG is known.

    Does nothing where all of it runs already. Raises ServiceError or server.ServerError.
    """
    server.ready(settings, say)
    if set(_roles(settings)) == set(COMMANDS):
        say(f"Airflow is already up at {url(settings)}")
        return
    for _ in range(3):
        _end(settings)
        configure(settings, dags)
        _migrate(settings, say)
        say("starting Airflow")
        since = datetime.now(UTC)
        for role in NEEDED:
            _start(settings, role)
        try:
            _await_health(settings, since, dags)
            break
        except PortTaken:
            say("another program took the port meanwhile; trying the next")
    else:
        raise ServiceError(f"no port from {settings.airflow_port} on stays free long enough to start Airflow")
    _start(settings, "triggerer")
    say(f"Airflow is up at {url(settings)}")


def down(settings: Settings, say: Say = lambda _: None) -> None:
    """End every process of Airflow, then the embedded database. Works whatever half of it has died."""
    if _processes(settings):
        say("stopping Airflow")
        _end(settings)
    if server.running(settings):
        say("stopping PostgreSQL")
        server.stop(settings)


def status(settings: Settings) -> dict[str, Any]:
    """What runs and where: the database, each part of Airflow, its address, and where the admin's password lies."""
    roles = _roles(settings)
    return {
        "postgresql": "external" if not server.embedded(settings) else "up" if server.running(settings) else "down",
        "airflow": {role: "up" if role in roles else "down" for role in COMMANDS},
        "airflow_url": url(settings) if "api-server" in roles else None,
        "airflow_user": ADMIN,
        "airflow_password_file": str(_password_file(settings)),
    }


def url(settings: Settings) -> str:
    """Where Airflow's pages are, or would be."""
    file = _home(settings) / "port"
    return f"http://127.0.0.1:{file.read_text() if file.exists() else settings.airflow_port}"


def environment(settings: Settings) -> dict[str, str]:
    """The environment of Airflow's processes: our settings, Airflow's home, telemetry off; no password of ours.

    What the caller's shell says about Airflow is dropped: it would override the configuration file.
    """
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith((PREFIX, "AIRFLOW_")) and k != "PYTHONDONTWRITEBYTECODE"}
    ours = {PREFIX + name.upper(): str(value.resolve() if isinstance(value, Path) else value)
            for name, value in settings.model_dump().items() if value is not None}
    # without SPT_NOENV a process that renames itself overwrites its environment, and MARK with it
    return kept | QUIET | ours | {"AIRFLOW_HOME": str(_home(settings)), MARK: str(settings.home.resolve()), "SPT_NOENV": "1",
                                  "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"]))}


def configure(settings: Settings, dags: Path = DAGS) -> None:
    """Write Airflow's configuration, readable by the owner only, on a port that is free now."""
    home = _home(settings)
    home.mkdir(parents=True, exist_ok=True)
    port = server.free_port(settings.airflow_port)
    (home / "port").write_text(str(port))
    passwords = home / "passwords.json"
    with _private(passwords) as file:
        json.dump({ADMIN: server.secret(settings, "airflow-admin")}, file)
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags, "load_examples": False, "executor": "LocalExecutor", "parallelism": 4,
            "dags_are_paused_at_creation": False, "fernet_key": base64.urlsafe_b64encode(_key(settings, "fernet")[:32]).decode(),
            "simple_auth_manager_users": f"{ADMIN}:admin", "simple_auth_manager_passwords_file": passwords,
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/", "default_timezone": "Asia/Ho_Chi_Minh",
        },
        "database": {"sql_alchemy_conn": server.url(settings, server.AIRFLOW).replace("://", "+psycopg2://", 1)},
        "api": {"host": "127.0.0.1", "port": port, "base_url": f"http://127.0.0.1:{port}", "workers": 1,
                "secret_key": _key(settings, "api").hex(), "instance_name": "Tổng hợp"},
        "api_auth": {"jwt_secret": _key(settings, "jwt").hex()},
        "logging": {"base_log_folder": home / "logs", "colored_console_log": False},
        "scheduler": {"scheduler_idle_sleep_time": 0.5},
        "dag_processor": {"min_file_process_interval": 30, "refresh_interval": 30},
    }
    config = configparser.RawConfigParser()
    config.read_dict({section: {name: str(value).replace("%", "%%") for name, value in values.items()}
                      for section, values in options.items()})
    with _private(home / "airflow.cfg") as file:
        config.write(file)


def _migrate(settings: Settings, say: Say) -> None:
    # asking Airflow costs seconds, so what the last time led to is kept and compared
    known = _home(settings) / "migrated"
    if known.exists() and known.read_text() == _revision(settings):
        return
    say("preparing Airflow's own tables")
    done = subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=environment(settings), cwd=_home(settings),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ServiceError(f"Airflow's tables could not be made:\n{_end_of(done.stdout + done.stderr)}")
    known.write_text(_revision(settings))


def _revision(settings: Settings) -> str:
    """Airflow's version, and that of its tables."""
    with psycopg.connect(server.url(settings, server.AIRFLOW), connect_timeout=10) as connection:
        there = connection.execute("select to_regclass('alembic_version')").fetchone() != (None,)
        row = connection.execute("select version_num from alembic_version").fetchone() if there else None
    return f"{version('apache-airflow')} {row[0] if row else 'empty'}"


def _start(settings: Settings, role: str) -> None:
    path = _log(settings, role)
    if path.exists():
        path.replace(path.with_suffix(".before.log"))
    with path.open("wb") as log:
        subprocess.Popen([sys.executable, "-m", "airflow", *COMMANDS[role]], env=environment(settings) | {ROLE: role},
                         cwd=_home(settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _await_health(settings: Settings, since: datetime, dags: Path) -> None:
    wanted = {path.stem for path in dags.glob("[!_]*.py")}
    deadline = time.monotonic() + START_SECONDS
    waiting_for = "an answer"
    while time.monotonic() < deadline:
        for role in NEEDED - set(_roles(settings)):
            end = _end_of(_log(settings, role).read_text(errors="replace"))
            kind = PortTaken if role == "api-server" and "address already in use" in end else ServiceError
            raise kind(f"Airflow's {role} ended while starting; the end of {_log(settings, role)}:\n{end}")
        try:
            health = httpx.get(f"{url(settings)}/api/v2/monitor/health", trust_env=False, timeout=5).json()
            beats = {part: health[part].get(f"latest_{part}_heartbeat") for part in ("scheduler", "dag_processor")}
            late = [part for part, beat in beats.items() if not beat or datetime.fromisoformat(beat) < since]
            if not late:
                with _api(settings) as api:
                    for error in _get(api, "/importErrors")["import_errors"]:
                        raise ServiceError(f"{error['filename']} cannot be read:\n{_end_of(error['stack_trace'])}")
                    late = sorted(wanted - {dag["dag_id"] for dag in _get(api, "/dags")["dags"]})
            if not late:
                return
            waiting_for = ", ".join(late)
        except (httpx.HTTPError, KeyError):   # not up yet, or another program answers there: then ours is about to end
            pass
        time.sleep(0.3)
    logs = "\n".join(f"--- {role}\n{_end_of(_log(settings, role).read_text(errors='replace'))}" for role in NEEDED)
    raise ServiceError(f"Airflow did not get healthy within {START_SECONDS} seconds; still waiting for {waiting_for}\n{logs}")


# --- which processes are ours --------------------------------------------------------------------------------

def _processes(settings: Settings) -> list[tuple[psutil.Process, str]]:
    """Every live process that Airflow started for this state folder, with the role of its session."""
    home, found = str(settings.home.resolve()), []
    for process in psutil.process_iter():
        try:
            variables = process.environ()
        except psutil.Error:
            continue
        if variables.get(MARK) == home and process.pid != os.getpid():
            found.append((process, variables.get(ROLE, "")))
    return found


def _roles(settings: Settings) -> list[str]:
    """The parts of Airflow whose main process lives."""
    return [role for process, role in _processes(settings) if process.pid == _session(process.pid)]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _end(settings: Settings) -> None:
    """Ask the main processes to end, then kill what is left: LocalExecutor's workers inherit a handler that ignores SIGTERM."""
    leaders = [process for process, _ in _processes(settings) if process.pid == _session(process.pid)]
    _signal(leaders, psutil.Process.terminate)
    psutil.wait_procs(leaders, timeout=STOP_SECONDS)
    for _ in range(5):   # what is being killed may just have forked
        if not (left := [process for process, _ in _processes(settings)]):
            return
        _signal(left, psutil.Process.kill)
        psutil.wait_procs(left, timeout=5)
    raise ServiceError(f"these processes would not end: {', '.join(str(process.pid) for process in left)}")


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            send(process)


# --- runs ----------------------------------------------------------------------------------------------------

def run(settings: Settings, dag_id: str, say: Say = lambda _: None) -> list[Run]:
    """Trigger a DAG and wait until it, and every run that followed from it through an asset, has ended.

    Waits until no DAG has a run under way: a scheduled run may have taken the work before ours came to it.
    Raises ServiceError that names the DAG, the task and the end of its log.
    """
    with _api(settings) as api:
        answer = api.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None})
        if answer.is_error:
            raise ServiceError(f"Airflow did not start {dag_id}: {answer.status_code} {answer.text}")
        return _follow(settings, api, {(dag_id, answer.json()["dag_run_id"]): "queued"}, say)


def retry(settings: Settings, dag_id: str, say: Say = lambda _: None) -> list[Run]:
    """Clear what failed in a DAG's newest run, and wait as `run` does: what a person does in Airflow's pages after a repair."""
    with _api(settings) as api:
        newest = _get(api, f"/dags/{dag_id}/dagRuns", order_by="-run_after", limit=1)["dag_runs"][0]["dag_run_id"]
        answer = api.post(f"/dags/{dag_id}/clearTaskInstances",
                          json={"dag_run_id": newest, "dry_run": False, "only_failed": True, "include_downstream": True})
        if answer.is_error:
            raise ServiceError(f"Airflow did not clear {dag_id}: {answer.status_code} {answer.text}")
        return _follow(settings, api, {(dag_id, newest): "queued"}, say)


def _follow(settings: Settings, api: httpx.Client, runs: dict[tuple[str, str], str], say: Say) -> list[Run]:
    told: set[tuple[str, ...]] = set()
    calm = 0
    while calm < 2:   # twice: between the two looks of one round an event may have become a run
        if dead := NEEDED - set(_roles(settings)):
            raise ServiceError(f"Airflow's {', '.join(sorted(dead))} died; `tonghop up` starts it again")
        time.sleep(0.5)
        for item in _get(api, "/dags/~/dagRuns", state=["queued", "running"])["dag_runs"]:
            runs.setdefault((item["dag_id"], item["dag_run_id"]), item["state"])
        for (dag, key), state in runs.items():
            if state in ("queued", "running"):
                runs[dag, key] = _get(api, f"/dags/{dag}/dagRuns/{key}")["state"]
                _tell(api, dag, key, say, told)
        under_way = any(state in ("queued", "running") for state in runs.values())
        calm = 0 if under_way or _events_wait(api, {dag["dag_id"] for dag in _get(api, "/dags")["dags"]}) else calm + 1
    for (dag, key), state in runs.items():
        if state == "failed":
            raise ServiceError(_why(api, dag, key))
    return [Run(dag, key, state) for (dag, key), state in runs.items()]


def _tell(api: httpx.Client, dag: str, key: str, say: Say, told: set[tuple[str, ...]]) -> None:
    for task in _get(api, f"/dags/{dag}/dagRuns/{key}/taskInstances", order_by="start_date")["task_instances"]:
        word = {"running": "", "success": "", "failed": " failed", "skipped": " skipped"}.get(task["state"])
        line = (dag, key, task["task_id"], str(word))
        if word is not None and line not in told:
            told.add(line)
            say(f"{dag}: {task['task_id'].replace('_', ' ')}{word}")


def _events_wait(api: httpx.Client, dags: set[str]) -> bool:
    """Whether an asset event has not yet become a run of a DAG that waits for it."""
    return any(_get(api, f"/dags/{dag}/assets/queuedEvents")["total_entries"] for dag in dags)


def _why(api: httpx.Client, dag: str, key: str) -> str:
    base = f"/dags/{dag}/dagRuns/{key}/taskInstances"
    lines = []
    for task in _get(api, base, state=["failed"])["task_instances"]:
        content = _get(api, f"{base}/{task['task_id']}/logs/{task['try_number']}", full_content=True)["content"]
        text = "\n".join(line for line in map(_log_line, content) if not line.startswith("::"))   # Airflow's folding marks
        lines.append(f"{dag}: {task['task_id']} failed\n{_end_of(text)}")
    return "\n".join(lines) or f"{dag}: run {key} failed without a failed task"


def _log_line(line: dict[str, Any] | str) -> str:
    if isinstance(line, str):
        return line
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or []]
    return " ".join([str(line.get("event", "")), *errors])


@contextmanager
def _api(settings: Settings) -> Iterator[httpx.Client]:
    """A client of the REST API, logged in as the admin."""
    base = url(settings)
    with httpx.Client(base_url=f"{base}/api/v2", trust_env=False, timeout=30) as api:
        answer = api.post(f"{base}/auth/token", json={"username": ADMIN, "password": server.secret(settings, "airflow-admin")})
        answer.raise_for_status()
        api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield api


def _get(api: httpx.Client, path: str, **params: Any) -> Any:
    answer = api.get(path, params=params)
    answer.raise_for_status()
    return answer.json()


# --- files ---------------------------------------------------------------------------------------------------

def _home(settings: Settings) -> Path:
    return settings.home.resolve() / "airflow"


def _password_file(settings: Settings) -> Path:
    return settings.home / "secrets" / "airflow-admin"


def _log(settings: Settings, role: str) -> Path:
    settings.logs.mkdir(parents=True, exist_ok=True)
    return settings.logs / f"airflow-{role}.log"


def _key(settings: Settings, purpose: str) -> bytes:
    """64 bytes for one purpose, from the one secret that is kept."""
    return hmac.digest(server.secret(settings, "airflow").encode(), purpose.encode(), hashlib.sha512)


def _private(path: Path) -> IO[str]:
    """The file, opened for writing and readable by its owner only."""
    return open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600))


def _end_of(text: str, lines: int = 25) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])
