"""Reorganisations: what an event file would change, and putting it into the catalogue or taking it out again.

The file in the catalogue's events folder is the one truth: everything that reads the catalogue follows it, the warehouse by
`sync`. So one rename or removal decides; it is the last thing done before the warehouse commits. Killed before it,
nothing has happened; killed between it and the commit, the next sync catches up, and so does the same command again.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.codes import receipt_code
from tonghop.base.settings import PACKAGE, Settings
from tonghop.catalogue import obligations
from tonghop.catalogue.data import CatalogueError, rows
from tonghop.catalogue.events import ENDS, Event
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.catalogue.units import UnitVersion
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect, reachable
from tonghop.warehouse.roles import AUDITOR

Row = dict[str, Any]
REPORTS_OF = Path(__file__).parent / "sql" / "reports_of.sql"


@dataclass(frozen=True)
class Plan:
    """What a change of the event files does, row by row. A part that has no rows is empty."""

    levels: list[Row]  # units per level on the eve of the first event and on the day of the last
    closed: list[Row]  # versions that end earlier than they did
    opened: list[Row]  # versions that were not there
    moved: list[Row]  # units that get another parent
    successions: list[Row]
    owed: list[Row]  # reports that a unit owes no longer, or newly
    orphaned: list[Row]  # accepted reports of units that would not be there at the period's end; `apply` and `revert` refuse them

    def as_json(self) -> dict[str, list[Row]]:
        """The parts by name."""
        return dict(vars(self))


def plan(settings: Settings, file: Path) -> Plan:
    """What applying an event file would change, beside the catalogue without it; writes nothing.

    Accepted reports are looked for where the warehouse answers. Raises CatalogueError, naming file and line, where the file does
    not fit the catalogue.
    """
    events = list(rows(Event, [_named(file)]))
    if not events:
        raise CatalogueError(f"{file}: no events")
    before, after = (load_catalogue(settings.catalogue, {file.name: there}) for there in (None, file))
    orphans: list[Row] = []
    if reachable(settings):
        with connect(settings, AUDITOR) as connection:
            orphans = orphaned(connection, before, after, events)
    return replace(difference(before, after, {event.on for _, event in events}), orphaned=orphans)


def apply(settings: Settings, file: Path) -> int:
    """Put an event file into the catalogue and the warehouse; returns the catalogue's number. Safe to repeat.

    Raises CatalogueError where `plan` does, where accepted reports would be of units that were not there, where another file of
    the name is there, and where the catalogue is that of an installed package.
    """
    folder = _events(settings)
    if orphans := plan(settings, file).orphaned:
        raise CatalogueError(refusal(orphans))
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
    later builds on it, accepted reports are of units that it established, or there is none of the name.
    """
    target = _named(_events(settings) / Path(name).with_suffix(".csv").name)
    with connect(settings) as connection, connection.transaction():
        before = _newest(connection)
        number = _sync(settings, connection, {target.name: None})
        if target.exists():
            was, will = (load_catalogue(settings.catalogue, {target.name: there}) for there in (target, None))
            if orphans := orphaned(connection, was, will, list(rows(Event, [target]))):
                raise CatalogueError(refusal(orphans))
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
    locks.take(connection, "catalogue")
    return sync(load_catalogue(settings.catalogue, events), connection).catalogue_id


def _newest(connection: psycopg.Connection[Any]) -> int | None:
    row = connection.execute("select max(catalogue_id) from catalogue.version").fetchone()
    return row[0] if row else None


def orphaned(
    connection: psycopg.Connection[Any], before: Catalogue, after: Catalogue, events: Iterable[tuple[str, Event]]
) -> list[Row]:
    """Accepted reports whose figures are of units that one catalogue has at the period's end and the other has not.

    Each with the line of the event (of (where, event)) that it comes of, and the units that stand in its place.
    """
    there = _versions(after)
    gone = [v.unit for key, v in _versions(before).items() if (new := there.get(key)) is None or new.valid_to < v.valid_to]
    lines = {event.unit: where for where, event in events if event.kind in ("established", *ENDS)}
    ways: dict[str, set[str]] = defaultdict(set)
    for s in {*before.successions, *after.successions}:
        ways[s.predecessor].add(s.successor)
        ways[s.successor].add(s.predecessor)
    found = []
    for receipt, unit, period, ends_on in connection.execute(REPORTS_OF.read_bytes(), {"units": sorted(set(gone))}).fetchall():
        version = before.version(unit, ends_on)
        if version and after.version(unit, ends_on) is None:
            heirs = (v for heir in sorted(ways[unit]) if (v := after.version(heir, ends_on)))
            found.append(
                {
                    "where": lines.get(unit, ""),
                    "receipt": receipt_code(receipt),
                    "unit": version.code,
                    "name": version.name,
                    "period": period,
                    "ends_on": ends_on,
                    "instead": ", ".join(f"{v.code} {v.name}" for v in heirs),
                }
            )
    return found


def refusal(orphans: list[Row]) -> str:
    """The message about orphaned reports, and what to do about them."""
    told = "; ".join(
        f"{row['where']}: {row['receipt']}, {row['period']} of {row['unit']} {row['name']}, which would not be there on "
        f"{row['ends_on']}; in its place: {row['instead'] or 'nobody'}"
        for row in orphans[:10]
    )
    more = f"; and {len(orphans) - 10} more" if len(orphans) > 10 else ""
    receipts = " ".join(dict.fromkeys(row["receipt"] for row in orphans))
    return (
        f"accepted reports would be of units that were not there, and stand in no sum: {told}{more}. Take them back first, and "
        f"have those in their place report: tonghop withdraw {receipts} --reason ..."
    )


def difference(before: Catalogue, after: Catalogue, days: Iterable[date]) -> Plan:
    """What lies between two catalogues whose events differ on these days."""
    first, last = min(days := sorted(days)), max(days)
    old, new = _versions(before), _versions(after)
    closed = [v for key, v in old.items() if key not in new or new[key].valid_to < v.valid_to]
    opened = [v for key, v in new.items() if key not in old]
    moved = [(v, eve) for v in opened if (eve := before.version(v.unit, v.valid_from)) and eve.parent != v.parent]
    known = set(before.successions)
    followed = [s for s in after.successions if s not in known]
    units = {v.unit for v in (*closed, *opened)} | {unit for s in followed for unit in (s.predecessor, s.successor)}
    return Plan(
        levels=_levels(before, after, first - timedelta(days=1), last),
        closed=[
            {**_shown(v), "last_day": new[v.unit, v.valid_from].valid_to if (v.unit, v.valid_from) in new else None}
            for v in closed
        ],
        opened=[{**_shown(v), "parent": v.parent, "first_day": v.valid_from} for v in opened],
        moved=[{**_shown(v), "on": v.valid_from, "from": eve.parent, "to": v.parent} for v, eve in moved],
        successions=[{"on": s.on, "unit": s.predecessor, "successor": s.successor, "weight": s.weight} for s in followed],
        owed=_hands(before, after, units, first),
        orphaned=[],
    )


def _versions(catalogue: Catalogue) -> dict[tuple[str, date], UnitVersion]:
    return {(v.unit, v.valid_from): v for v in catalogue.units}


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
