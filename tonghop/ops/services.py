"""The database and Airflow together: bring them up, take them down, list what runs."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tonghop.base.findings import printable
from tonghop.base.settings import Settings
from tonghop.intake.inbox import look
from tonghop.ops import superset
from tonghop.ops.client import get, logged_in
from tonghop.ops.configuration import ADMIN, COMMANDS, DAGS, NEEDED, Say, configure, last_lines, log_file, password_file, url
from tonghop.ops.processes import (
    OF_AIRFLOW,
    START_SECONDS,
    PortTaken,
    ServiceError,
    airflow_installed,
    end,
    migrate,
    processes,
    roles,
    start,
)
from tonghop.warehouse import embedded
from tonghop.warehouse.migrate import ready

# --- up and down ---------------------------------------------------------------------------------------------


def up(settings: Settings, say: Say = lambda _: None, dags: Path = DAGS) -> None:
    """Start the database and Airflow, and return when they are healthy and every DAG is known.

    Does nothing where all of it runs already. Raises ServerError where the database does not start, then ServiceError where
    Airflow is not installed, has no DAGs to run, or does not get healthy.
    """
    ready(settings, say)
    if not airflow_installed():
        raise ServiceError("PostgreSQL is up, but Airflow is not installed here; `pip install 'tonghop[airflow]'` adds it")
    if not _dag_ids(dags):
        raise ServiceError(f"PostgreSQL is up, but Airflow would have nothing to run: there is no DAG file in {dags}")
    if set(roles(settings)) >= set(COMMANDS):
        say(f"Airflow is already up at {url(settings)}")
        return
    for _ in range(3):
        end(settings, OF_AIRFLOW)
        configure(settings, dags)
        migrate(settings, say)
        say("starting Airflow")
        since = datetime.now(UTC)
        for role in NEEDED:
            start(settings, role)
        try:
            _await_health(settings, since, dags)
            break
        except PortTaken:
            say("another program took the port meanwhile; trying the next")
    else:
        raise ServiceError(f"no port from {settings.airflow_port} on stays free long enough to start Airflow")
    start(settings, "triggerer")
    say(f"Airflow is up at {url(settings)}")


def down(settings: Settings, say: Say = lambda _: None) -> None:
    """End every process of Airflow and of Superset, then the embedded database; what has died already is no hindrance."""
    if processes(settings):
        say("stopping what runs beside PostgreSQL")
        end(settings)
    if embedded.running(settings):
        say("stopping PostgreSQL")
        embedded.stop(settings)


def status(settings: Settings) -> dict[str, Any]:
    """What runs and where: the database, Airflow's parts, its DAGs, its address, its admin, their password's file; Superset.

    And what lies in the inbox and will not be taken from there as it is, by path, with the reason.
    """
    running = roles(settings)
    return {
        "postgresql": "external" if not embedded.needed(settings) else "up" if embedded.running(settings) else "down",
        "airflow": {role: "up" if role in running else "down" for role in COMMANDS} if airflow_installed() else "not installed",
        "dags": str(DAGS),
        "airflow_url": url(settings) if "api-server" in running else None,
        "airflow_user": ADMIN,
        "airflow_password_file": str(password_file(settings)),
        "superset_url": superset.url(settings) if superset.SUPERSET in running else None,
        "inbox": str(settings.inbox),
        "stays_in_inbox": {printable(str(path)): why for path, why in look(settings.inbox, settings.still_seconds).stays.items()},
    }


def _dag_ids(dags: Path) -> set[str]:
    """The DAGs of a folder: each is in a file of its name; a file whose name begins with _ has none."""
    return {path.stem for path in dags.glob("[!_]*.py")}


def _await_health(settings: Settings, since: datetime, dags: Path) -> None:
    wanted = _dag_ids(dags)
    deadline = time.monotonic() + START_SECONDS
    waiting_for = "an answer"
    while time.monotonic() < deadline:
        for role in NEEDED - set(roles(settings)):
            end = last_lines(log_file(settings, role).read_text(errors="replace"))
            kind = PortTaken if role == "api-server" and "address already in use" in end else ServiceError
            raise kind(f"Airflow's {role} ended while starting; the end of {log_file(settings, role)}:\n{end}")
        try:
            health = httpx.get(f"{url(settings)}/api/v2/monitor/health", trust_env=False, timeout=5).json()
            beats = {part: health[part].get(f"latest_{part}_heartbeat") for part in ("scheduler", "dag_processor")}
            late = [part for part, beat in beats.items() if not beat or datetime.fromisoformat(beat) < since]
            if not late:
                with logged_in(settings) as api:
                    for error in get(api, "/importErrors")["import_errors"]:
                        raise ServiceError(f"{error['filename']} cannot be read:\n{last_lines(error['stack_trace'])}")
                    late = sorted(wanted - {dag["dag_id"] for dag in get(api, "/dags")["dags"]})
            if not late:
                return
            waiting_for = ", ".join(late)
        except (httpx.HTTPError, KeyError):  # not up yet, or another program answers there: then ours is about to end
            pass
        time.sleep(0.3)
    logs = "\n".join(f"--- {role}\n{last_lines(log_file(settings, role).read_text(errors='replace'))}" for role in NEEDED)
    raise ServiceError(f"Airflow did not get healthy within {START_SECONDS} seconds; still waiting for {waiting_for}\n{logs}")
