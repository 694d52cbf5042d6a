"""Why a figure changed: every reason with its amount, and they add up, against a plain recomputation over random histories."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ledger_world
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_world import LATE, World

from tonghop.base.settings import Settings
from tonghop.queries import explain, trace, trace_cell
from tonghop.queries import figure as fig
from tonghop.warehouse.connect import connect


@pytest.fixture(scope="module")
def warehouse(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = new_warehouse(tmp_path_factory.mktemp("explain") / "home")
    ledger_world.prepare(settings, settings.home / "catalogue")
    return settings


@pytest.fixture
def world(warehouse: Settings) -> Iterator[World]:
    """A world whose connection is rolled back, so that every test starts with nothing reported."""
    with connect(warehouse) as connection:
        yield World(connection)
        connection.rollback()


def why(
    world: World, unit: str, earlier: int, later: int, code: str = "T1.members", basis: fig.Basis | None = None
) -> explain.Explanation:
    old, new = (fig.release(world.connection, number) for number in (earlier, later))
    return explain.between(
        world.connection, old, new, explain._find(world.connection, old, new, unit, code, "2025-M01", None, basis)
    )


def said(answer: explain.Explanation) -> list[tuple[str, int, str]]:
    return sorted((r.kind, int(r.amount), r.unit) for r in answer.reasons)


# --- each reason on its own ------------------------------------------------------------------------------------


def test_a_report_that_came_after_the_deadline_is_late_and_one_in_time_is_new(world: World) -> None:
    world.file("w1", {"c11": (1, 2, 3, 0)})
    first = world.release()
    world.file("w2", {"c21": (5, 5, 10, 0)}, received=LATE)
    world.file("w3", {"c31": (4, 3, 7, 0)})
    answer = why(world, "P", first, world.release())
    assert said(answer) == [("late_report", 10, "W2"), ("new_report", 7, "W3")]
    assert answer.difference == {"value": 17}
    assert (answer.before, answer.after) == ({"value": 3}, {"value": 20})


def test_a_correction_counts_what_it_changed_and_what_it_adds_or_leaves_out(world: World) -> None:
    old = world.file("w1", {"c11": (1, 2, 3, 0), "c12": (4, 4, 8, 0)})
    first = world.release()
    new = world.file("w1", {"c11": (1, 4, 5, 0)}, corrects=old)
    second = world.release()
    answer = why(world, "W1", first, second)
    assert [(r.kind, r.amount, r.receipts) for r in answer.reasons] == [("correction", -6, (f"R{old:06d}", f"R{new:06d}"))]
    world.file("w1", {"c11": (1, 4, 5, 0), "c12": (1, 1, 2, 0)}, corrects=new)
    assert said(why(world, "W1", second, world.release())) == [("correction", 2, "W1")]


def test_a_report_that_came_in_time_is_not_late_for_a_correction_before_the_next_release(world: World) -> None:
    world.file("w2", {"c21": (1, 1, 2, 0)})
    first = world.release()
    old = world.file("w1", {"c11": (1, 2, 3, 0)})
    world.file("w1", {"c11": (1, 4, 5, 0)}, received=LATE, corrects=old)
    assert said(why(world, "P", first, world.release())) == [("new_report", 5, "W1")]


def test_a_withdrawal_is_told_with_its_reason_and_a_report_filed_again_beside_it(world: World) -> None:
    old = world.file("w1", {"c11": (1, 2, 3, 0)})
    first = world.release()
    world.withdraw(old, "nhầm kỳ")
    second = world.release()
    answer = why(world, "D1", first, second)
    assert [(r.kind, r.amount, r.detail) for r in answer.reasons] == [("withdrawal", -3, "nhầm kỳ")]
    assert answer.after == {"value": None}
    world.file("w1", {"c11": (2, 2, 4, 0)}, received=LATE)
    assert said(why(world, "D1", first, world.release())) == [("late_report", 4, "W1"), ("withdrawal", -3, "W1")]


def test_a_correction_that_was_withdrawn_takes_the_figure_away_as_a_withdrawal(world: World) -> None:
    old = world.file("w1", {"c11": (1, 2, 3, 0)})
    first = world.release()
    new = world.file("w1", {"c11": (2, 2, 4, 0)}, corrects=old)
    world.withdraw(new)
    answer = why(world, "P", first, world.release())
    assert [(r.kind, r.amount, r.receipts) for r in answer.reasons] == [("withdrawal", -3, (f"R{old:06d}", f"R{new:06d}"))]


def test_a_unit_that_moved_is_named_with_where_it_stood_and_stands_and_counts_as_reorganisation(world: World) -> None:
    old = world.file("w2", {"c21": (5, 5, 10, 0)})
    first = world.release()
    world.move("w2", "d2")
    world.file("w2", {"c21": (5, 6, 11, 0)}, corrects=old)
    second = world.release()
    left, joined = why(world, "D1", first, second), why(world, "D2", first, second)
    assert said(left) == [("reorganisation", -10, "W2")]
    assert said(joined) == [("correction", 1, "W2"), ("reorganisation", 10, "W2")]
    assert next(r.detail for r in joined.reasons if r.kind == "reorganisation") == "D1 Huyện một → D2 Huyện hai"
    assert said(why(world, "P", first, second)) == [("correction", 1, "W2")]


def test_a_report_accepted_on_replay_is_due_to_the_rule_that_changed(world: World) -> None:
    first_report = world.file("w1", {"c11": (1, 2, 3, 0)})
    first = world.release()
    world.file("w2", {"c21": (5, 5, 10, 0)}, received=LATE, replayed=True)
    assert said(why(world, "P", first, world.release())) == [("rule_change", 10, "W2")]
    assert first_report


def test_a_report_accepted_on_replay_after_its_units_were_known_is_due_to_them(world: World) -> None:
    first = world.release()
    world.file("w1", {"c11": (1, 2, 3, 0)}, held_for=["row.unit"])
    world.file("w2", {"c21": (5, 5, 10, 0)}, held_for=["row.not_below", "T1.1"])
    assert said(why(world, "P", first, world.release())) == [("rule_change", 10, "W2"), ("unit_change", 3, "W1")]


def test_a_report_that_nobody_owed_is_neither_late_nor_in_time(world: World) -> None:
    first = world.release()
    world.file("w1", {"w1": (1, 2, 3, 0), "c11": (2, 2, 4, 0)})
    world.file("w3", {"w3": (4, 4, 8, 0)}, received=LATE)
    assert said(why(world, "P", first, world.release())) == [
        ("new_report", 4, "W1"),
        ("unowed_report", 3, "W1"),
        ("unowed_report", 8, "W3"),
    ]


def test_what_was_withdrawn_for_a_merger_that_was_learned_late_is_told_with_its_reason_and_who_stands_for_the_unit(
    world: World,
) -> None:
    old = world.file("c21", {"c21": (5, 5, 10, 0)})
    first = world.release()
    world.withdraw(old, "đã sáp nhập")
    c21 = world.unit("c21")
    world.recatalogue("unit_version", valid_to=f"case unit_id when {c21} then '2025-01-15' else valid_to end")
    world.connection.execute(
        "insert into catalogue.succession select max(catalogue_id), %s, %s, '2025-01-16', 1, 'e', %s from catalogue.version",
        [c21, world.unit("c12"), c21],
    )
    world.file("w1", {"c12": (6, 6, 12, 0)})
    second = world.release()
    # the tree of the period's end has it no more
    world.connection.execute("update marts.bridge_org_tree set release_to = %s where unit_id = %s", [second, c21])
    for unit in ("P", "D1"):
        answer = why(world, unit, first, second)
        assert said(answer) == [("new_report", 12, "W1"), ("withdrawal", -10, "C21")]
        detail = next(r.detail for r in answer.reasons if r.kind == "withdrawal")
        assert detail == "đã sáp nhập; C21 Chi bộ 2.1 → C12 Chi bộ 1.2"
    assert said(why(world, "W2", first, second)) == [("withdrawal", -10, "C21")]


def test_an_indicator_that_the_form_lost_or_a_rate_whose_terms_changed_is_a_form_change(world: World) -> None:
    world.file("w1", {"c11": (1, 2, 3, 0)})
    first = world.release()
    world.recatalogue("field", where=f"indicator_id <> {world.indicator('male')}")
    second = world.release()
    gone = why(world, "P", first, second, "T1.male")
    assert (said(gone), gone.after) == ([("form_change", -1, "P")], {"value": None})
    world.recatalogue("rate_term", coefficient="case part when 'numerator' then 2 else 1 end")
    answer = why(world, "P", second, world.release(), "share_female")
    assert [(r.part, r.kind, r.amount) for r in answer.reasons] == [("numerator", "form_change", 2)]


def test_a_rate_is_explained_by_its_numerator_and_its_denominator(world: World) -> None:
    old = world.file("w1", {"c11": (1, 2, 3, 0), "c12": (4, None, 8, 0)})
    first = world.release()
    world.file("w1", {"c11": (1, 2, 3, 0), "c12": (4, 4, 8, 0)}, corrects=old)
    answer = why(world, "W1", first, world.release(), "share_female")
    # the members stood in the first report too, and counted only when the women beside them were no blank any more
    assert [(r.part, r.kind, r.amount) for r in answer.reasons] == [
        ("numerator", "correction", 4),
        ("denominator", "correction", 8),
    ]
    assert answer.difference == {"numerator": 4, "denominator": 8}


def test_a_claim_changes_by_its_own_reports_only(world: World) -> None:
    world.file("w1", {"c11": (1, 2, 3, 0)})
    old = world.file("w1", {"w1": (3, 3, 6, 0)}, scope="rollup")
    first = world.release()
    world.file("w1", {"w1": (3, 4, 7, 0)}, scope="rollup", corrects=old)
    world.file("w2", {"c21": (5, 5, 10, 0)})
    second = world.release()
    assert said(why(world, "W1", first, second, basis="claimed")) == [("correction", 1, "W1")]
    assert said(why(world, "W1", first, second)) == []


def test_releases_in_the_wrong_order_and_what_nobody_knows_are_refused(world: World, warehouse: Settings) -> None:
    world.file("w1", {"c11": (1, 2, 3, 0)})
    first, second = world.release(), world.release()
    with pytest.raises(ValueError, match="earlier"):
        explain.explain(warehouse, "P", "T1.members", "2025-M01", 2, 1)
    for unit, code, period in (("X", "T1.members", "2025-M01"), ("P", "T1.nix", "2025-M01"), ("P", "T1.members", "2025-M77")):
        with pytest.raises(fig.UnknownFigure):
            fig.find(world.connection, fig.release(world.connection, second), unit, code, period)
    with pytest.raises(fig.UnknownFigure):
        fig.release(world.connection, 99)
    assert first


def test_a_damaged_mart_is_not_explained_away(world: World) -> None:
    world.file("w1", {"c11": (1, 2, 3, 0)})
    first = world.release()
    world.file("w2", {"c21": (5, 5, 10, 0)})
    second = world.release()
    world.connection.execute("update marts.fct_rollup set value = value + 1 where release_to = 2147483647")
    with pytest.raises(fig.DoesNotAddUp):
        why(world, "P", first, second)


# --- random histories ------------------------------------------------------------------------------------------

CELLS = {"w1": ("c11", "c12"), "w2": ("c21",), "w3": ("c31",)}
figure_ = st.one_of(st.none(), st.integers(0, 9))
report = st.tuples(
    st.just("report"),
    st.sampled_from(sorted(CELLS)),
    st.tuples(figure_, figure_),
    st.tuples(figure_, figure_),
    st.sampled_from(["", "late", "replayed"]),
)
withdrawal = st.tuples(st.just("withdraw"), st.sampled_from(sorted(CELLS)))
move = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(["w1", "w2", "w3"]), st.sampled_from(["d1", "d2"])),
    st.tuples(st.just("move"), st.sampled_from(["c11", "c21", "c31"]), st.sampled_from(["w1", "w2", "w3"])),
)
history = st.lists(st.lists(st.one_of(report, report, withdrawal, move), max_size=4), min_size=2, max_size=4)
UNITS = ("p", "d1", "d2", "w1", "w2", "w3")
Known = dict[str, tuple[int | None, int | None]]  # women and members, by cell


class Plain:
    """The same history in plain Python: what counts, and the tree, at every release."""

    def __init__(self) -> None:
        self.parent = {
            "d1": "p",
            "d2": "p",
            "w1": "d1",
            "w2": "d1",
            "w3": "d2",
            "c11": "w1",
            "c12": "w1",
            "c21": "w2",
            "c31": "w3",
        }
        self.live: dict[str, tuple[int, Known]] = {}
        self.receipts: dict[int, Known] = {}
        self.acts: list[tuple[str, str, str]] = []  # since the last release: act, sender, how it came

    def known(self) -> Known:
        return {cell: both for _, cells in self.live.values() for cell, both in cells.items()}

    @staticmethod
    def below(parent: dict[str, str], unit: str) -> set[str]:
        return {unit} | {c for child, above in parent.items() if above == unit for c in Plain.below(parent, child)}


def total(known: Known, parent: dict[str, str], unit: str, which: int) -> int | None:
    values = [both[which] for cell, both in known.items() if cell in Plain.below(parent, unit) and both[which] is not None]
    return sum(v for v in values if v is not None) if values else None


def play(world: World, plain: Plain, acts: list[Any]) -> None:
    for name, who, *rest in acts:
        live = plain.live.get(who)
        if name == "report":
            cells = dict(zip(CELLS[who], rest[:2], strict=False))
            receipt = world.file(
                who,
                {cell: (0, *both, 0) for cell, both in cells.items()},
                corrects=live[0] if live else None,
                **({"received": LATE} if rest[2] == "late" else {}),
                replayed=rest[2] == "replayed",
            )
            plain.live[who] = receipt, cells
            plain.receipts[receipt] = cells
            plain.acts.append(("correction" if live else "report", who, rest[2]))
        elif name == "withdraw" and live:
            world.withdraw(live[0])
            del plain.live[who]
            plain.acts.append(("withdrawal", who, ""))
        elif name == "move" and plain.parent[who] != rest[0]:
            world.move(who, rest[0])
            plain.parent[who] = rest[0]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=history)
def test_over_random_histories_every_reason_has_the_amount_of_a_plain_recomputation(warehouse: Settings, history: Any) -> None:
    with connect(warehouse) as connection:
        try:
            compare(World(connection), history)
        finally:
            connection.rollback()


def compare(world: World, history: list[list[Any]]) -> None:
    plain = Plain()
    states: list[tuple[int, Known, dict[str, str], list[tuple[str, str, str]], dict[str, int]]] = []
    for acts in history:
        plain.acts = []
        play(world, plain, acts)
        states.append(
            (
                world.release(),
                plain.known(),
                dict(plain.parent),
                plain.acts,
                {who: receipt for who, (receipt, _) in plain.live.items()},
            )
        )
    for before, after in ((a, b) for i, a in enumerate(states) for b in states[i + 1 :]):
        between = [act for state in states[states.index(before) + 1 : states.index(after) + 1] for act in state[3]]
        for unit in UNITS:
            check(world, unit, before, after, between)
            # a rate holds its parts against the reasons by itself
            rate = why(world, unit.upper(), before[0], after[0], "share_female")
            complete = [{c: both for c, both in state[1].items() if None not in both} for state in (before, after)]
            for which, part in enumerate(("numerator", "denominator")):
                assert rate.before[part] == total(complete[0], before[2], unit, which)
                assert rate.after[part] == total(complete[1], after[2], unit, which)
    cells_lead_back(world, plain, states)


def check(world: World, unit: str, before: Any, after: Any, between: list[tuple[str, str, str]]) -> None:
    answer = why(world, unit.upper(), before[0], after[0])
    was, now = total(before[1], before[2], unit, 1), total(after[1], after[2], unit, 1)
    assert (answer.before["value"], answer.after["value"]) == (was, now)
    assert sum(r.amount for r in answer.reasons) == (now or 0) - (was or 0)
    amounts = {True: Decimal(0), False: Decimal(0)}
    for reason in answer.reasons:
        amounts[reason.kind == "reorganisation"] += reason.amount
    on_new_tree = total(before[1], after[2], unit, 1) or 0
    assert amounts[True] == on_new_tree - (was or 0)
    assert amounts[False] == (now or 0) - on_new_tree
    for sender in CELLS:
        mine = [act for act in between if act[1] == sender]
        theirs = [[(c, both) for c, both in state[1].items() if c in CELLS[sender]] for state in (before, after)]
        change = (total(dict(theirs[1]), after[2], unit, 1) or 0) - (total(dict(theirs[0]), after[2], unit, 1) or 0)
        reasons = [r for r in answer.reasons if r.kind != "reorganisation" and r.unit == sender.upper()]
        assert sum(r.amount for r in reasons) == change
        if len(mine) == 1:
            ((name, _, how),) = mine
            kind = {"": "new_report", "late": "late_report", "replayed": "rule_change"}[how] if name == "report" else name
            assert [r.kind for r in reasons] == ([kind] if change else [])


def cells_lead_back(world: World, plain: Plain, states: list[Any]) -> None:
    """From every cell of members to exactly the figures and releases that it stood in, and from each of these to the cell."""
    releases = [state[0] for state in states]
    for receipt, cells in plain.receipts.items():
        for line, (cell, (_, members)) in enumerate(cells.items(), start=4):
            figures = trace_cell.figures_of(world.connection, receipt, "T1", f"E{line}")["figures"]
            found = {
                (figure["unit"], release, figure["value"])
                for figure in figures
                if figure["indicator"] == "T1.members"
                for release in releases
                if figure["released_from"] <= release <= (figure["released_to"] or releases[-1])
            }
            assert found == {
                (unit.upper(), state[0], total(state[1], state[2], unit, 1))
                for state in states
                for unit in UNITS
                if receipt in state[4].values() and members is not None and cell in Plain.below(state[2], unit)
            }
            for unit, release, value in found:
                at = fig.release(world.connection, release)
                answer = trace.of_figure(world.connection, at, fig.find(world.connection, at, unit, "T1.members", "2025-M01"))
                assert answer.amounts == {"value": value}
                assert (f"R{receipt:06d}", f"E{line}") in {(part.receipt, part.cell) for part in answer.parts}


def test_the_connection_sees_one_state(warehouse: Settings) -> None:
    with fig.snapshot(warehouse) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("insert into intake.ledger (act) values ('received')")
