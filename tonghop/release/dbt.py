"""dbt in this process: the candidate's layers, with the right role and environment."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder
from psycopg.conninfo import conninfo_to_dict

from tonghop.base.fingerprint import fingerprint
from tonghop.base.settings import PROJECT, Settings
from tonghop.release.layers import BuildFailed, building
from tonghop.warehouse.connect import connect, database_url
from tonghop.warehouse.roles import BUILDER

DBT_PROJECT = PROJECT / "dbt_project"
DBT_CONNECTIONS = "tonghop_dbt"  # the application name in dbt_project/profiles.yml
PATIENCE = "60s"  # for another step that is at work


def build(settings: Settings, layer: str, say: Callable[[str], None] = lambda _: None) -> None:
    """Build one layer of the open candidate with dbt, its data tests included. Safe to repeat.

    `say` gets a line per model and test. Raises BuildFailed.
    """
    with alone(settings) as connection, building(connection, layer, DBT_PROJECT):
        _end_orphans(connection)
        invoke(settings, ["build", "--select", f"path:models/{layer}", "--exclude-resource-type", "unit_test"], say)


def invoke(settings: Settings, arguments: list[str], say: Callable[[str], None] = lambda _: None) -> None:
    """Run one dbt command in this process. Raises BuildFailed, naming each node that failed."""

    def tell(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogTestResult"):
            say(event.info.msg.strip())

    environment = _dbt_environment(settings)
    with _environment(environment):
        manifest = _manifest(settings.home / "dbt", environment["DBT_WAREHOUSE_DATABASE"])
        outcome = _run(settings.home / "dbt", arguments, manifest, [tell])
    results = getattr(outcome.result, "results", [])
    failed = [_failure(result) for result in results if result.status in ("error", "fail", "runtime error")]
    if failed or outcome.exception or not outcome.success:
        raise BuildFailed("\n".join(failed) or f"dbt {arguments[0]}: {outcome.exception or 'failed'}")
    if not results:
        raise BuildFailed(f"dbt {' '.join(arguments)}: nothing was selected, so nothing was built")


@contextmanager
def alone(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection that keeps every other step of a build out; the lock goes with it, however it ends."""
    with connect(settings) as connection:
        connection.autocommit = True
        try:
            connection.execute("select set_config('lock_timeout', %s, false)", [PATIENCE])
            connection.execute("select pg_advisory_lock(hashtext('tonghop.build'))")
        except psycopg.errors.LockNotAvailable:
            raise BuildFailed("another step of a build is at work") from None
        connection.execute("reset lock_timeout")
        yield connection


def _end_orphans(connection: psycopg.Connection[Any]) -> None:
    # a killed build's statements run on in the server until they end; alone here, all that remain are such
    connection.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
        "where datname = current_database() and application_name = %s",
        [DBT_CONNECTIONS],
    )


def one(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row
    return row[0]


# --- dbt -----------------------------------------------------------------------------------------------------


def _dbt_environment(settings: Settings) -> dict[str, str]:
    parts = conninfo_to_dict(database_url(settings))
    return {
        "DBT_WAREHOUSE_HOST": str(parts["host"]),
        "DBT_WAREHOUSE_PORT": str(parts.get("port", 5432)),
        "DBT_WAREHOUSE_USER": str(parts["user"]),
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": str(parts.get("password", "")),
        "DBT_WAREHOUSE_DATABASE": str(parts["dbname"]),
        "DBT_WAREHOUSE_SSLMODE": str(parts.get("sslmode", "prefer")),
        "DBT_WAREHOUSE_ROLE": BUILDER,
    }


def _run(
    home: Path, arguments: list[str], manifest: Manifest | None = None, callbacks: list[Callable[[Any], None]] | None = None
) -> dbtRunnerResult:
    home.mkdir(parents=True, exist_ok=True)
    before = ["--log-level", "none", "--no-version-check", "--no-send-anonymous-usage-stats", "--log-path", str(home / "logs")]
    project = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(home / "target")]
    return dbtRunner(manifest, callbacks).invoke([*before, *arguments, *project])


def _manifest(home: Path, database: str) -> Manifest | None:
    """dbt's manifest of its project, for one run; None where dbt cannot parse the project.

    Parsing takes seconds, so the state folder keeps what came of it until a file of the project or dbt itself changes. Of all
    settings only the database's name gets into a manifest, and each run puts its own there.
    """
    state = _state_of_files()
    file = (home / "manifest").resolve()
    kept, _, packed = file.read_bytes().partition(b"\n") if file.exists() else (b"", b"", b"")
    if kept != state:
        parsed = _run(home, ["parse"]).result
        if not isinstance(parsed, Manifest):
            return None  # the run that needs it parses again, and its failure names the reason
        packed = parsed.to_msgpack(extended_mashumaro_encoder)
        if _state_of_files() == state:  # else another state of the files may have been parsed
            new = file.with_name(f"{file.name}.{os.getpid()}")
            new.write_bytes(state + b"\n" + packed)
            new.replace(file)
    manifest: Manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        if node.relation_name:
            node.relation_name = node.relation_name.replace(f'"{node.database}".', f'"{database}".', 1)
        node.database = database
    manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    return manifest


def _state_of_files() -> bytes:
    versions = sys.version, *(version(name) for name in ("dbt-core", "dbt-adapters", "dbt-postgres"))
    files = {p.relative_to(DBT_PROJECT).as_posix(): p.read_bytes() for p in DBT_PROJECT.rglob("*") if p.is_file()}
    return fingerprint({**files, "": repr(versions).encode()}).encode()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _failure(result: Any) -> str:
    lines = [line.strip() for line in (result.message or "").splitlines() if line.strip()]
    # the first line says that there was an error and in which file; what the error was comes next
    said = lines[1] if len(lines) > 1 and lines[0].endswith(")") else lines[0] if lines else str(result.status)
    said += next((f" ({line})" for line in lines if line.startswith("DETAIL:")), "")  # a key, by its numbers
    node = getattr(result, "node", None)  # an operation has none
    compiled = getattr(node, "compiled_path", None)
    return (
        (f"{node.resource_type} {node.name}" if node else result.unique_id)
        + f": {said}"
        + (f"; compiled SQL: {compiled}" if compiled else "")
    )
