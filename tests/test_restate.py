"""Totals on any tree: as reported, on today's and on a named day's, as known in any release; nothing lost, nothing invented."""

import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import tree_world as world
from tree_world import divided, established, merged, moved

from samples import filed
from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.queries import questions
from tonghop.release import candidate, dbt, gate, publish
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import STAR

JULY, SEPTEMBER = date(2025, 7, 1), date(2025, 9, 1)
NewWarehouse = Callable[[Path], Settings]
# n > p, q;  p > a, b, c;  q > d;  a > a1, a2
UNITS = [
    ("n", "nation", None),
    ("p", "province", "n"),
    ("q", "province", "n"),
    ("a", "grassroots", "p"),
    ("b", "grassroots", "p"),
    ("c", "grassroots", "p"),
    ("d", "grassroots", "q"),
    ("a1", "cell", "a"),
    ("a2", "cell", "a"),
    ("s", "grassroots", "q"),
]
EVENTS = [
    # a and part of b become x; the rest of b, nobody knows how much, becomes y: b stands at p
    established("e1", JULY, "x", "grassroots", "p"),
    established("e1", JULY, "y", "grassroots", "p"),
    merged("e1", JULY, "a", "x"),
    *divided("e1", JULY, "b", x=None, y=None),
    moved("e1", JULY, "a1", "x"),
    moved("e1", JULY, "a2", "x"),
    # c is divided in known shares, over two provinces
    established("e1", JULY, "z", "grassroots", "q"),
    *divided("e1", JULY, "c", y="0.25", z="0.75"),
    # d is taken in by s, which stays
    merged("e2", SEPTEMBER, "d", "s"),
    # a2 vanishes
    {"event": "e3", "on": SEPTEMBER, "kind": "dissolved", "unit": "a2"},
]
MAY = {"n": 1, "p": 2, "q": 3, "a": 10, "b": 20, "c": 40, "d": 80, "s": 160, "a1": 320, "a2": 640}
OCTOBER = {"n": 1, "p": 2, "q": 3, "x": 10, "y": 20, "z": 40, "s": 80, "a1": 160}


RATED = (
    world.FORM
    + """
rates:
  - {code: T.growth, table: T, name: {vi: Tăng, en: Growth}, numerator: {admitted: 1}, denominator: {members: 1}}
  - {code: T.held, table: T, name: {vi: Kín, en: Withheld}, numerator: {admitted: 1}, denominator: {members: 1},
     shown_from: never}
"""
)


def _reports(period: str, figures: dict[str, int]) -> list[tuple[str, str, dict[str, int]]]:
    return [(unit, period, {"members": figure, "admitted": 2 * figure, "punished": 1}) for unit, figure in figures.items()]


@pytest.fixture(scope="module")
def reformed(new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Release 1: May as reported before anything was known of the reform. Release 2: the reform, and October."""
    home = tmp_path_factory.mktemp("reformed")
    here = new_warehouse(home / "home").model_copy(update={"catalogue": home / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS, form=RATED)
    # s does not say how many it admitted
    world.file(
        here,
        [
            (unit, period, {"members": figures["members"]} if unit == "s" else figures)
            for unit, period, figures in _reports("2025-M05", MAY)
        ],
    )
    world.release(here)
    shutil.rmtree(here.catalogue)
    world.write_catalogue(here.catalogue, UNITS, EVENTS, form=RATED)
    world.file(here, _reports("2025-M10", OCTOBER))
    world.release(here, tests=True)
    return here


NAMED = (
    "join catalogue.unit using (unit_id) join catalogue.period using (period_id) "
    "join catalogue.indicator using (indicator_id) "
    "where field_code = 'members'"
)


def _restated(here: Settings, period: str) -> dict[str, tuple[Decimal, Decimal, int, int, int, int]]:
    return {
        unit: tuple(rest)
        for unit, *rest in world.rows(
            here,
            f"""
        select unit_key, value, not_restatable, units_due, units_reported, units_restated, units_not_restatable
        from star.fct_restated {NAMED} and code = %s and scheme = 'CALENDAR'""",
            period,
        )
    }


def _on(here: Settings, day: date, period: str, role: str | None = None) -> dict[str, tuple[Decimal, Decimal]]:
    return {
        unit: tuple(rest)
        for unit, *rest in world.rows(
            here,
            f"""
        select unit_key, value, not_restatable from star.fct_restated_on(%s) {NAMED} and code = %s and scheme = 'CALENDAR'""",
            day,
            period,
            role=role,
        )
    }


# --- where figures stand ---------------------------------------------------------------------------------------


def test_todays_tree_holds_every_figure_of_the_old_one_and_says_what_cannot_be_divided(reformed: Settings) -> None:
    assert _restated(reformed, "2025-M05") == {
        # whole at the top: nothing is lost
        "n": (1276, 0, 10, 10, 3, 2),
        # own 2, a with its cell 330, a2 has gone, b in one piece, a quarter of c
        "p": (Decimal(2 + 10 + 320 + 640 + 20 + 10), 20, 6, 6, 2, 2),
        "x": (970, 640, 3, 3, 1, 1),
        "y": (10, 0, 1, 1, 1, 0),
        "z": (30, 0, 1, 1, 1, 0),
        # two were put together: s is not what it was, but all of it goes on there
        "q": (Decimal(3 + 30 + 80 + 160), 0, 4, 4, 2, 0),
        "s": (240, 0, 2, 2, 1, 0),
    }


def test_a_figure_of_a_unit_put_together_stands_on_the_old_tree_above_all_of_its_parts(reformed: Settings) -> None:
    on = _on(reformed, date(2025, 5, 1), "2025-M10")
    # x came of a and of b, y of b and of c, all in p; z came of c alone; s of d and of itself
    assert on["p"] == (Decimal(2 + 10 + 20 + 160 + 40), 30)
    assert on["c"] == (40, 0)
    assert on["a"] == (160, 0)
    assert on["q"] == (83, 80)
    assert "b" not in on
    assert on["n"] == (sum(OCTOBER.values()), 0)


def test_a_year_adds_its_flows_and_takes_its_last_stock_on_every_tree(reformed: Settings) -> None:
    def years(source: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """What a year is by a view of sums, the plain way, by tree, unit and field: figure, undivided, first, last, coverage."""
        lines: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
        for *key, flow, period, figure, undivided, received, due in world.rows(
            reformed,
            f"""
                select {source} where r.value is not null and p.period_type = 'M' order by period_id""",
        ):
            lines[*key, flow].append((figure, undivided, period, received, due))
        return {
            key[:-1]: (
                *(sum(line[n] for line in (of if key[-1] else of[-1:])) for n in (0, 1)),
                of[0][2],
                of[-1][2],
                len(of),
                12,
                *(sum(line[n] for line in (of if key[-1] else of[-1:])) for n in (3, 4)),
            )
            for key, of in lines.items()
        }

    def told(view: str, tree: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return {
            row[:3]: row[3:]
            for row in world.rows(
                reformed,
                f"""
            select {tree}, unit_id, indicator_id, value, not_restatable, first_period_id, last_period_id, periods,
                periods_in_year, reports_received, reports_due from {view}""",
            )
        }

    joined = "{} as r join star.dim_period as p using (period_id) join star.dim_indicator as i using (indicator_id)"
    columns = "r.unit_id, r.indicator_id, i.aggregation = 'flow', r.period_id, r.value, {}, r.units_reported, r.units_due from "
    of_year = {
        **years("'reported', " + columns.format(0) + joined.format("star.fct_rollup")),
        **years("'today', " + columns.format("r.not_restatable") + joined.format("star.fct_restated")),
    }
    assert told("star.fct_year", "tree") == of_year
    of_now = "(select * from star_asof.{} where release_id = bi.current_release())"
    on = years("r.tree_id, " + columns.format("r.not_restatable") + joined.format(of_now.format("fct_restated_on")))
    assert told(of_now.format("fct_year_on"), "tree_id") == on
    # n: s did not say in May how many it admitted
    named = {
        (tree, field): (figure, periods)
        for tree, field, figure, periods in world.rows(
            reformed,
            """
        select tree, field_code, value, periods from star.fct_year as y join star.dim_indicator using (indicator_id)
        join catalogue.unit using (unit_id) where unit_key = 'n'""",
        )
    }
    assert named == {
        (tree, field): figure
        for tree in ("reported", "today")
        for field, figure in {
            "members": (sum(OCTOBER.values()), 2),
            "admitted": (2 * (sum(MAY.values()) - 160 + sum(OCTOBER.values())), 2),
        }.items()
    }
    assert len({tree for tree, _, _ in on}) > 2


ON = (
    "(%s) join catalogue.unit using (unit_id) join catalogue.period using (period_id) where code = '2025-M05' "
    "and scheme = 'CALENDAR'"
)


def test_a_rate_on_another_tree_comes_from_what_stands_there_of_its_numerator_and_denominator(reformed: Settings) -> None:
    query = f"select unit_key, numerator, denominator, value, not_restatable from star.fct_rate_on{ON} and rate_code = 'T.growth'"
    assert {unit: tuple(rest) for unit, *rest in world.rows(reformed, query, SEPTEMBER)} == {
        # as the members above, twice as many admitted; s left a part blank, so that it is in neither side
        "n": (2232, 1116, 2, 0),
        "p": (2004, 1002, 2, 20),
        "q": (226, 113, 2, 0),
        "x": (1940, 970, 2, 640),
        "y": (20, 10, 2, 0),
        "z": (60, 30, 2, 0),
        "s": (160, 80, 2, 0),
    }


def test_what_was_owed_and_came_is_counted_on_another_tree(reformed: Settings) -> None:
    query = f"select unit_key, due, received, missing, restated, not_restatable from star.fct_completeness_on{ON}"
    assert {unit: tuple(rest) for unit, *rest in world.rows(reformed, query, SEPTEMBER)} == {
        # c, in known shares, is owed by both that hold a part of it, and once above them
        "n": (10, 10, 0, 3, 2),
        "p": (6, 6, 0, 2, 2),
        "q": (4, 4, 0, 2, 0),
        "x": (3, 3, 0, 1, 1),
        "y": (1, 1, 0, 1, 0),
        "z": (1, 1, 0, 1, 0),
        "s": (2, 2, 0, 1, 0),
    }


def test_on_the_tree_of_their_own_day_rates_and_counts_are_those_reported(reformed: Settings) -> None:
    for on, reported, columns in (
        ("fct_rate_on", "fct_rate", "unit_key, rate_code, numerator, denominator, value"),
        (
            "fct_completeness_on",
            "fct_completeness",
            "unit_key, table_code, last_due_on, due, received, on_time, late, missing, nil",
        ),
    ):
        there = world.rows(reformed, f"select {columns} from star.{on}{ON} order by 1, 2", date(2025, 5, 31))
        assert there == world.rows(
            reformed,
            f"""
            select {columns} from star.{reported} join catalogue.unit using (unit_id) join catalogue.period using (period_id)
            where code = '2025-M05' and scheme = 'CALENDAR' order by 1, 2""",
        )
        assert len(there) > 5


def test_a_withheld_rate_is_on_no_tree(reformed: Settings) -> None:
    assert world.rows(reformed, "select count(*) from marts.fct_rate where rate_code = 'T.held'") != [(0,)]
    assert world.rows(reformed, "select distinct rate_code from star.fct_rate_on(current_date)", role=STAR) == [("T.growth",)]


def test_rates_and_completeness_are_asked_for_side_by_side(reformed: Settings) -> None:
    rates = questions.ask(reformed, "rates", {"unit": "P", "period": "2025-M05", "on": "2025-05-01"})
    assert [(r.tree, r.numerator, r.not_restatable) for r in rates.itertuples()] == [
        ("as reported", 2064, None),
        ("today", 2004, 20),
        ("on 2025-05-01", 2064, 0),
    ]
    counts = questions.ask(reformed, "completeness", {"period": "2025-M05", "on": "2025-09-01"})
    assert {(c.tree, c.due) for c in counts.itertuples() if c.unit == "P"} == {("as reported", 6), ("on 2025-09-01", 6)}
    assert len(questions.ask(reformed, "completeness", {"period": "2025-M05"})) == 8


def test_as_reported_stays_what_it_was(reformed: Settings) -> None:
    found = dict(world.rows(reformed, f"select unit_key, value from star.fct_rollup {NAMED} and code = '2025-M05'"))
    assert found == {"n": 1276, "p": 1032, "q": 243, "a": 970, "b": 20, "c": 40, "d": 80, "s": 160}


def test_the_trees_are_listed_with_their_first_day(reformed: Settings) -> None:
    trees = world.rows(reformed, "select tree_id from star.dim_tree order by 1")
    assert trees == [(20200101,), (20250701,), (20250901,)]
    assert world.rows(reformed, "select tree_id from star.dim_tree where is_today") == [(20250901,)]


# --- as known on -----------------------------------------------------------------------------------------------


def test_an_earlier_release_answers_with_its_own_tree_and_figures(reformed: Settings) -> None:
    asked = {"table": "T", "unit": "A", "period": "2025-M05"}
    then = questions.ask(reformed, "restated", {**asked, "release": "1"})
    now = questions.ask(reformed, "restated", {**asked, "on": "2025-05-01"})
    known_then = then[then.indicator == "T.members"]
    # before the reform was known, a was the unit a on today's tree too
    assert dict(zip(known_then.tree, known_then.value, strict=True)) == {"as reported": 970, "today": 970}
    assert dict(zip(now[now.indicator == "T.members"].tree, now[now.indicator == "T.members"].value, strict=True)) == {
        "as reported": 970,
        "on 2025-05-01": 970,
    }
    assert questions.ask(reformed, "restated", {**asked, "as_of": "2100-01-01"}).equals(
        questions.ask(reformed, "restated", asked)
    )
    with pytest.raises(ValueError, match="nothing was published by 2020-01-01 that is still kept"):
        questions.ask(reformed, "restated", {**asked, "as_of": "2020-01-01"})
    with pytest.raises(ValueError, match="no release 7"):
        questions.ask(reformed, "restated", {**asked, "release": "7"})


@pytest.mark.parametrize("question", list(questions.questions()))
def test_every_question_can_be_asked_of_an_earlier_release(reformed: Settings, question: str) -> None:
    known = {
        "table": "T",
        "unit": "P",
        "period": "2025-M05",
        "was": "2025-05-01",
        "on": "2025-10-01",
        "indicator": "T.members",
        "metric": "T.members",
        "year": "2025",
        "type": "M",
    }
    given = {name: known[name] for name, about in questions.parameters(question).items() if not about.endswith("]")}
    then = questions.ask(reformed, question, {**given, "release": "1"})
    assert list(then.columns) == list(questions.ask(reformed, question, given).columns)


def test_what_is_withheld_today_is_withheld_in_every_release(reformed: Settings) -> None:
    with connect(reformed, STAR) as connection:
        for asked in (
            "fct_restated_as_of(1)",
            "fct_restated_on(current_date, 1)",
            "fct_rollup_as_of(1)",
            "fct_observation_as_of(1)",
        ):
            assert world.scalar(connection, f"select count(*) from star.{asked}") > 0, asked
            assert (
                world.scalar(
                    connection,
                    f"select count(*) from star.{asked} f where not exists ("
                    "select from star.dim_indicator i where i.indicator_id = f.indicator_id)",
                )
                == 0
            ), asked
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from ctl.landing_on")


# --- learned later ---------------------------------------------------------------------------------------------


def test_a_report_of_a_unit_that_had_ended_stops_the_release_until_it_is_withdrawn_and_the_successor_reports(
    settings: Settings, tmp_path: Path
) -> None:
    here = settings.model_copy(update={"catalogue": tmp_path / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS[:5])
    filed = world.file(here, [("a", "2025-M05", {"members": 10}), ("b", "2025-M05", {"members": 20})])
    # `reorg apply` would refuse it; it may still be put there by hand
    world.write_events(here.catalogue / "events" / "late.csv", [merged("e", date(2025, 5, 1), "a", "b")])

    def released() -> int:
        number = candidate.open_candidate(here)
        assert number
        dbt.build(here)
        gate.judge(here, number)
        publish.publish(here, number)
        return number

    with pytest.raises(gate.GateFailed, match=r"conservation, figures_have_their_unit: 1 of 2 failed.*`tonghop withdraw`"):
        released()
    assert world.rows(here, "select release_id from ctl.current_release") == [(0,)]
    assert gate.failing(here, "figures_have_their_unit") == [
        {
            "submission": receipt_code(filed["a", "2025-M05"]),
            "unit": "A",
            "name": "Đơn vị a",
            "period": "2025-M05",
            "period_ends_on": date(2025, 5, 31),
            "unit_ended_on": date(2025, 4, 30),
            "successors": "B",
            "failed": 1,
        }
    ]

    world.withdraw(here, filed["a", "2025-M05"])
    world.file(here, [("b", "2025-M05", {"members": 30})])
    number = released()
    assert world.rows(here, "select release_id from ctl.current_release") == [(number,)]
    assert world.rows(here, f"select unit_key, value from star.fct_rollup {NAMED} order by 1") == [
        ("b", 30),
        ("n", 30),
        ("p", 30),
    ]


# --- the question ----------------------------------------------------------------------------------------------


def test_a_unit_that_is_gone_tells_where_its_figures_stand_and_why(reformed: Settings) -> None:
    found = questions.ask(reformed, "lineage", {"unit": "P", "was": "2025-05-01", "on": "2025-07-01"})
    assert {(r.code, r.reason, r.lands_on, r.is_whole) for r in found.itertuples()} == {
        ("P", "same", "P", True),
        ("A", "passed on", "X", True),
        ("B", "divided", "P", False),
        ("C", "passed on", "Y", True),
        ("C", "passed on", "Z", True),
    }


# --- labels and periods ----------------------------------------------------------------------------------------

V1 = world.FORM.replace("valid_from: 2020-01-01", "valid_from: 2020-01-01\nvalid_to: 2025-03-31")
V2 = world.FORM.replace("version: 1", "version: 2").replace(
    "valid_from: 2020-01-01",
    "valid_from: 2025-04-01\ncrosswalk:\n"
    "  - {table: T, old: members, new: [members], broken: true, why: {vi: Khác bậc, en: Another place in the scale}}\n"
    "  - {table: T, old: admitted, new: [admitted], broken: false, why: {vi: Cùng mức, en: The same step}}",
)


@pytest.fixture(scope="module")
def relabelled(new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Form T with other labels from April on; figures for months on both sides, for the half year and the year."""
    home = tmp_path_factory.mktemp("relabelled")
    here = new_warehouse(home / "home").model_copy(update={"catalogue": home / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS, form=V1)
    (here.catalogue / "forms" / "T.v2.yaml").write_text(V2, "utf-8")
    for number, period in enumerate(("2025-M02", "2025-M03", "2025-M04", "2025-M05", "2025-H1", "2025-Y")):
        world.file(here, [("a", period, {"members": 10 + number, "admitted": 10**number})])
    world.release(here)
    return here


def test_gradings_before_and_after_a_change_of_labels_are_marked_as_broken(relabelled: Settings) -> None:
    found = questions.ask(relabelled, "series", {"table": "T", "unit": "A", "type": "M"})
    assert sorted((r.indicator, r.period, r.label_set, r.break_before) for r in found.itertuples()) == sorted(
        [
            ("T.members", "2025-M02", 1, False),
            ("T.members", "2025-M03", 1, False),
            ("T.members", "2025-M04", 2, True),
            ("T.members", "2025-M05", 2, False),
            ("T.admitted", "2025-M02", 1, False),
            ("T.admitted", "2025-M03", 1, False),
            ("T.admitted", "2025-M04", 1, False),
            ("T.admitted", "2025-M05", 1, False),
        ]
    )


@pytest.mark.parametrize(("kind", "total"), [("M", 1111), ("H1", 10_000), ("Y", 100_000), ("H1,Y", None), ("", None)])
def test_a_total_over_time_never_adds_periods_that_overlap(relabelled: Settings, kind: str, total: int | None) -> None:
    asked = {"table": "T", "unit": "A", "year": "2025", "type": kind}
    if total is None:
        with pytest.raises(ValueError, match="type: "):
            questions.ask(relabelled, "total", asked)
    else:
        found = questions.ask(relabelled, "total", asked)
        assert list(found[found.indicator == "T.admitted"].value) == [total]


def test_a_total_over_time_takes_the_last_of_a_stock_and_ends_where_labels_break(relabelled: Settings) -> None:
    found = questions.ask(relabelled, "total", {"table": "T", "unit": "A", "year": "2025", "type": "M"})
    assert [(r.label_set, r.value) for r in found.itertuples() if r.indicator == "T.members"] == [(1, 11), (2, 13)]


# --- candidates ------------------------------------------------------------------------------------------------


def _hold(here: Settings) -> dict[str, list[tuple[object, ...]]]:
    return {
        name: world.rows(
            here,
            f"select (to_jsonb(t) - 'release_from' - 'release_to')::text from marts.{name} t "
            "where release_to = 2147483647 order by 1",
        )
        for name in ("fct_restated", "fct_rollup", "fct_rate", "fct_completeness", "fct_reporting", "fct_sheet", "fct_year")
    }


def test_a_late_report_rebuilds_its_landing_unit_and_all_above_and_nothing_else(
    new_warehouse: NewWarehouse, tmp_path: Path
) -> None:
    here = new_warehouse(tmp_path / "home").model_copy(update={"catalogue": tmp_path / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS, EVENTS)
    world.file(here, _reports("2025-M05", {**MAY, "c": 41}) + _reports("2025-M10", OCTOBER))
    world.release(here)
    world.file(here, _reports("2025-M05", {"c": 40}))
    world.release(here)
    changed = world.rows(
        here,
        "select distinct unit_key from marts.fct_restated join catalogue.unit using (unit_id) where release_from = 2 order by 1",
    )
    assert changed == [("n",), ("p",), ("q",), ("y",), ("z",)]
    assert _hold(here) == _whole(here)


def test_a_claim_that_no_sum_stands_beside_is_in_no_sum_above_it(new_warehouse: NewWarehouse, tmp_path: Path) -> None:
    here = new_warehouse(tmp_path / "home").model_copy(update={"catalogue": tmp_path / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS)
    # nobody below a knows its members; below d nobody reports
    world.file(here, [("a1", "2025-M05", {"members": None})])
    filed.file(here, [(unit, "2025-M05", {("T", "all", "members"): 7}) for unit in ("a", "d")], scope="rollup")
    world.release(here)
    world.file(here, [(unit, "2025-M05", {"admitted": 1}) for unit in ("c", "s")])
    world.release(here)
    above = world.rows(
        here, f"select distinct unit_key from marts.fct_rollup {NAMED} and unit_key in ('p', 'q') and release_to = 2147483647"
    )
    assert above == [("p",)]
    assert _hold(here) == _whole(here)


def _whole(here: Settings) -> dict[str, list[tuple[object, ...]]]:
    """What release 2 holds where everything is built anew for it."""
    with connect(here) as connection:
        connection.execute("update ctl.release set status = 'candidate', published_at = null where release_id = 2")
        connection.execute("update ctl.current_release set release_id = 1")
        connection.execute("update build.scope set everything = true")
    dbt.invoke(here, ["run"])
    return _hold(here)


def test_the_gate_holds_the_reformed_country_to_conservation(reformed: Settings) -> None:
    for name, (checked, failed) in world.conserved(reformed, 2).items():
        assert checked > 3, name
        assert failed == 0, name
