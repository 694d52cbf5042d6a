"""A figure leads to its cells and a cell to its figures; claims beside sums, coverage by state; and what readers see of it."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import commands
import ledger_world
import psycopg
import pytest
from ledger_world import LATE, World
from psycopg.rows import dict_row

from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries import gap, questions, trace, trace_cell
from tonghop.release import dbt, gate, suites
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import OWNER, STAR


def before(world: World) -> None:
    world.file("w1", {"c11": (1, 2, 3, 0), "c12": (4, 4, 8, 0)})
    world.file("w2", {"c21": (5, 5, 10, 0)})
    world.file("w1", {"w1": (1, 1, 2, 0)})  # the ward's own activity would be its sender's second report
    world.file("d1", {"d1": (12, 15, 27, 0)}, scope="rollup")


def since(world: World) -> None:
    world.file("w1", {"c11": (1, 3, 4, 0), "c12": (4, None, None, "x")}, corrects=1, received=LATE)
    world.file("w3", {"c31": (0, 0, 0, 0)}, received=LATE)
    world.move("w3", "d1")


HISTORY = (before, since)


@pytest.fixture(scope="module")
def warehouse(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two releases; between them a correction, a late report and a ward that moved."""
    settings = new_warehouse(tmp_path_factory.mktemp("trace") / "home")
    ledger_world.prepare(settings, settings.home / "catalogue")
    with connect(settings) as connection:
        world = World(connection)
        for step in HISTORY:
            step(world)
            world.release()
    return settings


@pytest.fixture
def world(warehouse: Settings) -> Iterator[World]:
    with connect(warehouse) as connection:
        yield World(connection)
        connection.rollback()


# what the world of plain SQL leaves out: how many are in a sum, what nobody owes, rates of claims and those withheld, and reports
# that count no more
LEFT_OUT = {
    "fct_reporting": ("", "is_owed"),
    "fct_completeness": (", unowed", "due > 0"),
    "fct_rollup": (", units_reported, units_due, units_unowed", "true"),
    "fct_rate": ("", "basis = 'summed' and rate_code = 'share_female'"),
    "dim_submission": ("", "t.status = 'accepted'"),
}


def test_the_releases_that_plain_sql_makes_are_those_of_dbt(new_warehouse: Callable[[Path], Settings], tmp_path: Path) -> None:
    plain, built = new_warehouse(tmp_path / "plain"), new_warehouse(tmp_path / "built")
    for settings in (plain, built):
        ledger_world.prepare(settings, settings.home / "catalogue")
    for number, step in enumerate(HISTORY, start=1):
        with connect(plain) as connection:
            step(World(connection))
            World(connection).release()
        with connect(built) as connection:
            step(World(connection))
            connection.execute(
                "insert into ctl.release (release_id, status, cutoff_seq, catalogue_id) select %s, 'candidate', "
                "(select max(seq) from intake.ledger), (select max(catalogue_id) from catalogue.version)",
                [number],
            )
            connection.execute("delete from build.scope; insert into build.scope (everything) values (true)")
        dbt.invoke(built, ["run"])
        with connect(built) as connection:
            connection.execute("update ctl.release set status = 'published', published_at = now()")
            connection.execute("update ctl.current_release set release_id = %s", [number])
    for mart in ledger_world.MODELS:
        names, where = LEFT_OUT.get(mart, ("", "true"))
        rows = f"""
            select release_id, (to_jsonb(t) - '{{release_from, release_to{names}}}'::text[])::text as row
            from marts.{mart} t join ctl.release r on r.release_id >= release_from and r.release_id < release_to
            where {where} order by 1, 2"""
        assert ask(plain, rows, OWNER) == ask(built, rows, OWNER), mart


def ask(settings: Settings, query: str, role: str = STAR) -> list[dict[str, Any]]:
    with connect(settings, role) as connection:
        return connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


# --- trace -----------------------------------------------------------------------------------------------------


def test_a_figure_leads_to_file_sheet_and_cell_in_the_release_asked_about(warehouse: Settings) -> None:
    now = trace.trace(warehouse, "W1", "T1.members", "2025-M01")
    assert now.amounts == {"value": 6}
    assert [(p.unit, p.file, p.sheet, p.cell, p.state, p.value, p.amount) for p in now.parts] == [
        ("C11", "5.xlsx", "T1", "E4", "value", 4, 4),
        ("C12", "5.xlsx", "T1", "E5", "blank", None, None),
        ("W1", "3.xlsx", "T1", "E4", "value", 2, 2),
    ]
    then = trace.trace(warehouse, "W1", "T1.members", "2025-M01", release=1)
    assert [(p.unit, p.receipt, p.value) for p in then.parts] == [
        ("C11", "R000001", 3),
        ("C12", "R000001", 8),
        ("W1", "R000003", 2),
    ]


def test_a_figure_stands_on_the_tree_of_its_release(warehouse: Settings) -> None:
    assert "C31" not in {p.unit for p in trace.trace(warehouse, "D1", "T1.members", "2025-M01", release=1).parts}
    assert "C31" in {p.unit for p in trace.trace(warehouse, "D1", "T1.members", "2025-M01").parts}


def test_a_rate_leads_to_numerator_and_denominator_without_units_that_left_a_blank(warehouse: Settings) -> None:
    found = trace.trace(warehouse, "W1", "share_female", "2025-M01")
    assert found.amounts == {"value": Decimal("0.66666666666666666667"), "numerator": 4, "denominator": 6}
    assert sorted((p.part, p.unit, p.cell, p.amount) for p in found.parts if p.amount is not None) == [
        ("denominator", "C11", "E4", 4),
        ("denominator", "W1", "E4", 2),
        ("numerator", "C11", "D4", 3),
        ("numerator", "W1", "D4", 1),
    ]


def test_a_claim_is_one_cell(warehouse: Settings) -> None:
    found = trace.trace(warehouse, "D1", "T1.members", "2025-M01", basis="claimed")
    assert [(p.unit, p.receipt, p.cell, p.amount) for p in found.parts] == [("D1", "R000004", "E4", 27)]


def test_a_cell_leads_to_every_published_figure_with_its_releases_rates_included(warehouse: Settings) -> None:
    found = trace_cell.of_cell(warehouse, 1, "T1", "E4")
    assert [(s["unit_key"], s["indicator"], s["value"], s["status"]) for s in found["says"]] == [
        ("c11", "T1.members", 3, "accepted")
    ]
    wanted = ("unit", "indicator", "part", "value", "released_from", "released_to")
    assert [tuple(figure[name] for name in wanted) for figure in found["figures"]] == [
        ("W1", "T1.members", None, 13, 1, 1),
        ("D1", "T1.members", None, 23, 1, 1),
        ("P", "T1.members", None, 23, 1, 1),
        ("W1", "share_female", "denominator", Decimal("0.53846153846153846154"), 1, 1),
        ("D1", "share_female", "denominator", Decimal("0.52173913043478260870"), 1, 1),
        ("P", "share_female", "denominator", Decimal("0.52173913043478260870"), 1, 1),
    ]
    held = trace_cell.of_cell(warehouse, 2, "T1", "E4")["figures"]
    assert [(f["unit"], f["value"], f["released_from"], f["released_to"]) for f in held if f["part"] is None] == [
        ("W2", 10, 1, None),
        ("D1", 23, 1, 1),
        ("D1", 16, 2, None),
        ("P", 23, 1, 1),
        ("P", 16, 2, None),
    ]


def test_a_blank_or_unknown_cell_is_in_no_figure(warehouse: Settings) -> None:
    assert trace_cell.of_cell(warehouse, 5, "T1", "E5")["figures"] == []
    with pytest.raises(fig.UnknownFigure):
        trace_cell.of_cell(warehouse, 5, "T1", "Z99")


def test_what_does_not_add_up_is_said_loudly(world: World) -> None:
    world.connection.execute("update marts.fct_observation set value = value + 1 where release_to = 2147483647 and cell = 'E4'")
    at = fig.release(world.connection)
    with pytest.raises(fig.DoesNotAddUp):
        trace.of_figure(world.connection, at, fig.find(world.connection, at, "P", "T1.members", "2025-M01"))


# --- claimed against summed ------------------------------------------------------------------------------------


def test_a_gap_is_attributed_and_adds_up(warehouse: Settings) -> None:
    (row,) = (r for r in gap.gaps(warehouse, "D1", "2025-M01") if r["indicator"] == "T1.members")
    # 27 claimed when 3 + 8 + 10 + 2 stood below; now 4, a blank, 10 and 2, and a zero that came later
    assert (row["claimed"], row["summed"], row["gap"]) == (27, 16, 11)
    assert (row["own"], row["late"], row["changed"], row["rest"]) == (None, 0, 7, 4)
    assert row["changed_units"] == ["C11 Chi bộ 1.1", "C12 Chi bộ 1.2"]
    assert row["late_units"] == ["C31 Chi bộ 3.1"]
    assert row["missing_units"] == []


def test_own_activity_a_late_figure_and_a_missing_unit_have_a_line_each(world: World) -> None:
    february = "2025-M02"
    world.file("w1", {"c11": (2, 2, 4, 0)}, february)
    world.file("d1", {"d1": (1, 0, 1, 0)}, february)
    world.file("d1", {"d1": (9, 9, 18, 0)}, february, scope="rollup", received="2025-02-05 08:00+07")
    withdrawn = world.file("w2", {"c21": (3, 3, 6, 0)}, february)
    world.withdraw(withdrawn)
    world.file("w3", {"c31": (5, 5, 10, 0)}, february, received=LATE)
    number = world.release()
    row = (
        world.connection.cursor(row_factory=dict_row)
        .execute(
            "select * from marts.claim_gap where release_id = %s and period_id = %s and indicator_id = %s",
            [number, world.period(february), world.indicator("members")],
        )
        .fetchone()
    )
    assert row
    assert (row["claimed"], row["summed"], row["gap"]) == (18, 14, 4)
    assert (row["own"], row["late"], row["changed"], row["rest"]) == (1, -10, 6, 7)
    assert row["gap"] == row["own"] + row["late"] + row["changed"] + row["rest"]
    assert row["missing_units"] == sorted(map(world.unit, ("c12", "c21")))
    shown = (
        world.connection.cursor(row_factory=dict_row)
        .execute(
            "select * from star.claim_gap_of(%s) where period_id = %s and indicator_id = %s",
            [world.unit("d1"), world.period(february), world.indicator("members")],
        )
        .fetchone()
    )
    # what came late are single cells: readers see how many
    assert shown
    assert (shown["gap"], shown["late"], shown["changed"], shown["rest"]) == (4, None, None, None)
    assert (shown["late_units"], shown["changed_units"], shown["missing_units"]) == (1, 1, 2)


def test_a_gap_of_a_table_that_is_none_is_refused(warehouse: Settings) -> None:
    assert gap.gaps(warehouse, "D1", "2025-M01", "T1")
    with pytest.raises(fig.UnknownFigure, match="release 2 has no form table T9"):
        gap.gaps(warehouse, "D1", "2025-M01", "T9")


# --- coverage --------------------------------------------------------------------------------------------------

STATES = ("value", "zero", "blank", "not_applicable", "nil", "not_asked", "missing", "not_due")


def coverage(world: World, field: str, unit: str = "p", period: str = "2025-M01") -> dict[str, int]:
    row = (
        world.connection.cursor(row_factory=dict_row)
        .execute(
            "select * from star.coverage_of(%s) where period_id = %s and indicator_id = %s",
            [world.unit(unit), world.period(period), world.indicator(field)],
        )
        .fetchone()
    )
    assert row
    assert sum(row[state] for state in STATES) == row["units"]
    return {state: row[state] for state in STATES if row[state]}


def test_a_figure_says_how_many_units_stand_in_it_by_state(world: World) -> None:
    # c11, c21 and the ward's own; c31; c12
    assert coverage(world, "members") == {"value": 3, "zero": 1, "blank": 1}
    world.connection.execute("update marts.dim_indicator set shown_from = null where release_to = 2147483647")
    assert coverage(world, "punished") == {"zero": 4, "not_applicable": 1}


def test_what_is_missing_nil_or_not_due_is_no_blank(world: World) -> None:
    world.file("w1", {"c11": (1, 1, 2)}, "2025-M02")
    world.file("c21", {}, "2025-M02")
    world.file("w1", {"c11": (1, 1, 2)}, "2025-M04")
    world.release()
    assert coverage(world, "members", period="2025-M02") == {"value": 1, "nil": 1, "missing": 2}
    # nobody owes April here: who reports it all the same is in the total, and the others are not missing
    assert coverage(world, "members", period="2025-M04") == {"value": 1, "not_due": 3}
    assert coverage(world, "members", "w2", "2025-M01") == {"value": 1}


def test_withheld_is_told_apart_and_shows_no_figure(warehouse: Settings) -> None:
    assert ask(warehouse, "select code, label_en from star.withheld") == [{"code": "T1.punished", "label_en": "Disciplined"}]
    for function in ("coverage_of", "trace_of", "claim_gap_of"):
        shown = ask(
            warehouse,
            f"""
            select distinct indicator_id in (select indicator_id from star.dim_indicator) as known
            from (select distinct unit_id from star.dim_org_unit) as u, star.{function}(u.unit_id)""",
        )
        assert shown == [{"known": True}]


@pytest.mark.parametrize(
    "asked", ["coverage_of(1, 9)", "trace_of(1, 9)", "fct_rollup_as_of(9)", "fct_restated_on('2025-01-31', 9)"]
)
def test_a_release_that_is_none_is_refused_with_those_that_are(warehouse: Settings, asked: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="/ release 9 is not published; published: 1, 2\n"):
        ask(warehouse, f"select * from star.{asked}")


@pytest.mark.parametrize("unit", ["999999", "null", "c11"])  # c11: below the published levels
@pytest.mark.parametrize("what", ["count(*)", "1", "*"])
@pytest.mark.parametrize("function", ["coverage_of", "trace_of", "claim_gap_of"])
def test_a_unit_that_readers_do_not_see_is_refused(warehouse: Settings, function: str, what: str, unit: str) -> None:
    if unit == "c11":
        unit = str(ask(warehouse, "select unit_id from catalogue.unit where unit_key = 'c11'", OWNER)[0]["unit_id"])
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=f" đơn vị số {unit}; .* / release 2 has no unit {unit}; "):
        ask(warehouse, f"select {what} from star.{function}({unit})")


def test_the_report_of_a_form_tells_the_states_apart(warehouse: Settings) -> None:
    def states(unit: str, period: str, **then: str) -> dict[str, str]:
        rows = questions.ask(warehouse, "form", {"table": "T1", "unit": unit, "period": period, **then}).to_dict("records")
        return {row["indicator"]: row["state"] for row in rows}

    assert states("W1", "2025-M01") == {
        "T1.male": "value",
        "T1.female": "value",
        "T1.members": "value",
        "T1.punished": "withheld",
    }
    assert states("W3", "2025-M01")["T1.members"] == "zero"
    assert states("W3", "2025-M01", release="1")["T1.members"] == "missing"
    assert states("W3", "2025-M05")["T1.members"] == "not_due"
    (members,) = questions.ask(warehouse, "form", {"table": "T1", "unit": "D1", "period": "2025-M01"}).to_dict("records")[2:3]
    assert (members["with_subordinates"], members["claimed"]) == (16, 27)
    assert (members["values"], members["zero"], members["blank"], members["missing"], members["due"]) == (3, 1, 1, 0, 4)


# --- what readers see ------------------------------------------------------------------------------------------


def test_readers_follow_a_figure_to_published_units_and_count_what_lies_below(warehouse: Settings) -> None:
    rows = ask(
        warehouse,
        """
        select u.code as figure, t.basis, w.code as part, t.submission_id, t.sheet, t.cell, t.value, t.cells
        from star.dim_org_unit u
        cross join star.trace_of(u.unit_id) t
        join star.dim_indicator i using (indicator_id)
        left join star.dim_org_unit w on w.unit_id = t.part_unit_id
        where i.code = 'T1.members' and u.code = 'D1' order by t.basis, w.code nulls last""",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("D1", "claimed", "D1", 4, "T1", "E4", 27, 1),
        ("D1", "summed", "W1", 3, "T1", "E4", 2, 1),
        ("D1", "summed", None, None, None, None, None, 4),
    ]
    shown = ask(warehouse, "select distinct t.part_unit_id, t.unit_id from star.dim_org_unit u, star.trace_of(u.unit_id) t")
    known = {row["unit_id"] for row in ask(warehouse, "select unit_id from star.dim_org_unit")}
    assert shown
    assert {row["unit_id"] for row in shown} <= known
    assert {row["part_unit_id"] for row in shown} - {None} <= known


@pytest.mark.parametrize("table", ["marts.claim_gap", "marts.coverage", "intake.cell"])
def test_readers_may_not_go_below_the_views(warehouse: Settings, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(warehouse, f"select * from {table}")


def test_the_gate_sees_a_trace_that_names_what_it_must_not(world: World) -> None:
    def shown() -> list[str]:
        return [
            name
            for (name,) in world.connection.execute(
                "select view_name from ctl.preview_bi() where shows_withheld and view_name like '%trace%'"
            )
        ]

    world.connection.execute(
        "insert into ctl.release (release_id, status, cutoff_seq, catalogue_id) "
        "select 3, 'candidate', cutoff_seq, catalogue_id from ctl.release where release_id = 2"
    )
    gate.prepare(world.connection, suites.read(), 3, whole=True)
    assert shown() == []
    world.connection.execute("""
        create or replace view star_asof.trace_of as
        select release_id, unit_id, period_id, row_id, indicator_id, 'summed' as basis,
            (select unit_id from catalogue.unit where unit_key = 'c11') as part_unit_id, 1 as submission_id,
            '' as sheet, '' as cell, '' as state, 0::numeric as value, 1::bigint as cells
        from star_asof.fct_rollup""")
    assert shown() == ["star_asof.trace_of"]


# --- the command line ------------------------------------------------------------------------------------------


@pytest.fixture
def run(warehouse: Settings) -> Callable[..., Any]:
    return lambda *arguments: commands.run(warehouse, *arguments)


def test_the_commands_answer_in_words_and_in_json(run: Callable[..., Any]) -> None:
    words = run("trace", "W1", "T1.members", "2025-M01")
    assert (words.exit_code, words.stderr) == (0, "")
    found = json.loads(run("trace", "W1", "T1.members", "2025-M01", "--release", "1", "--json").stdout)
    assert (found["value"], found["adds_up"], [p["value"] for p in found["parts"]]) == (13, True, [3, 8, 2])
    back = json.loads(run("trace", "--cell", "R000002", "T1", "E4", "--json").stdout)
    assert {f["unit"] for f in back["figures"]} == {"W2", "D1", "P"}
    why = json.loads(run("explain", "D1", "T1.members", "2025-M01", "--from", "1", "--to", "2", "--json").stdout)
    assert [(r["kind"], r["amount"]) for r in why["reasons"]] == [("correction", -7)]
    assert why["difference"] == {"value": -7}
    gaps = json.loads(run("gap", "D1", "2025-M01", "--table", "T1", "--json").stdout)
    assert {row["indicator"]: row["gap"] for row in gaps}["T1.members"] == 11
    for command in (
        ("explain", "D1", "T1.members", "2025-M01", "--from", "1", "--to", "2"),
        ("gap", "D1", "2025-M01"),
        ("trace", "--cell", "R000002", "T1", "E4"),
    ):
        assert run(*command).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("trace",),
        ("trace", "W1", "T1.nix", "2025-M01"),
        ("trace", "--cell", "x", "T1", "E4"),
        ("trace", "W1", "T1.members", "2025-M01", "--tree", "x"),
        ("gap", "nix", "2025-M01"),
        ("explain", "D1", "T1.members", "2025-M01", "--from", "2", "--to", "1"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_two(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr
