"""The gate: the suites asked of the candidate release, and the decision whether it may be published.

Everything is asked of a release that builds everything, and in an audit of the published one; of another candidate the slice
that it may have changed. What is outside was judged before, and row policies let a build change nothing of it. So a slice is
asked only where the published release stands on a verdict that is in force, green, and of the same ground: models, suites,
views, policies, functions, roles, and this very database. Where one of these changed, or a mart was written by hand, the next
gate asks everything.

A verdict is a row of ctl.gate_run and a row of ctl.gate_result for each expectation. It names what it saw: the models, as the
build recorded them, the suites, and how many rows each expectation checked. It ends when a layer is built again, a table of the
marts is written or a view is made again, so `publish` lets through what was judged and nothing else. Results carry counts, never
values.
"""

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.fingerprint import fingerprint
from tonghop.base.settings import Settings
from tonghop.release import data_docs, layers, suites
from tonghop.release.layers import alone
from tonghop.release.suites import Expectation, Result, Suite
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

GROUND = Path(__file__).parent / "sql" / "ground.sql"
STANDING = Path(__file__).parent / "sql" / "standing.sql"


class GateFailed(Exception):
    """The candidate may not be published; the message names each suite and expectation, how much failed, and what to do."""


def judge(settings: Settings, release_id: int, folder: Path = suites.FOLDER) -> list[Result]:
    """Ask every suite of the candidate. The verdict goes to the database, Data Docs to pages/gate/<release>.

    Raises GateFailed where anything blocking fails or cannot be evaluated; warnings are only recorded. Raises SuiteError where
    the suites are not whole, BuildFailed where the marts are not built for the candidate, and Busy where another step is at work.
    """
    asked = suites.read(folder)
    with alone(settings) as connection:
        if connection.execute("select from build.candidate where release_id = %s", [release_id]).fetchone() is None:
            raise GateFailed(f"release {release_id} is not the candidate: there is nothing to check")
        models = layers.built_from(connection, release_id, "marts")
        ground = _ground(connection, asked, models)
        results = _verdict(settings, connection, release_id, asked, models, ground, whole=not _stands(connection, ground))
    _require_green(f"release {release_id} is not published; readers stay on the last one.", results)
    return results


def audit(settings: Settings, folder: Path = suites.FOLDER) -> list[Result]:
    """Ask everything of the release that readers see; nothing where none is published.

    Where it fails, the next candidate is asked everything as well, and fails too where it has not mended what is wrong.

    Raises GateFailed as `judge` does, SuiteError, and Busy where another step is at work.
    """
    asked = suites.read(folder)
    with alone(settings) as connection:
        (release_id,) = connection.execute("select release_id from ctl.current_release").fetchone() or (0,)
        if not release_id:
            return []
        (models,) = connection.execute(
            "select models from ctl.gate_run where release_id = %s order by run_at desc limit 1", [release_id]
        ).fetchone() or ("unknown",)
        ground = _ground(connection, asked, models)
        results = _verdict(settings, connection, release_id, asked, models, ground, whole=True)
    _require_green(f"release {release_id}, which readers see, does not hold:", results)
    return results


def prepare(connection: psycopg.Connection[Any], asked: suites.Suites, release_id: int, whole: bool) -> None:
    """Fill what the populations range over, as the owner and within a transaction."""
    psycopg.ClientCursor(connection).execute(suites.only(asked.ranges, whole), {"release": release_id})


def failing(settings: Settings, expectation: str, limit: int = 20, folder: Path = suites.FOLDER) -> list[dict[str, Any]]:
    """What fails an expectation in what the gate asked last, as it is now and as the columns that name it; stored nowhere.

    Raises KeyError for a name that no suite has, psycopg.Error where the population cannot be evaluated, GateFailed where the
    gate has asked nothing.
    """
    asked = suites.read(folder)
    with connect(settings, role=AUDITOR) as connection, connection.cursor(row_factory=dict_row) as cursor:
        now = cursor.execute("select whole from gate.asked").fetchone()
        if now is None:
            raise GateFailed("the gate has asked nothing yet: run it first")
        rows = f"select * from population where failed is distinct from 0 limit {limit:d}"
        found = cursor.execute(asked.question(expectation, rows, now["whole"]).encode()).fetchall()
    # a submission goes by the number that its sender was given
    return [{key: receipt_code(value) if key == "submission" and value else value for key, value in row.items()} for row in found]


def _verdict(
    settings: Settings,
    connection: psycopg.Connection[Any],
    release_id: int,
    asked: suites.Suites,
    models: str,
    ground: str,
    whole: bool,
) -> list[Result]:
    if whole:
        # what was just built has no statistics yet, and without them a population of a whole country takes minutes
        connection.execute(sql.SQL("analyze {}").format(_marts(connection)))
    with connection.transaction():
        prepare(connection, asked, release_id, whole)
    with connection.transaction():
        _keep_writers_out(connection)
        results = _ask(settings, asked, whole)
        connection.execute(
            "insert into ctl.gate_run (release_id, models, suites, whole, ground) values (%s, %s, %s, %s, %s)",
            [release_id, models, asked.fingerprint, whole, ground],
        )
        connection.cursor().executemany(
            "insert into ctl.gate_result values (%s, now(), %s, %s, %s, %s, %s, %s, %s)",
            [(release_id, *result) for result in results],
        )
    data_docs.write(settings, release_id, asked, models, results, whole)
    return results


def _require_green(what: str, results: list[Result]) -> None:
    blocking = [result for result in results if result.severity == "critical" and not result.success]
    if blocking:
        raise GateFailed("\n".join([what, *(f"{result.suite}, {result.expectation}: {result.message}" for result in blocking)]))


def _ground(connection: psycopg.Connection[Any], asked: suites.Suites, models: str) -> str:
    (server,) = connection.execute(GROUND.read_bytes()).fetchone() or ("",)
    return fingerprint({"server": server.encode(), "suites": asked.fingerprint.encode(), "models": models.encode()})


def _stands(connection: psycopg.Connection[Any], ground: str) -> bool:
    """Whether a slice of the candidate is enough: it builds no more, and what it follows stands on this ground."""
    return connection.execute(STANDING.read_bytes(), {"ground": ground}).fetchone() is not None


def _marts(connection: psycopg.Connection[Any]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("marts", name) for name in layers.marts(connection))


def _keep_writers_out(connection: psycopg.Connection[Any]) -> None:
    """Lock the marts against writers until the transaction ends, so that the verdict is on the rows that were checked."""
    connection.execute(f"set local lock_timeout = '{locks.PATIENCE}'")
    try:
        connection.execute(sql.SQL("lock table {} in share mode").format(_marts(connection)))
    except psycopg.errors.LockNotAvailable:
        raise GateFailed("a table of the marts is being written: end that first, then run the gate again") from None


def _ask(settings: Settings, asked: suites.Suites, whole: bool) -> list[Result]:
    # Great Expectations takes seconds to import
    from tonghop.release import checkpoint

    answers: dict[str, tuple[bool, dict[str, Any]]] = {}
    kind = "not asked"
    try:
        answers = checkpoint.run(settings, asked, whole)
    # whatever it is, it counts as failed; only its kind is kept, since messages quote figures
    except Exception as error:
        kind = type(error).__name__
    return [
        _result(suite, e, e.least(whole), *answers.get(e.name, (False, {"error": kind})))
        for suite in asked.suites
        for e in suite.expectations
    ]


def _result(suite: Suite, e: Expectation, least: int, holds: bool, counts: dict[str, Any]) -> Result:
    about = (suite.name, e.name, suite.severity)
    if "rows" not in counts:
        return Result(
            *about,
            False,
            None,
            None,
            f"it could not be evaluated ({counts.get('error', 'not counted')}), which counts as failed. To do: "
            f"`tonghop failing {e.name}` shows the error",
        )
    rows, wrong = int(counts["rows"]), int(counts["undecided"]) + int(counts["failed"])
    if holds:
        return Result(*about, True, rows, wrong, None)
    found = f"{wrong} of {rows} failed" if rows >= least else f"{rows} rows to check where there must be {least}"
    return Result(
        *about, False, rows, wrong, f"{found}. Must hold: {e.what}. To do: {e.action}. `tonghop failing {e.name}` lists them."
    )
