"""Airflow's processes: start them; and find and end those of this state folder, Superset's as well.

Airflow runs as four processes (scheduler, dag-processor, api-server, triggerer) of the interpreter that runs this, each the
leader of a session of its own. Every process that they start inherits MARK in its environment, with the state folder as its
value, and ROLE, so `down` finds all of them and only them. A recorded process id would not do: LocalExecutor's workers outlive a
scheduler that was killed, and other clones may run on the same machine.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import psycopg

from tonghop.base.settings import Settings
from tonghop.ops.configuration import COMMANDS, MARK, ROLE, Say, airflow_home, environment, last_lines, log_file
from tonghop.warehouse.connect import AIRFLOW, database_url

START_SECONDS, STOP_SECONDS = 120, 10
OF_AIRFLOW = {*COMMANDS, ""}  # the roles; what prepares its tables has none


class ServiceError(Exception):
    """Airflow or Superset did not start, or a run failed; the message says which part and shows the end of its log."""


class PortTaken(ServiceError):
    """Another program took the port between the moment when it was free and the start of what was to have it."""


def airflow_installed() -> bool:
    """Whether this environment has Airflow: the package's extra `airflow` brings it."""
    try:
        return bool(version("apache-airflow"))
    except PackageNotFoundError:
        return False


def migrate(settings: Settings, say: Say) -> None:
    """Bring Airflow's own tables up to date. Raises ServiceError.

    Asking Airflow costs seconds, so its version and that of the tables are kept from the last time and compared first.
    """
    known = airflow_home(settings) / "migrated"
    if known.exists() and known.read_text() == _revision(settings):
        return
    say("preparing Airflow's own tables")
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=environment(settings),
        cwd=airflow_home(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ServiceError(f"Airflow's tables could not be made:\n{last_lines(done.stdout + done.stderr)}")
    known.write_text(_revision(settings))


def _revision(settings: Settings) -> str:
    """Airflow's version, and that of its tables."""
    with psycopg.connect(database_url(settings, AIRFLOW), connect_timeout=10) as connection:
        there = connection.execute("select to_regclass('alembic_version')").fetchone() != (None,)
        row = connection.execute("select version_num from alembic_version").fetchone() if there else None
    return f"{version('apache-airflow')} {row[0] if row else 'empty'}"


def start(settings: Settings, role: str) -> None:
    """Start one part of Airflow; its output goes to the role's log file."""
    command = [sys.executable, "-m", "airflow", *COMMANDS[role]]
    launch(command, environment(settings) | {ROLE: role}, airflow_home(settings), log_file(settings, role))


def launch(command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, log_file: Path) -> None:
    """Start a process that outlives this one, the leader of a session; the log of the time before is kept."""
    if log_file.exists():
        log_file.replace(log_file.with_suffix(".before.log"))
    with log_file.open("wb") as log:
        subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


# --- which processes are ours --------------------------------------------------------------------------------


def processes(settings: Settings, of: Collection[str] | None = None) -> list[tuple[psutil.Process, str]]:
    """Every live process for this state folder, or those of the named roles, with its role."""
    home, found = str(settings.home.resolve()), []
    for process in psutil.process_iter():
        try:
            variables = process.environ()
        except psutil.Error:
            continue
        role = variables.get(ROLE, "")
        if variables.get(MARK) == home and (of is None or role in of) and process.pid != os.getpid():
            found.append((process, role))
    return found


def roles(settings: Settings) -> list[str]:
    """The roles whose main process lives."""
    return [role for process, role in processes(settings) if process.pid == _session(process.pid)]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def end(settings: Settings, of: Collection[str] | None = None) -> None:
    """Ask the main processes to end, then kill what is left: LocalExecutor's workers inherit a handler that ignores SIGTERM."""
    leaders = [process for process, _ in processes(settings, of) if process.pid == _session(process.pid)]
    _signal(leaders, psutil.Process.terminate)
    psutil.wait_procs(leaders, timeout=STOP_SECONDS)
    for _ in range(5):  # what is being killed may just have forked
        if not (left := [process for process, _ in processes(settings, of)]):
            return
        _signal(left, psutil.Process.kill)
        psutil.wait_procs(left, timeout=5)
    raise ServiceError(f"these processes would not end: {', '.join(str(process.pid) for process in left)}")


def _signal(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            send(process)
