"""The gate: Great Expectations on the candidate release, and the decision whether it may be published.

A suite is a file in expectations/. Each of its expectations is a population: a query with one row for each thing that is
checked, columns that name the thing, and `failed`, 0 or 1. Great Expectations asks three things of every population:
enough rows, `failed` nowhere null, and its sum nought. So an empty suite, an empty batch and an all-null column fail, and
results and Data Docs can only carry counts: the batch holds no other column.
"""

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tonghop.base.settings import PROJECT, Settings
from tonghop.warehouse.connect import connect, database_url
from tonghop.warehouse.roles import AUDITOR

FOLDER = PROJECT / "expectations"


class GateFailed(Exception):
    """The candidate may not be published; the message names each suite and expectation, how much failed, and what to do."""


class SuiteError(Exception):
    """A suite file is wrong or empty; the message names it."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Name = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]


class Expectation(_Data):
    """What must hold, what to do where it does not, and the population that tells."""

    name: Name
    what: str
    action: str
    minimum: int = Field(1, ge=1)
    sql: str


class Suite(_Data):
    """Expectations that block a release (critical) or are told with it (warning)."""

    name: Name
    severity: Literal["critical", "warning"]
    about: str
    expectations: tuple[Expectation, ...] = Field(min_length=1)


class Result(NamedTuple):
    """What came of one expectation: a row of ctl.gate_result. Numbers are None where it could not be evaluated."""

    suite: str
    expectation: str
    severity: str
    success: bool
    rows_checked: int | None
    rows_failed: int | None
    message: str | None


@cache
def suites(folder: Path = FOLDER) -> tuple[Suite, ...]:
    """The suites of a folder, blocking ones first.

    Raises SuiteError where there is none, one is empty, or two expectations share a name.
    """
    found: list[Suite] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(Suite.model_validate({"name": path.stem, **yaml.safe_load(path.read_text("utf-8"))}))
        except (ValidationError, yaml.YAMLError, TypeError) as error:
            raise SuiteError(f"{path.name}: {error}") from error
    names = [expectation.name for suite in found for expectation in suite.expectations]
    if not names:
        raise SuiteError(f"{folder} holds no suite: a gate that asks nothing lets everything through")
    if twice := {name for name in names if names.count(name) > 1}:
        raise SuiteError(f"two expectations are called {', '.join(sorted(twice))}")
    return tuple(sorted(found, key=lambda suite: (suite.severity, suite.name)))


def judge(settings: Settings, release_id: int, folder: Path = FOLDER) -> list[Result]:
    """Ask every suite of the candidate; results go to ctl.gate_result, Data Docs to pages/gate/<release>.

    Raises GateFailed where anything blocking fails or cannot be evaluated; warnings are only recorded.
    """
    asked = suites(folder)
    with connect(settings) as connection:
        if connection.execute("select 1 from build.candidate where release_id = %s", [release_id]).fetchone() is None:
            raise GateFailed(f"release {release_id} is not the candidate: there is nothing to check")
    results = _validate(settings, release_id, asked, folder)
    with connect(settings) as connection:
        connection.cursor().executemany(
            "insert into ctl.gate_result values (%s, now(), %s, %s, %s, %s, %s, %s, %s)",
            [(release_id, *result) for result in results],
        )
    blocking = [result for result in results if result.severity == "critical" and not result.success]
    if blocking:
        raise GateFailed(
            f"release {release_id} is not published; readers stay on the last one.\n"
            + "\n".join(f"{result.suite}, {result.expectation}: {result.message}" for result in blocking)
        )
    return results


def failing(settings: Settings, expectation: str, limit: int = 20, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """What fails an expectation in the candidate that is open now, as the columns that name it; stored nowhere.

    Raises KeyError for a name that no suite has, psycopg.Error where the population cannot be evaluated.
    """
    with connect(settings, role=AUDITOR) as connection, connection.cursor(row_factory=dict_row) as cursor:
        question = "select * from population where failed is distinct from 0 limit %s"
        return cursor.execute(population(expectation, question, folder), [limit]).fetchall()


def population(expectation: str, question: str, folder: Path = FOLDER) -> bytes:
    """The SQL that puts a question to the rows of an expectation, which it calls `population`."""
    known = {e.name: e.sql for suite in suites(folder) for e in suite.expectations}
    return f"{_steps(folder)}, population as (\n{known[expectation]})".replace("%", "%%").encode() + f" {question}".encode()


def _steps(folder: Path) -> str:
    return (folder / "candidate.sql").read_text("utf-8")


def _batch(suite: Suite, folder: Path) -> str:
    """All populations of a suite as one query."""
    populations = "\nunion all\n".join(
        f"select '{e.name}'::text as expectation, failed from (\n{e.sql}) as population" for e in suite.expectations
    )
    return f"select expectation, failed from (\n{_steps(folder)}\n{populations}) as suite"


def _validate(settings: Settings, release_id: int, asked: tuple[Suite, ...], folder: Path) -> list[Result]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # 4 to 6 seconds, so only where a gate is run
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    from tonghop.release import data_docs

    pages = settings.pages / "gate" / str(release_id)
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
            data_docs_sites={"gate": data_docs.site(pages)},
        ),
    )
    # a temporary table, on the one connection, so that a population is evaluated once and not for every question
    source = context.data_sources.add_postgres(  # type: ignore[call-arg]
        "candidate", connection_string=_auditor_url(settings), create_temp_table=True, kwargs={"pool_size": 1, "max_overflow": 0}
    )
    answers: dict[tuple[str, str], Any] = {}
    broken: dict[str, str] = {}
    for suite in asked:
        try:
            asset = source.add_query_asset(suite.name, query=_batch(suite, folder))
            done = context.validation_definitions.add(
                gx.ValidationDefinition(
                    name=suite.name,
                    data=asset.add_batch_definition_whole_table("candidate"),
                    suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=list(_questions(suite)))),
                )
            ).run(
                run_id=gx.RunIdentifier(run_name=f"release-{release_id}"),
                result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
            )
            answers |= {tuple(item.expectation_config.meta["asked"]): item for item in done.results}  # type: ignore[union-attr]
        # whatever it is, it counts as failed; only its kind is told, since PostgreSQL's messages quote figures
        except Exception as error:
            broken[suite.name] = type(getattr(error, "orig", error)).__name__
    results = [
        _judge(suite, e, broken.get(suite.name, ""), *(answers.get((e.name, part)) for part in ("rows", "null", "failed")))
        for suite in asked
        for e in suite.expectations
    ]
    shutil.rmtree(pages, ignore_errors=True)
    # a question that stops with an error leaves its trace in the result
    if all(result.rows_checked is not None for result in results):
        context.build_data_docs()
        data_docs.trim(pages)
    return results


def _questions(suite: Suite) -> Iterator[Any]:
    """The three things that are asked of every population."""
    from great_expectations import expectations
    from great_expectations.expectations.row_conditions import Column

    gxe: Any = expectations  # its names are not exported in the way that mypy asks for
    for e in suite.expectations:
        for part, kind, words, more in (
            ("rows", gxe.ExpectTableRowCountToBeBetween, "there is something to check", {"min_value": e.minimum}),
            ("null", gxe.ExpectColumnValuesToNotBeNull, "every row is decided", {"column": "failed"}),
            ("failed", gxe.ExpectColumnSumToBeBetween, e.what, {"column": "failed", "min_value": 0, "max_value": 0}),
        ):
            yield kind(
                row_condition=Column("expectation") == e.name,
                severity=suite.severity,
                description=f"{e.name}: {words}",
                meta={"asked": [e.name, part]},
                **more,
            )


def _judge(suite: Suite, e: Expectation, error: str, rows: Any, null: Any, failed: Any) -> Result:
    if not all((rows, null, failed)) or not (
        "observed_value" in rows.result and "unexpected_count" in null.result and "observed_value" in failed.result
    ):
        return Result(
            suite.name,
            e.name,
            suite.severity,
            False,
            None,
            None,
            f"the suite could not be evaluated ({error}), which counts as failed. To do: "
            f"`tonghop failing {e.name}` shows the error",
        )
    checked = int(rows.result["observed_value"])
    wrong = int(null.result["unexpected_count"] or 0) + int(failed.result["observed_value"] or 0)
    if rows.success and null.success and failed.success:
        return Result(suite.name, e.name, suite.severity, True, checked, wrong, None)
    found = f"{wrong} of {checked} failed" if checked >= e.minimum else f"{checked} rows to check where there must be {e.minimum}"
    return Result(
        suite.name,
        e.name,
        suite.severity,
        False,
        checked,
        wrong,
        f"{found}. Must hold: {e.what}. To do: {e.action}. `tonghop failing {e.name}` lists them.",
    )


def _auditor_url(settings: Settings) -> str:
    url = database_url(settings).replace("postgresql://", "postgresql+psycopg://", 1)
    return f"{url}{'&' if '?' in url else '?'}options=-crole%3D{AUDITOR}"
