"""A report as understood: its lines of cells at the grain of a fact, and what was found."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tonghop.base.findings import Finding
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form
from tonghop.catalogue.units import UnitVersion

# a whole number, every other one exactly as text, None where the cell is blank
CellValue = int | str | None
NOT_APPLICABLE = "NaN"


class Cell(NamedTuple):
    """One figure at the grain: subject unit x form row x indicator, from one cell. state is value, blank or not_applicable."""

    table: str
    unit: str
    row: str
    indicator: str
    state: str
    value: Decimal | None
    sheet: str
    cell: str


class LineHeader(NamedTuple):
    """Which indicator of a table stands in which column of a sheet."""

    table: str
    sheet: str
    indicators: tuple[str, ...]
    columns: tuple[str, ...]


class Line(NamedTuple):
    """The cells of one unit and form row that stand in one row of a file, side by side: what nearly all work is done on.

    A cell is called by its column's name and `place` after it.
    """

    header: LineHeader
    unit: str
    row: str
    place: str
    figures: list[CellValue]

    @property
    def cells(self) -> Iterator[Cell]:
        """One by one."""
        table, sheet, indicators, columns = self.header
        for indicator, column, figure in zip(indicators, columns, self.figures, strict=True):
            state = "blank" if figure is None else "not_applicable" if figure == NOT_APPLICABLE else "value"
            value = Decimal(figure) if figure is not None and state == "value" else None
            yield Cell(table, self.unit, self.row, indicator, state, value, sheet, column + self.place)

    @property
    def numbers(self) -> list[CellValue]:
        """What the rules compute with: what is not applicable adds nothing."""
        return [0 if f == NOT_APPLICABLE else f for f in self.figures] if NOT_APPLICABLE in self.figures else self.figures


@dataclass
class Report:
    """A file as understood: what it is, its cells, and every finding. `status` says what becomes of it."""

    form: Form | None = None
    sender: UnitVersion | None = None
    period: Period | None = None
    scope: str | None = None
    nil: bool = False
    lines: list[Line] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    readable: bool = True

    @property
    def cells(self) -> list[Cell]:
        """Every cell, one by one."""
        return [cell for line in self.lines for cell in line.cells]

    @property
    def status(self) -> str:
        """accepted, returned or quarantined."""
        if not self.readable:
            return "quarantined"
        return "returned" if any(f.returns for f in self.findings) else "accepted"
