"""Waivers and replays: what was held is decided again, once, in its place; what does not agree is looked at with each release."""

import json
import os
import shutil
import signal
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import commands
import psycopg
import pytest
from books import book
from test_intake import _instrument, holds, put, rows, take_in

from tonghop.base.settings import Settings
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.load import load_catalogue as read_catalogue
from tonghop.intake import delivery, load, replay, waive
from tonghop.queries.verify import verify
from tonghop.release import candidate, dbt, gate, suites
from tonghop.warehouse.connect import connect

DATA = Path(__file__).parent / "data"
UNTIL = date(2099, 12, 31)
# two versions of a rule, each for its own days: attendance by members, and by members and guests
RULES = """
  - &t3
    rule: T.3
    kind: identity
    table: T
    terms: {du_hop: 1, cuoi_ky: -1}
    op: "<="
    valid_to: 2025-01-31
    message: {vi: Dự họp không quá số người, en: Attendance is within the members}
  - <<: *t3
    version: 2
    valid_from: 2025-02-01
    valid_to: 9999-12-31
    bound: 5
"""


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> Settings:
    """p > w > c1, c2; form T, which every level may fill, with the identity T.3."""
    shutil.copytree(DATA / "catalogue_small", tmp_path / "catalogue")
    change(tmp_path / "catalogue", "rates:", RULES.lstrip("\n") + "rates:")
    change(tmp_path / "catalogue", "levels: [cell]", "levels: [cell, grassroots, province]")
    return settings.model_copy(update={"catalogue": tmp_path / "catalogue"})


def change(folder: Path, old: str, new: str) -> None:
    form = folder / "forms" / "T.v1.yaml"
    text = form.read_text("utf-8")
    assert old in text
    form.write_text(text.replace(old, new), "utf-8")


def send(
    settings: Settings,
    name: str,
    figures: dict[str, tuple[int, int, int, int]],
    sender: str = "W",
    period: str = "2025-M01",
    **more: Any,
) -> str:
    """Hand a workbook in: per unit code members at the start and end, attendance, discipline. Returns what became of it."""
    catalogue = read_catalogue(settings.catalogue)
    fields = ("dau_ky", "cuoi_ky", "du_hop", "ky_luat")
    table = [(unit, dict(zip(fields, values, strict=True))) for unit, values in figures.items()]
    put(settings, name, book(catalogue, "T", sender, period, table, **more))
    return take_in(settings)[name]


def given(
    settings: Settings, unit: str = "C1", rule: str = "T.3", period: str = "2025-M01", office: str = "P", until: date = UNTIL
) -> int:
    return waive.waive(settings, rule, unit, period, "gộp hai chi bộ giữa kỳ", office, until)


def acts(settings: Settings, receipt: int) -> list[str]:
    return [act for (act,) in rows(settings, f"select act from intake.ledger where receipt_id = {receipt} order by seq")]


BROKEN = {"C1": (10, 12, 14, 0)}
WHOLE = {"C1": (10, 12, 9, 0)}


# --- waivers ---------------------------------------------------------------------------------------------------


def test_a_waiver_lets_a_held_report_pass_by_a_replay_and_the_finding_stays(world: Settings) -> None:
    assert send(world, "1.xlsx", BROKEN) == "returned"
    number = given(world)
    assert rows(world, "select status from intake.receipt") == [("returned",)]
    (answer,) = replay.replay(world, rule="T.3")
    assert (answer.status, answer.receipt) == ("accepted", "R000001")
    (finding,) = answer.findings
    assert (finding.rule, finding.rule_version, finding.kind, finding.waiver) == ("T.3", 1, "identity", number)
    assert "W000001" in (world.answers / "R000001.txt").read_text("utf-8")
    assert delivery.answers_of(world, [1])[1].findings == [finding]
    assert acts(world, 1) == ["received", "returned", "replayed", "accepted"]
    assert rows(world, "select decision, waiver_id from intake.finding order by 1") == [(1, None), (2, 1)]
    assert holds(world)


def test_a_report_that_comes_while_the_waiver_stands_passes_at_once(world: Settings) -> None:
    given(world)
    assert send(world, "1.xlsx", BROKEN) == "accepted"
    assert holds(world)


@pytest.mark.parametrize("waived", [{"unit": "C2"}, {"period": "2025-M02"}], ids=["another unit", "another period"])
def test_a_waiver_holds_for_its_unit_and_period_only(world: Settings, waived: dict[str, str]) -> None:
    given(world, **waived)
    assert send(world, "1.xlsx", BROKEN) == "returned"
    assert replay.replay(world) == []


def test_a_waiver_leaves_every_other_fault_of_the_file(world: Settings) -> None:
    given(world)
    assert send(world, "1.xlsx", BROKEN | {"C2": (1, 2, 3, 0)}) == "returned"
    found = rows(world, "select unit_key, waiver_id from intake.finding join catalogue.unit using (unit_id) order by 1")
    assert found == [("c1", 1), ("c2", None)]
    assert holds(world)


def test_what_counts_is_the_day_of_receipt_and_the_last_day_is_one(world: Settings) -> None:
    (today,) = rows(world, "select (now() at time zone 'Asia/Ho_Chi_Minh')::date")[0]
    send(world, "1.xlsx", BROKEN)
    given(world, until=today)
    received(world, "now() + interval '1 day'")
    assert replay.replay(world) == []
    received(world, "now()")
    assert [a.status for a in replay.replay(world)] == ["accepted"]
    # what the ledger says is recomputed from the days, too
    received(world, "now() + interval '1 day'")
    assert [v.name for v in verify(world) if v.wrong] == ["every finding that was waived had a waiver in force"]


def received(settings: Settings, when: str) -> None:
    with connect(settings) as connection:
        connection.execute("alter table intake.receipt disable trigger keep")
        connection.execute(f"update intake.receipt set received_at = {when}".encode())


def test_a_waiver_that_was_ended_lets_nothing_more_pass_and_what_it_let_pass_stands(world: Settings) -> None:
    number = given(world)
    assert send(world, "1.xlsx", BROKEN) == "accepted"
    waive.end(world, number, "đã sửa sổ")
    assert send(world, "2.xlsx", {"C1": (10, 12, 15, 0)}) == "returned"
    assert rows(world, "select status from intake.receipt order by receipt_id") == [("accepted",), ("returned",)]
    assert [(w["state"], w["reports"]) for w in waive.waivers(world)] == [("ended", 1)]
    assert holds(world)
    with pytest.raises(ValueError, match="ended already"):
        waive.end(world, number, "again")
    with pytest.raises(ValueError, match="no waiver W000009"):
        waive.end(world, 9, "unknown")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"rule": "T.9"}, "no rule"),
        ({"rule": "T.1"}, "no identity"),
        ({"period": "2025-Q9"}, "not in force"),
        ({"unit": "nobody"}, "no unit"),
        ({"office": "X"}, "not above"),
        ({"office": "C1"}, "not above"),
        ({"until": date(2025, 1, 1)}, "is past"),
    ],
)
def test_a_waiver_that_makes_no_sense_is_refused(world: Settings, wish: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        given(world, **wish)
    assert rows(world, "select count(*) from intake.ledger") == [(0,)]


def test_the_same_waiver_is_given_once(world: Settings) -> None:
    given(world)
    with pytest.raises(ValueError, match="W000001 waives that already"):
        given(world, until=UNTIL - timedelta(days=1))


@pytest.mark.parametrize("statement", ["update intake.waiver set valid_to = '2999-01-01'", "delete from intake.waiver"])
def test_a_waiver_is_never_changed(world: Settings, statement: str) -> None:
    given(world)
    with connect(world) as connection, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute(statement.encode())


def test_waivers_and_replays_by_the_command_line(world: Settings) -> None:
    send(world, "1.xlsx", BROKEN)

    def run(*arguments: str) -> tuple[int, str]:
        done = commands.run(world, *arguments)
        return done.exit_code, done.stdout + done.stderr

    words = ("--unit", "C1", "--period", "2025-M01", "--office", "W", "--until", "2099-12-31", "--reason", "gộp chi bộ")
    assert run("waive", "T.3", *words)[0] == 0
    assert run("waive", "T.3", *words) == (2, run("waive", "T.3", *words)[1])
    assert run("replay")[0] == 2
    code, told = run("replay", "--rule", "T.3")
    assert (code, "W000001" in told) == (0, True)
    assert "nothing is decided otherwise" in run("replay", "--all")[1]
    (waiver,) = json.loads(run("waivers", "--json")[1])
    assert (waiver["waiver"], waiver["office"], waiver["unit"], waiver["state"], waiver["reports"]) == (
        "W000001",
        "W",
        "C1",
        "in force",
        1,
    )
    assert run("waive", "--end", "W000001", "--reason", "hết hiệu lực")[0] == 0
    assert json.loads(run("waivers", "--json")[1])[0]["state"] == "ended"
    assert run("waive", "--end", "x", "--reason", "?")[0] == 2


# --- replays ---------------------------------------------------------------------------------------------------


def test_a_replay_after_a_rule_was_repaired_accepts_what_it_had_held(world: Settings) -> None:
    send(world, "1.xlsx", BROKEN)
    send(world, "2.xlsx", {"C2": (1, 2, 99, 0)})
    put(world, "3.xlsx", b"no workbook")
    take_in(world)
    assert replay.replay(world) == []
    change(world.catalogue, '    op: "<="\n    valid_to', '    op: "<="\n    bound: 2\n    valid_to')
    assert [(a.receipt, a.status) for a in replay.replay(world, form="T")] == [("R000001", "accepted")]
    states = [state for (state,) in rows(world, "select status from intake.receipt order by receipt_id")]
    assert states == ["accepted", "returned", "quarantined"]
    before = rows(world, "select * from intake.ledger")
    assert replay.replay(world) == []
    assert rows(world, "select * from intake.ledger") == before
    assert holds(world)


def test_what_is_still_wrong_in_another_way_is_answered_anew(world: Settings) -> None:
    send(world, "1.xlsx", BROKEN | {"C2": (1, 2, 3, 0)})
    given(world)
    (answer,) = replay.replay(world)
    assert (answer.status, [bool(f.waiver) for f in answer.findings]) == ("returned", [True, False])
    assert acts(world, 1) == ["received", "returned", "replayed", "returned"]
    assert delivery.answers_of(world, [1])[1].findings == answer.findings
    assert holds(world)


@pytest.mark.parametrize("withdrawn", [False, True])
def test_an_older_file_does_not_displace_a_newer_report(world: Settings, withdrawn: bool) -> None:
    send(world, "1.xlsx", BROKEN)
    assert send(world, "2.xlsx", WHOLE) == "accepted"
    if withdrawn:
        load.withdraw(world, [2], "gửi nhầm")
    given(world)
    assert [a.receipt for a in replay.replay(world)] == ["R000001"]
    # whether it is accepted before or after, the newer one took its place
    assert rows(world, "select receipt_id, by_receipt_id from intake.ledger where act = 'superseded'") == [(1, 2)]
    assert holds(world)


def test_a_newer_file_displaces_an_older_report(world: Settings) -> None:
    send(world, "1.xlsx", WHOLE)
    send(world, "2.xlsx", BROKEN)
    given(world)
    replay.replay(world)
    assert rows(world, "select receipt_id, by_receipt_id from intake.ledger where act = 'superseded'") == [(1, 2)]
    assert holds(world)


def test_figures_that_another_sender_gave_up_are_taken_by_a_replay(world: Settings) -> None:
    send(world, "1.xlsx", WHOLE)
    assert send(world, "2.xlsx", WHOLE, sender="P") == "returned"
    assert send(world, "3.xlsx", WHOLE, sender="C1") == "returned"
    assert replay.replay(world) == []
    load.withdraw(world, [1], "đơn vị khác gửi")
    assert [(a.receipt, a.status) for a in replay.replay(world)] == [("R000002", "accepted"), ("R000003", "returned")]
    assert "R000002" in delivery.answers_of(world, [3])[3].findings[0].message_en
    assert holds(world)


def test_what_is_accepted_or_withdrawn_or_past_its_retention_is_not_replayed(world: Settings) -> None:
    send(world, "1.xlsx", WHOLE)
    load.withdraw(world, [1], "gửi nhầm")
    send(world, "2.xlsx", BROKEN)
    given(world)
    with connect(world) as connection:
        connection.execute("insert into intake.ledger (act, receipt_id, reason) values ('expired', 2, 'kept for 1 day')")
    assert replay.replay(world) == []


@pytest.mark.parametrize("how", ["kill", "cut"])
def test_cut_short_between_any_two_statements_a_replay_loses_and_doubles_nothing(world: Settings, how: str) -> None:
    send(world, "1.xlsx", BROKEN)
    send(world, "2.xlsx", WHOLE | {"C2": (1, 2, 2, 0)})
    send(world, "3.xlsx", {"C2": (1, 2, 3, 0)}, sender="C2")
    given(world)
    statement = 1
    while _cut_short(world, statement, how):
        assert holds(world)
        statement += 1
    assert statement > 15
    assert rows(world, "select receipt_id, status from intake.receipt order by 1") == [
        (1, "accepted"),
        (2, "accepted"),
        (3, "returned"),
    ]
    assert acts(world, 1) == ["received", "returned", "replayed", "accepted", "superseded"]
    assert rows(world, "select receipt_id, count(*) from intake.cell group by 1 order by 1") == [(1, 4), (2, 8)]
    assert holds(world)


def _cut_short(settings: Settings, at: int, how: str) -> bool:
    """Replay in a process of its own that is cut short before its n-th statement. Returns whether it was."""
    child = os.fork()
    if child == 0:
        try:
            _instrument(settings, at, how)
            replay.replay(settings)
            os._exit(0)
        except psycopg.OperationalError:
            os._exit(1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1, -signal.SIGKILL)
    return os.waitstatus_to_exitcode(status) != 0


# --- rules that change, and what agrees with what ----------------------------------------------------------------


def test_a_rule_is_the_one_of_the_periods_days_and_the_finding_names_its_version(world: Settings) -> None:
    figures = {"C1": (10, 12, 18, 0)}
    for number, period in enumerate(("2025-M01", "2025-M02"), start=1):
        assert send(world, f"{number}.xlsx", figures, period=period) == "returned"
    assert rows(world, "select rule_version from intake.finding order by receipt_id") == [(1,), (2,)]
    assert send(world, "3.xlsx", {"C1": (12, 12, 17, 0)}, period="2025-M02") == "accepted"


@pytest.mark.parametrize(("old", "new"), [("    version: 2\n", ""), ("valid_from: 2025-02-01", "valid_from: 2025-01-31")])
def test_two_versions_of_a_rule_for_one_day_are_refused(world: Settings, old: str, new: str) -> None:
    change(world.catalogue, old, new)
    with pytest.raises(CatalogueError, match=r"two versions of T\.3"):
        read_catalogue(world.catalogue)


def test_a_claim_is_held_against_the_units_below_again_when_one_corrects_itself(world: Settings) -> None:
    send(world, "1.xlsx", {"C1": (10, 12, 9, 0), "C2": (4, 4, 4, 0)})
    assert send(world, "2.xlsx", {"P": (14, 17, 13, 0)}, sender="P", scope="rollup") == "accepted"
    given(world)
    release(world, 1)
    known = (
        "select rule, rule_version, unit_key, left_side, release_from, release_to from marts.fct_finding "
        "join catalogue.unit using (unit_id) where kind = 'consistency'"
    )
    assert rows(world, known) == [("T.2", 1, "p", 1, 1, candidate.STILL)]

    # the ward corrects itself, and with a waiver
    assert send(world, "3.xlsx", {"C1": (10, 13, 14, 0), "C2": (4, 4, 4, 0)}) == "accepted"
    release(world, 2)
    # closed by itself, and still there for whoever asks what release 1 knew; the attendance now differs
    assert rows(world, known + " order by release_from, left_side") == [
        ("T.2", 1, "p", 1, 1, 2),
        ("T.2", 1, "p", -5, 2, candidate.STILL),
    ]
    assert rows(
        world,
        "select rule, rule_version, kind, is_waived, unit_key from marts.fct_finding "
        "join catalogue.unit using (unit_id) where kind = 'identity'",
    ) == [("T.3", 1, "identity", True, "c1")]
    assert rows(world, "select rule, is_waived from star.fct_finding where is_waived") == []  # a cell's, so not shown
    with connect(world) as connection:
        gate.prepare(connection, suites.read(), 2, whole=True)
    assert gate.failing(world, "identities_hold") == []
    assert gate.failing(world, "completeness_follows_the_tree") == []


def release(settings: Settings, number: int) -> None:
    """Build a release and let readers have it."""
    assert candidate.open_candidate(settings) == number
    dbt.build(settings)
    with connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = %s", [number])
        connection.execute("update ctl.current_release set release_id = %s", [number])
