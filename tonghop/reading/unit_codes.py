"""Codes of units as people write them: who is meant. Codes are given anew to others, so the day that is meant counts.

A report names units by the codes of its period's end, unless it states another day. A code that went to another unit since, up to
the day of receipt, may be meant either way: only a name beside it, the unit's key or a stated day settles that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import UnitVersion
from tonghop.reading import unit_names


@dataclass(frozen=True)
class Reused:
    """A code that two units may be meant by: the one that bore it at the period's end, and one that has borne it since."""

    code: str
    then: UnitVersion
    since: UnitVersion

    def words(self, on: date) -> dict[str, str]:
        """What a message about it says."""
        then, since = self.then, self.since
        return {
            "code": self.code,
            "on": f"{on:%d/%m/%Y}",
            "then": f"{then.name} ({then.unit})",
            "from_": f"{max(since.valid_from, on):%d/%m/%Y}",
            "since": f"{since.name} ({since.unit})",
        }


def stated_day(value: Any) -> date | None:
    """The day that a cell or text names, as 2025-07-01 or 01/07/2025; None where it names none."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(str(value).strip(), pattern).date()
        except ValueError:
            pass
    return None


def unit_called(code: str, catalogue: Catalogue, on: date) -> UnitVersion | None:
    """The unit of a code on a day, or of a key; a spreadsheet may have eaten a code's first zeros (08719, 08719.01)."""
    code = code.removesuffix(".0")  # as a program writes a number; no code ends so
    found = catalogue.unit_by_code(code, on)
    ward, dot, rest = code.partition(".")
    if found is None and ward.isdigit():
        found = catalogue.unit_by_code(f"{ward.zfill(5)}{dot}{rest}", on)
    return found or catalogue.version(code, on)


@dataclass(frozen=True)
class Days:
    """Between which days a report's codes may be meant: its period's end, the day of receipt, and the day that it states."""

    ends_on: date
    received: date
    stated: date | None = None

    @property
    def on(self) -> date:
        """The day whose codes the report gives."""
        return self.stated or self.ends_on

    def none(self, code: str, catalogue: Catalogue) -> tuple[str, dict[str, str]]:
        """Why no unit is meant by a code: the last word of the rule, and what its message says."""
        words = {"on": f"{self.on:%d/%m/%Y}"}
        if found := unit_called(code, catalogue, self.on):
            return "unit_then", words | {"code": found.code, "unit_name": found.name, "ends": f"{self.ends_on:%d/%m/%Y}"}
        return "unit", words | {"value": unit_names.quoted(code)}

    def unit(self, code: str, names: Iterable[Any], catalogue: Catalogue) -> UnitVersion | Reused | None:
        """The unit that is meant, as it was at the period's end: None where there is none, Reused where there may be two.

        `names` are the names that stand beside the code; they are asked for only where two units may be meant.
        """
        on = self.on
        found = unit_called(code, catalogue, on)
        if found is None or self.stated or found.unit == code:
            return found and catalogue.version(found.unit, self.ends_on)
        later = [
            other
            for other in catalogue.history.by_code[found.code]
            if other.unit != found.unit and other.valid_to > on and other.valid_from <= self.received
        ]
        if not later:
            return found
        both = (found, later[-1])
        names = [name for name in names if isinstance(name, str) and any(map(str.isalpha, name))]
        meant = [unit for unit in both if any(unit_names.same(name, unit, catalogue) for name in names)]
        if len(meant) == 1 and (settled := catalogue.version(meant[0].unit, self.ends_on)):
            return settled
        return Reused(found.code, *both)
