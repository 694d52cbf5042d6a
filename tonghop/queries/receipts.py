"""Receipts: everything that came in, and what became of it."""

from typing import Any

from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

_RECEIPTS = """
select receipt.receipt_id as receipt, receipt.status, receipt.form_code as form, unit.code as unit, period.code as period,
    receipt.scope, receipt.received_at, receipt.file_name as file, receipt.cells, superseded.by_receipt_id as superseded_by
from intake.receipt as receipt
left join catalogue.period as period on receipt.period_id = period.period_id
left join catalogue.unit_version as unit
    on receipt.unit_id = unit.unit_id and receipt.catalogue_id = unit.catalogue_id
        and period.ends_on between unit.valid_from and unit.valid_to
left join intake.ledger as superseded on receipt.receipt_id = superseded.receipt_id and superseded.act = 'superseded'
where %(status)s::text is null or receipt.status = %(status)s
order by receipt.receipt_id
"""


def receipts(settings: Settings, status: str | None = None) -> list[dict[str, Any]]:
    """One row a receipt, oldest first, perhaps of one status only. Units bear the code that they had at the period's end."""
    with connect(settings, AUDITOR) as connection:
        rows = connection.cursor(row_factory=dict_row).execute(_RECEIPTS, {"status": status}).fetchall()
    codes = ("receipt", "superseded_by")
    return [row | {name: receipt_code(row[name]) if row[name] else None for name in codes} for row in rows]
