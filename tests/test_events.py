"""Units and their history: what events make of units, what is refused, and the real reform.

The reference for the folding knows nothing of versions: it keeps a plain dictionary of units and walks through the days.
"""

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samples import reform
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.data import FOREVER, CatalogueError
from tonghop.catalogue.events import ENDS, Event, fold_history
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import History, Succession, UnitVersion
from tonghop.reading import understand
from tonghop.templates.plan import Planner

SMALL = Path(__file__).parent / "data" / "catalogue_small"
HEAD = "event,on,kind,unit,successor,weight,code,name,level,also_level,parent,synthetic,source\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """p > w > c1, c2 and p > x, in a catalogue folder of its own."""
    return shutil.copytree(SMALL, tmp_path / "catalogue")


def write_events(folder: Path, *rows: str, name: str = "test.csv") -> Path:
    """Rows as `kind unit key=value ...` on 2025-03-01, or on=...; written as an event file."""
    (folder / "events").mkdir(exist_ok=True)
    with (folder / "events" / name).open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, HEAD.strip().split(","), restval="")
        out.writeheader()
        for row in rows:
            kind, unit, *pairs = row.split()
            out.writerow({"event": "e", "on": "2025-03-01", "kind": kind, "unit": unit, **dict(p.split("=") for p in pairs)})
    return folder / "events" / name


NEW = ("established n code=N name=N level=grassroots parent=p", "established m code=M name=M level=grassroots parent=p")
AWAY = ("moved c1 parent=x",)


# --- what events do --------------------------------------------------------------------------------------------


def test_a_change_closes_a_version_on_the_eve_and_opens_the_next(folder: Path) -> None:
    write_events(folder, "renamed c1 name=Mới", "recoded c1 code=C9", "moved c1 parent=x", "level_changed c1 level=section")
    old, new = load_catalogue(folder).versions_of_unit("c1")
    assert (old.valid_to, new.valid_from, new.valid_to) == (date(2025, 2, 28), date(2025, 3, 1), FOREVER)
    assert (old.name, old.code, old.parent, old.level) == ("Chi bộ 1", "C1", "w", "cell")
    assert (new.name, new.code, new.parent, new.level) == ("Mới", "C9", "x", "section")


def test_a_merged_unit_ends_and_goes_whole_to_its_successor(folder: Path) -> None:
    write_events(folder, "merged c1 successor=c2")
    loaded = load_catalogue(folder)
    assert loaded.version("c1", date(2025, 2, 28))
    assert loaded.version("c1", date(2025, 3, 1)) is None
    assert loaded.successions == (Succession("e", "c1", "c2", date(2025, 3, 1), Decimal(1)),)


@pytest.mark.parametrize("weights", [("0.7", "0.3"), (None, None)])
def test_a_divided_unit_goes_to_several_with_weights_or_without(folder: Path, weights: tuple[str | None, str | None]) -> None:
    parts = [f"divided w successor={to}" + (f" weight={share}" if share else "") for to, share in zip("nm", weights, strict=True)]
    write_events(folder, *NEW, *AWAY, *parts)
    ways = {s.successor: s.weight for s in load_catalogue(folder).successions}
    assert ways == {to: Decimal(weight) if weight else None for to, weight in zip("nm", weights, strict=True)}


def test_a_code_goes_on_to_another_unit_on_the_day_on_which_its_bearer_ends(folder: Path) -> None:
    write_events(folder, "established n code=W name=N level=grassroots parent=p", *AWAY, "merged w successor=n")
    loaded = load_catalogue(folder)
    eve, day = (loaded.unit_by_code("W", on) for on in (date(2025, 2, 28), date(2025, 3, 1)))
    assert eve
    assert day
    assert (eve.unit, day.unit) == ("w", "n")


def test_what_a_unit_had_still_to_report_is_its_successors(folder: Path) -> None:
    write_events(folder, "merged c1 successor=x", *NEW, "dissolved c2")
    spells = {(s.unit, s.valid_from, s.valid_to) for s in load_catalogue(folder).spells if s.unit in ("x", "n")}
    assert spells == {("x", date(2025, 3, 1), date(2025, 3, 31))}


def test_a_grassroots_cell_fills_the_tables_of_both_levels_once(folder: Path) -> None:
    write_events(folder, "established g code=G name=G level=grassroots also_level=cell parent=p", "moved c1 parent=g")
    loaded = load_catalogue(folder)
    unit = loaded.unit_by_code("G", date(2025, 3, 31))
    assert unit
    assert [unit.is_at((level,)) for level in ("cell", "section", "grassroots")] == [True, False, True]
    template = Planner(loaded, "T", "2025-M03").unit("G")
    assert [u.unit for _, units in template.sheets for u in units].count("g") == len(template.sheets) > 0
    for code, status in (("G", "accepted"), ("X", "returned")):
        fields = ("dau_ky", "cuoi_ky", "du_hop", "ky_luat")
        lines = [f"T,1,{code},2025-M03,CALENDAR,own,T,{code},all,{field},1" for field in fields]
        content = "\n".join(["form,version,sender,period,scheme,scope,table,unit,row,field,value", *lines, ""]).encode()
        report = understand.read_and_check("g.csv", content, loaded, Settings(home=folder))
        assert (report.status, "table.level" in {f.rule for f in report.findings}) == (status, status == "returned")


@pytest.mark.parametrize("weights", [("0.8", "0.2"), (None, None)])
def test_a_part_of_a_unit_goes_to_another_and_both_live_on(folder: Path, weights: tuple[str | None, str | None]) -> None:
    parts = [
        f"divided c1 successor={to}" + (f" weight={share}" if share else "")
        for to, share in zip(("c1", "x"), weights, strict=True)
    ]
    write_events(folder, *parts, "renamed c1 name=Mới")
    loaded = load_catalogue(folder)
    assert [(v.valid_to, v.name) for v in loaded.versions_of_unit("c1")] == [(date(2025, 2, 28), "Chi bộ 1"), (FOREVER, "Mới")]
    assert {s.successor: s.weight for s in loaded.successions} == {
        to: Decimal(share) if share else None for to, share in zip(("c1", "x"), weights, strict=True)
    }
    # each reports as before; what begins as a part takes over what the rest reports
    assert not [s for s in loaded.spells if s.unit == "x"]
    write_events(folder, "established z code=Z name=Z level=cell parent=w", *[part.replace("=x", "=z") for part in parts])
    assert [(s.valid_from, s.valid_to) for s in load_catalogue(folder).spells if s.unit == "z"] == [
        (date(2025, 3, 1), date(2025, 3, 31))
    ]


def test_what_was_merged_comes_back_under_its_own_key(folder: Path) -> None:
    write_events(folder, "merged c1 successor=c2")
    back = ("established c1 code=C1 name=C1 level=cell parent=x", "divided c2 successor=c1", "divided c2 successor=c2")
    write_events(folder, *[f"{row} event=f on=2025-04-01" for row in back], name="later.csv")
    loaded = load_catalogue(folder)
    assert [(v.valid_from, v.parent) for v in loaded.versions_of_unit("c1")][-1] == (date(2025, 4, 1), "x")
    assert loaded.version("c1", date(2025, 3, 31)) is None
    assert loaded.version("c2", date(2025, 4, 1))


def test_a_division_among_roots_that_a_later_event_parts_is_refused_for_the_day_on_which_it_does(folder: Path) -> None:
    write_events(folder, *NEW, *AWAY, "divided w successor=n", "divided w successor=m")
    later = ("established r code=R name=R level=province", "moved m parent=r")
    write_events(folder, *[f"{row} event=f on=2025-04-01" for row in later], name="later.csv")
    with pytest.raises(CatalogueError, match=r"test\.csv, line 5: unit w: is divided on 2025-03-01 .* on 2025-04-01 no unit"):
        load_catalogue(folder)
    # in known shares nothing is lost
    write_events(folder, *NEW, *AWAY, "divided w successor=n weight=0.5", "divided w successor=m weight=0.5")
    assert load_catalogue(folder)


# --- what is refused, with file and line -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "line", "told"),
    [
        (["renamed z name=Z"], 2, "unit z: is not known"),
        (["dissolved c1 on=2020-01-01"], 2, "c1: does not exist on the eve of 2020-01-01"),
        (["dissolved c1 event=f", "renamed c1 name=Z on=2025-03-02"], 3, "c1: does not exist on the eve of 2025-03-02"),
        (["established c1 code=Z name=Z level=cell parent=w"], 2, "c1: is established on 2025-03-01 and exists already"),
        (["renamed c1 name=A", "renamed c1 name=B"], 2, "c1: is renamed twice"),
        (["merged c1 successor=c2", "merged c1 successor=x"], 2, "c1: is merged twice"),
        (["merged c1 successor=c2", "dissolved c1"], 2, "c1: is merged and dissolved"),
        (["moved c1 parent=x", "dissolved c1"], 2, "c1: is moved and dissolved"),
        (["divided c1 successor=c2 weight=0.5", "divided c1 successor=x weight=0.4"], 2, "weights that do not add up to 1"),
        (["divided c1 successor=c2 weight=0.5", "divided c1 successor=x"], 2, "weights that do not add up to 1"),
        (
            ["divided c1 successor=c2 weight=0.50000000000000000000000000000001", "divided c1 successor=x weight=0.5"],
            2,
            r"do not add up to 1 on .*: 0\.50000000000000000000000000000001 \+ 0\.5 = 1\.00000000000000000000000000000001",
        ),
        (
            ["divided c1 successor=c2 weight=0.33333333333333333", "divided c1 successor=x weight=0.66666666666666667"],
            2,
            "a weight of more than 16 digits after the point",
        ),
        (
            ["divided c1 successor=c2 weight=1/3", "divided c1 successor=x weight=2/3"],
            2,
            "weight: Input should be a valid decimal",
        ),
        (["divided c1 successor=c1 weight=0.5", "dissolved c1"], 2, "c1: is divided and dissolved"),
        (["divided c1 successor=c1", "merged c1 successor=x"], 2, "c1: is divided and merged"),
        (["divided c1 successor=c1 weight=0.5", "divided c1 successor=x"], 2, "weights that do not add up to 1"),
        (
            ["established r code=R name=R level=grassroots", "divided c1 successor=r", "divided c1 successor=c2"],
            3,
            "c1: is divided on 2025-03-01 in parts that nobody knows, and on 2025-03-01 no unit is above all that hold them",
        ),
        (["divided c1 successor=c2"], 2, "divided among fewer units"),
        (["divided c1 successor=c2", "divided c1 successor=c2"], 2, "divided among fewer units"),
        (["divided c1 successor=c2", "divided c1 successor=x event=f"], 2, "divided by two events"),
        (["merged c1 successor=z"], 2, "successor z does not exist on 2025-03-01"),
        (["merged c1 successor=c2", "dissolved c2"], 2, "successor c2 does not exist on 2025-03-01"),
        (["merged c1 successor=c2", "merged c2 successor=c1"], 2, "successor c2 does not exist"),
        (["recoded c1 code=C2"], 2, "code C2: c[12] and c[12] both bear it on 2025-03-01"),
        (["moved c1 parent=z"], 2, "c1: no parent z"),
        (["moved w parent=c1"], 2, "w: is above itself on 2025-03-01"),
        (["moved x parent=c1"], 2, "x: its parent c1, a cell on 2025-03-01, is not of a level above grassroots"),
        (["moved p parent=w"], 2, "p: its parent w, a grassroots on 2025-03-01, is not of a level above province"),
        (["moved c1 parent=c2"], 2, "c1: its parent c2, a cell on 2025-03-01, is not of a level above cell"),
        (["level_changed x level=province"], 2, "x: its parent p, a province on 2025-03-01, is not of a level above province"),
        (["level_changed c1 level=village"], 2, "c1: no level village"),
        (["level_changed c1 level=cell also_level=grassroots"], 2, "grassroots, which it is also, is not below cell"),
        (["renamed c2 name=N", "renamed c1 on=2025-03-02 name=Z"], 3, "event e is on 2025-03-01 and on 2025-03-02"),
        (["merged c1"], 2, "merged needs successor"),
        (["dissolved c1 successor=c2"], 2, "dissolved takes no successor"),
        (["renamed c1 name=A code=B"], 2, "renamed takes no code"),
        (["burnt c1"], 2, "kind"),
        (["divided c1 successor=c2 weight=1.5", "divided c1 successor=x weight=-0.5"], 2, "weight"),
    ],
)
def test_events_that_cannot_be_are_refused_with_their_line(folder: Path, rows: list[str], line: int, told: str) -> None:
    write_events(folder, *rows)
    with pytest.raises(CatalogueError, match=rf"(?s)events/test\.csv, line {line}: .*({told})"):
        load_catalogue(folder)


def test_a_unit_may_not_end_over_those_below_it(folder: Path) -> None:
    write_events(folder, "dissolved w")
    with pytest.raises(CatalogueError, match=r"small\.csv, line 5: unit c1: its parent w does not exist on 2025-03-01"):
        load_catalogue(folder)


def test_an_event_may_not_end_a_unit_that_the_unit_files_let_go_on(folder: Path) -> None:
    write_events(folder, "dissolved c2 on=2025-02-01")
    with pytest.raises(CatalogueError, match=r"test\.csv, line 2: unit c2: is dissolved .* and has a version from 2025-02-15"):
        load_catalogue(folder)


# --- random sequences of events, against days walked one by one ------------------------------------------------

START = date(2025, 1, 1)
RANK = {"cell": 1, "section": 2, "grassroots": 3, "province": 4, "nation": 5}
Unit = dict[str, Any]
State = dict[str, Unit]
FIRST: State = {
    key: {"code": key.upper(), "name": key, "level": level, "parent": parent}
    for key, level, parent in (
        ("n", "nation", None),
        ("p1", "province", "n"),
        ("p2", "province", "n"),
        ("w1", "grassroots", "p1"),
        ("w2", "grassroots", "p1"),
        ("w3", "grassroots", "p2"),
        ("c1", "cell", "w1"),
        ("c2", "cell", "w1"),
        ("c3", "cell", "w3"),
    )
}
CHANGES = {"renamed": "name", "recoded": "code", "moved": "parent", "level_changed": "level"}


def walk(events: list[Event]) -> tuple[dict[date, State], set[tuple[str, str, date, Decimal | None]]]:
    """The units of each day, and who went where: slow, and plain to see."""
    days, ways, state = {}, set(), FIRST
    for number in range(40):
        day = START + timedelta(days=number)
        state = {key: dict(unit) for key, unit in state.items()}
        for event in events:
            if event.on != day:
                continue
            if event.kind == "established":
                state[event.unit] = {name: getattr(event, name) for name in ("code", "name", "level", "parent")}
            elif event.kind in CHANGES:
                state[event.unit][CHANGES[event.kind]] = getattr(event, CHANGES[event.kind])
            else:
                state.pop(event.unit, None)
                if event.successor:
                    ways.add((event.unit, event.successor, day, Decimal(1) if event.kind == "merged" else event.weight))
        days[day] = state
    return days, ways


@st.composite
def sequences(draw: st.DrawFn) -> list[Event]:
    """Events that can be, in any order of rows; a unit has one kind of fate a day."""
    state = {key: dict(unit) for key, unit in FIRST.items()}
    born: Iterator[int] = iter(range(1000))
    codes = [unit["code"] for unit in state.values()]
    events: list[Event] = []

    def add(day: date, kind: str, unit: str, **more: Any) -> None:
        events.append(Event.model_validate({"event": str(day), "on": day, "kind": kind, "unit": unit, **more}))

    def free_code() -> str:
        borne = {unit["code"] for unit in state.values()}
        code: str = draw(st.sampled_from([*(c for c in codes if c not in borne), f"K{len(codes)}"]))
        codes.append(code)
        return code

    def above(level: str) -> list[str]:
        return [k for k, unit in state.items() if RANK[unit["level"]] > RANK[level]]

    for number in range(1, draw(st.integers(2, 12)) * 3, 3):
        day = START + timedelta(days=number + draw(st.integers(0, 2)))
        used: set[str] = set()
        for kind in draw(st.lists(st.sampled_from(["established", *CHANGES, *ENDS]), max_size=4)):
            alive = [k for k in state if k not in used and k != "n"]
            if kind == "established":
                key, level = f"u{next(born)}", draw(st.sampled_from(["cell", "grassroots"]))
                state[key] = {"code": free_code(), "name": key, "level": level, "parent": draw(st.sampled_from(above(level)))}
                used |= {key, state[key]["parent"]}
                add(day, kind, key, **state[key])
                continue
            if not alive:
                continue
            key = draw(st.sampled_from(alive))
            unit, below = state[key], [k for k, u in state.items() if u["parent"] == key]
            if kind in CHANGES:
                column = CHANGES[kind]
                if column == "level" and (below or unit["level"] not in ("cell", "section")):
                    continue
                value = {
                    "name": lambda: f"name {len(events)}",
                    "code": free_code,
                    "parent": lambda unit=unit: draw(st.sampled_from(above(unit["level"]))),
                    "level": lambda: draw(st.sampled_from(["cell", "section"])),
                }[column]()
                if column == "level" and RANK[value] >= RANK[state[unit["parent"]]["level"]]:
                    continue
                unit[column] = value
                used |= {key, *([value] if column == "parent" else [])}
                add(day, kind, key, **{column: value})
                continue
            heirs = [k for k in state if k != key and k not in below and state[k]["level"] == unit["level"]]
            highest = max((state[b]["level"] for b in below), key=RANK.__getitem__, default="cell")
            homes = [k for k in above(highest) if k != key]
            if used & {*below} or (below and not homes) or len(heirs) < (2 if kind == "divided" else 1):
                continue
            for child in below:
                state[child]["parent"] = draw(st.sampled_from(homes))
                add(day, "moved", child, parent=state[child]["parent"])
                used |= {child, state[child]["parent"]}
            del state[key]
            used.add(key)
            if kind == "dissolved":
                add(day, kind, key)
            elif kind == "merged":
                add(day, kind, key, successor=(heir := draw(st.sampled_from(heirs))))
                used.add(heir)
            else:
                one, two = draw(st.permutations(heirs))[:2]
                share = draw(st.sampled_from([None, Decimal("0.3")]))
                add(day, kind, key, successor=one, weight=share)
                add(day, kind, key, successor=two, weight=None if share is None else 1 - share)
                used |= {one, two}
    return draw(st.permutations(events))


def folded(events: list[Event]) -> tuple[History, list[str]]:
    units = [
        ("units", UnitVersion(unit=key, valid_from=START, valid_to=FOREVER, synthetic=True, source="", **unit))
        for key, unit in FIRST.items()
    ]
    return fold_history(units, [(f"line {n}", event) for n, event in enumerate(events)], RANK)


@given(sequences())
def test_folding_gives_what_walking_through_the_days_gives(events: list[Event]) -> None:
    history, problems = folded(events)
    assert not problems
    days, ways = walk(events)
    for day, state in days.items():
        found = {
            v.unit: {"code": v.code, "name": v.name, "level": v.level, "parent": v.parent} for v in history.units if v.covers(day)
        }
        assert found == state, day
    assert {(s.predecessor, s.successor, s.on, s.weight) for s in history.successions} == ways
    assert len(history.successions) == len(ways)


@given(sequences())
def test_versions_tile_without_overlap_and_codes_are_borne_once_a_day(events: list[Event]) -> None:
    history, _ = folded(events)
    for versions in history.versions.values():
        assert all(b.valid_from == a.valid_to + timedelta(days=1) for a, b in pairwise(versions))
        assert all(v.valid_from <= v.valid_to for v in versions)
    for day in walk(events)[0]:
        codes = Counter(v.code for v in history.units if v.covers(day))
        assert set(codes.values()) == {1}


@given(sequences(), st.data())
def test_the_same_part_twice_is_refused_with_its_line(events: list[Event], data: st.DataObject) -> None:
    if events:
        again = data.draw(st.sampled_from(events))
        _, problems = folded([*events, again])
        assert any(again.unit in problem and problem.startswith("line ") for problem in problems)


@given(sequences(), st.data())
@settings(max_examples=30)
def test_the_order_of_rows_does_not_matter_and_what_is_taken_out_leaves_no_trace(
    events: list[Event], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, 36).map(lambda n: START + timedelta(days=n)))
    earlier = [e for e in events if e.on <= first]
    with_all, without = folded(data.draw(st.permutations(events)))[0], folded(earlier)[0]
    assert set(with_all.units) == set(folded(events)[0].units)
    # up to the day, what comes later changes nothing
    for day in (first - timedelta(days=1), first):
        shown = [{v.unit: v.model_copy(update={"valid_to": day}) for v in h.units if v.covers(day)} for h in (with_all, without)]
        assert shown[0] == shown[1]


# --- the reform of 1 July 2025 ---------------------------------------------------------------------------------

EVE, DAY = date(2025, 6, 30), date(2025, 7, 1)


@pytest.fixture(scope="module")
def reformed(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return load_catalogue(reform.catalogue(tmp_path_factory.mktemp("reform")))


def test_the_reform_has_every_unit_before_and_after(reformed: Catalogue) -> None:
    levels = {day: Counter(v.level for v in reformed.units if v.covers(day)) for day in (EVE, DAY)}
    assert levels == {
        EVE: {"nation": 1, "province": 63, "district": 691, "grassroots": 10_035},
        DAY: {"nation": 1, "province": 34, "grassroots": 3_321},
    }
    for day, rows in ((EVE, reform.before()), (DAY, reform.after())):
        for row in rows:
            unit = reformed.unit_by_code(row["commune_code"], day)
            assert unit
            assert (unit.name, unit.level) == (row["commune_name"], "grassroots")
            above = [reformed.version(key, day) for key in reformed.above(unit.unit, day)[1:]]
            names = [row[name] for name in ("district_name", "province_name") if name in row]
            assert [v.name for v in above if v] == [*names, "Toàn quốc"]


def test_every_successor_is_reached_as_the_lineage_says(reformed: Catalogue) -> None:
    code = {v.unit: v.code for v in reformed.units if v.covers(DAY)}
    reached: dict[str, set[tuple[str, str]]] = {}
    ways: dict[str, list[Succession]] = {}
    for way in reformed.successions:
        ways.setdefault(way.predecessor, []).append(way)
    for row in reform.before():
        unit = reformed.unit_by_code(row["commune_code"], EVE)
        assert unit
        goes = {(code[w.successor], "part" if w.weight is None else "whole") for w in ways.get(unit.unit, [])}
        reached[row["commune_code"]] = goes or {(code[unit.unit], "whole")}
    said: dict[str, set[tuple[str, str]]] = {}
    for row in reform.lineage():
        said.setdefault(row["old_commune_code"], set()).add((row["new_commune_code"], row["kind"]))
    assert reached == said
    successors = {new for goes in reached.values() for new, _ in goes}
    zones = {row["commune_code"] for row in reform.after()} - successors
    assert (len(successors), sum(len(goes) > 1 for goes in reached.values())) == (3_316, 471)
    assert {next(r["commune_name"] for r in reform.after() if r["commune_code"] == zone) for zone in zones} == {
        f"Đặc khu {name}" for name in ("Bạch Long Vĩ", "Cồn Cỏ", "Hoàng Sa", "Lý Sơn", "Côn Đảo")
    }


def test_no_commune_is_divided_across_new_provinces(reformed: Catalogue) -> None:
    divided: dict[str, set[str | None]] = {}
    for way in reformed.successions:
        if way.weight is None:
            heir = reformed.version(way.successor, DAY)
            assert heir
            divided.setdefault(way.predecessor, set()).add(heir.parent)
    assert len(divided) == 471
    assert all(len(parents) == 1 for parents in divided.values())


def test_every_commune_reports_on_both_sides_of_the_reform(reformed: Catalogue) -> None:
    for day, number in ((EVE, 10_035), (DAY, 3_321)):
        due = {s.unit for s in reformed.spells if s.valid_from <= day <= s.valid_to and reformed.version(s.unit, day)}
        assert len(due) == number
    assert len({(s.unit, s.form) for s in reformed.spells}) == len(reformed.spells)


@pytest.mark.parametrize(
    ("unit", "day", "code", "heir", "new_code", "province"),
    [
        ("ngo-quyen", "2021-02-03", "08719", "Đảng bộ phường Vĩnh Phúc", "08716", "25"),
        ("hung-vuong", "2021-02-03", "08737", "Đảng bộ phường Phúc Yên", "08740", "25"),
        ("quang-trung-nd", "2021-02-03", "13645", "Đảng bộ phường Nam Định", "13669", "37"),
        ("quang-trung-nd", "2025-01-04", "13681", "Đảng bộ phường Nam Định", "13669", "37"),
        ("tran-hung-dao-nd", "2021-02-03", "13666", "Đảng bộ phường Nam Định", "13669", "37"),
        ("cua-bac-nd", "2021-02-03", "13648", "Đảng bộ phường Nam Định", "13669", "37"),
        ("cua-bac-nd", "2025-01-04", "13669", "Đảng bộ phường Nam Định", "13669", "37"),
        ("loc-hoa-nd", "2021-02-03", "13693", "Đảng bộ phường Đông A", "13693", "37"),
        ("nam-phong-nd", "2025-01-04", "13696", "Đảng bộ phường Vị Khê", "13972", "37"),
    ],
)
def test_the_reference_wards_are_followed_through_the_code_lists(
    catalogue: Catalogue, unit: str, day: str, code: str, heir: str, new_code: str, province: str
) -> None:
    found = catalogue.unit_by_code(code, date.fromisoformat(day))
    assert found
    assert found.unit == unit
    [way] = [s for s in catalogue.successions if s.predecessor == unit]
    now = catalogue.version(way.successor, DAY)
    assert now
    assert (way.on, way.weight, now.name, now.code) == (DAY, 1, heir, new_code)
    above = catalogue.version(str(now.parent), DAY)
    assert above
    assert above.code == province


@pytest.mark.parametrize("code", ["13669", "13639", "13651", "13696", "13636"])
def test_wards_that_vanished_between_the_lists_have_no_successor(catalogue: Catalogue, code: str) -> None:
    unit = catalogue.unit_by_code(code, date(2021, 2, 3))
    assert unit
    assert unit.valid_to == date(2025, 1, 3)
    assert not [s for s in catalogue.successions if s.predecessor == unit.unit]
    assert "not known" in unit.source


def test_the_city_goes_to_the_wards_that_its_wards_went_to(catalogue: Catalogue) -> None:
    ways = [s for s in catalogue.successions if s.predecessor == "nam-dinh-tp"]
    heirs = {(v := catalogue.version(s.successor, DAY)) and v.code for s in ways}
    inside = {row["commune_code"] for row in reform.before() if row["district_code"] == "356"}
    assert heirs == {row["new_commune_code"] for row in reform.lineage() if row["old_commune_code"] in inside}
    assert all(s.weight is None for s in ways)


def test_the_pack_is_the_same_each_time_it_is_written(tmp_path: Path, reformed: Catalogue) -> None:
    assert load_catalogue(reform.catalogue(tmp_path)).sha256 == reformed.sha256


def test_the_projects_pack_keeps_the_notice_of_its_data() -> None:
    assert "Copyright (c) 2025 Tran Ngoc Minh Hieu" in (PROJECT / "samples" / "reform" / "README.md").read_text("utf-8")
