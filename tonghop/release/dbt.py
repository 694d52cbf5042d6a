"""dbt in this process: the candidate's layers, with the right role and environment."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import psycopg
from dbt.cli.main import cli as dbt_command
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager
from psycopg.conninfo import conninfo_to_dict

from tonghop.base.files import write_whole
from tonghop.base.fingerprint import fingerprint
from tonghop.base.settings import Settings
from tonghop.release.layers import DBT_PROJECT, LAYERS, BuildFailed, alone, begin, building, forget, require_open
from tonghop.warehouse.connect import database_url
from tonghop.warehouse.roles import BUILDER

DBT_CONNECTIONS = "tonghop_dbt"  # the application name in dbt_project/profiles.yml
# the commands of dbt that write to the warehouse
WRITING = {"build", "run", "seed", "snapshot", "clone", "retry", "run-operation"}


def build(settings: Settings, *layers: str, release_id: int | None = None, say: Callable[[str], None] = lambda _: None) -> None:
    """Build layers of the open candidate that follow each other, or all, with one run of dbt, their data tests included.

    Safe to repeat. `say` gets a line per model and test. Raises BuildFailed, and does nothing where `release_id` is given and
    another candidate is open.
    """
    layers = layers or LAYERS
    with alone(settings) as connection:
        if release_id is not None:
            require_open(connection, release_id)
        with building(connection, layers) as step:
            _end_orphans(connection)
            if [*layers] == step.kept == ["staging"]:
                say("the views of staging are there, from the same models")
                return
            selected = [f"path:models/{layer}" for layer in layers]
            # views, and what follows from the catalogue alone, are as an earlier candidate left them
            excluded = [
                f"path:models/{layer},config.{what}"
                for layer in step.kept
                for what in ("materialized:view", "meta.slice:catalogue")
            ]
            # nobody reads the artifacts of a build, and to write them takes as long as a dozen models
            arguments = ["build", "--no-write-json", "--select", *selected, "--exclude-resource-type", "unit_test"]
            step.built.update(invoke(settings, [*arguments, *(["--exclude", *excluded] if excluded else [])], say))


def by_hand(settings: Settings, arguments: list[str]) -> NoReturn:
    """Run dbt as a person does at a terminal, with a build's role and environment, and end the process with dbt's exit code.

    A command that writes needs an open candidate, and keeps every other step of a build out meanwhile. It may have built any
    model, so no layer counts as built after it and the gate's verdict ends. Raises BuildFailed.
    """
    writes = not WRITING.isdisjoint(arguments)
    with _writing(settings) if writes else nullcontext(), _environment(_dbt_environment(settings, BUILDER)):
        dbt_command(arguments, prog_name="tonghop dbt --")
    raise AssertionError("dbt ends the process itself")


def invoke(
    settings: Settings, arguments: list[str], say: Callable[[str], None] = lambda _: None, role: Any = BUILDER
) -> set[str]:
    """Run one dbt command in this process and give the names of the nodes that it ran.

    Raises BuildFailed, naming each node that failed.
    """

    def tell(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogTestResult"):
            say(event.info.msg.strip())

    environment = _dbt_environment(settings, role)
    with _environment(environment):
        manifest = _manifest(settings.home / "dbt", environment["DBT_WAREHOUSE_DATABASE"])
        outcome = _run(arguments, manifest, [tell])
    results = getattr(outcome.result, "results", [])
    failed = [_failure(result) for result in results if result.status in ("error", "fail", "runtime error")]
    if failed or outcome.exception or not outcome.success:
        raise BuildFailed("\n".join(failed) or f"dbt {arguments[0]}: {outcome.exception or 'failed'}")
    if not results:
        raise BuildFailed(f"dbt {' '.join(arguments)}: nothing was selected, so nothing was built")
    return {result.node.name for result in results if getattr(result, "node", None)}


@contextmanager
def _writing(settings: Settings) -> Iterator[None]:
    with alone(settings) as connection:
        begin(connection, "dbt was run by hand")
        forget(connection, LAYERS)
        _end_orphans(connection)
        yield


def _end_orphans(connection: psycopg.Connection[Any]) -> None:
    # a killed build's statements run on in the server until they end; alone here, all that remain are such
    connection.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
        "where datname = current_database() and application_name = %s",
        [DBT_CONNECTIONS],
    )


# --- dbt -----------------------------------------------------------------------------------------------------


def _dbt_environment(settings: Settings, role: Any) -> dict[str, str]:
    parts = conninfo_to_dict(database_url(settings))
    home = settings.home / "dbt"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
        "DBT_WAREHOUSE_HOST": str(parts["host"]),
        "DBT_WAREHOUSE_PORT": str(parts.get("port", 5432)),
        "DBT_WAREHOUSE_USER": str(parts["user"]),
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": str(parts.get("password", "")),
        "DBT_WAREHOUSE_DATABASE": str(parts["dbname"]),
        "DBT_WAREHOUSE_SSLMODE": str(parts.get("sslmode", "prefer")),
        "DBT_WAREHOUSE_ROLE": str(role),
    }


class _Events(EventManager):
    """dbt's events without those for debugging: nobody reads them here, and to write them out is a tenth of a small build."""

    def fire_event(self, e: Any, level: Any = None, node: Any = None, force_warn_or_error_handling: bool = False) -> None:
        if (level or e.level_tag()) != EventLevel.DEBUG:
            super().fire_event(e, level, node, force_warn_or_error_handling)


def _run(
    arguments: list[str], manifest: Manifest | None = None, callbacks: list[Callable[[Any], None]] | None = None
) -> dbtRunnerResult:
    before = get_event_manager(), gc.get_threshold()
    ctx_set_event_manager(_Events())
    # dbt makes thousands of objects a model, and nearly all stay to its end: to look for garbage every 700 of them is a quarter
    # of a small build, every 200,000 costs 40 MB
    gc.set_threshold(200_000)
    try:
        # the models ask for no relation that dbt would have to know beforehand: see macros/materializations.sql
        return dbtRunner(manifest, callbacks).invoke(["--log-level", "none", "--no-populate-cache", *arguments])
    finally:
        ctx_set_event_manager(before[0])
        gc.set_threshold(*before[1])


def _manifest(home: Path, database: str) -> Manifest | None:
    """dbt's manifest of its project, for one run; None where dbt cannot parse the project.

    Parsing takes seconds, so the state folder keeps what came of it until a file of the project or dbt itself changes. Of all
    settings only the database's name gets into a manifest, and each run puts its own there.
    """
    state = _state_of_files()
    file = (home / "manifest").resolve()
    kept, _, packed = file.read_bytes().partition(b"\n") if file.exists() else (b"", b"", b"")
    if kept != state:
        parsed = _run(["parse"]).result
        if not isinstance(parsed, Manifest):
            return None  # the run that needs it parses again, and its failure names the reason
        packed = parsed.to_msgpack(extended_mashumaro_encoder)
        if _state_of_files() == state:  # else another state of the files may have been parsed
            write_whole(file, state + b"\n" + packed)
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
    # every other variable of dbt goes meanwhile: a flag that somebody set for work of their own may leave out models or tests
    before = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("DBT_")}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)


def _failure(result: Any) -> str:
    lines = [line.strip() for line in (result.message or "").splitlines() if line.strip()]
    # the first line says that there was an error and in which file; what the error was comes next
    message = lines[1] if len(lines) > 1 and lines[0].endswith(")") else lines[0] if lines else str(result.status)
    message += next((f" ({line})" for line in lines if line.startswith("DETAIL:")), "")  # a key, by its numbers
    node = getattr(result, "node", None)  # an operation has none
    compiled = getattr(node, "compiled_path", None)
    # dbt cuts the name of a long test, and with it that of the model that it tests
    tested = getattr(node, "attached_node", None)
    return (
        (f"{node.resource_type} {node.name}" if node else result.unique_id)
        + (f" of {tested.split('.')[-1]}" if tested else "")
        + f": {message}"
        + (f"; compiled SQL: {compiled}" if compiled else "")
    )
