"""A report as it was understood: its lines of cells at the grain of a fact, and the findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Self

from tonghop.base.findings import Finding
from tonghop.catalogue import evaluate
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form
from tonghop.catalogue.units import UnitVersion
from tonghop.reading.figures import Money

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


class TableRead(NamedTuple):
    """How many rows and cells of a table a sheet gave."""

    table: str
    sheet: str
    rows: int
    cells: int


class ColumnPassed(NamedTuple):
    """A column that was not read, by its letters; `label` is the catalogue's word for it, or empty."""

    sheet: str
    column: str
    label: str


class CellsPassed(NamedTuple):
    """Cells of a sheet as ranges, `F11, D13:E13`: such as hold text below a header but no figure of a row."""

    sheet: str
    cells: str


@dataclass(frozen=True)
class Read:
    """What of a file was read, and what was seen and not read; never the texts that stand there."""

    tables: tuple[TableRead, ...] = ()
    # visible sheets that hold something
    sheets: tuple[str, ...] = ()
    columns: tuple[ColumnPassed, ...] = ()
    cells: tuple[CellsPassed, ...] = ()
    # TABLE: label of columns that the template, printed before the form changed, does not have and that are left blank
    lacking: tuple[str, ...] = ()
    # cells of figures with a dash, which was read as 0
    dashes: tuple[CellsPassed, ...] = ()
    # sheets with conditional formats that are not looked at: figures may show otherwise than they are
    conditional: tuple[str, ...] = ()
    # sheets with text boxes or notes on cells, which are not read
    asides: tuple[str, ...] = ()
    # the numbers that rows lack which stand below rows that have one
    unnumbered: tuple[CellsPassed, ...] = ()
    # figures of formulas that may be older than the cells they read, and that are not computed here
    kept: tuple[CellsPassed, ...] = ()
    # whether a unit in the report, or its sender, owes the form for the period; None where it is not known what the report is
    owed: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The public shape, and the one in which it is kept."""
        return {
            "tables": [t._asdict() for t in self.tables],
            "sheets_not_read": list(self.sheets),
            "columns_passed_over": [c._asdict() for c in self.columns],
            "cells_passed_over": [c._asdict() for c in self.cells],
            "not_on_the_template": list(self.lacking),
            "dashes_read_as_0": [c._asdict() for c in self.dashes],
            "conditional_formats_not_looked_at": list(self.conditional),
            "text_boxes_and_notes_not_read": list(self.asides),
            "rows_without_number": [c._asdict() for c in self.unnumbered],
            "formulas_taken_as_kept": [c._asdict() for c in self.kept],
            "owed": self.owed,
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(
            tuple(TableRead(**t) for t in kept["tables"]),
            tuple(kept["sheets_not_read"]),
            tuple(ColumnPassed(**c) for c in kept["columns_passed_over"]),
            tuple(CellsPassed(**c) for c in kept["cells_passed_over"]),
            tuple(kept["not_on_the_template"]),
            # what was kept by an earlier version says nothing of them
            tuple(CellsPassed(**c) for c in kept.get("dashes_read_as_0", ())),
            tuple(kept.get("conditional_formats_not_looked_at", ())),
            tuple(kept.get("text_boxes_and_notes_not_read", ())),
            tuple(CellsPassed(**c) for c in kept.get("rows_without_number", ())),
            tuple(CellsPassed(**c) for c in kept.get("formulas_taken_as_kept", ())),
            kept["owed"],
        )


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
    read: Read = field(default_factory=Read)
    # the unit of money in which its amounts were written
    money: Money | None = None

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
