"""What a sample report is, before it becomes a file."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import UnitVersion

# a number, what somebody wrote instead of one, or nothing
Value = int | Decimal | str | None
# table, subject unit, fixed row -> field -> value
Cells = dict[tuple[str, str, str], dict[str, Value]]


@dataclass(frozen=True)
class Report:
    """One report of one sender. `answer` is what the sender gets back."""

    sender: str
    form: str
    period: str
    cells: Cells
    version: int = 1
    scope: Literal["own", "rollup"] = "own"
    # the unit of amounts, declared at the head
    money: str | None = None
    nil: bool = False
    suffix: Literal["xlsx", "csv", "json"] = "xlsx"
    # what the file's name ends in
    note: str = ""
    # headings above a unit's line
    sections: dict[str, str] = field(default_factory=dict)
    # only the first half of the file arrived
    damaged: bool = False
    answer: Literal["accepted", "returned", "quarantined", "duplicate"] = "accepted"

    @property
    def file_name(self) -> str:
        return "_".join(filter(None, (self.sender, self.form, self.period, self.note))) + f".{self.suffix}"

    def form_of(self, catalogue: Catalogue) -> Form:
        return next(form for form in catalogue.forms if (form.code, form.version) == (self.form, self.version))

    def period_of(self, catalogue: Catalogue) -> Period:
        return catalogue.period[self.form_of(catalogue).scheme, self.period]

    def version_of(self, catalogue: Catalogue, unit: str) -> UnitVersion:
        """A unit as it was at the end of the period."""
        day = self.period_of(catalogue).ends_on
        return next(u for u in catalogue.units if u.unit == unit and u.valid_from <= day <= u.valid_to)

    def sender_of(self, catalogue: Catalogue) -> UnitVersion:
        return self.version_of(catalogue, self.sender)
