"""Names of units as people write them. A name never finds a unit: it is compared with the unit that the code found."""

import re
from datetime import date
from typing import Any

from tonghop.base.text import fold
from tonghop.catalogue.model import Catalogue, Codes
from tonghop.catalogue.units import UnitVersion


def same(name: str, unit: UnitVersion, catalogue: Catalogue) -> bool:
    """Whether a name is one of the unit's, now or earlier: short forms written out, the kind of place left out or not."""
    if name == unit.name or fold(name) == fold(unit.name) or not any(c.isalpha() for c in name):
        return True
    written = _core(name, catalogue.codes)
    return any(
        written in (core, _placeless(core, catalogue.codes))
        for version in catalogue.versions_of_unit(unit.unit)
        for core in [_core(version.name, catalogue.codes)]
    )


def named(name: str, catalogue: Catalogue, on: date) -> list[UnitVersion]:
    """Every unit that bears the name on a day."""
    written = _core(name, catalogue.codes)
    return [
        unit
        for unit in catalogue.units
        if written
        and unit.valid_from <= on <= unit.valid_to
        and written in (core := _core(unit.name, catalogue.codes), _placeless(core, catalogue.codes))
    ]


def of_others(name: Any, unit: UnitVersion, catalogue: Catalogue, on: date) -> str:
    """The units that a name beside a unit's code is the name of, on a day or when they bore that code; empty where it fits."""
    if not isinstance(name, str) or same(name, unit, catalogue):
        return ""
    bearers = [other for other in catalogue.history.by_code[unit.code] if same(name, other, catalogue)]
    return ", ".join(f"{other.code} «{other.name}»" for other in (named(name, catalogue, on) or bearers)[:3])


def quoted(code: Any) -> str:
    """What a finding may quote of a cell that should hold a code: no text that may be a name."""
    text = str(code).strip()
    return text if re.fullmatch(r"[\w.\-]{1,20}", text) else "…"


def _core(name: str, codes: Codes) -> tuple[str, ...]:
    short = {fold(key): fold(word).split() for key, word in codes.short.items()}
    words = [
        word
        for token in re.findall(r"[^\W_]+(?:'[^\W_]+)*", re.sub(r"\(.*?\)", " ", fold(name)))
        for word in short.get(token, [token])
    ]
    for silent in (fold(phrase).split() for phrase in codes.silent):
        if words[: len(silent)] == silent:
            words = words[len(silent) :]
    return tuple(words)


def _placeless(core: tuple[str, ...], codes: Codes) -> tuple[str, ...]:
    for place in (tuple(fold(word).split()) for word in codes.places):
        if core[: len(place)] == place:
            return core[len(place) :]
    return core
