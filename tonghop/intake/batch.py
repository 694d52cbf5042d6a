"""A batch: reports that have been read and are loaded in one transaction.

Their lines become rows as COPY reads them and wait in a file until the accepted reports are known. Only the lines of reports
that contend for a figure are looked at before.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import psycopg
from pydantic_core import to_json

from tonghop.catalogue.sync import Synced
from tonghop.reading.report import LineHeader, Report

_HEADER = "receipt_id, header, sheet, indicators, columns"
LINE = "receipt_id, header, unit_id, period_id, row_id, scope, place, figures"
# what COPY would take for the end of a value or of a line
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@contextmanager
def new_batch(synced: Synced) -> Iterator["Batch"]:
    """An empty batch; its lines are kept in memory while they are few, then on disk."""
    with SpooledTemporaryFile(max_size=32 << 20) as file:
        yield Batch(synced, file)


class Batch:
    """The lines of the batch's reports, in a file; in memory only what many lines share."""

    def __init__(self, synced: Synced, file: IO[bytes]):
        self._synced, self._file = synced, file
        # (receipt, its number there, header), and (receipt, unit) of the units that lines are about
        self._headers: list[tuple[int, int, LineHeader]] = []
        self._subjects: set[tuple[int, str]] = set()
        self._places: dict[int, tuple[int, int]] = {}

    def take(self, number: int, report: Report) -> Report:
        """Move a receipt's lines out of its report into the batch where the report may be accepted; returns the report."""
        if report.status == "accepted":
            assert report.period
            own: dict[int, int] = {}  # lines that have the same header share it
            scope, rows = (report.scope or "").translate(_ESCAPED), []
            # written out here: the driver would ask each value what it is
            arrays = to_json([line.figures for line in report.lines]).decode().removeprefix("[[").removesuffix("]]").split("],[")
            for (header, unit, row, place, _), figures in zip(report.lines, arrays, strict=False):
                if id(header) not in own:
                    own[id(header)] = len(own) + 1
                    self._headers.append((number, len(own), header))
                rows.append(
                    f"{number}\t{own[id(header)]}\t{self._synced.unit[unit]}\t{report.period.period_id}\t"
                    f"{self._synced.row[header.table, row]}\t{scope}\t{place.translate(_ESCAPED)}\t{{{figures}}}\n"
                )
            self._subjects |= {(number, line.unit) for line in report.lines}
            text = "".join(rows).encode()
            self._places[number] = self._file.tell(), len(text)
            self._file.write(text)
        report.lines.clear()
        return report

    def describe(self, connection: psycopg.Connection[Any], reports: dict[int, Report]) -> None:
        """Write, for the rest of the transaction, what the reports are, the units and the headers of their lines.

        Makes the temporary tables batch_report, batch_unit and batch_header, with rows by receipt.
        """
        synced = self._synced
        connection.execute(
            "create temp table batch_report (receipt_id integer, status text, form_code text, form_version integer, "
            "unit_id integer, period_id integer, scope text, is_nil boolean, catalogue_id integer, read jsonb) on commit drop"
        )
        with connection.cursor().copy("copy batch_report from stdin") as out:
            for number, r in reports.items():
                out.write_row(
                    (
                        number,
                        r.status,
                        r.form.code if r.form else None,
                        r.form.version if r.form else None,
                        synced.unit[r.sender.unit] if r.sender else None,
                        r.period.period_id if r.period else None,
                        r.scope,
                        r.nil,
                        synced.catalogue_id,
                        to_json(r.read.as_json()).decode(),
                    )
                )
        connection.execute("create temp table batch_unit (receipt_id integer, unit_id integer) on commit drop")
        with connection.cursor().copy("copy batch_unit from stdin") as out:
            for number, unit in self._subjects:
                out.write_row((number, synced.unit[unit]))
        connection.execute(f"create temp table batch_header on commit drop as select {_HEADER} from intake.header with no data")
        with connection.cursor().copy("copy batch_header from stdin") as out:
            for number, n, header in self._headers:
                indicators = [synced.indicator[header.table, name] for name in header.indicators]
                out.write_row((number, n, header.sheet, indicators, list(header.columns)))

    def load(self, connection: psycopg.Connection[Any], receipts: list[int]) -> None:
        """Load the headers and lines of accepted receipts."""
        connection.execute(
            f"insert into intake.header ({_HEADER}) select {_HEADER} from batch_header where receipt_id = any(%s)", [receipts]
        )
        self.copy_lines(connection, "intake.line", receipts)

    def copy_lines(self, connection: psycopg.Connection[Any], table: str, receipts: Iterable[int]) -> None:
        """Copy the lines of some receipts into a table with the columns LINE."""
        with connection.cursor().copy(f"copy {table} ({LINE}) from stdin") as out:
            for number in receipts:
                place, length = self._places[number]
                self._file.seek(place)
                out.write(self._file.read(length))
