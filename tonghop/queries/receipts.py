"""Receipts: everything that came in, and what became of it."""

from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

RECEIPTS = Path(__file__).parent / "sql" / "receipts.sql"


def receipts(settings: Settings, status: str | None = None) -> list[dict[str, Any]]:
    """One row a receipt, oldest first, perhaps of one status only. Units bear the code that they had at the period's end."""
    with connect(settings, AUDITOR) as connection:
        rows = connection.cursor(row_factory=dict_row).execute(RECEIPTS.read_bytes(), {"status": status}).fetchall()
    codes = ("receipt", "superseded_by")
    return [row | {name: receipt_code(row[name]) if row[name] else None for name in codes} for row in rows]
