"""The models and the steps that build a candidate, on a real PostgreSQL with real dbt.

Release 1 is built and published once, and candidate 2 on it; every test works on a copy of one of the two.

    p > w > c1, c2       c2 moves to ward x on 15 February 2025; both cells owe form T for January to March
    release 1            January: the ward's report for both cells, the province's claim; February: one for c1, one for c2
    candidate 2          January corrected for c1; February of c2 withdrawn; March new; April's comes after the cut-off
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from test_events import write_events

from tonghop.base.settings import Settings
from tonghop.catalogue import reorg
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.release import dbt, layers, run
from tonghop.release.candidate import awaited, discard, open_candidate
from tonghop.release.layers import BuildFailed, forget
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect, database_url
from tonghop.warehouse.roles import BUILDER, OWNER, READER

DATA = Path(__file__).parent / "data"
LAYERS = run.LAYERS
STILL = 2147483647
NAMED = "join catalogue.unit using (unit_id) join catalogue.period using (period_id)"
FIELDS = ("dau_ky", "cuoi_ky", "du_hop", "ky_luat")


# --- what comes in, as the loader leaves it --------------------------------------------------------------------


def file(
    settings: Settings,
    sender: str,
    period: str,
    figures: dict[str, tuple[int | None, ...]],
    *,
    scope: str = "own",
    corrects: int | None = None,
    form: str = "T",
    table: str = "T",
    row: str = "all",
    fields: tuple[str, ...] = FIELDS,
) -> int:
    """An accepted report: per subject unit a figure per field, None for blank; without any, a nil return."""
    with connect(settings) as connection:
        synced = sync(load_catalogue(settings.catalogue), connection)
        period_id = one(connection, "select period_id from catalogue.period where scheme = 'CALENDAR' and code = %s", period)
        number = one(connection, "select count(*) + 1 from intake.receipt")
        cells = sum(len(values) for values in figures.values())
        receipt: int = one(
            connection,
            """
            insert into intake.receipt (sha256, file_name, bytes, received_at, status, form_code, form_version, unit_id,
                period_id, scope, is_nil, catalogue_id, cells, cells_sha256)
            values (%s, %s, 1, '2025-02-10 08:00+07', 'accepted', %s, 1, %s, %s, %s, %s, %s, %s, 'x') returning receipt_id""",
            f"{number:064x}",
            f"{number}.xlsx",
            form,
            synced.unit[sender],
            period_id,
            scope,
            not figures,
            synced.catalogue_id,
            cells,
        )
        for width in {len(values) for values in figures.values()}:
            connection.execute(
                "insert into intake.header (receipt_id, header, sheet, indicators, columns) values (%s, %s, %s, %s, %s)",
                [receipt, width, table, [synced.indicator[table, field] for field in fields[:width]], list("CDEF"[:width])],
            )
        with connection.cursor().copy(
            "copy intake.line (receipt_id, header, unit_id, period_id, row_id, scope, place, figures) from stdin"
        ) as out:
            for line, (unit, values) in enumerate(figures.items(), start=4):
                out.write_row(
                    (receipt, len(values), synced.unit[unit], period_id, synced.row[table, row], scope, str(line), list(values))
                )
        act(connection, "received", receipt)
        connection.execute(
            "insert into intake.ledger (act, receipt_id, cells, cells_sha256) values ('accepted', %s, %s, 'x')", [receipt, cells]
        )
        if corrects:
            connection.execute(
                "insert into intake.ledger (act, receipt_id, by_receipt_id) values ('superseded', %s, %s)", [corrects, receipt]
            )
    return receipt


def withdraw(settings: Settings, receipt: int) -> None:
    with connect(settings) as connection:
        connection.execute("update intake.receipt set status = 'withdrawn' where receipt_id = %s", [receipt])
        connection.execute("insert into intake.ledger (act, receipt_id, reason) values ('withdrawn', %s, 'a mistake')", [receipt])


def returned(settings: Settings) -> None:
    """A report that breaks an identity, and one whose unit nobody knows."""
    with connect(settings) as connection:
        for unit in ("c1", None):
            receipt = one(
                connection,
                """
                insert into intake.receipt (sha256, file_name, bytes, status, unit_id, period_id)
                values (%s, 'r', 1, 'returned', (select unit_id from catalogue.unit where unit_key = %s),
                        (select period_id from catalogue.period where scheme = 'CALENDAR' and code = '2025-M01'))
                returning receipt_id""",
                f"returned {unit}",
                unit,
            )
            connection.execute(
                "insert into intake.finding (receipt_id, ordinal, rule, kind, message_vi, message_en) "
                "values (%s, 1, 'T.9', 'identity', 'sai', 'wrong')",
                [receipt],
            )
            act(connection, "returned", receipt)


def act(connection: psycopg.Connection[Any], name: str, receipt: int) -> None:
    connection.execute("insert into intake.ledger (act, receipt_id) values (%s, %s)", [name, receipt])


def publish(settings: Settings, release: int) -> None:
    with connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = %s", [release])
        connection.execute("update ctl.current_release set release_id = %s", [release])


# --- what is asked of it ---------------------------------------------------------------------------------------


def one(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def rows(settings: Settings, query: str, role: str | None = None) -> list[tuple[Any, ...]]:
    with connect(settings, role) as connection:
        return connection.execute(query).fetchall()


def marts(settings: Settings) -> list[str]:
    return [
        name
        for (name,) in rows(
            settings,
            "select relname from pg_class where relnamespace = 'marts'::regnamespace "
            "and relkind in ('r', 'p') and not relispartition order by 1",
        )
    ]


def hashes(settings: Settings) -> dict[str, tuple[int, str]]:
    """Count and fingerprint of every row of every mart, release numbers included."""
    return {
        name: rows(settings, f"select count(*), md5(string_agg(t::text, '|' order by t::text)) from marts.{name} t")[0]
        for name in marts(settings)
    }


def holding(settings: Settings) -> dict[str, tuple[int, str]]:
    """Count and fingerprint of what holds in the newest build, whatever its number."""
    return {
        name: rows(
            settings,
            f"""
        select count(*), md5(string_agg(r, '|' order by r))
        from (select (to_jsonb(t) - 'release_from' - 'release_to')::text from marts.{name} t where release_to = {STILL}) x (r)
        """,
        )[0]
        for name in marts(settings)
    }


def facts(settings: Settings, release: int) -> dict[tuple[str, str, str], int]:
    """Members at the end, by scope, unit and period, as a release shows them."""
    return {
        (scope, unit, period): value
        for scope, unit, period, value in rows(
            settings,
            f"""
        select scope, unit_key, code, value from marts.fct_observation {NAMED} join catalogue.indicator using (indicator_id)
        where field_code = 'cuoi_ky' and release_from <= {release} and release_to > {release}""",
        )
    }


def rollup(settings: Settings, field: str = "cuoi_ky") -> dict[tuple[str, str], tuple[Any, ...]]:
    """(value, claimed, units reported, units due), by unit and period."""
    return {
        (unit, period): tuple(rest)
        for unit, period, *rest in rows(
            settings,
            f"""
        select unit_key, code, value, claimed, units_reported, units_due
        from marts.fct_rollup {NAMED} join catalogue.indicator using (indicator_id)
        where field_code = '{field}' and release_to = {STILL}""",
        )
    }


# --- the two states that tests start from ----------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    settings: Settings
    january: int = 0


Copy = Callable[[World], Settings]


@pytest.fixture(scope="module")
def published(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(DATA / "catalogue_small", folder / "catalogue")
    settings = new_warehouse(folder / "home").model_copy(update={"catalogue": folder / "catalogue"})
    january = file(settings, "w", "2025-M01", {"c1": (10, 12, 9, 0), "c2": (4, 4, 2, 1)})
    file(settings, "p", "2025-M01", {"p": (14, 17, None, 1)}, scope="rollup")
    file(settings, "c1", "2025-M02", {"c1": (12, 12, 12, 0)})
    file(settings, "c2", "2025-M02", {"c2": (4, 5, None, 0)})
    returned(settings)
    assert open_candidate(settings) == 1
    dbt.build(settings)
    publish(settings, 1)
    return World(settings, january)


@pytest.fixture(scope="module")
def opened(published: World, copy: Copy) -> World:
    """Candidate 2, open and not built."""
    settings = copy(published)
    file(settings, "w", "2025-M01", {"c1": (10, 13, 9, 0), "c2": (4, 4, 2, 1)}, corrects=published.january)
    withdraw(settings, one_of(settings, "c2", "2025-M02"))
    file(settings, "x", "2025-M03", {"c2": (5, 6, 6, 0)})
    assert open_candidate(settings) == 2
    file(settings, "c1", "2025-M04", {"c1": (1, 1, 1, 1)})
    return World(settings)


@pytest.fixture(scope="module")
def candidate(opened: World, copy: Copy) -> World:
    """Candidate 2, built; never written to."""
    settings = copy(opened)
    dbt.build(settings)
    return World(settings)


def one_of(settings: Settings, sender: str, period: str) -> int:
    query = f"select receipt_id from intake.receipt {NAMED} where unit_key = '{sender}' and code = '{period}'"
    return int(rows(settings, query)[0][0])


@pytest.fixture(scope="module")
def copy(copy_of: Callable[[Settings], Settings]) -> Copy:
    return lambda world: copy_of(world.settings)


# --- the models ------------------------------------------------------------------------------------------------


def test_the_models_pass_their_unit_tests(candidate: World) -> None:
    passed: list[str] = []
    dbt.invoke(candidate.settings, ["test", "--select", "test_type:unit"], passed.append)
    assert len([line for line in passed if "PASS" in line]) >= 10


def test_a_rollup_follows_the_tree_of_the_periods_end_and_tells_its_coverage(published: World) -> None:
    assert rollup(published.settings) == {
        ("w", "2025-M01"): (16, None, 2, 2),
        ("p", "2025-M01"): (16, 17, 2, 2),
        # the second cell has moved to the other ward
        ("w", "2025-M02"): (12, None, 1, 1),
        ("x", "2025-M02"): (5, None, 1, 1),
        ("p", "2025-M02"): (17, None, 2, 2),
    }


def test_a_sum_of_blanks_is_null_and_a_blank_adds_nothing(published: World) -> None:
    found = rollup(published.settings, "du_hop")
    assert found["x", "2025-M02"][0] is None
    assert found["p", "2025-M02"][0] == 12
    assert found["p", "2025-M01"][:2] == (11, None)


def test_rates_come_from_the_sums_of_units_that_gave_both_parts(published: World) -> None:
    found = {
        (unit, period, basis): (n, d)
        for unit, period, basis, n, d in rows(
            published.settings, f"select unit_key, code, basis, numerator, denominator from marts.fct_rate {NAMED}"
        )
    }
    assert found == {
        ("w", "2025-M01", "summed"): (11, 16),
        ("p", "2025-M01", "summed"): (11, 16),
        ("w", "2025-M02", "summed"): (12, 12),
        ("p", "2025-M02", "summed"): (12, 12),
    }


def test_the_tree_is_dated(published: World) -> None:
    found = rows(
        published.settings,
        """
        select a.unit_key, b.depth, b.valid_from::text, b.valid_to::text from marts.bridge_org_tree b
        join catalogue.unit a on a.unit_id = b.ancestor_id join catalogue.unit u on u.unit_id = b.unit_id
        where u.unit_key = 'c2' order by b.valid_from, b.depth""",
    )
    before, after = ("2020-01-01", "2025-02-14"), ("2025-02-15", "9999-12-31")
    assert found == [
        ("c2", 0, *before),
        ("w", 1, *before),
        ("p", 2, *before),
        ("c2", 0, *after),
        ("x", 1, *after),
        ("p", 2, *after),
    ]


def test_what_is_owed_stands_beside_what_came(published: World) -> None:
    found = rows(
        published.settings,
        f"select unit_key, code, scope, is_owed, is_received, is_on_time from marts.fct_reporting {NAMED} order by 1, 2",
    )
    # all came on 10 February; January was due on the 17th of the month after. Nobody owes the province's claim
    assert found == [
        ("c1", "2025-M01", "own", True, True, True),
        ("c1", "2025-M02", "own", True, True, True),
        ("c1", "2025-M03", "own", True, False, None),
        ("c2", "2025-M01", "own", True, True, True),
        ("c2", "2025-M02", "own", True, True, True),
        ("c2", "2025-M03", "own", True, False, None),
        ("p", "2025-M01", "rollup", False, True, None),
    ]


def test_findings_are_those_of_returned_files_and_of_broken_rules(published: World) -> None:
    found = rows(
        published.settings,
        """
        select source, rule, kind, unit_key, left_side
        from marts.fct_finding left join catalogue.unit using (unit_id) order by 1, 2, 4, 5""",
    )
    # the province claims 17 at the end where 16 stand below; c2 became another version in between, so its start is not compared
    assert found == [
        ("arrival", "T.9", "identity", "c1", None),
        ("arrival", "T.9", "identity", None, None),
        ("rule", "T.2", "consistency", "p", 1),
    ]


# --- a candidate on a published release ------------------------------------------------------------------------

CASES = {
    "changed by a correction": (("own", "c1", "2025-M01"), 12, 13),
    "unchanged beside it": (("own", "c2", "2025-M01"), 4, 4),
    "unchanged elsewhere": (("rollup", "p", "2025-M01"), 17, 17),
    "vanished with a withdrawal": (("own", "c2", "2025-M02"), 5, None),
    "new": (("own", "c2", "2025-M03"), None, 6),
    "came after the cut-off": (("own", "c1", "2025-M04"), None, None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fact_in_the_release_and_in_the_candidate(candidate: World, case: str) -> None:
    key, before, after = CASES[case]
    assert (facts(candidate.settings, 1).get(key), facts(candidate.settings, 2).get(key)) == (before, after)


def test_only_what_changed_was_written(candidate: World) -> None:
    written = rows(
        candidate.settings,
        f"""
        select unit_key, code, field_code from marts.fct_observation {NAMED} join catalogue.indicator using (indicator_id)
        where release_from = 2 and code <> '2025-M03' order by 1, 3""",
    )
    # a correction repeats every figure, so each now comes from another submission
    assert written == [(unit, "2025-M01", field) for unit in ("c1", "c2") for field in sorted(FIELDS)]
    changed = rows(candidate.settings, f"select distinct code from marts.fct_rollup {NAMED} where release_from = 2")
    assert sorted(changed) == [("2025-M01",), ("2025-M02",), ("2025-M03",)]


def test_the_correction_says_what_it_replaced(candidate: World) -> None:
    found = rows(
        candidate.settings,
        f"""
        select code, unit_key, status, superseded_by is not null from marts.dim_submission {NAMED}
        where release_to = {STILL} order by 1, 2, 3""",
    )
    assert found == [
        ("2025-M01", "p", "accepted", False),
        ("2025-M01", "w", "accepted", False),
        ("2025-M01", "w", "superseded", True),
        ("2025-M02", "c1", "accepted", False),
        ("2025-M02", "c2", "withdrawn", False),
        ("2025-M03", "x", "accepted", False),
    ]


def test_a_correction_is_checked_against_the_period_that_follows(candidate: World) -> None:
    found = rows(
        candidate.settings,
        f"""
        select rule, unit_key, code, left_side from marts.fct_finding {NAMED}
        where source = 'rule' and release_to = {STILL} order by 1, 2""",
    )
    # February starts with 12 where January now ends with 13; the province's claim of 17 now agrees
    assert found == [("T.1", "c1", "2025-M02", -1)]


def test_starting_over_discards_the_candidate_and_takes_in_what_came_since(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    assert open_candidate(settings) == 3
    dbt.build(settings)
    assert rows(settings, "select release_id, status from ctl.release order by 1") == [
        (1, "published"),
        (2, "discarded"),
        (3, "candidate"),
    ]
    assert facts(settings, 3) == {**facts(candidate.settings, 2), ("own", "c1", "2025-M04"): 1}
    assert facts(settings, 1) == facts(candidate.settings, 1)


def test_a_rerun_changes_nothing(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    before = hashes(settings)
    dbt.build(settings)
    assert hashes(settings) == before


def test_a_discarded_candidate_leaves_every_row_as_it_was(candidate: World, published: World, copy: Copy) -> None:
    settings = copy(candidate)
    assert hashes(settings) != hashes(published.settings)
    with connect(settings) as connection:
        connection.execute("insert into ctl.gate_run (release_id, models, suites, whole, ground) values (1, '', '', true, '')")
    discard(settings, 2)
    assert hashes(settings) == hashes(published.settings)
    # nobody else wrote: what was judged of the published release stays judged
    assert rows(settings, "select ended_at from ctl.gate_run") == [(None,)]
    with pytest.raises(BuildFailed, match="not an open candidate"):
        discard(settings, 1)


def test_a_killed_build_is_healed_by_running_it_again(opened: World, candidate: World, copy: Copy) -> None:
    settings = copy(opened)
    dbt.build(settings, *LAYERS[:2])
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        env={
            **os.environ,
            "TONGHOP_HOME": str(settings.home),
            "TONGHOP_CATALOGUE": str(settings.catalogue),
            "TONGHOP_DATABASE_URL": database_url(settings),
            "TONGHOP_AIRFLOW_DATABASE_URL": "postgresql://none/none",
        },
    )
    written = "select exists (select from marts.dim_submission where release_from = 2)"
    while not rows(settings, written)[0][0]:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL

    dbt.build(settings, "marts")
    assert hashes(settings) == hashes(candidate.settings)


KILLED = "from tonghop.release import dbt; from tonghop.base.settings import Settings; dbt.build(Settings(), 'marts')"


def ran_models(said: list[str]) -> set[str]:
    return set(re.findall(r" model \w+\.(\w+)", "\n".join(said)))


CATALOGUE_ALONE = {"dim_org_unit", "dim_tree", "bridge_restated", "int_org_tree", "int_tree"}


def test_a_build_runs_the_models_whose_rows_can_change_and_gives_what_all_of_them_give(
    opened: World, candidate: World, copy: Copy
) -> None:
    settings = copy(opened)
    said: list[str] = []
    dbt.build(settings, say=said.append)
    ran = ran_models(said)
    assert {"int_rollup", "fct_rollup", "fct_sheet", "dim_submission"} <= ran
    assert not [name for name in ran if name.startswith("stg_")] + [*ran & CATALOGUE_ALONE]
    with connect(settings) as connection:
        forget(connection, LAYERS)
    said.clear()
    dbt.build(settings, say=said.append)
    assert ran_models(said) >= CATALOGUE_ALONE
    assert hashes(settings) == hashes(candidate.settings)


@pytest.mark.parametrize("lost", ["view staging.stg_cell", "table intermediate.int_shown_at", "view intermediate.int_submission"])
def test_what_a_build_takes_for_there_and_is_not_is_made_anew_by_the_next(
    opened: World, candidate: World, copy: Copy, lost: str
) -> None:
    settings = copy(opened)
    with connect(settings) as connection:
        connection.execute(f"drop {lost} cascade")
    with pytest.raises(BuildFailed, match=r'relation "\w+\.\w+" does not exist'):
        dbt.build(settings)
    dbt.build(settings)
    assert hashes(settings) == hashes(candidate.settings)


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Settings], None]:
    """Judges the current release by what it was built from, and changes a model after that."""

    def mend(settings: Settings) -> None:
        with connect(settings) as connection:
            connection.execute(
                "insert into ctl.gate_run (release_id, models, suites, whole, ground) "
                "select 1, models, '', true, '' from build.layer_built where layer = 'marts'"
            )
            assert not layers.models_changed(connection)
        project = Path(shutil.copytree(dbt.DBT_PROJECT, tmp_path / "mended"))
        for module in (dbt, layers):
            monkeypatch.setattr(module, "DBT_PROJECT", project)
        model = project / "models" / "marts" / "fct_rollup.sql"
        model.write_text(model.read_text() + "-- mended\n")

    return mend


def test_models_that_changed_since_the_release_are_awaited_and_rebuild_everything(
    published: World, copy: Copy, mended: Callable[[Settings], None]
) -> None:
    settings = copy(published)
    mended(settings)
    assert awaited(settings)
    assert open_candidate(settings) == 2
    assert rows(settings, "select everything from build.scope") == [(True,)]
    dbt.build(settings)
    assert holding(settings) == holding(published.settings)


def test_models_that_change_under_an_open_candidate_widen_it_to_everything(
    candidate: World, copy: Copy, mended: Callable[[Settings], None]
) -> None:
    settings = copy(candidate)
    mended(settings)
    with pytest.raises(BuildFailed, match="intermediate is not built for release 2"):
        dbt.build(settings, "marts")
    assert rows(settings, "select everything from build.scope") == [(True,)]
    dbt.build(settings)
    assert holding(settings) == holding(candidate.settings)


def test_everything_is_rebuilt_where_that_is_asked(published: World, copy: Copy) -> None:
    settings = copy(published)
    assert open_candidate(settings) is None
    assert open_candidate(settings, everything=True) == 2
    dbt.build(settings)
    assert holding(settings) == holding(published.settings)


def test_data_tests_of_the_marts_look_at_the_slice_alone(candidate: World) -> None:
    compiled = candidate.settings.home / "dbt" / "target" / "compiled" / "tonghop" / "models" / "marts" / "_marts.yml"
    looked_at = dict(
        re.findall(
            r'"marts"."(\w+)" as t\s+where t.release_to = 2147483647 and (.+)',
            "".join(p.read_text() for p in compiled.glob("*.sql")),
        )
    )
    assert looked_at.keys() >= {name for name in marts(candidate.settings) if name.startswith("fct_")}
    assert all("build.touched" in what for name, what in looked_at.items() if name.startswith("fct_"))


def test_a_data_test_that_fails_names_its_model(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    with connect(settings, BUILDER) as connection:
        connection.execute("update intermediate.int_org_tree set depth = 2 where unit_id = ancestor_id")
    with pytest.raises(BuildFailed, match=r"test holds\w+ of int_org_tree: "):
        dbt.invoke(settings, ["test", "--select", "int_org_tree", "--exclude-resource-type", "unit_test"])


def test_a_full_refresh_loses_nothing(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    before = hashes(settings)
    policies = "select count(*) from pg_policies where schemaname = 'marts'"
    guarded = rows(settings, policies)
    dbt.invoke(settings, ["build", "--full-refresh", "--select", "path:models/marts", "--exclude-resource-type", "unit_test"])
    assert hashes(settings) == before
    assert rows(settings, policies) == guarded
    assert guarded[0][0] > 0


def test_dbt_refuses_to_run_as_the_owner_of_the_tables(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    before = hashes(settings)
    with pytest.raises(BuildFailed, match="run as tonghop_builder"):
        dbt.invoke(settings, ["run", "--full-refresh", "--select", "dim_period"], role=OWNER)
    assert hashes(settings) == before


@pytest.mark.parametrize(
    "attempt",
    [
        "update marts.fct_observation set value = 0",
        "truncate marts.fct_observation",
        "drop table marts.fct_observation",
        "insert into marts.dim_form_row select row_id, 'T', 'all', 'vi', 'en', 1, 2147483647 from marts.dim_form_row",
        "update marts.fct_observation set release_to = 1",
        "update ctl.current_release set release_id = 2",
        "insert into build.touched values (1, 1)",
    ],
)
def test_the_builder_is_refused(candidate: World, attempt: str) -> None:
    with connect(candidate.settings, BUILDER) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(attempt)


def test_the_builder_cannot_touch_published_rows(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    publish(settings, 2)
    before = hashes(settings)
    with connect(settings, BUILDER) as connection:
        assert connection.execute("delete from marts.fct_observation").rowcount == 0
        assert connection.execute(f"update marts.fct_observation set release_to = {STILL}").rowcount == before_open(settings)
    assert hashes(settings) == before


def before_open(settings: Settings) -> int:
    return int(rows(settings, f"select count(*) from marts.fct_observation where release_to = {STILL}")[0][0])


def test_a_failure_names_the_model(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    with connect(settings) as connection:
        connection.execute("drop table marts.fct_rate cascade")
    with pytest.raises(BuildFailed, match=r"model fct_rate: .*fct_rate\" is missing"):
        dbt.build(settings, "marts")


def test_a_mart_whose_table_has_other_columns_than_its_model_stops_the_build(candidate: World, copy: Copy) -> None:
    settings = copy(candidate)
    with connect(settings) as connection:
        connection.execute("alter table marts.fct_rate add column weight integer")
    with pytest.raises(BuildFailed, match=r"model fct_rate: .*fct_rate\" and its model differ in weight: a migration"):
        dbt.invoke(settings, ["run", "--select", "fct_rate"])


def test_two_senders_for_one_figure_stop_the_build(published: World, copy: Copy) -> None:
    settings = copy(published)
    file(settings, "c1", "2025-M01", {"c1": (10, 12, 9, 0)})
    open_candidate(settings)
    with pytest.raises(BuildFailed, match=r"unique_combination_of_columns.* of int_observation: Got 4 results"):
        dbt.build(settings, *LAYERS[:2])
    # where no test looks, the mart itself refuses it
    dbt.invoke(settings, ["run", "--select", "path:models/intermediate"])
    with pytest.raises(BuildFailed, match=r"model fct_observation: .*is duplicated.*fct_observation\.sql"):
        dbt.invoke(settings, ["run", "--select", "fct_observation"])
    assert facts(settings, 1) == facts(published.settings, 1)


# --- opening ---------------------------------------------------------------------------------------------------


def test_nothing_new_opens_nothing(published: World) -> None:
    assert open_candidate(published.settings) is None
    with pytest.raises(BuildFailed, match="no candidate is open"):
        dbt.build(published.settings, "marts")


def test_a_candidate_touches_ancestors_the_period_after_the_quarter_and_the_year(opened: World) -> None:
    touched = rows(
        opened.settings, f"select code, string_agg(unit_key, ' ' order by unit_key) from build.touched {NAMED} group by 1"
    )
    # January's correction, February's withdrawal, March; each with what follows or holds it, and x, where c2 stands today
    assert dict(touched) == {
        "2025-M01": "c1 c2 p w x",
        "2025-M02": "c1 c2 p w x",
        "2025-M03": "c2 p x",
        "2025-M04": "c2 p x",
        "2025-Q1": "c1 c2 p w x",
        "2025-Q2": "c2 p x",
        "2025-Y": "c1 c2 p w x",
    }


def test_a_period_that_ended_since_is_owed(published: World, copy: Copy) -> None:
    settings = copy(published)
    with connect(settings) as connection:
        connection.execute("update ctl.release set opened_at = '2025-03-10'")
    file(settings, "w", "2025-M04", {"c1": (1, 1, 1, 1)})
    open_candidate(settings)
    touched = rows(
        settings, f"select unit_key from build.touched {NAMED} where code = '2025-M03' and scheme = 'CALENDAR' order by 1"
    )
    assert touched == [("c1",), ("c2",), ("p",), ("w",), ("x",)]


def test_a_release_is_awaited_once_a_day_has_come_on_which_the_units_change(published: World, copy: Copy) -> None:
    settings = copy(published)
    assert not awaited(settings)
    with connect(settings) as connection:
        connection.execute("update ctl.release set opened_at = '2025-02-14'")  # c2 moves on the 15th
    assert awaited(settings)
    opened = open_candidate(settings)
    assert opened is not None
    assert rows(settings, "select everything from build.scope") == [(True,)]
    assert not awaited(settings)
    discard(settings, opened)
    assert awaited(settings)


def test_a_release_is_awaited_for_a_reorganisation_that_was_applied(published: World, copy: Copy, tmp_path: Path) -> None:
    folder = shutil.copytree(published.settings.catalogue, tmp_path / "catalogue")
    settings = copy(published).model_copy(update={"catalogue": folder})
    reorg.apply(settings, write_events(tmp_path, "moved c1 parent=x on=2025-03-01"))
    assert awaited(settings)
    assert open_candidate(settings) == 2
    assert not awaited(settings)


def test_one_step_at_a_time(published: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", "100ms")
    with layers.alone(published.settings), pytest.raises(locks.Busy, match=r"at work \(build\), since .*process \d+"):
        open_candidate(published.settings)


# --- a form as data ----------------------------------------------------------------------------------------------


def test_a_ninth_form_is_data_only(published: World, copy: Copy) -> None:
    settings = copy(published)
    shutil.copy(DATA / "ninth_form.yaml", settings.catalogue / "forms" / "N.v1.yaml")
    books = {"form": "N", "table": "N9", "fields": ("so_sach", "so_tu")}
    file(settings, "w", "2025-M01", {"w": (120, 3)}, row="new", **books)
    # the trial form gets a field at the front, and keeps its columns where they are
    form = settings.catalogue / "forms" / "T.v1.yaml"
    form.write_text(
        form.read_text().replace(
            "    fields:\n", "    fields:\n      - {code: an_dau, vi: Đứng đầu, en: First, unit: người, aggregation: flow}\n"
        )
    )

    release = open_candidate(settings)
    assert release == 2
    dbt.build(settings)
    assert rows(settings, "select * from bi.n9_month", READER) == []
    publish(settings, release)

    shown = (
        "select unit_code, unit_name, province_code, period_code, new__so_sach, new__so_tu from bi.n9_month where new__so_tu > 0"
    )
    assert rows(settings, shown, READER) == [("W", "Phường Ngô Quyền", "P", "2025-M01", 120, 3)]
    columns = rows(
        settings, "select attname from pg_attribute where attrelid = 'bi.t_month'::regclass and attnum > 19 order by attnum"
    )
    assert columns == [
        ("dau_ky",),
        ("cuoi_ky",),
        ("du_hop",),
        ("attendance_numerator",),
        ("attendance_denominator",),
        ("an_dau",),
    ]
    assert facts(settings, 2) == facts(settings, 1)
    assert holding(settings)["fct_rate"] == holding(published.settings)["fct_rate"]


def test_a_row_is_a_units_direct_share_and_what_is_owed_and_has_not_come_is_one_too(published: World) -> None:
    shown = "select unit_code, period_code, units_reported, units_due, cuoi_ky from bi.t_month order by 2, 1"
    assert rows(published.settings, shown, READER) == [
        ("W", "2025-M01", 2, 2, 16),
        # the second cell has moved to the other ward
        ("W", "2025-M02", 1, 1, 12),
        ("X", "2025-M02", 1, 1, 5),
        ("W", "2025-M03", 0, 1, None),
        ("X", "2025-M03", 0, 1, None),
    ]
