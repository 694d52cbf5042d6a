"""A file as read: what it says it is, its raw figures with their places, and what was wrong with its shape."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from tonghop.base.findings import Finding, Place, Unreadable, finding
from tonghop.base.text import visible
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.earlier import Earlier
from tonghop.catalogue.forms import Field_, Form, Table
from tonghop.catalogue.units import UnitVersion
from tonghop.reading.formula import Condition, Formula
from tonghop.reading.report import CellsPassed, ColumnPassed
from tonghop.reading.unit_codes import Days


@dataclass(frozen=True)
class Look:
    """What a spreadsheet shows but its values do not tell, by cell ("B7"), row and column number (from 1)."""

    # the number formats that are not plain, with which a cell may show another number than its own
    formats: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    # what a reader does not see, or sees struck out: the rule of messages.yaml that says so
    faded: dict[str, str] = field(default_factory=dict)
    # formulas whose value was never computed: the cell holds nothing, or what a program wrote for want of a value
    uncomputed: frozenset[str] = frozenset()
    # formulas whose kept values may be older than the cells that they read; what those give now, where it is another number
    formulas: dict[str, Formula] = field(default_factory=dict)
    stale: dict[str, Decimal] = field(default_factory=dict)
    # formulas that may be as old and are not computed here: their kept values are taken
    kept: set[str] = field(default_factory=set)
    # rules of conditional formats that hide figures or show others; and whether there are any that nobody looks at
    conditions: tuple[Condition, ...] = ()
    has_other_conditions: bool = False
    # whether there are text boxes or notes on cells, which nobody reads
    has_asides: bool = False

    def alters(self, columns: tuple[str, ...], row: str) -> bool:
        """Whether a cell of these columns and this row may show something else than its value."""
        return bool(self._altered) and any(column + row in self._altered for column in columns)

    def computed(self, place: Place | None) -> None:
        """Raise Unreadable where a cell that counts holds a formula that was never computed."""
        if place and place.cell in self.uncomputed:
            raise Unreadable("file.formula", place)

    @cached_property
    def _altered(self) -> set[str]:
        return {*self.formats, *self.errors, *self.faded, *self.uncomputed, *self.stale}


@dataclass(frozen=True, eq=False)
class Columns:
    """The fields that a sheet's columns hold, in their order, and the columns' names; where there are no columns, empty ones."""

    fields: tuple[Field_, ...]
    names: tuple[str, ...]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The fields' codes; of a count the code is its indicator."""
        return tuple(spec.code for spec in self.fields)

    @cached_property
    def counts(self) -> frozenset[str]:
        """The indicators, where all are counts and no column comes twice: then whole figures need no closer look."""
        alone = len(set(self.codes)) == len(self.codes) and all(spec.type == "count" for spec in self.fields)
        return frozenset(self.codes) if alone else frozenset()


class Entry(NamedTuple):
    """The raw figures of a row that names its unit; a cell is called by its column's name and the row's after it."""

    table: Table
    unit: Place
    row: Place | None
    columns: Columns
    values: list[Any]
    place: str
    name: Place | None = None

    @property
    def figures(self) -> Iterator[tuple[Field_, Place]]:
        """Each figure with its field and place."""
        sheet = self.unit.sheet
        return (
            (spec, Place(value, sheet, column + self.place))
            for spec, column, value in zip(self.columns.fields, self.columns.names, self.values, strict=True)
        )


@dataclass(frozen=True)
class Total:
    """A figure that a sheet states for the rows from first to last (numbers from 1, both included)."""

    table: Table
    field: Field_
    figure: Place
    first: int
    last: int


@dataclass
class Reading:
    """A file as read: what it is, its raw figures, the totals that it states, and what was wrong with its shape."""

    form: Form | None = None
    sender: UnitVersion | None = None
    period: Period | None = None
    scope: str | None = None
    nil: bool = False
    # whether it is a template of ours, whose own texts need no mention
    is_template: bool = False
    money: Place | None = None
    # by the codes of which days units are named; known once the period is
    days: Days | None = None
    entries: list[Entry] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    looks: dict[str, Look] = field(default_factory=dict)
    # what was seen and not read
    sheets_passed: list[str] = field(default_factory=list)
    columns_passed: list[ColumnPassed] = field(default_factory=list)
    cells_passed: list[CellsPassed] = field(default_factory=list)
    # where a row has no number though rows above it have
    unnumbered: list[Place] = field(default_factory=list)
    # what a template was printed from that is older than the form, and the indicators (with their table) that it lacks and
    # that may be blank
    earlier: Earlier | None = None
    lacking: set[tuple[str, str]] = field(default_factory=set)
    # the indicators (with their table) whose column is missing; the column has its finding
    missing: set[tuple[str, str]] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, rule: str, place: Place | None, **words: Any) -> None:
        """Note a finding at a place."""
        self.findings.append(finding(rule, place, **words))


def plain(value: Any) -> str:
    """A head cell or a code as text: 8719.0 was typed as 8719, and '08719 with what keeps a spreadsheet from changing it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _KEPT.sub("", visible(str(value))).strip()


_KEPT = re.compile(r"^\s*'(?=\w)")
