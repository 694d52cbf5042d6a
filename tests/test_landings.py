"""Where figures land on the trees of other days, from units and events alone: event by event, and any history the plain way."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import tree_world as world
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_world import divided, established, merged, moved, parted

from tonghop.catalogue.data import FOREVER
from tonghop.catalogue.events import Event, fold_history
from tonghop.catalogue.landings import landings
from tonghop.catalogue.units import History, UnitVersion

RANK = {"cell": 10, "grassroots": 30, "province": 50, "nation": 60}
UNITS = [
    ("n", "nation", None),
    ("p", "province", "n"),
    ("q", "province", "n"),
    *((unit, "grassroots", "p") for unit in "abcd"),
    ("v", "grassroots", "q"),
]
MARCH, APRIL, MAY = date(2025, 3, 1), date(2025, 4, 1), date(2025, 5, 1)
FEBRUARY = date(2025, 2, 28)


def history(units: list[tuple[str, str, str | None]], events: list[dict[str, Any]]) -> History:
    versions = [
        UnitVersion(
            unit=unit,
            valid_from=world.START,
            valid_to=FOREVER,
            code=unit,
            name=unit,
            level=level,
            parent=parent,
            synthetic=True,
            source="",
        )
        for unit, level, parent in units
    ]
    parts = [Event.model_validate({key: value for key, value in event.items() if value is not None}) for event in events]
    made, problems = fold_history([("units", v) for v in versions], [(f"line {n}", e) for n, e in enumerate(parts)], RANK)
    assert not problems, problems
    return made


def lands(of: History, unit: str, reported: date, on: date) -> dict[str, tuple[float, bool, str]]:
    """Where a unit's figures of a day land on the tree of another: share, whether whole, and why."""
    return {
        row.lands_on: (float(row.share), row.is_whole, row.reason)
        for row in landings(of)
        if row.unit == unit and row.facts_from <= reported <= row.facts_to and row.valid_from <= on <= row.valid_to
    }


# --- what each event does ---------------------------------------------------------------------------------------


def test_a_new_name_or_parent_is_no_new_life_and_taking_another_in_is() -> None:
    made = history(
        UNITS,
        [
            moved("e", MARCH, "a", "q"),
            {"event": "e", "on": MARCH, "kind": "recoded", "unit": "b", "code": "x"},
            merged("f", APRIL, "c", "b"),
        ],
    )
    assert [life[1:] for life in made.lives["a"]] == [(world.START, FOREVER)]
    assert [life[1:] for life in made.lives["b"]] == [(world.START, APRIL - timedelta(days=1)), (APRIL, FOREVER)]
    assert lands(made, "c", FEBRUARY, MAY) == {"b": (1, True, "passed on")}
    assert lands(made, "b", FEBRUARY, MAY) == {"b": (1, True, "same")}
    assert lands(made, "b", MAY, MARCH) == {"p": (1, False, "put together")}


def test_what_is_divided_lands_by_its_shares_or_on_the_lowest_unit_above_all_its_parts() -> None:
    new = [established("e", MARCH, unit, "grassroots", "p") for unit in "xy"]
    known = history(UNITS, [*new, *divided("e", MARCH, "a", x="0.25", y="0.75"), *divided("e", MARCH, "b", x=None, v=None)])
    assert lands(known, "a", FEBRUARY, MAY) == {"x": (0.25, True, "passed on"), "y": (0.75, True, "passed on")}
    assert lands(known, "b", FEBRUARY, MAY) == {"n": (1, False, "divided")}
    assert lands(known, "y", MAY, FEBRUARY) == {"a": (1, True, "passed on")}


def test_what_nobody_followed_or_came_of_nobody_lands_above() -> None:
    made = history(
        UNITS,
        [{"event": "e", "on": MARCH, "kind": "dissolved", "unit": "a"}, established("e", MARCH, "z", "grassroots", "p")],
    )
    assert lands(made, "a", FEBRUARY, MAY) == {"p": (1, False, "no successor")}
    assert lands(made, "z", MAY, FEBRUARY) == {"p": (1, False, "no predecessor")}


def test_a_part_goes_to_another_and_both_live_on() -> None:
    made = history(UNITS, parted("e", MARCH, "a", "b", "0.2"))
    assert lands(made, "a", FEBRUARY, MAY) == {"a": (0.8, True, "passed on"), "b": (0.2, True, "passed on")}
    assert lands(made, "b", FEBRUARY, MAY) == {"b": (1, True, "same")}
    # of what b reports since, nobody knows what was a's; of a everything was
    assert lands(made, "a", MAY, FEBRUARY) == {"a": (1, True, "same")}
    assert lands(made, "b", MAY, FEBRUARY) == {"p": (1, False, "put together")}
    unknown = history(UNITS, parted("e", MARCH, "a", "v", None))
    assert lands(unknown, "a", FEBRUARY, MAY) == {"n": (1, False, "divided")}
    assert lands(unknown, "a", MAY, FEBRUARY) == {"a": (1, True, "same")}


def test_a_part_may_become_a_unit_of_its_own_while_the_rest_is_renamed() -> None:
    made = history(
        UNITS,
        [
            established("e", MARCH, "z", "grassroots", "q"),
            *parted("e", MARCH, "a", "z", "0.3"),
            {"event": "e", "on": MARCH, "kind": "renamed", "unit": "a", "name": "A mới"},
        ],
    )
    assert lands(made, "a", FEBRUARY, MAY) == {"a": (0.7, True, "passed on"), "z": (0.3, True, "passed on")}
    assert lands(made, "z", MAY, FEBRUARY) == {"a": (1, True, "passed on")}
    now = made.version("a", MARCH)
    assert now
    assert now.name == "A mới"


def test_units_that_exchange_parts_each_hold_some_of_both() -> None:
    made = history(UNITS, [*parted("e", MARCH, "a", "b", "0.2"), *parted("e", MARCH, "b", "a", "0.1")])
    assert lands(made, "a", FEBRUARY, MAY) == {"a": (0.8, True, "passed on"), "b": (0.2, True, "passed on")}
    assert lands(made, "b", FEBRUARY, MAY) == {"b": (0.9, True, "passed on"), "a": (0.1, True, "passed on")}
    assert lands(made, "a", MAY, FEBRUARY) == {"p": (1, False, "put together")}


def test_what_was_merged_comes_back_under_its_own_key_whole() -> None:
    made = history(
        UNITS,
        [
            merged("e", MARCH, "a", "m"),
            merged("e", MARCH, "b", "m"),
            established("e", MARCH, "m", "grassroots", "p"),
            established("f", MAY, "a", "grassroots", "q"),
            established("f", MAY, "b", "grassroots", "p"),
            *divided("f", MAY, "m", a=None, b=None),
        ],
    )
    june = date(2025, 6, 1)
    for unit in "ab":
        assert lands(made, unit, FEBRUARY, APRIL) == {"m": (1, True, "passed on")}
        assert lands(made, unit, FEBRUARY, june) == {unit: (1, True, "same")}
        # and what it reports now stands on the trees of before
        assert lands(made, unit, june, APRIL) == {"m": (1, True, "passed on")}
        assert lands(made, unit, june, FEBRUARY) == {unit: (1, True, "same")}
    assert lands(made, "m", APRIL, june) == {"n": (1, False, "divided")}
    assert lands(made, "m", APRIL, FEBRUARY) == {"p": (1, False, "put together")}


def test_what_was_divided_and_comes_back_has_only_what_went_back_to_it() -> None:
    new = [established("e", MARCH, unit, "grassroots", "p") for unit in "xy"]
    made = history(
        UNITS,
        [
            *new,
            *divided("e", MARCH, "a", x="0.4", y="0.6"),
            established("f", APRIL, "a", "grassroots", "p"),
            merged("f", APRIL, "x", "a"),
        ],
    )
    assert lands(made, "a", FEBRUARY, MAY) == {"a": (0.4, True, "passed on"), "y": (0.6, True, "passed on")}


def test_all_that_a_unit_was_put_into_is_more_than_the_unit_that_comes_back_was() -> None:
    made = history(
        UNITS,
        [merged("e", MARCH, "a", "b"), established("f", APRIL, "a", "grassroots", "p"), merged("f", APRIL, "b", "a")],
    )
    assert lands(made, "a", FEBRUARY, MAY) == {"a": (1, True, "same")}
    assert lands(made, "b", FEBRUARY, MAY) == {"a": (1, True, "passed on")}
    assert lands(made, "a", MAY, FEBRUARY) == {"p": (1, False, "put together")}


def test_units_that_change_codes_on_one_day_are_what_they_were() -> None:
    swapped = [
        {"event": "e", "on": MARCH, "kind": "recoded", "unit": unit, "code": code} for unit, code in (("a", "v"), ("v", "a"))
    ]
    made = history(UNITS, swapped)
    assert [v.unit for code in "av" for v in made.by_code[code]] == ["a", "v", "v", "a"]
    for unit in "av":
        assert lands(made, unit, FEBRUARY, MAY) == lands(made, unit, MAY, FEBRUARY) == {unit: (1, True, "same")}


# --- many ways --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shares", [("0.3", "0.7"), ("0.3333333333333333", "0.6666666666666667"), (None, None)])
def test_ways_that_meet_are_one_and_no_share_loses_a_digit(shares: tuple[str | None, str | None]) -> None:
    rounds = 40
    events: list[dict[str, Any]] = []
    for n in range(rounds):
        day = MARCH + timedelta(days=n)
        old = ("a", "b") if n == 0 else (f"x{n}", f"y{n}")
        new = (f"x{n + 1}", f"y{n + 1}")
        events += [established(f"e{n}", day, unit, "grassroots", "p") for unit in new]
        events += [part for unit in old for part in divided(f"e{n}", day, unit, **dict(zip(new, shares, strict=True)))]
    made = history(UNITS, events)
    rows = [row for row in landings(made) if row.unit == "a"]
    # two places on each tree after the first; undivided it is one and the same on all
    assert len(rows) == 1 + (1 if shares[0] is None else 2 * rounds)
    last = {row.lands_on: row.share for row in rows if row.valid_to == FOREVER}
    if shares[0] is None:
        assert last == {"p": 1}
    else:
        # each redrawing gives every unit of it the same share of all
        assert last == {f"x{rounds}": Decimal(shares[0]), f"y{rounds}": Decimal(str(shares[1]))}


# --- any history, the plain way ---------------------------------------------------------------------------------


@given(st.integers(0, 1_000_000))
@settings(deadline=None)
def test_figures_land_where_each_one_followed_by_itself_lands(seed: int) -> None:
    units, events = world.random_country(seed)
    made = history(units, events)
    plain = world.Reference(made)
    found: dict[tuple[str, date, date], set[tuple[str, Decimal, bool]]] = defaultdict(set)
    days = sorted({world.START, *(date.fromisoformat(str(e["on"])) for e in events)})
    rows = list(landings(made))
    for row in rows:
        for day in days:
            if row.valid_from <= day <= row.valid_to:
                found[row.unit, row.facts_from, day].add((row.lands_on, row.share, row.is_whole))
    for lives in made.lives.values():
        for unit, born, _ in lives:
            for day in days:
                assert found[unit, born, day] == set(plain.standing(unit, born, day)), (unit, born, day)
                assert sum(share for _, share, _ in found[unit, born, day]) == 1
