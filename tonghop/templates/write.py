"""Write the templates of a unit, or of a whole level, as files."""

from collections.abc import Callable
from pathlib import Path

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.templates.book import workbook
from tonghop.templates.plan import Planner, Prefills, Scope, closing
from tonghop.warehouse.connect import connect, reachable
from tonghop.warehouse.roles import AUDITOR


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
) -> tuple[int, int]:
    """Write a unit's workbook to the file `output`, or those of a level into the folder; give either `unit` or `level`.

    Returns how many were written, and how many units of the level have nothing to fill in. `opening` asks the published release
    for last period's closing figures; None asks it where it answers. Raises TemplateError.
    """
    catalogue = load_catalogue(settings.catalogue)
    planner = Planner(catalogue, form, period, version, scope, offices)
    planned, without = ([planner.unit(unit)], []) if unit else planner.level(str(level))
    figures: Prefills = {}
    if opening or (opening is None and reachable(settings)):
        with connect(settings, AUDITOR) as connection:
            figures = closing(connection, catalogue, planned)
    for done, template in enumerate(planned, start=1):
        path = output if unit else output / template.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(workbook(catalogue, template, figures))
        progress(done, len(planned))
    return len(planned), len(without)
