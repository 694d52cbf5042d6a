"""The reform of 1 July 2025 as a catalogue folder of its own: all units before and after it, and one event file between."""

import csv
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tonghop.base.settings import PROJECT

ON = "2025-07-01"
_HERE = Path(__file__).parent
_SOURCE = {"source": "samples/reform"}
_UNIT = ("unit", "valid_from", "valid_to", "code", "name", "level", "parent", "synthetic", "source")
_EVENT = ("event", "on", "kind", "unit", "successor", "weight", "code", "name", "level", "parent", "source")
_SPELL = ("unit", "form", "valid_from", "valid_to")
_Row = dict[str, str]


def before() -> list[_Row]:
    """The communes up to 30 June 2025, with district and province."""
    return _read("units_before.csv")


def after() -> list[_Row]:
    """The communes, wards and special zones from 1 July 2025, with province."""
    return _read("units_after.csv")


def lineage() -> list[_Row]:
    """Pairs of old and new commune; kind whole or part."""
    return _read("lineage.csv")


def catalogue(folder: Path, owed: str = "F8", *others: str) -> Path:
    """Write the catalogue folder: units before, the events, a form that every commune owes in 2025, and others that none owes."""
    pack = _Pack()
    forms = [path.name for form in (owed, *others) for path in sorted((PROJECT / "catalogue" / "forms").glob(f"{form}.*"))]
    for name in ("levels.yaml", "calendar.yaml", "codes.yaml", *(f"forms/{form}" for form in forms)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / "catalogue" / name, folder / name)
    _write(folder / "units" / "before.csv", _UNIT, pack.units())
    _write(folder / "events" / f"{ON}.csv", _EVENT, pack.events())
    _write(folder / "reporting.csv", _SPELL, pack.spells(owed))
    return folder


class _Pack:
    """Keys of all units, and who went where. A unit that is all of its successor is that unit."""

    def __init__(self) -> None:
        self.before = {row["commune_code"]: row for row in before()}
        self.after = {row["commune_code"]: row for row in after()}
        self.heirs: dict[str, list[str]] = defaultdict(list)
        sources: dict[str, set[str]] = defaultdict(set)
        provinces: dict[str, set[str]] = defaultdict(set)
        for row in lineage():
            old, new = row["old_commune_code"], row["new_commune_code"]
            self.heirs[old].append(new)
            sources[new].add(old)
            provinces[self.after[new]["province_code"]].add(self.before[old]["province_code"])
        self.commune = {
            new: f"xa-{old}" if (old := _all_of(sources[new])) and len(self.heirs[old]) == 1 else f"xa25-{new}"
            for new in self.after
        }
        self.province = {new: f"tinh-{old}" if (old := _all_of(olds)) else f"tinh25-{new}" for new, olds in provinces.items()}
        self.province_heir = {old: new for new, olds in provinces.items() for old in olds}

    def units(self) -> Iterator[_Row]:
        """Units as they stood before."""

        def unit(key: str, code: str, name: str, level: str, parent: str) -> _Row:
            return {
                "unit": key,
                "valid_from": "2025-01-01",
                "code": code,
                "name": name,
                "level": level,
                "parent": parent,
                "synthetic": "false",
                **_SOURCE,
            }

        yield unit("vn", "VN", "Toàn quốc", "nation", "")
        for code, row in _first(self.before.values(), "province_code"):
            yield unit(f"tinh-{code}", code, row["province_name"], "province", "vn")
        for code, row in _first(self.before.values(), "district_code"):
            yield unit(f"huyen-{code}", code, row["district_name"], "district", f"tinh-{row['province_code']}")
        for code, row in self.before.items():
            yield unit(f"xa-{code}", code, row["commune_name"], "grassroots", f"huyen-{row['district_code']}")

    def events(self) -> Iterator[_Row]:
        """What happened on the day, one event per new province."""
        name = {row["province_code"]: row["province_name"] for row in self.after.values()}

        def part(province: str, kind: str, unit: str, **more: str) -> _Row:
            event = f"Sắp xếp ngày 01/07/2025: {name[province]}"
            return {"event": event, "on": ON, "kind": kind, "unit": unit, **more, **_SOURCE}

        for code, key in self.province.items():
            if key.startswith("tinh25-"):
                yield part(code, "established", key, code=code, name=name[code], level="province", parent="vn")
        for code, heir in self.province_heir.items():
            if self.province[heir] != f"tinh-{code}":
                yield part(heir, "merged", f"tinh-{code}", successor=self.province[heir])
        for code, row in _first(self.before.values(), "district_code"):
            yield part(self.province_heir[row["province_code"]], "dissolved", f"huyen-{code}")
        for code, row in self.after.items():
            province, key = row["province_code"], self.commune[code]
            if key.startswith("xa25-"):
                yield part(
                    province,
                    "established",
                    key,
                    code=code,
                    name=row["commune_name"],
                    level="grassroots",
                    parent=self.province[province],
                )
        for code, heirs in self.heirs.items():
            new = self.after[heirs[0]]
            province, key = new["province_code"], f"xa-{code}"
            if self.commune[heirs[0]] != key:
                for heir in heirs:
                    yield part(province, "divided" if len(heirs) > 1 else "merged", key, successor=self.commune[heir])
                continue
            yield part(province, "moved", key, parent=self.province[province])
            if new["commune_name"] != self.before[code]["commune_name"]:
                yield part(province, "renamed", key, name=new["commune_name"])
            if heirs[0] != code:
                yield part(province, "recoded", key, code=heirs[0])

    def spells(self, form: str) -> Iterator[_Row]:
        """Every commune reports in 2025, its successors in its place, and the special zones without predecessor."""
        for unit in [f"xa-{code}" for code in self.before]:
            yield {"unit": unit, "form": form, "valid_from": "2025-01-01", "valid_to": "2025-12-31"}
        heirs = {heir for heirs in self.heirs.values() for heir in heirs}
        for unit in [key for code, key in self.commune.items() if code not in heirs]:
            yield {"unit": unit, "form": form, "valid_from": ON, "valid_to": "2025-12-31"}


def _all_of(codes: set[str]) -> str:
    """The only one, or nothing."""
    return next(iter(codes)) if len(codes) == 1 else ""


def _first(rows: Iterable[_Row], column: str) -> Iterator[tuple[str, _Row]]:
    """The first row of each code."""
    found: dict[str, _Row] = {}
    for row in rows:
        found.setdefault(row[column], row)
    yield from found.items()


def _read(name: str) -> list[_Row]:
    with (_HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[_Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
