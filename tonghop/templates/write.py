"""Write the templates of a unit, or of a whole level, as files, and record in the warehouse to whom they go."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tonghop.base.settings import Settings
from tonghop.catalogue.forms import Scope
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import template_fingerprint
from tonghop.templates.book import workbook
from tonghop.templates.plan import Planner, Prefills, Template, closing
from tonghop.warehouse.connect import connect, reachable
from tonghop.warehouse.roles import AUDITOR


class Written(NamedTuple):
    """How many templates were written, how many units of the level have nothing to fill in, and whether they were recorded."""

    written: int
    without: int
    recorded: bool


def write(
    settings: Settings,
    output: Path,
    form: str,
    period: str,
    unit: str | None = None,
    level: str | None = None,
    version: int | None = None,
    scope: Scope = "own",
    offices: bool = False,
    opening: bool | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """Write a unit's workbook to the file `output`, or those of a level into the folder; give either `unit` or `level`.

    `opening` asks the published release for last period's closing figures; None asks it where it answers. What was written is
    recorded where the warehouse answers. Raises TemplateError.
    """
    catalogue = load_catalogue(settings.catalogue)
    planner = Planner(catalogue, form, period, version, scope, offices)
    planned, without = ([planner.unit(unit)], []) if unit else planner.level(str(level))
    figures: Prefills = {}
    warehouse = reachable(settings)
    if opening or (opening is None and warehouse):
        with connect(settings, AUDITOR) as connection:
            figures = closing(connection, catalogue, planned)
    for done, template in enumerate(planned, start=1):
        path = output if unit else output / template.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(workbook(catalogue, template, figures))
        progress(done, len(planned))
    if warehouse:
        with connect(settings) as connection:
            _record(connection, planned)
    return Written(len(planned), len(without), warehouse)


def _record(connection: psycopg.Connection[Any], templates: list[Template]) -> None:
    columns = "unit_key, form_code, form_version, scheme, period_code, scope, fingerprint"
    with connection.cursor().copy(f"copy intake.issued ({columns}) from stdin".encode()) as out:
        for t in templates:
            mark = template_fingerprint(t.form, t.unit, t.period)
            out.write_row((t.unit.unit, t.form.code, t.form.version, t.form.scheme, t.period.code, t.scope, mark))
