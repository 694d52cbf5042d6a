"""Figures that two senders report: which report waits, and which goes back."""

from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.codes import receipt_code
from tonghop.base.findings import Place, finding
from tonghop.intake.batch import LINE, Batch
from tonghop.reading.report import Report

QUERIES = Path(__file__).parent / "sql" / "two_senders"


def contend(connection: psycopg.Connection[Any], batch: Batch, reports: dict[int, Report]) -> list[int]:
    """Give a finding to each report with a figure that another sender's accepted report has: nobody guesses whose is right.

    Returns the receipts that contend with an earlier one of the same batch: they wait for the next batch, when that is decided.
    """
    # few reports are about a unit and period that another sender has reported on: only their cells are compared
    connection.execute((QUERIES / "subjects.sql").read_bytes())
    connection.execute("analyze batch_subject")
    connection.execute((QUERIES / "suspects.sql").read_bytes())
    suspects = [row[0] for row in connection.execute("select distinct receipt_id from suspect")]
    if not suspects:
        return []
    connection.execute(f"create temp table suspect_line on commit drop as select {LINE} from intake.line with no data")
    batch.copy_lines(connection, "suspect_line", suspects)
    connection.execute("analyze suspect_line, suspect")
    connection.execute((QUERIES / "suspect_cells.sql").read_bytes())
    connection.execute("analyze suspect_cell")
    taken = connection.execute((QUERIES / "taken.sql").read_bytes()).fetchall()
    for number, other, sheet, cell in taken:
        reports[number].findings.append(finding("row.taken", Place(None, sheet, cell), receipt=receipt_code(other)))
    waits = connection.execute((QUERIES / "waiting.sql").read_bytes()).fetchall()
    return [row[0] for row in waits if reports[row[0]].status == "accepted"]
