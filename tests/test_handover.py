"""Members that a reorganisation moves: what the old units say they lost, beside what the new ones say they gained.

Real workbooks on the project's own catalogue. On 1 July 2025 the district Vĩnh Yên was divided into two wards, and the ward
Ngô Quyền went into one of these, so the two old and the two new units are compared together:

    vinh-yen -> p-vinh-yen, p-vinh-phuc        ngo-quyen -> p-vinh-phuc
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tree_world as world
from books import book, form
from hypothesis import given
from hypothesis import strategies as st

from tonghop.base.settings import Settings
from tonghop.catalogue.forms import Check
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import Succession, together
from tonghop.intake import load
from tonghop.intake.receive import receive_inbox
from tonghop.release import candidate, dbt, gate, suites
from tonghop.warehouse.connect import connect

NEW = ("p-vinh-phuc", "p-vinh-yen")
Found = list[tuple[str, str, str, str]]


def send(here: Settings, catalogue: Catalogue, unit: str, code: str, *, lost: int = 0, gained: int = 0) -> None:
    """A real F1 workbook of a unit, all of whose members come or go by the reorganisation."""
    version = catalogue.version(unit, catalogue.period["CALENDAR", code].ends_on)
    assert version
    fields = form(catalogue, "F1").table["F1"].fields
    figures = dict.fromkeys((f.code for f in fields), 0) | {
        "dv_dau_ky": lost,
        "dv_giam_sap_xep": lost,
        "dv_tang_sap_xep": gained,
        "dv_cuoi_ky": gained,
        "dv_chinh_thuc": gained,
    }
    here.inbox.mkdir(parents=True, exist_ok=True)
    (here.inbox / f"{unit}.xlsx").write_bytes(book(catalogue, "F1", version.code, code, [(version.code, figures)]))
    receive_inbox(here)
    [answer] = load.load_pending(here)
    assert answer.status == "accepted", answer


def found(here: Settings) -> Found:
    """What readers are told of F1.8: unit, period, and the message in both languages."""
    return world.rows(
        here,
        """
        select k.unit_key, p.code, f.message_vi, f.message_en from star.fct_finding f
        join star.dim_period p using (period_id) join catalogue.unit k using (unit_id) where f.rule = 'F1.8' order by 1""",
    )


def names(catalogue: Catalogue, *units: str) -> str:
    """What units were called around the day, as a message lists them."""
    return ", ".join(sorted(catalogue.versions_of_unit(unit)[0 if unit in NEW else -1].name for unit in units))


def test_what_moves_meets_its_partner_or_a_finding_names_who_has_not_yet_reported(
    new_warehouse: Callable[[Path], Settings], tmp_path: Path, catalogue: Catalogue
) -> None:
    here = new_warehouse(tmp_path / "home")
    rule = next(c for c in form(catalogue, "F1").checks if c.rule == "F1.8")

    def told(*units: str) -> Found:
        waits = units and (f" Chưa báo cáo: {names(catalogue, *units)}.", f" Not yet reported: {names(catalogue, *units)}.")
        vi, en = waits or ("", "")
        return [(unit, "2025-H2", rule.message.vi + vi, rule.message.en + en) for unit in NEW]

    # one of the old units alone: the other and both new ones are waited for; of other reorganisations nobody has spoken
    send(here, catalogue, "ngo-quyen", "2025-H1", lost=50)
    world.release(here)
    assert found(here) == told("vinh-yen", *NEW)

    send(here, catalogue, "vinh-yen", "2025-H1", lost=30)
    send(here, catalogue, "p-vinh-phuc", "2025-H2", gained=60)
    world.release(here)
    assert found(here) == told("p-vinh-yen")

    # the last one reports by the year, and too much
    send(here, catalogue, "p-vinh-yen", "2025-Y", gained=25)
    world.release(here)
    assert found(here) == told()
    assert world.rows(here, "select left_side from marts.fct_finding where rule = 'F1.8' and release_to = 2147483647") == [
        (-5,),
        (-5,),
    ]

    send(here, catalogue, "p-vinh-yen", "2025-Y", gained=20)
    world.release(here)
    assert found(here) == []

    # what is taken back is waited for again
    [(receipt,)] = world.rows(
        here, "select receipt_id from intake.receipt join catalogue.unit using (unit_id) where unit_key = 'ngo-quyen'"
    )
    world.withdraw(here, receipt)
    world.release(here)
    assert found(here) == told("ngo-quyen")

    # and a candidate that rebuilds everything finds the same
    by_slices = world.rows(here, FINDINGS)
    with connect(here) as connection:
        connection.execute("update build.scope set everything = true")
        connection.execute("update ctl.release set status = 'candidate', published_at = null where release_id = 5")
        connection.execute("update ctl.current_release set release_id = 4")
    dbt.invoke(here, ["run"])
    assert world.rows(here, FINDINGS) == by_slices
    # a message that names published units shows nothing that is withheld
    with connect(here) as connection:
        gate.prepare(connection, suites.read(), 5, whole=True)
    assert gate.failing(here, "nothing_withheld_is_shown") == []


FINDINGS = "select (to_jsonb(f) - 'release_from')::text from marts.fct_finding f where release_to = 2147483647 order by 1"


# --- who is compared with whom ---------------------------------------------------------------------------------


def test_a_unit_that_gave_a_part_away_says_so_in_its_own_next_report_and_one_that_ended_in_its_last(
    new_warehouse: Callable[[Path], Settings], tmp_path: Path
) -> None:
    here = new_warehouse(tmp_path / "home").model_copy(update={"catalogue": tmp_path / "catalogue"})
    july = date(2025, 7, 1)
    rule = """
checks:
  - rule: T.8
    kind: consistency
    table: T
    periods: [H1, H2]
    terms: {admitted: 1, punished: -1}
    at: {admitted: predecessors, punished: successors}
    op: "="
    message: {vi: lệch, en: differs}
"""
    units = [("n", "nation", None), ("p", "province", "n"), *((unit, "grassroots", "p") for unit in "abc")]
    events = [*world.parted("e", july, "a", "b", "0.2"), world.merged("e", july, "c", "b")]
    world.write_catalogue(here.catalogue, units, events, world.FORM.replace("[H1, Y]", "[H1, H2, Y]") + rule)
    assert candidate.open_candidate(here)
    parties = world.rows(
        here,
        """
        select "at", unit_key, code from build.party join catalogue.unit using (unit_id) join catalogue.period using (period_id)
        order by 1, 2, 3""",
    )
    assert parties == [
        ("predecessors", "a", "2025-H2"),
        ("predecessors", "c", "2025-H1"),
        ("successors", "a", "2025-H2"),
        ("successors", "b", "2025-H2"),
    ]


units = st.integers(0, 7)


@given(st.lists(st.tuples(units, units, st.sampled_from([date(2025, 1, 1), date(2025, 7, 1)])), max_size=12, unique=True))
def test_units_are_compared_together_that_a_chain_of_successions_ties_on_one_day(ways: list[tuple[int, int, date]]) -> None:
    successions = [Succession("e", f"old{a}", f"new{b}", on, None) for a, b, on in ways]
    first = together(successions)
    # the plain way: spread from each succession to those that share a unit, until nothing is added
    for one in successions:
        tied = {one}
        while more := {
            s
            for s in successions
            if s not in tied
            and s.on == one.on
            and any(s.predecessor == t.predecessor or s.successor == t.successor for t in tied)
        }:
            tied |= more
        assert {s for s in successions if s.on == one.on and first[s] == first[one]} == tied


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"at": {"lost": "predecessors"}}, "each side has some"),
        ({"at": {"lost": "predecessors", "gained": "predecessors"}}, "each side has some"),
        ({"periods": ()}, "`periods` names the reports"),
    ],
)
def test_a_rule_across_a_reorganisation_says_all_that_it_needs(changed: dict[str, Any], told: str) -> None:
    rule: dict[str, Any] = {
        "rule": "T.1",
        "kind": "consistency",
        "table": "T",
        "terms": {"lost": 1, "gained": -1},
        "op": "=",
        "periods": ("Y",),
        "at": {"lost": "predecessors", "gained": "successors"},
        "message": {"vi": "lệch", "en": "differs"},
    }
    assert Check.model_validate(rule).in_force
    with pytest.raises(ValueError, match=told):
        Check.model_validate(rule | changed)
