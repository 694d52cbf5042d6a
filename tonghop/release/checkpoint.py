"""Great Expectations: an Expectation that asks a population, and the Checkpoint that asks all of them.

Importing Great Expectations takes seconds, so only the gate imports this module, and only when it judges.
"""

import os
from typing import Any, ClassVar

# read when Great Expectations is imported: nothing is reported to its makers
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import sqlalchemy
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value

from tonghop.base.settings import Settings
from tonghop.release.suites import Suites
from tonghop.warehouse.connect import database_url
from tonghop.warehouse.roles import AUDITOR

_COUNTS = """
select count(*) as rows, count(*) filter (where failed is null) as undecided, count(*) filter (where failed <> 0) as failed
from population"""


class PopulationCounts(MetricProvider):
    """How many rows a population has, of how many it does not decide, and how many fail. Of an error only its kind."""

    metric_name = "population.counts"
    value_keys = ("query",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, execution_engine: Any, metric_value_kwargs: dict[str, Any], **_: Any) -> dict[str, Any]:
        try:
            return dict(execution_engine.execute_query(sqlalchemy.text(metric_value_kwargs["query"])).mappings().one())
        except sqlalchemy.exc.DBAPIError as error:
            # PostgreSQL's messages quote figures
            return {"error": type(error.orig).__name__}


class ExpectPopulationToHold(BatchExpectation):
    """A population has enough rows, decides every one of them, and none fails."""

    name: str
    query: str
    minimum: int

    metric_dependencies: ClassVar[tuple[str, ...]] = ("population.counts",)
    success_keys: ClassVar[tuple[str, ...]] = ("query", "minimum")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        counts = metrics["population.counts"]
        holds = "error" not in counts and counts["rows"] >= self.minimum and counts["undecided"] == counts["failed"] == 0
        return {"success": holds, "result": {"observed_value": counts}}


def run(settings: Settings, asked: Suites, whole: bool) -> dict[str, tuple[bool, dict[str, Any]]]:
    """Ask every population, of everything or of the slice, as the auditor and over one connection.

    Gives for each expectation whether it holds and its counts `rows`, `undecided` and `failed`, or instead of them `error`. An
    expectation that Great Expectations did not come to is missing.
    """
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_postgres(
        "warehouse", connection_string=_auditor_url(settings), kwargs={"pool_size": 1, "max_overflow": 0}
    )
    # the batch is the one row that names the release, from which every population starts: nothing is copied
    candidate = source.add_query_asset("candidate", query="select release_id from gate.asked")
    batch = candidate.add_batch_definition_whole_table("release")
    definitions = []
    for suite in asked.suites:
        expectations = [
            ExpectPopulationToHold(
                name=e.name,
                query=asked.question(e.name, _COUNTS, whole),
                minimum=e.least(whole),
                severity=FailureSeverity(suite.severity),
                description=e.what,
            )
            for e in suite.expectations
        ]
        added = context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=expectations))
        definitions.append(context.validation_definitions.add(gx.ValidationDefinition(name=suite.name, data=batch, suite=added)))
    checkpoint = gx.Checkpoint(name="gate", validation_definitions=definitions, result_format="BASIC")
    try:
        outcome = context.checkpoints.add(checkpoint).run()
    finally:
        # or its connections stay until the process ends: one of the data source, one of what asks
        source.get_engine().dispose()
        source.get_execution_engine().close()
    return {
        item.expectation_config.kwargs["name"]: (item.success, item.result.get("observed_value", {}))
        for result in outcome.run_results.values()
        for item in result.results
    }


def _auditor_url(settings: Settings) -> str:
    url = database_url(settings).replace("postgresql://", "postgresql+psycopg://", 1)
    # each question is asked once, and most are answered sooner than they would be compiled
    return f"{url}{'&' if '?' in url else '?'}options=-crole%3D{AUDITOR}%20-cjit%3Doff"
