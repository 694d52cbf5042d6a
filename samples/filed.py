"""Accepted reports written straight into the intake, as the loader leaves them: for samples too large to be workbooks."""

from collections.abc import Iterable, Mapping

import psycopg

from tonghop import catalogue, server
from tonghop.settings import Settings

_RECEIPT = ("sha256, file_name, bytes, received_at, status, form_code, form_version, unit_id, period_id, scope, is_nil, "
            "catalogue_id, cells, cells_sha256")
_LINE = "receipt_id, unit_id, period_id, row_id, scope, sheet, indicators, figures, cells"
Report = tuple[str, str, Mapping[str, int]]


def file(settings: Settings, reports: Iterable[Report], form: str = "T", version: int = 1) -> dict[tuple[str, str], int]:
    """File reports (unit, period code, figures by field) of a form with one table of one row: receipts by unit and period."""
    filed: dict[tuple[str, str], int] = {}
    lines: list[tuple[object, ...]] = []
    with server.connect(settings) as connection:
        loaded = catalogue.load(settings.catalogue)
        synced = catalogue.sync(loaded, connection)
        definition = next(f for f in loaded.forms if (f.code, f.version) == (form, version))
        (table,) = definition.tables
        row = synced.row[table.code, "all"]
        first = _last(connection)
        with connection.cursor().copy(f"copy intake.receipt ({_RECEIPT}) from stdin") as out:
            for number, (unit, code, figures) in enumerate(reports, start=first + 1):
                period = loaded.period[definition.scheme, code].period_id
                out.write_row((f"{number:064x}", f"{number}.xlsx", 1, "2025-02-10 08:00+07", "accepted", form, version,
                               synced.unit[unit], period, "own", False, synced.catalogue_id, len(figures), "x"))
                lines.append((number, synced.unit[unit], period, row, "own", table.code,
                              [synced.indicator[table.code, name] for name in figures], list(figures.values()),
                              [f"C{line}" for line in range(4, 4 + len(figures))]))
                filed[unit, code] = number
        with connection.cursor().copy(f"copy intake.line ({_LINE}) from stdin") as out:
            for line in lines:
                out.write_row(line)
        connection.execute("update intake.receipt set cells_sha256 = intake.fingerprint(receipt_id) where receipt_id > %s",
                           [first])
        connection.execute("insert into intake.ledger (act, receipt_id, cells, cells_sha256) "
                           "select 'accepted', receipt_id, cells, cells_sha256 "
                           "from intake.receipt where receipt_id > %s order by 2",
                           [first])
        connection.execute("analyze intake.receipt, intake.line, intake.ledger")
    return filed


def _last(connection: psycopg.Connection[tuple[int, ...]]) -> int:
    row = connection.execute("select coalesce(max(receipt_id), 0) from intake.receipt").fetchone()
    assert row
    return row[0]
