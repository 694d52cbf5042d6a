"""A report as it was understood: its lines of cells at the grain of a fact, and the findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tonghop.base.findings import Finding
from tonghop.catalogue import evaluate
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form
from tonghop.catalogue.units import UnitVersion

# a whole number as int, every other number exactly as text, None where the cell is blank
CellValue = int | str | None
NOT_APPLICABLE = "NaN"


class Cell(NamedTuple):
    """One figure at the grain: subject unit x form row x indicator, from one cell. `state` is value, blank or not_applicable."""

    table: str
    unit: str
    row: str
    indicator: str
    state: str
    value: Decimal | None
    sheet: str
    cell: str

    @property
    def figure(self) -> Decimal | None:
        """The cell's value as the rules compute with it (`evaluate.Value`)."""
        return evaluate.NOT_APPLICABLE if self.state == "not_applicable" else self.value


class LineHeader(NamedTuple):
    """Which column of a sheet gives which indicator of a table."""

    table: str
    sheet: str
    indicators: tuple[str, ...]
    columns: tuple[str, ...]


class Line(NamedTuple):
    """The figures of one unit and form row that one row of a file gives, in the order of the header: most work is done on lines.

    A cell's name is its column's name with `place` after it.
    """

    header: LineHeader
    unit: str
    row: str
    place: str
    figures: list[CellValue]

    def cell(self, number: int) -> Cell:
        """One of the cells, counted from 0."""
        table, sheet, indicators, columns = self.header
        figure = self.figures[number]
        state = "blank" if figure is None else "not_applicable" if figure == NOT_APPLICABLE else "value"
        value = Decimal(figure) if figure is not None and state == "value" else None
        return Cell(table, self.unit, self.row, indicators[number], state, value, sheet, columns[number] + self.place)

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells, one by one."""
        return map(self.cell, range(len(self.figures)))


@dataclass
class Report:
    """A file as it was understood: what it declares, its cells, and every finding."""

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
        """What becomes of the report: accepted, returned or quarantined."""
        if not self.readable:
            return "quarantined"
        return "returned" if any(f.returns for f in self.findings) else "accepted"
