"""Templates that are out: given to a unit, and no report of it accepted since. What a change of their form would do to them."""

from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue, template_fingerprint
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

IN_FLIGHT = Path(__file__).parent / "sql" / "in_flight.sql"


def in_flight(settings: Settings, form: str | None = None) -> list[dict[str, Any]]:
    """One row a template that is out, perhaps of one form only.

    `taken` says as what it would be read today: as the form is, as one of its `forms/earlier`, or not at all.

    Raises ValueError for an unknown form.
    """
    catalogue = load_catalogue(settings.catalogue)
    if form and form.upper() not in {each.code for each in catalogue.forms}:
        raise ValueError(f"the catalogue has no form {form}")
    with connect(settings, AUDITOR) as connection:
        rows = connection.cursor(row_factory=dict_row).execute(IN_FLIGHT.read_bytes(), {"form": form and form.upper()}).fetchall()
    return [_told(catalogue, row) for row in rows]


def _told(catalogue: Catalogue, row: dict[str, Any]) -> dict[str, Any]:
    period = catalogue.period[row["scheme"], row["period_code"]]
    unit = catalogue.version(row["unit_key"], period.ends_on)
    taken = "no"
    for form in catalogue.versions_of(row["form_code"], period) if unit else ():
        assert unit
        earlier = catalogue.earlier.get((form.code, form.version), ())
        known = {template_fingerprint(e.form, unit, period): f"as {e.printed_from}" for e in earlier} | {
            template_fingerprint(form, unit, period): "yes"
        }
        if row["fingerprint"] in known:
            taken = known[row["fingerprint"]]
            break
    return {
        "unit": unit.code if unit else row["unit_key"],
        "name": unit.name if unit else None,
        "form": row["form_code"],
        "version": row["form_version"],
        "period": row["period_code"],
        "scope": row["scope"],
        "template": row["fingerprint"],
        "issued_at": row["issued_at"],
        "taken": taken,
    }
