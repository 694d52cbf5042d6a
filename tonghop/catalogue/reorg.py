"""Reorganisations: what an event file would change, and putting it into the catalogue or taking it out again.

The file in the catalogue's events folder is the one truth: everything that reads the catalogue follows it, the warehouse by
`sync`. So one rename or removal decides; it is the last thing done before the warehouse commits. Killed before it,
nothing has happened; killed between it and the commit, the next sync catches up, and so does the same command again.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.settings import PACKAGE, Settings
from tonghop.catalogue import obligations
from tonghop.catalogue.data import CatalogueError, rows
from tonghop.catalogue.events import Event
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import LOCK, sync
from tonghop.catalogue.units import UnitVersion
from tonghop.warehouse.connect import connect

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What a change of the event files does, row by row. A part that has no rows is empty."""

    levels: list[Row]  # units per level on the eve of the first event and on the day of the last
    closed: list[Row]  # versions that end earlier than they did
    opened: list[Row]  # versions that were not there
    moved: list[Row]  # units that get another parent
    successions: list[Row]
    owed: list[Row]  # reports that a unit owes no longer, or newly

    def as_json(self) -> dict[str, list[Row]]:
        """The parts by name."""
        return dict(vars(self))


def plan(settings: Settings, file: Path) -> Plan:
    """What applying an event file would change, beside the catalogue without it; writes nothing.

    Raises CatalogueError, naming file and line, where the file does not fit the catalogue.
    """
    events = [event for _, event in rows(Event, [_named(file)])]
    if not events:
        raise CatalogueError(f"{file}: no events")
    after = load_catalogue(settings.catalogue, {file.name: file})
    return difference(load_catalogue(settings.catalogue, {file.name: None}), after, {event.on for event in events})


def apply(settings: Settings, file: Path) -> int:
    """Put an event file into the catalogue and the warehouse; returns the catalogue's number. Safe to repeat.

    Raises CatalogueError where `plan` does, where another file of the name is there, and where the catalogue is that of an
    installed package.
    """
    folder = _events(settings)
    plan(settings, file)
    target = folder / file.name
    if target.exists() and target.read_bytes() != file.read_bytes():
        raise CatalogueError(f"{target}: another event file of this name is there; revert it first")
    target.parent.mkdir(exist_ok=True)
    with connect(settings) as connection, connection.transaction():
        number = _sync(settings, connection, {file.name: file})
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(file, part)
        part.replace(target)
    return number


def revert(settings: Settings, name: str) -> int:
    """Take an event file out of the catalogue and the warehouse; returns the catalogue's number. Safe to repeat.

    The file is kept in the state folder, and the warehouse still knows what it knew. Raises CatalogueError where what comes
    later builds on it, or there is none of the name.
    """
    target = _named(_events(settings) / Path(name).with_suffix(".csv").name)
    with connect(settings) as connection, connection.transaction():
        before = _newest(connection)
        number = _sync(settings, connection, {target.name: None})
        if target.exists():
            kept = settings.home / "reverted"
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, kept / target.name)
            target.unlink()
        elif number == before:
            there = ", ".join(sorted(path.stem for path in target.parent.glob("*.csv")))
            raise CatalogueError(f"{target}: no such event file" + (f"; there are {there}" if there else ""))
    return number


def _events(settings: Settings) -> Path:
    """The folder of event files, to be written to."""
    if settings.catalogue.resolve().is_relative_to(PACKAGE):  # the next installation would undo what was written there
        raise CatalogueError(
            f"{settings.catalogue}: the catalogue of an installed package is not changed; copy the folder, "
            "and name the copy with TONGHOP_CATALOGUE"
        )
    return settings.catalogue / "events"


def _named(file: Path) -> Path:
    if file.suffix != ".csv":
        raise CatalogueError(f"{file}: an event file is a .csv")
    return file


def _sync(settings: Settings, connection: psycopg.Connection[Any], events: Mapping[str, Path | None]) -> int:
    # before the folder is read: two at once would each leave the other's file out
    connection.execute(LOCK)
    return sync(load_catalogue(settings.catalogue, events), connection).catalogue_id


def _newest(connection: psycopg.Connection[Any]) -> int | None:
    row = connection.execute("select max(catalogue_id) from catalogue.version").fetchone()
    return row[0] if row else None


def difference(before: Catalogue, after: Catalogue, days: Iterable[date]) -> Plan:
    """What lies between two catalogues whose events differ on these days."""
    first, last = min(days := sorted(days)), max(days)
    old, new = ({(v.unit, v.valid_from): v for v in c.units} for c in (before, after))
    closed = [v for key, v in old.items() if key not in new or new[key].valid_to < v.valid_to]
    opened = [v for key, v in new.items() if key not in old]
    moved = [(v, eve) for v in opened if (eve := before.version(v.unit, v.valid_from)) and eve.parent != v.parent]
    known = set(before.successions)
    followed = [s for s in after.successions if s not in known]
    return Plan(
        levels=_levels(before, after, first - timedelta(days=1), last),
        closed=[
            {**_shown(v), "last_day": new[v.unit, v.valid_from].valid_to if (v.unit, v.valid_from) in new else None}
            for v in closed
        ],
        opened=[{**_shown(v), "parent": v.parent, "first_day": v.valid_from} for v in opened],
        moved=[{**_shown(v), "on": v.valid_from, "from": eve.parent, "to": v.parent} for v, eve in moved],
        successions=[{"on": s.on, "unit": s.predecessor, "successor": s.successor, "weight": s.weight} for s in followed],
        owed=_hands(before, after, {v.unit for v in (*closed, *opened)}, first),
    )


def _shown(version: UnitVersion) -> Row:
    return {"unit": version.unit, "code": version.code, "name": version.name, "level": version.level}


def _levels(before: Catalogue, after: Catalogue, eve: date, day: date) -> list[Row]:
    was, will = (Counter(v.level for v in c.units if v.covers(on)) for c, on in ((before, eve), (after, day)))
    return [{"level": level.code, "before": was[level.code], "after": will[level.code]} for level in reversed(before.levels)]


def _hands(before: Catalogue, after: Catalogue, units: set[str], since: date) -> list[Row]:
    """Per unit and table: how many reports it owes no longer and who of its successors owes them all, or owes newly."""
    was, will = (obligations.of_units(c, units, since) for c in (before, after))
    heirs: dict[str, set[str]] = defaultdict(set)
    for succession in after.successions:
        heirs[succession.predecessor].add(succession.successor)
    found = []
    for unit, table in sorted({*was, *will}):
        lost, gained = was[unit, table] - will[unit, table], will[unit, table] - was[unit, table]
        takers = sorted(heir for heir in heirs[unit] if lost <= will[heir, table])
        found += [
            {
                "unit": unit,
                "table": table,
                "change": change,
                "reports": len(periods),
                "first": min(periods, key=lambda p: (p.ends_on, p.code)).code,
                "owed_by": takers if change == "ends" else [unit],
            }
            for change, periods in (("ends", lost), ("begins", gained))
            if periods
        ]
    return found
