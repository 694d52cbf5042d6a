"""Tracing and explaining what the models really built: on the tree of the period, on today's and on a named day's."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tree_world as world
from tree_world import divided, established, merged, moved, parted

from samples import filed
from tonghop.base.settings import Settings
from tonghop.queries import explain, gap, pages, trace, trace_cell
from tonghop.queries import figure as fig
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR, STAR

JULY, SEPTEMBER = date(2025, 7, 1), date(2025, 9, 1)
# n > p, q, r;  p > a, b, c;  q > d;  a > a1, a2;  r > e, f, g
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
    ("r", "province", "n"),
    ("e", "grassroots", "r"),
    ("f", "grassroots", "r"),
    ("g", "grassroots", "r"),
]
EVENTS = [
    established("e1", JULY, "x", "grassroots", "p"),
    established("e1", JULY, "y", "grassroots", "p"),
    merged("e1", JULY, "a", "x"),
    *divided("e1", JULY, "b", x=None, y=None),
    moved("e1", JULY, "a1", "x"),
    moved("e1", JULY, "a2", "x"),
    established("e1", JULY, "z", "grassroots", "q"),
    # thirds: no share of them is a short number
    *divided("e1", JULY, "c", y="0.3333333333333333", z="0.6666666666666667"),
    # a part of e goes to f, and both live on
    *parted("e2", JULY, "e", "f", "0.2"),
    # g goes into m, and comes back
    established("e3", JULY, "m", "grassroots", "r"),
    merged("e3", JULY, "g", "m"),
    established("e4", SEPTEMBER, "g", "grassroots", "r"),
    *divided("e4", SEPTEMBER, "m", g=None, m=None),
]
FORM = (
    world.FORM
    + """
rates:
  - code: share_admitted
    table: T
    name: {vi: Tỷ lệ kết nạp, en: Share admitted}
    numerator: {admitted: 1}
    denominator: {members: 1}
"""
)
MAY = {"n": 1, "p": 2, "q": 3, "a": 10, "b": 20, "c": 41, "d": 80, "a1": 320, "a2": 640, "e": 100, "f": 1000, "g": 7}


CLAIMED = 1_000_000
APRIL: dict[str, int | None] = {"a": 5, "a1": 0, "a2": None, "c": 8}


def figures(units: dict[str, int]) -> list[tuple[str, str, dict[str, int]]]:
    return [(unit, "2025-M05", {"members": figure, "admitted": 2 * figure, "punished": 1}) for unit, figure in units.items()]


@pytest.fixture(scope="module")
def built(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Release 1: May before the reform was known, without d. Release 2: d, a correction of c, and b stands under q all along.

    And p claims for its whole what nobody could add up.
    """
    home = tmp_path_factory.mktemp("traced")
    here = new_warehouse(home / "home").model_copy(update={"catalogue": home / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS, form=FORM)
    world.file(here, figures({unit: n for unit, n in MAY.items() if unit != "d"}))
    world.file(here, [(unit, "2025-M04", {"members": n}) for unit, n in APRIL.items()] + [("a", "2025-H1", {"members": 7})])
    filed.file(here, [("p", "2025-M05", {("T", "all", "members"): CLAIMED, ("T", "all", "admitted"): 1})], scope="rollup")
    world.release(here)
    shutil.rmtree(here.catalogue)
    world.write_catalogue(here.catalogue, [(u, level, "q" if u == "b" else above) for u, level, above in UNITS], EVENTS, FORM)
    world.file(here, figures({"c": 44, "d": 80}))
    world.release(here)
    return here


def published(here: Settings, table: str, release: int) -> list[tuple[Any, ...]]:
    return world.rows(
        here,
        f"""
        select u.code, i.code, p.code from marts.{table} f
        join marts.dim_period p using (period_id)
        join marts.dim_indicator i using (indicator_id)
        join lateral (select code from marts.dim_org_unit u where u.unit_id = f.unit_id and u.release_from <= {release}
            and u.release_to > {release} limit 1) u on true
        where {" and ".join(f"{x}.release_from <= {release} and {x}.release_to > {release}" for x in "fpi")}""",
    )


@pytest.mark.parametrize(
    ("table", "release", "tree", "least"),
    [("fct_rollup", 1, None, 15), ("fct_rollup", 2, None, 18), ("fct_restated", 2, "today", 18)],
)
def test_every_published_figure_is_the_sum_of_its_cells(built: Settings, table: str, release: int, tree: Any, least: int) -> None:
    found = [
        trace.trace(built, unit, code, period, release=release, tree=tree)
        for unit, code, period in published(built, table, release)
    ]
    assert len(found) >= least
    # `trace` raises where they differ; here the same once more, from what it answers
    with fig.localcontext(prec=200):
        assert all(each.amounts["value"] == sum(p.amount for p in each.parts if p.amount is not None) for each in found)


def test_a_divided_unit_stands_with_its_share_or_undivided_above_its_successors(built: Settings) -> None:
    shares = {
        unit: {p.unit: p.weight for p in trace.trace(built, unit, "T.members", "2025-M05", tree="today").parts}
        for unit in ("Y", "Z", "N")
    }
    assert {unit: float(share) for unit, share in shares["Y"].items()} == {"C": pytest.approx(1 / 3)}
    assert {unit: float(share) for unit, share in shares["Z"].items()} == {"C": pytest.approx(2 / 3)}
    assert set(shares["N"].values()) == {1}
    named = trace.trace(built, "A", "T.members", "2025-M05", tree=date(2025, 3, 1))
    assert named.amounts["value"] == 970


def test_a_figure_of_a_unit_that_gave_a_part_away_or_came_back_is_traced_with_its_share(built: Settings) -> None:
    def parts(unit: str, tree: fig.Tree) -> set[tuple[str, float, int]]:
        return {
            (p.unit, float(p.weight), int(p.amount or 0))
            for p in trace.trace(built, unit, "T.members", "2025-M05", tree=tree).parts
        }

    assert parts("E", "today") == {("E", 0.8, 80)}
    assert parts("F", "today") == {("E", 0.2, 20), ("F", 1, 1000)}
    assert parts("M", date(2025, 8, 1)) == parts("G", "today") == {("G", 1, 7)}
    with pytest.raises(fig.UnknownFigure, match="bore the code"):
        trace.trace(built, "G", "T.members", "2025-M05", tree=date(2025, 8, 1))
    # and back from the cell
    ((receipt,),) = world.rows(
        built,
        "select receipt_id from intake.receipt join catalogue.unit using (unit_id) "
        "join catalogue.period using (period_id) where unit_key = 'e' and code = '2025-M05'",
    )
    found = {
        (f["unit"], f["value"])
        for f in trace_cell.of_cell(built, receipt, "T", "C4")["figures"]
        if (f["tree"], f["released_to"], f["indicator"], f["period"]) == ("today", None, "T.members", "2025-M05")
    }
    assert {("E", 80), ("F", 1020), ("R", 1107)} <= found
    assert said_on(built, "F", "today") == [
        ("reorganisation", 20, "E", "R Đơn vị r › E Đơn vị e → R Đơn vị r › E Đơn vị e × 0.8, R Đơn vị r › F Đơn vị f × 0.2")
    ]
    assert said_on(built, "G", "today") == said_on(built, "R", "today") == []


def test_the_gate_holds_parts_that_moved_and_units_that_came_back_to_conservation(built: Settings) -> None:
    for name, (checked, failed) in world.conserved(built, 2).items():
        assert checked > 3, name
        assert failed == 0, name


def test_a_cell_leads_to_its_figures_on_both_trees(built: Settings) -> None:
    # a1, of the ward that became x
    ((receipt,),) = world.rows(
        built,
        "select receipt_id from intake.receipt join catalogue.unit using (unit_id) "
        "join catalogue.period using (period_id) where unit_key = 'a1' and code = '2025-M05'",
    )
    found = {
        (f["unit"], f["tree"], f["released_from"], f["released_to"])
        for f in trace_cell.of_cell(built, receipt, "T", "C4")["figures"]
    }
    assert {("A", "as reported"), ("P", "as reported"), ("N", "as reported")} == {f[:2] for f in found if f[1] == "as reported"}
    assert {("X", "today", 2, None), ("P", "today", 2, None)} <= found
    assert ("A", "today", 1, 1) in found


def test_a_cell_leads_to_the_years_that_it_is_in(built: Settings) -> None:
    def years(period: str, field: str) -> set[tuple[Any, ...]]:
        ((cell,),) = world.rows(
            built,
            """
            select array[receipt_id::text, sheet, cell] from intake.cell join catalogue.unit using (unit_id)
            join catalogue.period using (period_id) join catalogue.indicator using (indicator_id)
            where unit_key = 'a1' and code = %s and field_code = %s""",
            period,
            field,
        )
        return {
            (f["unit"], f["tree"], f["value"])
            for f in trace_cell.of_cell(built, int(cell[0]), *cell[1:])["figures"]
            if (f["period"], f["basis"], f["released_to"]) == ("2025-Y", "year of M", None)
        }

    told = world.rows(
        built,
        """
        select distinct u.code, case y.tree when 'today' then 'today' else 'as reported' end, y.value, i.field_code
        from star.fct_year y join star.dim_org_unit u using (unit_id) join star.dim_indicator i using (indicator_id)""",
    )
    lines = {("A", "as reported"), ("P", "as reported"), ("N", "as reported"), ("X", "today"), ("P", "today"), ("N", "today")}
    for field in ("members", "admitted"):
        assert years("2025-M05", field) == {row[:3] for row in told if row[3] == field and row[:2] in lines}
    # of a stock the year has the last month only
    assert years("2025-M04", "members") == set()


def test_what_the_models_built_is_explained(built: Settings) -> None:
    def said(unit: str) -> list[tuple[str, int, str]]:
        answer = explain.explain(built, unit, "T.members", "2025-M05", 1, 2)
        return sorted((r.kind, int(r.amount), r.unit) for r in answer.reasons)

    late = explain.explain(built, "Q", "T.members", "2025-M05", 1, 2).reasons[0].kind
    assert late in ("late_report", "new_report")
    assert said("P") == [("correction", 3, "C"), ("reorganisation", -20, "B")]
    assert said("Q") == sorted([(late, 80, "D"), ("reorganisation", 20, "B")])
    assert said("N") == sorted([(late, 80, "D"), ("correction", 3, "C")])


def said_on(here: Settings, unit: str, tree: fig.Tree, releases: tuple[int, int] = (1, 2)) -> list[tuple[str, float, str, str]]:
    answer = explain.explain(here, unit, "T.members", "2025-M05", *releases, tree=tree)
    with fig.localcontext(prec=200):
        assert sum(r.amount for r in answer.reasons) == (answer.after["value"] or 0) - (answer.before["value"] or 0)
    return sorted((r.kind, round(float(r.amount), 6), r.unit, r.detail) for r in answer.reasons)


def test_a_figure_on_todays_tree_is_explained(built: Settings) -> None:
    # d came, c was corrected and is two thirds z's now; b is divided between two units of p, and stands at p still
    assert [(kind, amount, unit) for kind, amount, unit, _ in said_on(built, "N", "today")] == [
        ("correction", 3, "C"),
        ("new_report", 80, "D"),
    ]
    assert [r[:3] for r in said_on(built, "Q", "today")] == [
        ("correction", 2, "C"),
        ("new_report", 80, "D"),
        ("reorganisation", round(41 * 2 / 3, 6), "C"),
    ]
    assert [r for r in said_on(built, "P", "today") if r[0] == "reorganisation"] == [
        (
            "reorganisation",
            round(-41 * 2 / 3, 6),
            "C",
            "P Đơn vị p › C Đơn vị c → P Đơn vị p › Y Đơn vị y × 0.3333333333333333, "
            "Q Đơn vị q › Z Đơn vị z × 0.6666666666666667",
        )
    ]


def test_a_unit_that_only_todays_tree_has_is_explained_by_what_was_put_into_it(built: Settings) -> None:
    assert said_on(built, "X", "today") == [
        ("reorganisation", 10, "A", "P Đơn vị p › A Đơn vị a → P Đơn vị p › X Đơn vị x"),
        ("reorganisation", 320, "A1", "A Đơn vị a › A1 Đơn vị a1 → X Đơn vị x › A1 Đơn vị a1"),
        ("reorganisation", 640, "A2", "A Đơn vị a › A2 Đơn vị a2 → X Đơn vị x › A2 Đơn vị a2"),
    ]


def test_a_figure_on_the_tree_of_a_day_is_explained_as_each_release_knows_that_tree(built: Settings) -> None:
    march = date(2025, 3, 1)
    # the reform is after it; that b stood under q already is new
    assert said_on(built, "P", march) == [
        ("correction", 3, "C", ""),
        ("reorganisation", -20, "B", "P Đơn vị p › B Đơn vị b → Q Đơn vị q › B Đơn vị b"),
    ]
    assert [r[:3] for r in said_on(built, "Q", march)] == [("new_report", 80, "D"), ("reorganisation", 20, "B")]
    with pytest.raises(fig.UnknownFigure, match="no tree of 2019-01-01"):
        explain.explain(built, "P", "T.members", "2025-M05", 1, 2, tree=date(2019, 1, 1))


def test_a_tree_that_nobody_knows_claims_and_what_is_withheld_on_other_trees_are_refused(built: Settings) -> None:
    with pytest.raises(fig.UnknownFigure, match="a claim is that of the unit as it was"):
        trace.trace(built, "P", "T.members", "2025-M05", basis="claimed", tree="today")
    with pytest.raises(fig.UnknownFigure, match="bore the code"):
        trace.trace(built, "A", "T.members", "2025-M05", tree="today")
    with pytest.raises(fig.UnknownFigure, match="withheld"):
        trace.trace(built, "P", "T.punished", "2025-M05", tree=date(2025, 3, 1))
    assert trace.trace(built, "N", "T.punished", "2025-M05", tree="today").amounts == {"value": len(MAY)}


# --- rates -----------------------------------------------------------------------------------------------------


def test_a_rate_on_another_tree_leads_to_the_cells_of_its_numerator_and_denominator(built: Settings) -> None:
    found = trace.trace(built, "X", "share_admitted", "2025-M05", tree="today")
    assert found.amounts == {"value": 2, "numerator": 2 * 970, "denominator": 970}
    assert sorted((p.part, p.unit, p.amount) for p in found.parts) == [
        ("denominator", "A", 10),
        ("denominator", "A1", 320),
        ("denominator", "A2", 640),
        ("numerator", "A", 20),
        ("numerator", "A1", 640),
        ("numerator", "A2", 1280),
    ]


@pytest.mark.parametrize("tree", ["today", date(2025, 3, 1)])
def test_a_rate_on_another_tree_is_explained_by_its_parts(built: Settings, tree: fig.Tree) -> None:
    answer = explain.explain(built, "Q", "share_admitted", "2025-M05", 1, 2, tree=tree)
    assert {r.part for r in answer.reasons} == {"numerator", "denominator"}
    assert {(r.kind, r.unit) for r in answer.reasons} == {
        "today": {("correction", "C"), ("new_report", "D"), ("reorganisation", "C")}
    }.get(str(tree), {("new_report", "D"), ("reorganisation", "B")})


# --- coverage --------------------------------------------------------------------------------------------------


def coverage(here: Settings, unit: str, period: str, tree: fig.Tree | None) -> dict[str, int]:
    found = trace.trace(here, unit, "T.members", period, tree=tree).coverage
    states = ("value", "zero", "blank", "not_applicable", "nil", "not_asked", "missing", "not_due")
    assert sum(found[state] for state in states) == found["units"]
    return {name: n for name, n in found.items() if n and name != "units"}


def test_a_total_on_any_tree_says_how_many_units_it_covers_by_state(built: Settings) -> None:
    assert coverage(built, "X", "2025-M04", "today") == {
        # a went into x; its cells are what they were
        "due": 3,
        "reported": 3,
        "restated": 1,
        "value": 1,
        "zero": 1,
        "blank": 1,
    }
    # b, divided nobody knows how, and p have not reported; c stands at p in part
    assert coverage(built, "P", "2025-M04", "today") == {
        "due": 6,
        "reported": 4,
        "restated": 2,
        "value": 2,
        "zero": 1,
        "blank": 1,
        "missing": 2,
    }
    assert coverage(built, "P", "2025-M05", "today") == {"due": 6, "reported": 6, "restated": 2, "not_restatable": 1, "value": 6}
    # nobody owes the half year here
    assert coverage(built, "X", "2025-H1", "today") == {"value": 1, "not_due": 2, "unowed": 1}


@pytest.mark.parametrize(
    ("unit", "period"),
    [
        ("N", "2025-M04"),
        ("P", "2025-M04"),
        ("A", "2025-M04"),
        ("N", "2025-M05"),
        ("P", "2025-M05"),
        ("Q", "2025-M05"),
        ("N", "2025-H1"),
    ],
)
def test_the_coverage_of_a_total_on_the_tree_of_its_period_is_that_of_the_total_as_reported(
    built: Settings, unit: str, period: str
) -> None:
    on_tree = coverage(built, unit, period, date(2025, 5, 1))
    assert on_tree == coverage(built, unit, period, None) != {}


@pytest.mark.parametrize("release", [1, 2])
@pytest.mark.parametrize("day", [date(2025, 3, 1), date(2025, 8, 1)])
def test_readers_see_how_every_figure_that_they_see_on_a_tree_is_covered_and_of_no_other(
    built: Settings, release: int, day: date
) -> None:
    tree = f"""tree_id = (
        select t.tree_id from star_asof.dim_tree t
        where t.release_id = {release} and '{day}' between t.valid_from and t.valid_to)"""
    key, counts = "unit_id, period_id, row_id, indicator_id", "due, reported, restated, not_restatable"
    covered = set(
        world.rows(
            built,
            f"""
        select {key}, {counts} from star_asof.coverage_on where release_id = {release} and {tree}""",
            role=AUDITOR,
        )
    )
    assert covered == set(
        world.rows(
            built,
            f"""
        select {key}, units_due, units_reported, units_restated, units_not_restatable from star_asof.fct_restated_on
        where value is not null and release_id = {release} and {tree}""",
            role=AUDITOR,
        )
    )
    withheld = world.rows(
        built,
        f"""
        select {key}, {counts} from marts.coverage join catalogue.indicator using (indicator_id)
        where field_code = 'punished' and release_id = {release} and {tree}""",
    )
    assert len(withheld) > 5
    assert covered.isdisjoint(withheld)
    if release == 2:
        assert covered == set(world.rows(built, f"select {key}, {counts} from star.coverage_on(%s)", day, role=STAR))


# --- claimed against summed ------------------------------------------------------------------------------------


def test_a_claim_and_a_sum_are_never_added_together_on_any_tree(built: Settings) -> None:
    with connect(built) as connection:
        for view, tree in (("fct_rollup", ""), ("fct_restated", ""), ("fct_restated_on", ", tree_id")):
            sums = connection.execute(
                f"""
                select sum(value) filter (where unit_key = 'n'), max(value) from star_asof.{view}
                join catalogue.unit using (unit_id) join catalogue.indicator using (indicator_id)
                join catalogue.period using (period_id)
                where field_code = 'members' and code = '2025-M05' and release_id = 2
                group by release_id {tree}""".encode()
            ).fetchall()
            assert sums
            assert set(sums) == {(sum({**MAY, "c": 44}.values()),) * 2}, view
    assert trace.trace(built, "P", "T.members", "2025-M05", basis="claimed").amounts == {"value": CLAIMED}
    (row,) = (r for r in gap.gaps(built, "P", "2025-M05") if r["indicator"] == "T.members")
    assert (row["claimed"], row["gap"]) == (CLAIMED, CLAIMED - row["summed"])
    assert row["gap"] == row["own"] + row["late"] + row["changed"] + row["rest"]


def test_a_gap_is_asked_of_the_unit_as_it_was(built: Settings) -> None:
    assert [r["claimed"] for r in gap.gaps(built, "P", "2025-M05", release=1)] == [CLAIMED, 1]
    with pytest.raises(fig.UnknownFigure, match="that of the unit as it was; the code is borne by Đơn vị x 2025-07-01"):
        gap.gaps(built, "X", "2025-M05")


# --- from a cell to its figures --------------------------------------------------------------------------------


@pytest.mark.parametrize("release", [1, 2])
@pytest.mark.parametrize("tree", ["today", date(2025, 3, 1), date(2025, 8, 1)])
def test_a_cell_leads_to_exactly_the_figures_of_a_tree_that_lead_to_it(built: Settings, release: int, tree: fig.Tree) -> None:
    with fig.snapshot(built) as connection:
        at = fig.release(connection, release)
        _, day = fig.tree_of(connection, at, tree)
        units = [
            code
            for (code,) in connection.execute(
                """
            select code from marts.dim_org_unit where published and %s between valid_from and valid_to
                and release_from <= %s and release_to > %s""",
                [day, release, release],
            )
        ]
        leads: dict[tuple[str, str], set[tuple[str, str, str | None]]] = {}
        for unit in units:
            for code in ("T.members", "T.admitted", "share_admitted"):
                figure = fig.find(connection, at, unit, code, "2025-M05", None, "summed", tree)
                for part in trace.of_figure(connection, at, figure).parts:
                    if part.amount is not None:
                        leads.setdefault((part.receipt, part.cell), set()).add(
                            (unit, code, None if part.part == "value" else part.part)
                        )
    assert len(leads) == 2 * (len(MAY) - (release == 1))
    for (receipt, cell), wanted in leads.items():
        found = trace_cell.of_cell(built, int(receipt[1:]), "T", cell, release, tree)["figures"]
        assert {(f["unit"], f["indicator"], f["part"]) for f in found} == wanted
        assert all(f["value"] is not None and f["tree"] == day for f in found)


def test_a_cell_leads_to_the_rates_on_todays_tree_in_every_release(built: Settings) -> None:
    cells: dict[tuple[str, str], set[tuple[Any, ...]]] = {}
    for release in (1, 2):
        for unit in world.rows(
            built,
            f"""
                select code from marts.dim_org_unit where published and current_date between valid_from and valid_to
                    and release_from <= {release} and release_to > {release}""",
        ):
            found = trace.trace(built, *unit, "share_admitted", "2025-M05", release=release, tree="today")
            for part in found.parts:
                cells.setdefault((part.receipt, part.cell), set()).add((*unit, part.part, found.amounts["value"], release))
    assert len(cells) == 2 * (len(MAY) + 1)  # c was corrected
    for (receipt, cell), wanted in cells.items():
        stretches = [
            (f["unit"], f["part"], f["value"], range(f["released_from"], (f["released_to"] or 2) + 1))
            for f in trace_cell.of_cell(built, int(receipt[1:]), "T", cell)["figures"]
            if (f["indicator"], f["tree"]) == ("share_admitted", "today")
        ]
        listed = [(*figure, release) for *figure, releases in stretches for release in releases]
        assert set(listed) == wanted
        assert len(listed) == len(wanted)

    # in one line while it stays what it was; a release that changes nothing is taken back again
    with connect(built) as connection:
        connection.execute(
            "insert into ctl.release (release_id, status, published_at, cutoff_seq, catalogue_id) "
            "select 3, status, now(), cutoff_seq, catalogue_id from ctl.release where release_id = 2"
        )
        connection.execute("update ctl.current_release set release_id = 3")
        now = trace_cell.figures_of(connection, max(int(receipt[1:]) for receipt, _ in cells), "T", "C4")["figures"]
        connection.rollback()
    assert {(f["released_from"], f["released_to"]) for f in now} == {(2, None)}
    assert {"T.members", "share_admitted"} == {f["indicator"] for f in now if f["tree"] == "today"}


# --- what changed in the form ----------------------------------------------------------------------------------


def test_the_page_of_a_release_says_why_its_figures_changed(built: Settings) -> None:
    pages.write(built, 2)
    text = " ".join((built.pages / "release-2.html").read_text("utf-8").split())
    assert "báo cáo sửa lại · correction: +3" in text
    assert "sắp xếp đơn vị · reorganisation: -20" in text
    assert "không khớp" not in text


def test_an_indicator_that_a_form_lost_is_a_form_change_on_every_tree(built: Settings) -> None:
    form = built.catalogue / "forms" / "T.v1.yaml"
    fields = "".join(line for line in world.FORM.splitlines(keepends=True) if "code: admitted" not in line)
    form.write_text(fields, "utf-8")
    third = world.release(built)
    for tree in (None, "today"):
        answer = explain.explain(built, "N", "T.admitted", "2025-M05", 2, third, tree=tree)
        assert [(r.kind, r.amount) for r in answer.reasons] == [("form_change", -(answer.before["value"] or 0))]
        assert answer.after == {"value": None}
        assert explain.explain(built, "N", "T.members", "2025-M05", 2, third, tree=tree).reasons == ()
