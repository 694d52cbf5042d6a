"""Random histories of a country that is reorganised while reports come late, are corrected and are withdrawn.

Many small trees in one warehouse, so that each release covers dozens of cases at once. Reorganisations become known release by
release, and some are taken back. Whatever a release showed is held against a plain, slow recomputation that knows no SQL. Many
more of them by hand:

    pytest tests/test_histories.py --hypothesis-profile many
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tree_world as world
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tree_world import Reference, Total

from tonghop.base.settings import Settings
from tonghop.catalogue import reorg
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.queries import explain
from tonghop.queries import figure as fig
from tonghop.warehouse.connect import connect

NewWarehouse = Callable[[Path], Settings]
MANY = settings.get_current_profile_name().startswith("many")
BULK = settings(
    max_examples=20 if MANY else 1,
    deadline=None,
    phases=[Phase.generate],
    derandomize=not MANY,
    suppress_health_check=list(HealthCheck),
)
MONTHS = ("2025-M01", "2025-M05", "2025-M08", "2025-M11")
Key = tuple[str, date]  # unit and period's end
Tree = date | str  # the tree of a day; "reported": that of the period's end; "today"
Answers = dict[Tree, dict[Key, Total]]
TODAY = date.today()

seeds_of_trees = st.lists(st.integers(0, 10_000), min_size=14, max_size=20, unique_by=lambda n: n % 997)


def countries(seeds: Iterable[int]) -> tuple[list[tuple[str, str, str | None]], list[list[dict[str, Any]]]]:
    """Units of many trees under one nation, and waves of events: the first of each tree, the second, and so on."""
    units: list[tuple[str, str, str | None]] = [("n", "nation", None)]
    waves: list[list[dict[str, Any]]] = []
    for seed in seeds:
        more, happened = world.random_country(seed)
        units += more[1:]
        for number, name in enumerate(dict.fromkeys(event["event"] for event in happened)):
            waves += [[]] if number == len(waves) else []
            waves[number] += [{**event, "event": f"{seed} {name}"} for event in happened if event["event"] == name]
    return units, waves


def known(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "events").glob("wave*.csv")}


def learn(here: Settings, files: list[Path], number: int) -> None:
    """Apply or revert event files until the first so many are known."""
    for file in files[:number]:
        if file.stem not in known(here.catalogue):
            reorg.apply(here, file)
    for file in reversed(files[number:]):
        if file.stem in known(here.catalogue):
            reorg.revert(here, file.stem)


@dataclass
class Release:
    """What a release was made of, and what it answered when it was new."""

    number: int
    loaded: Catalogue
    figures: dict[Key, int]
    acts: list[tuple[str, Key]]  # since the release before
    answers: Answers = field(default_factory=dict)

    @cached_property
    def reference(self) -> Reference:
        return Reference(self.loaded.history)

    @cached_property
    def due(self) -> set[Key]:
        ends = [self.loaded.period["CALENDAR", month].ends_on for month in MONTHS]
        return {
            (spell.unit, end)
            for spell in self.loaded.spells
            for end in ends
            if spell.valid_from <= end <= spell.valid_to and self.loaded.version(spell.unit, end)
        }

    def shows(self, unit: str, day: date) -> bool:
        version = self.loaded.version(unit, day)
        return version is not None and self.loaded.level[version.level].published


TOTALS = {
    "reported": "select null::date, unit_id, period_id, value, 0, units_due, units_reported, 0, 0 from star_asof.fct_rollup",
    "today": "select null::date, unit_id, period_id, value, not_restatable, units_due, units_reported, units_restated, "
    "units_not_restatable from star_asof.fct_restated",
    "on": "select to_date(tree_id::text, 'YYYYMMDD'), unit_id, period_id, value, not_restatable, units_due, units_reported, "
    "units_restated, units_not_restatable from star_asof.fct_restated_on",
}


def asked(here: Settings, number: int) -> Answers:
    """Every total of members in a release, on every tree that it knows."""
    found: Answers = defaultdict(dict)
    with connect(here) as connection:
        names = dict(connection.execute("select unit_id, unit_key from catalogue.unit").fetchall())
        ends = dict(connection.execute("select period_id, ends_on from catalogue.period").fetchall())
        for tree, query in TOTALS.items():
            for day, unit, period, *total in connection.execute(
                f"""
                    {query} where release_id = %s and indicator_id = (
                        select indicator_id from catalogue.indicator where field_code = 'members')""".encode(),
                [number],
            ):
                found[day or tree][names[unit], ends[period]] = Total(*total)
    return found


def years(here: Settings, number: int) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Of every year in a release, by tree and unit: months, figure, what of it is undivided, reports due and received."""
    found: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for tree, unit, *year in world.rows(
        here,
        """
            select tree, unit_key, periods, value, not_restatable, reports_due, reports_received from star_asof.fct_year
            join catalogue.unit using (unit_id) join catalogue.indicator using (indicator_id)
            where release_id = %s and field_code = 'admitted'""",
        number,
    ):
        found[tree][unit] = tuple(year)
    return found


def added(totals: dict[Key, Total]) -> dict[str, tuple[Any, ...]]:
    """The same the plain way, of what was admitted: as many as are members."""
    months: dict[str, list[Total]] = defaultdict(list)
    for (unit, _), total in totals.items():
        months[unit].append(total)
    return {unit: (len(of), *map(sum, zip(*of, strict=True)))[:5] for unit, of in months.items()}


def recomputed(release: Release, trees: Iterable[Tree]) -> Answers:
    """The same the plain way."""
    days = {tree: None if tree == "reported" else TODAY if tree == "today" else tree for tree in trees}
    return {
        tree: {
            (unit, end): total
            for (unit, end), total in release.reference.totals(release.figures, release.due, day).items()
            if release.shows(unit, day or end)
        }
        for tree, day in days.items()
    }


@BULK
# numbers come from a seed: the first example that hypothesis draws is the least of all, and every figure in it would be zero
@given(seeds=seeds_of_trees, seed=st.integers(0, 1_000_000), plan=st.tuples(st.integers(0, 2), st.integers(3, 5)))
def test_whatever_a_release_answered_is_what_a_plain_recomputation_gives_and_stays_so(
    new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory, seeds: list[int], seed: int, plan: tuple[int, int]
) -> None:
    chance = random.Random(seed)
    home = tmp_path_factory.mktemp("histories")
    here = new_warehouse(home / "home").model_copy(update={"catalogue": home / "catalogue"})
    units, waves = countries(seeds)
    world.write_catalogue(here.catalogue, units)
    files = [world.write_events(home / f"wave{number}.csv", wave) for number, wave in enumerate(waves)]
    first, more = plan
    # the second release only learns of reorganisations, the third takes them back
    steps = [first, more, first, len(files)]
    every = [load_catalogue(here.catalogue, {file.name: file for file in files[:number]}) for number in range(len(files) + 1)]

    releases: list[Release] = []
    figures: dict[Key, int] = {}
    receipts: dict[Key, int] = {}
    for number in steps:
        loaded = every[number]
        learn(here, files, number)
        acts: list[tuple[str, Key]] = []
        if len(releases) not in (1, 2):
            # nobody reports for a unit that turns out never to have been: files are applied, and reverted, one by one
            later = every[min(steps[len(releases) :]) :]
            can = [
                (unit, month)
                for month in MONTHS
                for unit in loaded.history.versions
                if all(c.version(unit, c.period["CALENDAR", month].ends_on) for c in later)
            ]
            ends = {month: loaded.period["CALENDAR", month].ends_on for month in MONTHS}
            new = [key for key in can if (key[0], ends[key[1]]) not in figures]
            old = [key for key in can if (key[0], ends[key[1]]) in figures]
            sent = chance.sample(new, len(new) * 2 // 3) + chance.sample(old, len(old) // 10)
            drawn = {key: chance.randint(0, 99) for key in sent}
            received = "2026-01-20 08:00+07" if releases else "2025-02-10 08:00+07"  # after every deadline, before every one
            filed = world.file(
                here, [(unit, month, {"members": n, "admitted": n}) for (unit, month), n in drawn.items()], received
            )
            for (unit, month), n in drawn.items():
                key = unit, ends[month]
                acts.append(("correction" if key in figures else "late_report" if releases else "new_report", key))
                figures[key], receipts[key] = n, filed[unit, month]
            gone = chance.sample([(unit, ends[month]) for unit, month in old if (unit, month) not in drawn], len(old) // 20)
            for key in gone:
                world.withdraw(here, receipts[key])
                del figures[key]
                acts.append(("withdrawal", key))
        release = Release(world.release(here), loaded, dict(figures), acts)
        assert release.figures.keys() <= release.due
        release.answers = asked(here, release.number)
        releases.append(release)

    for release in releases:
        assert release.answers == recomputed(release, release.answers), release.number
        assert years(here, release.number) == {tree: added(release.answers[tree]) for tree in ("reported", "today")}
        # nothing is lost and nothing is counted twice, on any tree
        for tree, answers in release.answers.items():
            assert {end: total.value for (unit, end), total in answers.items() if unit == "n"} == {
                end: sum(n for (_, at), n in release.figures.items() if at == end) for _, end in release.figures
            }, tree
        # what it answered when it was new, it answers still
        assert asked(here, release.number) == release.answers
    # known and taken back: as if it had never been known
    assert releases[0].answers != releases[1].answers
    assert releases[0].answers == releases[2].answers
    check_explanations(here, releases, chance)


def check_explanations(here: Settings, releases: list[Release], chance: random.Random) -> None:
    """Of figures drawn at random, on every kind of tree: each reason has the amount of a plain recomputation."""
    pairs = [*pairwise(releases), (releases[0], releases[-1])]
    kinds: set[str] = set()
    with fig.snapshot(here) as connection:
        for before, after in pairs:
            old, new = (fig.release(connection, r.number) for r in (before, after))
            acts = [act for release in releases[releases.index(before) + 1 : releases.index(after) + 1] for act in release.acts]
            for tree in ("reported", "today", chance.choice([day for day in after.answers if isinstance(day, date)])):
                was, now = before.answers.get(tree, {}), after.answers[tree]
                shown = sorted({**was, **now})
                changed = [key for key in shown if was.get(key) != now.get(key)]
                drawn = chance.sample(changed, min(6, len(changed))) + chance.sample(shown, min(2, len(shown)))
                for unit, end in [key for key in shown if key[0] == "n"] + drawn:
                    kinds |= check_explanation(connection, before, after, old, new, acts, unit, end, tree)
    assert kinds == {"reorganisation", "late_report", "correction", "withdrawal"}


def check_explanation(
    connection: Any,
    before: Release,
    after: Release,
    old: fig.AskedRelease,
    new: fig.AskedRelease,
    acts: list[tuple[str, Key]],
    unit: str,
    end: date,
    tree: Tree,
) -> set[str]:
    on: fig.Tree | None = None if tree == "reported" else "today" if tree == "today" else date(tree.year, tree.month, tree.day)
    day = end if tree == "reported" else TODAY if tree == "today" else tree
    month = next(month for month in MONTHS if after.loaded.period["CALENDAR", month].ends_on == end)
    known_as = after.loaded.version(unit, day) or before.loaded.version(unit, day)
    assert known_as
    answer = explain.between(
        connection, old, new, explain._find(connection, old, new, known_as.code, "T.members", month, None, "summed", on), on
    )
    was, now = ({u: n for (u, at), n in r.figures.items() if at == end} for r in (before, after))

    def stands(release: Release, part: str) -> Decimal:
        return release.reference.shares(part, end, day).get(unit, Decimal(0)) if release.shows(unit, day) else Decimal(0)

    moved = sum((n * (stands(after, u) - stands(before, u)) for u, n in was.items()), Decimal(0))
    assert sum((r.amount for r in answer.reasons if r.kind == "reorganisation"), Decimal(0)) == moved
    for sender in was.keys() | now.keys():
        code = next(v.code for v in after.loaded.versions_of_unit(sender) if v.covers(end))
        reasons = [r for r in answer.reasons if r.kind != "reorganisation" and r.unit == code]
        change = (now.get(sender, 0) - was.get(sender, 0)) * stands(after, sender)
        assert sum((r.amount for r in reasons), Decimal(0)) == change
        mine = [kind for kind, key in acts if key == (sender, end)]
        if change and len(mine) == 1:
            assert [r.kind for r in reasons] == mine, (sender, end, unit, tree)
    assert sum((r.amount for r in answer.reasons), Decimal(0)) == (answer.after["value"] or 0) - (answer.before["value"] or 0)
    return {r.kind for r in answer.reasons}


# --- applying and reverting ------------------------------------------------------------------------------------


@settings(max_examples=30 if MANY else 3, deadline=None, derandomize=not MANY, suppress_health_check=list(HealthCheck))
@given(seeds=seeds_of_trees, numbers=st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_whatever_is_applied_and_reverted_leaves_the_catalogue_as_it_was(
    new_warehouse: NewWarehouse, tmp_path_factory: pytest.TempPathFactory, seeds: list[int], numbers: list[int]
) -> None:
    home = tmp_path_factory.mktemp("reverted")
    here = new_warehouse(home / "home").model_copy(update={"catalogue": home / "catalogue"})
    units, waves = countries(seeds)
    world.write_catalogue(here.catalogue, units)
    files = [world.write_events(home / f"wave{number}.csv", wave) for number, wave in enumerate(waves)]
    with connect(here) as connection:
        sync(load_catalogue(here.catalogue), connection)
    before = state(here)
    for number in [*numbers, 0]:
        learn(here, files, number)
        assert known(here.catalogue) == {file.stem for file in files[:number]}
        assert (state(here) == before) == (number == 0)
    assert len({path.name for path in (here.home / "reverted").glob("*.csv")}) == min(max(numbers), len(files))


def state(here: Settings) -> tuple[Any, ...]:
    """The catalogue's files, what they say, and what the warehouse's newest catalogue says, without its number."""
    files = {path.name: path.read_bytes() for path in here.catalogue.rglob("*") if path.is_file()}
    tables = world.rows(
        here,
        """
        select c.table_name::text from information_schema.columns c join information_schema.tables t
            using (table_schema, table_name)
        where c.table_schema = 'catalogue' and c.column_name = 'catalogue_id' and c.table_name <> 'version'
            and t.table_type = 'BASE TABLE' order by 1""",
    )
    said = [
        (
            name,
            world.rows(
                here,
                f"""
        select (to_jsonb(t) - 'catalogue_id')::text from catalogue.{name} t
        where catalogue_id = (select max(catalogue_id) from catalogue.version) order by 1""",
            ),
        )
        for (name,) in tables
    ]
    return files, load_catalogue(here.catalogue), said
