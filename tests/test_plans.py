"""What the server reads for one late report: rows in proportion to the units of its periods, never to all that was reported.

A nation of 211 units reports three figures a month for a year and a half; then one report comes late. The server tells the plan
of every statement that builds and judges the candidate, with the rows that each node read and threw away.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tree_world as world

from tonghop.base.settings import Settings
from tonghop.release import candidate, gate, run
from tonghop.release import publish as publishing
from tonghop.warehouse.connect import connect

PROVINCES, COMMUNES = 10, 20
UNITS = [
    ("n", "nation", None),
    *((f"p{p}", "province", "n") for p in range(PROVINCES)),
    *((f"p{p}c{c}", "grassroots", f"p{p}") for p in range(PROVINCES) for c in range(COMMUNES)),
]
PERIODS = [f"{year}-M{month:02d}" for year in (2024, 2025) for month in range(1, 13)][:18]
# a node may go through the units of four periods on all levels, or through the receipts that there are; not through all figures,
# of which there are 50 for each unit
BOUND = 40 * len(UNITS)
LOGGED = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on",
}


@pytest.fixture(scope="module")
def late(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The late report is filed, and what came before it published."""
    folder = tmp_path_factory.mktemp("plans")
    settings = new_warehouse(folder / "home").model_copy(update={"catalogue": folder / "catalogue"})
    world.write_catalogue(settings.catalogue, UNITS)
    reports = [
        (unit, period, {"members": 9, "admitted": 2, "punished": 1})
        for period in PERIODS
        for unit, level, _ in UNITS
        if level == "grassroots"
    ]
    world.file(settings, reports[:-1])
    number = candidate.open_candidate(settings)
    assert number
    run.step(settings, number, "build")
    gate.judge(settings, number)
    publishing.publish(settings, number)
    world.file(settings, reports[-1:])
    with connect(settings) as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
    return settings


def test_a_late_report_reads_rows_in_proportion_to_its_slice(late: Settings) -> None:
    number = candidate.open_candidate(late)
    assert number
    with plans(late) as found:
        run.step(late, number, "build")
        gate.judge(late, number)
    assert len(found) > 50
    wasted = [line for text, plan in found for line in wasteful(text, plan)]
    assert not wasted, "\n".join(wasted)
    # a statement that reads everything is seen
    with plans(late) as found, connect(late) as connection:
        connection.execute("select count(*) from intake.cell where value < 0")
    assert [line for text, plan in found for line in wasteful(text, plan)]


@contextmanager
def plans(settings: Settings) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Every statement of sessions that begin within, with its plan as it was carried out."""
    found: list[tuple[str, dict[str, Any]]] = []
    with connect(settings) as connection:
        connection.autocommit = True
        asked = connection.execute("select current_database(), current_setting('data_directory')")
        database, folder = asked.fetchone() or ("", "")
        log = Path(folder).parent / "server.log"
        start = log.stat().st_size
        for name, value in LOGGED.items():
            connection.execute(f"alter database \"{database}\" set {name} = '{value}'".encode())
        try:
            yield found
        finally:
            connection.execute(f'alter database "{database}" reset all'.encode())
    text = log.read_bytes()[start:].decode(errors="replace")
    for told in re.findall(r"LOG: +duration: [0-9.]+ ms +plan:\n((?:\t.*\n)+)", text):
        plan = json.loads(re.sub(r"^\t", "", told, flags=re.M))
        found.append((plan["Query Text"], plan["Plan"]))


def wasteful(text: str, node: dict[str, Any]) -> Iterator[str]:
    """The nodes of a plan that read, or joined in vain, more rows than the bound."""
    named = re.search(r'"node_id": "(\S+)"', text)
    rows = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
    # of tables as small as these the gate's questions read a year's partition rather than its index
    if named and node["Node Type"].endswith("Scan"):
        rows += node["Actual Rows"]
    # the calendar is as long as it is, whatever was reported
    if (rows := rows * node["Actual Loops"]) > BOUND and node.get("Relation Name") != "period":
        yield f"{named[1] if named else text[-300:]}: {node['Node Type']} {node.get('Relation Name', '')}: {rows:.0f} rows"
    for below in node.get("Plans", []):
        yield from wasteful(text, below)
