"""Templates: a unit's own workbook for a form and a period, with its rows as of that period's end.

This module decides what goes into one: which tables, which units as rows, and with which stocks the period opens. `book` lays it
out. Everything follows from the catalogue; only the last period's closing figures come from the published release.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from tonghop.base.text import sort_key
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form, Scope, Table
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import UnitVersion

Prefill = int | float | Decimal | str
# the codes of the table, unit, row and field that an input cell is for
Key = tuple[str, str, str, str]
Prefills = Mapping[Key, Prefill]


class TemplateError(Exception):
    """No template can be made; the message says why."""


@dataclass(frozen=True)
class Template:
    """What one workbook is for: its tables, each with the units that are its rows."""

    form: Form
    unit: UnitVersion
    period: Period
    scope: Scope
    sheets: tuple[tuple[Table, tuple[UnitVersion, ...]], ...]

    @property
    def file_name(self) -> str:
        """What the workbook is called; the sender's code comes first, so that a folder sorts by sender."""
        return f"{self.unit.code}_{self.form.code}_{self.period.code}.xlsx"


class Planner:
    """Plans the templates of one form and period, for one unit or for a whole level.

    Raises TemplateError where the form has no such version in the period, or is not reported for it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        form: str,
        period: str,
        version: int | None = None,
        scope: Scope = "own",
        offices: bool = False,
    ) -> None:
        """`offices` lists subordinate offices as rows too, for a committee that files in their stead."""
        self.catalogue, self.scope, self.offices = catalogue, scope, offices
        self.form, self.period = _form_and_period(catalogue, form, period, version)
        on = self.period.ends_on
        self.children: dict[str | None, list[UnitVersion]] = {}
        for unit in sorted((u for u in catalogue.units if u.covers(on)), key=lambda u: sort_key(u.name)):
            self.children.setdefault(unit.parent, []).append(unit)
        self.reporters = {s.unit for s in catalogue.spells if s.form == self.form.code and s.covers(on)}

    def unit(self, code: str) -> Template:
        """The template of the unit of a code.

        Raises TemplateError where nobody bears the code at the period's end, or the unit has nothing to fill in.
        """
        unit = self.catalogue.unit_by_code(code, self.period.ends_on)
        if unit is None:
            raise TemplateError(f"no unit bears the code {code} on {self.period.ends_on:%d/%m/%Y}")
        template = self._template(unit)
        if not template.sheets:
            raise TemplateError(f"{unit.code} ({unit.level}) has nothing to fill in on form {self.form.code}, scope {self.scope}")
        return template

    def level(self, level: str) -> tuple[list[Template], list[UnitVersion]]:
        """The templates of all units of a level in Vietnamese order, and the units that have nothing to fill in.

        Raises TemplateError for an unknown level.
        """
        if level not in self.catalogue.level:
            raise TemplateError(f"no level {level}; there are {', '.join(self.catalogue.level)}")
        units = [unit for siblings in self.children.values() for unit in siblings if unit.is_at((level,))]
        templates = [self._template(unit) for unit in sorted(units, key=lambda u: (sort_key(u.name), u.code))]
        return [t for t in templates if t.sheets], [t.unit for t in templates if not t.sheets]

    def _template(self, unit: UnitVersion) -> Template:
        sheets = (
            (table, tuple(self._subjects(unit, table))) for table in self.form.tables if self.period.type in table.period_types
        )
        return Template(self.form, unit, self.period, self.scope, tuple((table, units) for table, units in sheets if units))

    def _subjects(self, unit: UnitVersion, table: Table) -> list[UnitVersion]:
        """The unit itself where its level fills the table, then those below it that report the form here.

        Where no unit below has a reporting spell, a unit above the levels that fill the table gets a row for every one of them.
        """
        fills = unit.is_at(table.levels)
        if self.scope == "rollup":
            return [unit] if fills else []
        below = list(self._below(unit, table, fills))
        owing = [u for u in below if u.unit in self.reporters]
        if not owing and (self.offices or not fills):
            owing = below
        return [unit, *owing] if fills else owing

    def _below(self, unit: UnitVersion, table: Table, fills: bool) -> Iterator[UnitVersion]:
        """Units under a unit that fill the table, parents first.

        A subordinate office files for itself and for those below it, and two reports cannot have the same figure: it gets a row
        only where `offices` asks for it, or where it does not fill the table.
        """
        for child in self.children.get(unit.unit, ()):
            office = fills and self.catalogue.level[child.level].published
            if office and not self.offices:
                continue
            if child.is_at(table.levels):
                yield child
            if not office:
                yield from self._below(child, table, fills)


def _form_and_period(catalogue: Catalogue, form: str, period: str, version: int | None) -> tuple[Form, Period]:
    known = [f for f in catalogue.forms if f.code == form.upper()]
    if not known:
        raise TemplateError(f"no form {form}; there are {', '.join(sorted({f.code for f in catalogue.forms}))}")
    found = next((p for f in known if (p := catalogue.period.get((f.scheme, period.upper())))), None)
    if found is None:
        raise TemplateError(f"no period {period}; for example 2018-M01, 2018-Q1, 2018-H1, 2018-9M, 2018-Y")
    versions = [f for f in catalogue.versions_of(known[0].code, found) if version in (None, f.version)]
    if not versions:
        raise TemplateError(f"form {known[0].code} has no version {version or ''} in {found.code}".replace("  ", " "))
    if not any(found.type in table.period_types for table in versions[0].tables):
        raise TemplateError(f"form {known[0].code} is not reported for {found.code}")
    return versions[0], found


def previous(catalogue: Catalogue, period: Period) -> list[Period]:
    """The periods that end on the day before one starts: the same type first, then the longest."""
    found = [p for p in catalogue.period.values() if (period.starts_on - p.ends_on).days == 1]
    return sorted(found, key=lambda p: (p.scheme != period.scheme, p.type != period.type, p.starts_on))


def closing(connection: psycopg.Connection[Any], catalogue: Catalogue, templates: Iterable[Template]) -> dict[Key, Prefill]:
    """The figures with which the templates open: what the published release says that the period before closed with."""
    found: dict[Key, Prefill] = {}
    sheets = [(t, table, units) for t in templates for table, units in t.sheets]
    for template, table in {table.code: (t, table) for t, table, _ in sheets}.values():
        periods = [p.period_id for p in previous(catalogue, template.period)]
        units = sorted(
            {
                u.unit
                for _, other, us in sheets
                if other.code == table.code
                for u in us
                if catalogue.goes_on(u.unit, template.period)
            }
        )
        fields = template.form.openings(table.code)
        rows = connection.execute(
            """
            select u.unit_key, w.row_code, i.field_code, o.value
            from current.fct_observation as o
            join catalogue.unit as u using (unit_id)
            join catalogue.indicator as i using (indicator_id)
            join catalogue.form_row as w using (row_id)
            where o.period_id = any(%(periods)s) and u.unit_key = any(%(units)s) and o.scope = %(scope)s and o.state = 'value'
                and i.table_code = %(table)s and i.field_code = any(%(fields)s)
            order by array_position(%(periods)s, o.period_id) desc""",
            {"periods": periods, "units": units, "scope": template.scope, "table": table.code, "fields": list(fields.values())},
        ).fetchall()
        # the best period comes last and wins
        closed = {(unit, row, field): value for unit, row, field, value in rows}
        found |= {
            (table.code, unit, row, opening): value
            for (unit, row, field), value in closed.items()
            for opening, closing_ in fields.items()
            if closing_ == field
        }
    return found
