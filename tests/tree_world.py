"""Trees that change, with reports on them, for the tests of what is restated; and the plain, slow way to the same totals.

One form T with a member count and a flow, filed by units of every level for months of 2025. The reference knows nothing of
SQL: it follows each figure through the history, one at a time.
"""

import csv
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from samples import filed
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.units import History
from tonghop.release import candidate, dbt, gate, suites
from tonghop.warehouse.connect import connect

FORM = """
code: T
version: 1
name: {vi: Biểu thử, en: Trial form}
scheme: CALENDAR
valid_from: 2020-01-01
tables:
  - code: T
    vi: Đảng viên
    en: Members
    levels: [cell, grassroots, province, nation]
    owed: [M]
    accepted: [H1, Y]
    fields:
      - {code: members, vi: Đảng viên, en: Members, unit: người, aggregation: stock}
      - {code: admitted, vi: Kết nạp, en: Admitted, unit: người, aggregation: flow}
      - {code: punished, vi: Kỷ luật, en: Disciplined, unit: người, aggregation: flow, shown_from: never}
"""
UNIT = ("unit", "valid_from", "valid_to", "code", "name", "level", "also_level", "parent", "synthetic", "source")
EVENT = (
    "event",
    "on",
    "kind",
    "unit",
    "successor",
    "weight",
    "code",
    "name",
    "level",
    "also_level",
    "parent",
    "synthetic",
    "source",
)
START = date(2020, 1, 1)
MONTHS = tuple(f"2025-M{month:02d}" for month in range(1, 13))


# --- the catalogue ---------------------------------------------------------------------------------------------


def write_catalogue(
    folder: Path, units: Iterable[tuple[str, str, str | None]], events: Iterable[dict[str, Any]] = (), form: str = FORM
) -> None:
    """Units as (key, level, parent) since 2020, and events. Everything owes T throughout 2025."""
    for part in ("forms", "units", "events"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in ("levels.yaml", "codes.yaml"):
        shutil.copy(PROJECT / "catalogue" / name, folder)
    (folder / "calendar.yaml").write_text(
        (PROJECT / "catalogue" / "calendar.yaml")
        .read_text("utf-8")
        .replace("first_year: 2010", "first_year: 2024")
        .replace("last_year: 2030", "last_year: 2025"),
        "utf-8",
    )
    (folder / "forms" / "T.v1.yaml").write_text(form, "utf-8")
    units, events = list(units), list(events)
    _csv(
        folder / "units" / "units.csv",
        UNIT,
        (
            {
                "unit": unit,
                "valid_from": START,
                "code": unit.upper(),
                "name": f"Đơn vị {unit}",
                "level": level,
                "parent": parent,
                "synthetic": "true",
            }
            for unit, level, parent in units
        ),
    )
    write_events(folder / "events" / "events.csv", events)
    everyone = dict.fromkeys([unit for unit, *_ in units] + [str(e["unit"]) for e in events if e["kind"] == "established"])
    _csv(
        folder / "reporting.csv",
        ("unit", "form", "valid_from", "valid_to"),
        ({"unit": unit, "form": "T", "valid_from": "2025-01-01", "valid_to": "2025-12-31"} for unit in everyone),
    )


def write_events(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """An event file."""
    _csv(path, EVENT, ({"synthetic": "false", **event} for event in events))
    return path


def established(event: str, on: date, unit: str, level: str, parent: str | None) -> dict[str, Any]:
    return {
        "event": event,
        "on": on,
        "kind": "established",
        "unit": unit,
        "code": unit.upper(),
        "name": f"Đơn vị {unit}",
        "level": level,
        "parent": parent,
        "synthetic": "true",
    }


def merged(event: str, on: date, unit: str, successor: str) -> dict[str, Any]:
    return {"event": event, "on": on, "kind": "merged", "unit": unit, "successor": successor}


def divided(event: str, on: date, unit: str, **weights: str | None) -> list[dict[str, Any]]:
    return [
        {"event": event, "on": on, "kind": "divided", "unit": unit, "successor": successor, "weight": weight}
        for successor, weight in weights.items()
    ]


def parted(event: str, on: date, unit: str, to: str, weight: str | None) -> list[dict[str, Any]]:
    """A part of a unit goes to another, and the unit lives on."""
    return divided(event, on, unit, **{unit: weight and str(1 - Decimal(weight)), to: weight})


def moved(event: str, on: date, unit: str, parent: str) -> dict[str, Any]:
    return {"event": event, "on": on, "kind": "moved", "unit": unit, "parent": parent}


def _csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, restval="")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)


# --- reports and releases ---------------------------------------------------------------------------------------


def file(
    settings: Settings, reports: Iterable[tuple[str, str, Mapping[str, int | None]]], received: str = "2025-02-10 08:00+07"
) -> dict[tuple[str, str], int]:
    """File reports (unit, period, figures by field) of form T; an earlier live one of the same unit and period is superseded.

    Receipts by unit and period.
    """
    receipts = filed.file(
        settings,
        ((unit, period, {("T", "all", name): value for name, value in figures.items()}) for unit, period, figures in reports),
        received=received,
    )
    with connect(settings) as connection:
        connection.execute(
            """
            insert into intake.ledger (act, receipt_id, by_receipt_id)
            select 'superseded', older.receipt_id, newer.receipt_id
            from intake.receipt newer
            join intake.receipt older on (older.unit_id, older.period_id) = (newer.unit_id, newer.period_id)
                and older.receipt_id < newer.receipt_id and older.status = 'accepted'
            where newer.receipt_id = any(%s)
              and not exists (select from intake.ledger l where l.receipt_id = older.receipt_id and l.act = 'superseded')""",
            [list(receipts.values())],
        )
    return receipts


def withdraw(settings: Settings, receipt: int) -> None:
    with connect(settings) as connection:
        connection.execute("update intake.receipt set status = 'withdrawn' where receipt_id = %s", [receipt])
        connection.execute("insert into intake.ledger (act, receipt_id, reason) values ('withdrawn', %s, 'a mistake')", [receipt])


def release(settings: Settings, *, tests: bool = False) -> int:
    """Build and publish a release without the gate; with the models' data tests where they are wanted."""
    number = candidate.open_candidate(settings)
    assert number is not None
    if tests:
        dbt.build(settings)
    else:
        dbt.invoke(settings, ["run"])
    publish(settings, number)
    return number


def publish(settings: Settings, number: int) -> None:
    with connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = %s", [number])
        connection.execute("update ctl.current_release set release_id = %s", [number])


def conserved(here: Settings, number: int) -> dict[str, tuple[int, int]]:
    """How many rows the gate checks for what reorganisations conserve, and how many fail; the last release as the candidate."""
    found = {}
    with connect(here) as connection:
        connection.execute("update ctl.release set status = 'candidate', published_at = null where release_id = %s", [number])
        connection.execute("update ctl.current_release set release_id = %s", [number - 1])
        gate.prepare(connection, suites.read(), number, whole=True)
        for name in (
            "every_figure_stands_on_every_tree",
            "reorganisations_conserve",
            "restated_sums_follow_the_tree",
            "rates_and_counts_stand_on_every_tree",
        ):
            asked = suites.read().question(
                name, "select count(*), count(*) filter (where failed is distinct from 0) from population"
            )
            checked, failed = connection.execute(asked.encode()).fetchone() or (0, 0)
            found[name] = checked, failed
        connection.rollback()
    return found


def scalar(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def rows(settings: Settings, query: str, *values: Any, role: str | None = None) -> list[tuple[Any, ...]]:
    with connect(settings, role) as connection:
        return connection.execute(query, values).fetchall()


# --- the plain, slow way ---------------------------------------------------------------------------------------

Life = tuple[str, date, date]


class Total(NamedTuple):
    """A figure and what it covers: of the units below it that owe, how many reported, are restated, cannot be."""

    value: Decimal
    not_restatable: Decimal
    units_due: int
    units_reported: int
    units_restated: int
    units_not_restatable: int


@dataclass
class Reference:
    """Where figures stand and what they sum to, from the history alone."""

    history: History
    lives: dict[str, list[Life]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for unit, versions in self.history.versions.items():
            days = [v.valid_from for v in versions]
            cuts = {s.on for s in self.history.successions if s.successor == unit}
            stretches: list[Life] = []
            for version, start in zip(versions, days, strict=True):
                goes_on = stretches and stretches[-1][2] == start - timedelta(days=1) and start not in cuts
                parts = sorted({start, *(c for c in cuts if version.covers(c))})
                for n, born in enumerate(parts):
                    died = parts[n + 1] - timedelta(days=1) if n + 1 < len(parts) else version.valid_to
                    if n == 0 and goes_on:
                        born = stretches.pop()[1]
                    stretches.append((unit, born, died))
            self.lives[unit] = stretches

    def life(self, unit: str, day: date) -> Life:
        return next(x for x in self.lives[unit] if x[1] <= day <= x[2])

    def standing(self, unit: str, reported: date, day: date) -> list[tuple[str, Decimal, bool]]:
        """On which units of a day's tree a unit's figures of another day stand: (unit, share, whole)."""
        found: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)
        for targets, share, lost in self._parcels(self.life(unit, reported), day):
            if len(targets) == 1:
                found[next(iter(targets)), not lost] += share
            else:
                lines = [self.history.above(target, day) for target in targets]
                common = [u for u in lines[0] if all(u in line for line in lines)]
                if common:
                    found[common[0], False] += share
        return [(unit, share, whole) for (unit, whole), share in found.items()]

    def _parcels(self, life: Life, day: date) -> list[tuple[frozenset[str], Decimal, bool]]:
        unit, born, died = life
        if born <= day <= died:
            return [(frozenset([unit]), Decimal(1), False)]
        forward = died < day
        if (same := self._came_back(life, day)) is not None:
            return self._parcels(same, day)
        onward = self._onward(life) if forward else [(back, None) for back in self._back(life)]
        if not onward:
            edge = died if forward else born
            version = self.history.version(unit, edge)
            assert version
            if version.parent is None:
                return []
            return [(targets, share, True) for targets, share, _ in self._parcels(self.life(version.parent, edge), day)]
        if len(onward) == 1:
            return self._parcels(onward[0][0], day)
        if all(weight is not None for _, weight in onward):
            return [
                (targets, share * weight, lost)
                for next_, weight in onward
                if weight is not None
                for targets, share, lost in self._parcels(next_, day)
            ]
        parcels = [parcel for next_, _ in onward for parcel in self._parcels(next_, day)]
        if not parcels:
            return []
        return [(frozenset().union(*(p[0] for p in parcels)), Decimal(1), any(p[2] for p in parcels))]

    def _came_back(self, life: Life, day: date) -> Life | None:
        """The next life of a unit that was away, where it is there by that day again; or the life before it was away."""
        unit, born, died = life
        if died < day:
            later = [x for x in self.lives[unit] if x[1] > died]
            new = later[0] if later and later[0][1] <= day and later[0][1] - died > timedelta(days=1) else None
            return new if new and self._went_whole(life) else None
        before = [x for x in self.lives[unit] if x[2] < born]
        old = before[-1] if before and before[-1][2] >= day and born - before[-1][2] > timedelta(days=1) else None
        came = [s for s in self.history.successions if s.successor == unit and s.on == born]
        of_several = len(came) > 1 or (len(came) == 1 and came[0].weight == 1)
        return old if old and self._went_whole(old) and not of_several else None

    def _went_whole(self, life: Life) -> bool:
        """Whether it ended, and nothing of it is known to have gone elsewhere than the rest."""
        after = life[2] + timedelta(days=1)
        return len([s for s in self.history.successions if s.predecessor == life[0] and s.on == after]) < 2

    def _onward(self, life: Life) -> list[tuple[Life, Decimal | None]]:
        unit, _, died = life
        after = died + timedelta(days=1) if died < date.max else None
        went = [s for s in self.history.successions if s.predecessor == unit and s.on == after]
        itself = [(x, Decimal(1)) for x in self.lives[unit] if x[1] == after and not any(s.successor == unit for s in went)]
        return itself + [(self.life(s.successor, s.on), s.weight) for s in went]

    def _back(self, life: Life) -> list[Life]:
        unit, born, _ = life
        eve = born - timedelta(days=1)
        itself = [x for x in self.lives[unit] if x[2] == eve]
        others = [
            s.predecessor for s in self.history.successions if s.successor == unit and s.on == born and s.predecessor != unit
        ]
        return itself + [self.life(other, eve) for other in others]

    def shares(self, unit: str, reported: date, day: date | None = None) -> dict[str, Decimal]:
        """How much of a unit's figure stands at a unit of a day's tree or below it, for every unit that holds any."""
        on = day or reported
        found: dict[str, Decimal] = defaultdict(Decimal)
        for lands_on, share, _ in self.standing(unit, reported, on):
            for above in self.history.above(lands_on, on):
                found[above] += share
        return dict(found)

    def totals(
        self, figures: dict[tuple[str, date], int], due: Iterable[tuple[str, date]], day: date | None = None
    ) -> dict[tuple[str, date], Total]:
        """Per unit and period's end, on a day's tree (None: that of the period's end); where there is a sum."""
        value: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
        undivided: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
        units: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for unit, reported in due:
            on, received = day or reported, (unit, reported) in figures
            whole: dict[str, bool] = defaultdict(lambda: True)
            same: dict[str, bool] = defaultdict(lambda: True)
            for lands_on, share, is_whole in self.standing(unit, reported, on):
                amount = share * figures.get((unit, reported), 0)
                for above in self.history.above(lands_on, on):
                    value[above, reported] += amount
                    whole[above] &= is_whole
                    same[above] &= is_whole and lands_on == unit and share == 1
                if not is_whole:
                    undivided[lands_on, reported] += amount
            for above in whole:
                states = True, received, received and whole[above] and not same[above], received and not whole[above]
                units[above, reported] = [n + yes for n, yes in zip(units[above, reported], states, strict=True)]
        return {key: Total(total, undivided[key], *units[key]) for key, total in value.items() if units[key][1]}


# --- random histories ------------------------------------------------------------------------------------------

KINDS = (
    "merged",
    "merged into one that stays",
    "divided",
    "weighted",
    "parted",
    "restored",
    "restored",
    "moved",
    "dissolved",
    "renamed",
)
DAYS = tuple(date(2025, month, day) for month in range(2, 11) for day in (1, 16))


def random_country(seed: int) -> tuple[list[tuple[str, str, str | None]], list[dict[str, Any]]]:
    """Units and events: two provinces of wards and cells, through a handful of reorganisations of every kind."""
    chance = random.Random(seed)
    names = (f"{seed % 997}u{n}" for n in range(10_000))
    units: list[tuple[str, str, str | None]] = [("n", "nation", None)]
    parent: dict[str, str] = {}
    level: dict[str, str] = {}

    def add(kind: str, above: str) -> str:
        name = next(names)
        parent[name], level[name] = above, kind
        return name

    for _ in range(2):
        province = add("province", "n")
        for _ in range(chance.randint(2, 3)):
            ward = add("grassroots", province)
            for _ in range(chance.randint(1, 3)):
                add("cell", ward)
    units += [(name, level[name], above) for name, above in parent.items()]

    events: list[dict[str, Any]] = []
    went: dict[str, tuple[str, str]] = {}  # unit that ended in one piece: its level, and the unit that took it or stood above it
    for number, day in enumerate(sorted(chance.sample(DAYS, chance.randint(3, 7)))):
        event = f"e{number}"
        kind = chance.choice(KINDS)
        at = chance.choice(["grassroots", "cell"])
        old = [name for name in parent if level[name] == at]
        if len(old) < 3:
            continue
        chosen = chance.sample(old, 2)

        def new(kind: str = at, above: str = parent[chosen[0]], event: str = event, day: date = day) -> str:
            name = add(kind, above)
            events.append(established(event, day, name, kind, above))
            return name

        def hand_over(gone: str, heirs: list[str], event: str = event, day: date = day) -> None:
            for child in [c for c in parent if parent[c] == gone]:
                parent[child] = chance.choice(heirs)
                events.append(moved(event, day, child, parent[child]))
            del parent[gone], level[gone]

        if kind == "merged":
            heir = new()
            for gone in chosen:
                events.append(merged(event, day, gone, heir))
                went[gone] = at, heir
                hand_over(gone, [heir])
        elif kind == "merged into one that stays":
            events.append(merged(event, day, chosen[0], chosen[1]))
            went[chosen[0]] = at, chosen[1]
            hand_over(chosen[0], [chosen[1]])
        elif kind == "parted":
            # to one that is there, or to a new one
            to = new() if chance.random() < 0.5 else chosen[1]
            events.extend(parted(event, day, chosen[0], to, chance.choice([None, "0.2", "0.35"])))
        elif kind == "restored":
            back = [unit for unit, (of, heir) in went.items() if heir in parent or heir == "n"]
            if not back:
                continue
            of, heir = went[back[0]]
            again = [unit for unit in back if went[unit] == (of, heir)][: chance.randint(1, 3)]
            of_it = level[heir] == of  # else it had been dissolved below it
            for unit in again:
                above = parent[heir] if of_it else heir
                parent[unit], level[unit] = above, went.pop(unit)[0]
                events.append(established(event, day, unit, level[unit], above))
            if of_it and len(again) > 1 and chance.random() < 0.5:
                events.extend(divided(event, day, heir, **dict.fromkeys(again)))
                hand_over(heir, again)
            elif of_it:
                events.extend(divided(event, day, heir, **dict.fromkeys([heir, *again])))
        elif kind in ("divided", "weighted"):
            gone = chosen[0]
            # one part may go to a unit that is there already, in another line
            heirs = [new(), chosen[1] if chance.random() < 0.4 else new()]
            weights = ("0.3", "0.7") if kind == "weighted" else (None, None)
            events.extend(divided(event, day, gone, **dict(zip(heirs, weights, strict=True))))
            hand_over(gone, heirs)
        elif kind == "moved":
            others = [u for u in parent if level[u] == level.get(parent[chosen[0]], "") and u != parent[chosen[0]]]
            if others:
                parent[chosen[0]] = chance.choice(others)
                events.append(moved(event, day, chosen[0], parent[chosen[0]]))
        elif kind == "dissolved":
            cells = [name for name in parent if level[name] == "cell"]
            if cells:
                gone = chance.choice(cells)
                events.append({"event": event, "on": day, "kind": "dissolved", "unit": gone})
                went[gone] = "cell", parent[gone]
                del parent[gone], level[gone]
        else:
            events.append({"event": event, "on": day, "kind": "renamed", "unit": chosen[0], "name": f"Tên mới {number}"})
    return units, events
