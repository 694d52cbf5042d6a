"""Who owes what: by spell, level, cut-off and day; late, missing and on time; and the mart agrees with a count by hand."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from commands import run
from test_intake import rows

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue import obligations
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import Synced, sync
from tonghop.queries.owed import Owed, owed
from tonghop.release import candidate, dbt
from tonghop.warehouse.connect import connect

VN = ZoneInfo("Asia/Ho_Chi_Minh")
TODAY = date(2025, 12, 31)
FORM_T = """
code: T
version: 1
name: {vi: Biểu thử, en: Trial form}
scheme: CALENDAR
valid_from: 2020-01-01
deadline: {grassroots: 20, province: 28}
tables:
  - {code: T, vi: Sinh hoạt, en: Meetings, levels: [cell, grassroots, province], owed: [M], fields: &fields [
      {code: du_hop, vi: Dự họp, en: Attended, unit: lượt, aggregation: flow}]}
  - {code: U, vi: Quý, en: Quarterly, levels: [grassroots], owed: [Q], accepted: [M], fields: *fields}
"""
FORM_S = """
code: S
version: 1
name: {vi: Biểu nghị định, en: Decree form}
scheme: ND09
valid_from: 2020-01-01
tables:
  - {code: S, vi: Báo cáo, en: Report, levels: [grassroots], owed: [M], fields: [
      {code: so, vi: Số, en: Number, unit: cái, aggregation: flow}]}
"""
UNITS = """
p,2020-01-01,,P,Tỉnh,province,,true,
w,2020-01-01,,W,Phường một,grassroots,p,true,
x,2020-01-01,,X,Phường hai,grassroots,p,true,
c,2020-01-01,,C,Chi bộ,cell,w,true,
"""


@dataclass(frozen=True)
class Written:
    """Settings whose catalogue was written for a test and synced."""

    settings: Settings
    catalogue: Catalogue
    synced: Synced

    def lodge(
        self,
        unit: str,
        period: str,
        received: str | datetime,
        fate: str = "accepted",
        *,
        table: str = "T",
        form: str = "T",
        nil: bool = False,
        corrects: int | None = None,
        decided: str | datetime | None = None,
    ) -> int:
        """A report as the loader leaves it; fate: accepted, returned, or withdrawn (accepted first)."""
        period_id = self.catalogue.period[next(f.scheme for f in self.catalogue.forms if f.code == form), period].period_id
        at, later = (local(when) if isinstance(when, str) else when for when in (received, decided or received))
        with connect(self.settings) as connection:
            (number,) = connection.execute("select count(*) + 1 from intake.receipt").fetchone()
            receipt: int
            (receipt,) = connection.execute(
                """
                insert into intake.receipt (sha256, file_name, bytes, received_at, status, form_code, form_version, unit_id,
                    period_id, scope, is_nil, catalogue_id, cells, cells_sha256)
                values (%s, 'f', 1, %s, %s, %s, 1, %s, %s, 'own', %s, %s, 1, 'x') returning receipt_id""",
                [f"{number:064x}", at, fate, form, self.synced.unit[unit], period_id, nil, self.synced.catalogue_id],
            ).fetchone()
            act = (
                "insert into intake.ledger (at, act, receipt_id, by_receipt_id, cells, cells_sha256, reason) values "
                "(%s, %s, %s, %s, %s, %s, %s)"
            )
            connection.execute(act, [at, "received", receipt, None, None, None, None])
            if fate == "returned":
                connection.execute(act, [at, fate, receipt, None, None, None, None])
            else:
                connection.execute(act, [at, "accepted", receipt, None, 1, "x", None])
                if not nil:
                    connection.execute(
                        "insert into intake.header (receipt_id, header, sheet, indicators, columns) "
                        "values (%s, 1, 'T', array[%s], '{C}')",
                        [receipt, next(n for (t, _), n in self.synced.indicator.items() if t == table)],
                    )
                    connection.execute(
                        "insert into intake.line (receipt_id, header, unit_id, period_id, row_id, scope, place, figures) "
                        "values (%s, 1, %s, %s, %s, 'own', '4', '{1}')",
                        [receipt, self.synced.unit[unit], period_id, self.synced.row[table, "all"]],
                    )
            if corrects:
                connection.execute(act, [at, "superseded", corrects, receipt, None, None, None])
            if fate == "withdrawn":
                connection.execute(act, [later, "withdrawn", receipt, None, None, None, "nhầm"])
        return receipt


def local(day: str) -> datetime:
    """A moment in Viet Nam; noon where only the day is given."""
    return datetime.fromisoformat(day if "T" in day else f"{day}T12:00").replace(tzinfo=VN)


Write = Callable[..., Written]


@pytest.fixture
def write(settings: Settings, tmp_path: Path) -> Write:
    return lambda spells, units=UNITS: written(settings, tmp_path / "catalogue", spells, units)


def written(settings: Settings, folder: Path, spells: Iterable[str], units: str = UNITS) -> Written:
    """spells: unit,form,from,to."""
    small = PROJECT / "tests" / "data" / "catalogue_small"
    for part in ("forms", "units"):
        (folder / part).mkdir(parents=True)
    for name in ("levels.yaml", "calendar.yaml", "codes.yaml"):
        (folder / name).write_text((small / name).read_text("utf-8"), "utf-8")
    (folder / "forms" / "T.v1.yaml").write_text(FORM_T, "utf-8")
    (folder / "forms" / "S.v1.yaml").write_text(FORM_S, "utf-8")
    (folder / "units" / "units.csv").write_text(
        "unit,valid_from,valid_to,code,name,level,parent,synthetic,source,also_level" + units, "utf-8"
    )
    (folder / "reporting.csv").write_text("unit,form,valid_from,valid_to\n" + "\n".join(spells) + "\n", "utf-8")
    catalogue = load_catalogue(folder)
    with connect(settings) as connection:
        synced = sync(catalogue, connection)
    return Written(settings.model_copy(update={"catalogue": folder}), catalogue, synced)


def asked(world: Written, as_of: date = TODAY, **what: str) -> list[tuple[str, str, str]]:
    return [(r.unit, r.table, r.period) for r in owed(world.settings, as_of=as_of, **what)]


def months(*numbers: int) -> list[str]:
    return [f"2025-M{n:02d}" for n in numbers]


# --- what is owed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spells", "expected"),
    [
        (["c,T,2025-01-31,2025-01-31"], months(1)),
        (["c,T,2025-01-01,2025-01-30"], []),
        (["c,T,2025-01-01,2025-02-28", "c,T,2025-03-01,2025-04-30"], months(1, 2, 3, 4)),  # adjacent
        (["c,T,2025-01-01,2025-02-10", "c,T,2025-02-20,2025-03-30", "c,T,2025-06-01,2025-06-30"], months(1, 2, 6)),  # gaps
        (["c,T,2025-01-01,2025-01-31", "c,T,2025-10-31,"], months(1, 10, 11)),  # closed, and open without an end
    ],
    ids=["one day", "ends before the cut-off", "adjacent", "gaps", "open"],
)
def test_a_unit_owes_what_its_spells_hold_on_the_last_day_of_a_period(
    write: Write, spells: list[str], expected: list[str]
) -> None:
    assert [period for _, _, period in asked(write(spells))] == expected


@pytest.mark.parametrize(
    "spells",
    [
        ["c,T,2025-01-01,2025-02-10", "c,T,2025-02-10,"],
        ["c,T,2025-01-01,", "c,T,2025-03-01,2025-03-31"],
        ["c,T,2025-01-02,2025-01-01"],
    ],
)
def test_spells_that_overlap_or_end_before_they_start_are_refused(write: Write, spells: list[str]) -> None:
    with pytest.raises(CatalogueError, match=r"reporting\.csv"):
        write(spells)


def test_each_level_has_its_deadline_moved_over_weekends_and_holidays(write: Write) -> None:
    world = write(
        ["c,T,2024-12-01,2025-04-30", "w,T,2024-12-01,2025-04-30", "p,T,2024-12-31,2024-12-31", "w,S,2025-01-14,2025-05-31"]
    )
    due = {(r.unit, r.table, r.period): r.due_on for r in owed(world.settings, as_of=TODAY)}
    assert due["C", "T", "2025-M02"] == date(2025, 3, 17)  # the 15th is a Saturday
    assert due["W", "T", "2025-M02"] == date(2025, 3, 20)  # the form's own deadline for the level
    assert due["W", "U", "2025-Q1"] == date(2025, 4, 21)  # the 20th is a Sunday
    assert due["W", "S", "2025-M01"] == date(2025, 1, 17)  # a decree's month closes on the 14th and is due in the month itself
    assert due["W", "S", "2025-M05"] == date(2025, 5, 19)  # the 17th is a Saturday
    assert due["C", "T", "2024-M12"] == date(2025, 1, 15)
    assert due["P", "T", "2024-M12"] == date(2025, 2, 3)  # the 28th is in the Tết holidays


def test_a_period_is_owed_once_it_has_ended(write: Write) -> None:
    world = write(["c,T,2025-01-01,"])
    assert asked(world, date(2025, 1, 31)) == []
    (one,) = owed(world.settings, as_of=date(2025, 2, 1))
    assert (one.period, one.due_on, one.days_late) == ("2025-M01", date(2025, 2, 17), 0)
    assert [r.days_late for r in owed(world.settings, as_of=date(2025, 2, 18))] == [1]


def test_a_unit_that_ends_within_a_period_owes_nothing_and_one_that_begins_within_it_does(write: Write) -> None:
    units = UNITS + "gone,2020-01-01,2025-01-30,G,Chi bộ cũ,cell,w,true,\nnew,2025-01-31,,N,Chi bộ mới,cell,w,true,\n"
    world = write(["gone,T,2025-01-01,2025-01-31", "new,T,2025-01-01,2025-01-31"], units)
    assert asked(world) == [("N", "T", "2025-M01")]


def test_a_unit_of_two_levels_owes_the_tables_of_both_and_each_once_by_the_deadline_of_the_higher(write: Write) -> None:
    world = write(["both,T,2025-03-01,2025-03-31"], UNITS + "both,2020-01-01,,B,Tỉnh kiêm phường,province,,true,,grassroots\n")
    due = {(r.unit, r.table, r.period): r.due_on for r in owed(world.settings, as_of=TODAY)}
    assert due == {
        ("B", "T", "2025-M03"): date(2025, 4, 28),  # the province's day, not the 21st
        ("B", "U", "2025-Q1"): date(2025, 4, 21),
    }


def test_what_a_unit_owes_includes_those_below_it_on_the_last_day_of_each_period(write: Write) -> None:
    units = (
        UNITS.replace("c,2020-01-01,,C,Chi bộ,cell,w", "c,2020-01-01,2025-02-14,C,Chi bộ,cell,w")
        + "c,2025-02-15,,C,Chi bộ,cell,x,true,\n"
    )
    world = write(["c,T,2025-01-01,2025-02-28", "w,T,2025-01-01,2025-01-31"], units)
    assert asked(world, unit="W") == [("C", "T", "2025-M01"), ("W", "T", "2025-M01")]
    assert asked(world, unit="X") == [("C", "T", "2025-M02")]
    assert len(asked(world, unit="P")) == len(asked(world)) == 3
    assert asked(world, unit="P", period="2025-M02", form="T") == [("C", "T", "2025-M02")]
    assert asked(world, form="S") == []


# --- what has come ---------------------------------------------------------------------------------------------


def test_a_report_is_owed_until_it_stands_and_again_once_it_is_withdrawn(write: Write) -> None:
    world = write(["c,T,2025-01-31,2025-01-31"])
    returned = world.lodge("c", "2025-M01", "2025-02-05", "returned")
    world.lodge("c", "2025-M01", "2025-02-10", "withdrawn", decided="2025-03-01")
    seen = {
        day: [r.returned for r in owed(world.settings, as_of=date(2025, *day))]
        for day in ((2, 4), (2, 5), (2, 9), (2, 10), (2, 28), (3, 1))
    }
    assert seen == {(2, 4): [None], (2, 5): [returned], (2, 9): [returned], (2, 10): [], (2, 28): [], (3, 1): [None]}


def test_a_nil_return_is_a_report_of_every_table_and_cells_only_of_their_own(write: Write) -> None:
    world = write(["w,T,2025-01-01,2025-03-31", "x,T,2025-01-01,2025-03-31"])
    world.lodge("w", "2025-Q1", "2025-04-01", nil=True)
    world.lodge("x", "2025-M01", "2025-02-01", table="U")
    assert asked(world, period="2025-Q1") == [("X", "U", "2025-Q1")]
    assert asked(world, period="2025-M01") == [("X", "T", "2025-M01"), ("W", "T", "2025-M01")]


def test_the_day_is_that_in_viet_nam(write: Write) -> None:
    world = write(["c,T,2025-01-31,2025-01-31"])
    world.lodge("c", "2025-M01", "2025-02-10T00:30")  # the 9th in London
    assert asked(world, date(2025, 2, 9)) == [("C", "T", "2025-M01")]
    assert asked(world, date(2025, 2, 10)) == []


def test_what_the_catalogue_does_not_know_is_said(write: Write) -> None:
    world = write(["c,T,2025-01-31,2025-01-31"])
    for what, code in (("unit", "Z"), ("period", "2025-M13"), ("form", "Q")):
        with pytest.raises(ValueError, match=f"no {what} {code}"):
            owed(world.settings, **{what: code})


def test_the_command_answers_in_both_languages_and_in_json(write: Write) -> None:
    world = write(["c,T,2025-01-31,2025-01-31"])
    world.lodge("c", "2025-M01", "2025-02-05", "returned")
    question = ["owed", "--unit", "P", "--as-of", "2025-02-19"]
    said = run(world.settings, *question).output
    assert "Chi bộ" in said
    assert "17/02/2025" in said
    assert "quá hạn 1 / 1 owed, 1 of them late" in said
    (answer,) = json.loads(run(world.settings, *question, "--json").stdout)
    assert (answer["unit"], answer["due_on"], answer["days_late"], answer["returned"]) == ("C", "2025-02-17", 2, "R000001")
    assert set(answer) == set(Owed._fields)
    wrong = run(world.settings, "owed", "--unit", "nobody")
    assert (wrong.exit_code, "no unit nobody" in wrong.output) == (2, True)


# --- the mart, against a count by hand -----------------------------------------------------------------------------

PERIODS = [*months(1, 2, 3, 4), "2025-Q1"]


@dataclass(frozen=True)
class Receipt:
    unit: str
    period: str
    table: str
    nil: bool
    received: datetime
    stands: bool
    counts: bool  # accepted, not withdrawn: for the time of the first


def chance_world(settings: Settings, folder: Path, seed: int) -> tuple[Written, list[Receipt]]:
    """Units that move, end and begin; spells with gaps; and for each unit and period some history or none, owed or not."""
    rng = random.Random(seed)
    units, spells = UNITS, []
    for n in range(24):
        ward, other = rng.sample(["w", "x"], 2)
        first, last = rng.choice([("2020-01-01", ""), ("2020-01-01", "2025-02-20"), ("2025-02-20", "")])
        if rng.random() < 0.3 and first == "2020-01-01" and not last:
            units += f"u{n},2020-01-01,2025-03-10,U{n},Chi bộ {n},cell,{ward},true,\n"
            units += f"u{n},2025-03-11,,U{n},Chi bộ {n},cell,{other},true,\n"
        else:
            kind = rng.choice(["cell,{},true,,", "cell,{},true,,", "grassroots,p,true,,cell", "province,,true,,grassroots"])
            units += f"u{n},{first},{last},U{n},Đơn vị {n},{kind.format(ward)}\n"
    names = ["w", "x", "c", *(f"u{n}" for n in range(24))]
    for name in names:
        day = date(2025, 1, 1) + timedelta(days=rng.randrange(40))
        for _ in range(rng.randrange(1, 4)):
            end = day + timedelta(days=rng.randrange(90))
            spells.append(f"{name},T,{day},{end}")
            day = end + timedelta(days=rng.choice([1, 1, 15, 40]))
    world = written(settings, folder, spells, units)
    receipts = []
    for name in names:
        for period in PERIODS:
            ends = world.catalogue.period["CALENDAR", period].ends_on
            if world.catalogue.version(name, ends) is None:
                continue
            earlier: Receipt | None = None
            number = 0
            for day in sorted(rng.randrange(1, 40) for _ in range(rng.choice([0, 1, 1, 1, 2, 3]))):
                at = datetime(ends.year, ends.month, ends.day, 12, tzinfo=VN) + timedelta(days=day)
                fate, nil = rng.choice(["accepted", "accepted", "withdrawn", "returned"]), rng.random() < 0.3
                table = "U" if period == "2025-Q1" else "T"
                lodged = world.lodge(
                    name, period, at, fate, table=table, nil=nil, corrects=number if earlier and fate != "returned" else None
                )
                if fate == "returned":
                    continue
                if earlier:
                    receipts[receipts.index(earlier)] = Receipt(*[*vars(earlier).values()][:5], False, earlier.counts)
                mine = Receipt(name, period, table, nil, at, fate == "accepted", fate == "accepted")
                receipts.append(mine)
                earlier, number = (mine, lodged) if fate == "accepted" else (None, 0)
    return world, receipts


Key = tuple[str, str, str]


def by_hand(world: Written, receipts: list[Receipt]) -> tuple[dict[Key, Counter[str]], set[Key]]:
    """Counts per (unit, period, table), and what is missing; from the definitions alone."""
    c = world.catalogue
    form = next(f for f in c.forms if f.code == "T")
    counts: dict[Key, Counter[str]] = {}
    missing = set()
    for unit in {u.unit for u in c.units}:
        for (scheme, code), period in c.period.items():
            version = c.version(unit, period.ends_on)
            spelled = any(s.unit == unit and s.form == "T" and s.valid_from <= period.ends_on <= s.valid_to for s in c.spells)
            if scheme != "CALENDAR" or version is None:
                continue
            for table in form.tables:
                levels = [level for level in (version.level, version.also_level) if level in table.levels]
                mine = [r for r in receipts if (r.unit, r.period) == (unit, code) and (r.nil or r.table == table.code)]
                live = [r for r in mine if r.stands]
                if not spelled or not levels or not table.owes(period):
                    what = [] if all(r.nil for r in live) else ["unowed"]
                elif live:
                    due = c.due(form, levels[0], period)
                    on_time = min(r.received for r in mine if r.counts).date() <= due
                    what = ["due", "received", "on_time" if on_time else "late", *(["nil"] if all(r.nil for r in live) else [])]
                else:
                    what = ["due", "missing"]
                    missing.add((version.code, table.code, code))
                for above in c.above(unit, period.ends_on) if what else ():
                    level = c.version(above, period.ends_on)
                    if level and c.level[level.level].published:
                        counts.setdefault((above, code, table.code), Counter()).update(what)
    return counts, missing


@pytest.mark.parametrize("seed", [1, 2])
def test_the_mart_the_command_and_a_count_by_hand_agree_and_no_rate_exceeds_one(
    settings: Settings, tmp_path: Path, seed: int
) -> None:
    world, receipts = chance_world(settings, tmp_path / "catalogue", seed)
    assert candidate.open_candidate(world.settings) == 1
    dbt.build(world.settings)
    counts, missing = by_hand(world, receipts)
    with connect(world.settings) as connection:
        in_warehouse = connection.execute(
            "select unit_key, table_code, period_id from catalogue.unit_obligation join catalogue.unit using (unit_id)"
        ).fetchall()
    by_unit = obligations.of_units(world.catalogue, {u.unit for u in world.catalogue.units}, date.min)
    assert sorted(in_warehouse) == sorted((*key, p.period_id) for key, periods in by_unit.items() for p in periods)
    what = ("due", "received", "on_time", "late", "missing", "nil", "unowed")
    shown: dict[Any, Any] = {
        (unit, period, table): dict(zip(what, numbers, strict=True))
        for unit, period, table, *numbers in rows(
            settings,
            f"""
        select unit_key, code, table_code, {", ".join(what)} from marts.fct_completeness
        join catalogue.unit using (unit_id) join catalogue.period using (period_id)""",
        )
    }
    assert shown == {key: {name: count[name] for name in what} for key, count in counts.items()}
    assert all(n["due"] >= n["received"] >= n["on_time"] and n["received"] >= n["nil"] for n in shown.values())
    # nothing of this holds because there is nothing
    assert all(sum(n[name] for n in shown.values()) > 5 for name in what)
    assert {(r.unit, r.table, r.period) for r in owed(world.settings, form="T")} == missing
    assert len(receipts) > len([r for r in receipts if r.stands]) > 20
