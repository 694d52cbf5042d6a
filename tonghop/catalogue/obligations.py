"""Who owes which form table for which period.

A unit owes a table for a period by the level that it has, and the reporting spell that it is in, on the period's last day. What
a level owes is decided here (`of_levels`) and copied to the warehouse, where the view `catalogue.unit_obligation` follows it
down to the units. `of_units` does the same for some units of a catalogue that is not in the warehouse: `reorg plan` compares two.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date

from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form, Table
from tonghop.catalogue.model import Catalogue


def of_levels(c: Catalogue) -> Iterator[tuple[Form, Table, Period]]:
    """Each table of a form version with each period that the levels which fill it owe it for."""
    for form in c.forms:
        for period in c.period.values():
            if period.scheme == form.scheme and form.covers(period.ends_on):
                for table in form.tables:
                    if table.owes(period):
                        yield form, table, period


def owes(c: Catalogue, form: str, unit: str, period: Period) -> bool:
    """Whether a unit owes a form for a period."""
    version = c.version(unit, period.ends_on)
    return (
        version is not None
        and any(
            form_version.covers(period.ends_on) and table.owes(period) and version.is_at(table.levels)
            for form_version in c.versions_of(form, period)
            if form_version.scheme == period.scheme
            for table in form_version.tables
        )
        and any(spell.covers(period.ends_on) for spell in c.spells_of.get((unit, form), ()))
    )


def of_units(c: Catalogue, units: Collection[str], since: date) -> dict[tuple[str, str], set[Period]]:
    """The periods that end from a day on and that each unit owes each table for, by unit and table code."""
    spells = defaultdict(list)
    for spell in c.spells:
        if spell.unit in units:
            spells[spell.form].append(spell)
    found: dict[tuple[str, str], set[Period]] = defaultdict(set)
    for form, table, period in of_levels(c):
        if period.ends_on >= since:
            for spell in spells[form.code]:
                version = c.version(spell.unit, period.ends_on) if spell.covers(period.ends_on) else None
                if version and version.is_at(table.levels):
                    found[spell.unit, table.code].add(period)
    return found
