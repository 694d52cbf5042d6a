"""Airflow's REST API: trigger a DAG and follow every run that comes of it, through the assets that it updates."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.ops.configuration import ADMIN, NEEDED, Say, last_lines, url
from tonghop.ops.processes import ServiceError, roles


@dataclass(frozen=True)
class Run:
    """One DAG run that ended."""

    dag: str
    run: str
    state: str


# --- runs ----------------------------------------------------------------------------------------------------


def run(settings: Settings, dag_id: str, say: Say = lambda _: None) -> list[Run]:
    """Trigger a DAG and wait until it, and every run that followed from it through an asset, has ended.

    It waits until no DAG has a run under way: a scheduled run may have taken the work before ours came to it.
    `say` gets a line for each task that starts or fails. Raises ServiceError that names the DAG, the task and the end of its log.
    """
    with logged_in(settings) as api:
        answer = api.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None})
        if answer.is_error:
            raise ServiceError(f"Airflow did not start {dag_id}: {answer.status_code} {answer.text}")
        return _follow(settings, api, {(dag_id, answer.json()["dag_run_id"]): "queued"}, say)


def retry(settings: Settings, dag_id: str, say: Say = lambda _: None) -> list[Run]:
    """Clear the failed tasks of a DAG's newest run, as a person does in Airflow's pages after a repair; wait as `run` does."""
    with logged_in(settings) as api:
        newest = get(api, f"/dags/{dag_id}/dagRuns", order_by="-run_after", limit=1)["dag_runs"][0]["dag_run_id"]
        answer = api.post(
            f"/dags/{dag_id}/clearTaskInstances",
            json={"dag_run_id": newest, "dry_run": False, "only_failed": True, "include_downstream": True},
        )
        if answer.is_error:
            raise ServiceError(f"Airflow did not clear {dag_id}: {answer.status_code} {answer.text}")
        return _follow(settings, api, {(dag_id, newest): "queued"}, say)


def _follow(settings: Settings, api: httpx.Client, runs: dict[tuple[str, str], str], say: Say) -> list[Run]:
    reported: set[tuple[str, ...]] = set()
    calm = 0
    while calm < 2:  # two rounds: between the two questions of one round an event may have become a run
        if dead := NEEDED - set(roles(settings)):
            raise ServiceError(f"Airflow's {', '.join(sorted(dead))} died; `tonghop up` starts it again")
        time.sleep(0.5)
        for item in get(api, "/dags/~/dagRuns", state=["queued", "running"])["dag_runs"]:
            runs.setdefault((item["dag_id"], item["dag_run_id"]), item["state"])
        for (dag, key), state in runs.items():
            if state in ("queued", "running"):
                runs[dag, key] = get(api, f"/dags/{dag}/dagRuns/{key}")["state"]
                _report_tasks(api, dag, key, say, reported)
        under_way = any(state in ("queued", "running") for state in runs.values())
        calm = 0 if under_way or _events_pending(api, {dag["dag_id"] for dag in get(api, "/dags")["dags"]}) else calm + 1
    for (dag, key), state in runs.items():
        if state == "failed":
            raise ServiceError(_reasons(api, dag, key))
    return [Run(dag, key, state) for (dag, key), state in runs.items()]


def _report_tasks(api: httpx.Client, dag: str, key: str, say: Say, reported: set[tuple[str, ...]]) -> None:
    for task in get(api, f"/dags/{dag}/dagRuns/{key}/taskInstances", order_by="start_date")["task_instances"]:
        ending = {"running": "", "success": "", "failed": " failed", "skipped": " skipped"}.get(task["state"])
        line = (dag, key, task["task_id"], str(ending))
        if ending is not None and line not in reported:
            reported.add(line)
            say(f"{dag}: {task['task_id'].replace('_', ' ')}{ending}")


def _events_pending(api: httpx.Client, dags: set[str]) -> bool:
    """Whether an asset event has not yet become a run of a DAG that waits for it."""
    return any(get(api, f"/dags/{dag}/assets/queuedEvents")["total_entries"] for dag in dags)


def _reasons(api: httpx.Client, dag: str, key: str) -> str:
    base = f"/dags/{dag}/dagRuns/{key}/taskInstances"
    lines = []
    for task in get(api, base, state=["failed"])["task_instances"]:
        content = get(api, f"{base}/{task['task_id']}/logs/{task['try_number']}", full_content=True)["content"]
        text = "\n".join(line for line in map(_log_line, content) if not line.startswith("::"))  # Airflow's folding marks
        lines.append(f"{dag}: {task['task_id']} failed\n{last_lines(text)}")
    return "\n".join(lines) or f"{dag}: run {key} failed without a failed task"


def _log_line(line: dict[str, Any] | str) -> str:
    if isinstance(line, str):
        return line
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or []]
    return " ".join([str(line.get("event", "")), *errors])


@contextmanager
def logged_in(settings: Settings) -> Iterator[httpx.Client]:
    """A client of the REST API, logged in as the admin."""
    base = url(settings)
    with httpx.Client(base_url=f"{base}/api/v2", trust_env=False, timeout=30) as api:
        answer = api.post(f"{base}/auth/token", json={"username": ADMIN, "password": secret(settings, "airflow-admin")})
        answer.raise_for_status()
        api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield api


def get(api: httpx.Client, path: str, **params: Any) -> Any:
    """The JSON of one GET request. Raises httpx.HTTPError."""
    answer = api.get(path, params=params)
    answer.raise_for_status()
    return answer.json()
