"""Accepted reports written straight into the intake, as the loader leaves them: for samples too large to be workbooks."""

from collections.abc import Iterable, Mapping
from itertools import groupby

import psycopg
from openpyxl.utils import get_column_letter

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.warehouse.connect import connect

_RECEIPT = (
    "sha256, file_name, bytes, received_at, status, form_code, form_version, unit_id, period_id, scope, is_nil, "
    "catalogue_id, cells, cells_sha256"
)
_HEADER = "receipt_id, header, sheet, indicators, columns"
_LINE = "receipt_id, header, unit_id, period_id, row_id, scope, place, figures"
Place = tuple[str, str, str]  # table, row and indicator
Report = tuple[str, str, Mapping[Place, int | None]]  # unit, period code, figures; None is blank


def file(
    settings: Settings,
    reports: Iterable[Report],
    form: str = "T",
    version: int = 1,
    loaded: Catalogue | None = None,
    scope: str = "own",
    received: str = "2025-02-10 08:00+07",
) -> dict[tuple[str, str], int]:
    """File reports of a form: receipts by unit and period.

    loaded: the catalogue, where it has been read. scope: own, or rollup for what units claim for their whole.
    """
    filed: dict[tuple[str, str], int] = {}
    headers: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    with connect(settings) as connection:
        loaded = loaded or load_catalogue(settings.catalogue)
        synced = sync(loaded, connection)
        definition = next(f for f in loaded.forms if (f.code, f.version) == (form, version))
        first = _last(connection)
        with connection.cursor().copy(f"copy intake.receipt ({_RECEIPT}) from stdin") as out:
            for number, (unit, code, figures) in enumerate(reports, start=first + 1):
                period = loaded.period[definition.scheme, code].period_id
                out.write_row(
                    (
                        f"{number:064x}",
                        f"{number}.xlsx",
                        1,
                        received,
                        "accepted",
                        form,
                        version,
                        synced.unit[unit],
                        period,
                        scope,
                        False,
                        synced.catalogue_id,
                        len(figures),
                        "x",
                    )
                )
                for at, ((table, row), cells) in enumerate(groupby(figures.items(), key=lambda cell: cell[0][:2]), start=4):
                    names, values = zip(*((name, value) for (_, _, name), value in cells), strict=True)
                    headers.append(
                        (
                            number,
                            at,
                            table,
                            [synced.indicator[table, name] for name in names],
                            [get_column_letter(column) for column in range(3, 3 + len(names))],
                        )
                    )
                    lines.append((number, at, synced.unit[unit], period, synced.row[table, row], scope, str(at), list(values)))
                filed[unit, code] = number
        for into, rows in ((f"intake.header ({_HEADER})", headers), (f"intake.line ({_LINE})", lines)):
            with connection.cursor().copy(f"copy {into} from stdin") as out:
                for row in rows:
                    out.write_row(row)
        connection.execute(
            "update intake.receipt set cells_sha256 = intake.fingerprint(receipt_id) where receipt_id > %s", [first]
        )
        connection.execute(
            "insert into intake.ledger (act, receipt_id, cells, cells_sha256) "
            "select 'accepted', receipt_id, cells, cells_sha256 "
            "from intake.receipt where receipt_id > %s order by 2",
            [first],
        )
        connection.execute("analyze intake.receipt, intake.line, intake.ledger")
    return filed


def _last(connection: psycopg.Connection[tuple[int, ...]]) -> int:
    row = connection.execute("select coalesce(max(receipt_id), 0) from intake.receipt").fetchone()
    assert row
    return row[0]
