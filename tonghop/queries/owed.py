"""Who owes what on a day: obligations of the catalogue as last synced, less the reports that were accepted on that day.

A unit owes a table for a period that has ended, by the level, the reporting spell and the parent that it has on the period's
last day: a unit that ended within the period owes nothing, one that began within it does. A nil return is a report. A report that
was withdrawn is owed again; the time that counts for a correction is that of the first report that was not withdrawn.
"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from psycopg.rows import class_row

from tonghop.base.days import end_of, today
from tonghop.base.settings import Settings
from tonghop.catalogue.forms import Scope
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

OWED = Path(__file__).parent / "sql" / "owed.sql"


class Owed(NamedTuple):
    """A form table that a unit has not reported for a period: its own figures, or its claim for its whole (`scope`).

    `returned` is its last receipt, where that went back.
    """

    unit: str
    name: str
    level: str
    scope: Scope
    form: str
    table: str
    table_vi: str
    table_en: str
    period: str
    due_on: date
    days_late: int
    returned: int | None


def owed(
    settings: Settings, unit: str | None = None, period: str | None = None, form: str | None = None, as_of: date | None = None
) -> list[Owed]:
    """What was owed on a day (today by default), the oldest first: by everyone, or by a unit and all below it.

    A code means every unit that bore it at the end of a period for which something was owed, and each for all of its periods.

    Raises ValueError for a code of a unit, period or form that the catalogue does not know.
    """
    day = as_of or today()
    given = {"unit": unit, "period": period, "form": form, "as_of": day, "until": end_of(day)}
    with connect(settings, AUDITOR) as connection:
        for what, (column, table) in _KNOWN.items():
            if (
                given[what]
                and connection.execute(
                    f"select from catalogue.{table} where {column} = %s limit 1".encode(), [given[what]]
                ).fetchone()
                is None
            ):
                raise ValueError(f"the catalogue has no {what} {given[what]}")
        return connection.cursor(row_factory=class_row(Owed)).execute(OWED.read_bytes(), given).fetchall()


_KNOWN = {"unit": ("code", "unit_version"), "period": ("code", "period"), "form": ("form_code", "form")}
