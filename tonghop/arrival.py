"""What a batch of reports brings, on its way into the warehouse.

A report's lines become rows as COPY reads them and wait in a file until it is known whose are loaded: only the lines of
reports that contend for a figure are looked at before.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import psycopg
from pydantic_core import to_json

from tonghop.answer import Place, finding, receipt_code
from tonghop.check import Header, Report
from tonghop.sync import Synced

_HEADER = "receipt_id, header, sheet, indicators, columns"
_LINE = "receipt_id, header, unit_id, period_id, row_id, scope, place, figures"
# what COPY would take for the end of a value or of a line
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@contextmanager
def arriving(synced: Synced) -> Iterator["Arrival"]:
    """A place for a batch: in memory while it is small, then on disk."""
    with SpooledTemporaryFile(max_size=32 << 20) as file:
        yield Arrival(synced, file)


class Arrival:
    """The lines of a batch, in a file; in memory only what they share."""

    def __init__(self, synced: Synced, file: IO[bytes]):
        self._synced, self._file = synced, file
        # (receipt, its number there, header), and (receipt, unit) of the units that lines are about
        self._headers: list[tuple[int, int, Header]] = []
        self._subjects: set[tuple[int, str]] = set()
        self._places: dict[int, tuple[int, int]] = {}

    def take(self, number: int, report: Report) -> Report:
        """Take over a receipt's lines, if it can be accepted; gives back its report without them."""
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
                rows.append(f"{number}\t{own[id(header)]}\t{self._synced.unit[unit]}\t{report.period.period_id}\t"
                            f"{self._synced.row[header.table, row]}\t{scope}\t{place.translate(_ESCAPED)}\t{{{figures}}}\n")
            self._subjects |= {(number, line.unit) for line in report.lines}
            text = "".join(rows).encode()
            self._places[number] = self._file.tell(), len(text)
            self._file.write(text)
        report.lines.clear()
        return report

    def tell(self, connection: psycopg.Connection[Any], reports: dict[int, Report]) -> None:
        """What each report says it is, what its lines are about and stand below: `arrived`, `arrived_unit`, `arrived_header`."""
        synced = self._synced
        connection.execute("create temp table arrived (receipt_id integer, status text, form_code text, form_version integer, "
                           "unit_id integer, period_id integer, scope text, is_nil boolean, catalogue_id integer) on commit drop")
        with connection.cursor().copy("copy arrived from stdin") as out:
            for number, r in reports.items():
                out.write_row((number, r.status, r.form.code if r.form else None, r.form.version if r.form else None,
                               synced.unit[r.sender.unit] if r.sender else None, r.period.period_id if r.period else None,
                               r.scope, r.nil, synced.catalogue_id))
        connection.execute("create temp table arrived_unit (receipt_id integer, unit_id integer) on commit drop")
        with connection.cursor().copy("copy arrived_unit from stdin") as out:
            for number, unit in self._subjects:
                out.write_row((number, synced.unit[unit]))
        connection.execute(f"create temp table arrived_header on commit drop as select {_HEADER} from intake.header with no data")
        with connection.cursor().copy("copy arrived_header from stdin") as out:
            for number, n, header in self._headers:
                indicators = [synced.indicator[header.table, name] for name in header.indicators]
                out.write_row((number, n, header.sheet, indicators, list(header.columns)))

    def load(self, connection: psycopg.Connection[Any], receipts: list[int]) -> None:
        """Load what the accepted ones of the receipts told hold."""
        connection.execute(f"insert into intake.header ({_HEADER}) select {_HEADER} from arrived_header "
                           "where receipt_id = any(%s)", [receipts])
        self.copy(connection, "intake.line", receipts)

    def copy(self, connection: psycopg.Connection[Any], table: str, receipts: Iterable[int]) -> None:
        """Load the lines of some receipts into a table."""
        with connection.cursor().copy(f"copy {table} ({_LINE}) from stdin") as out:
            for number in receipts:
                place, length = self._places[number]
                self._file.seek(place)
                out.write(self._file.read(length))


def contend(connection: psycopg.Connection[Any], arrival: Arrival, reports: dict[int, Report]) -> list[int]:
    """A figure that another sender's live report already holds sends the later report back: nobody guesses whose is right.

    Two senders of one batch: the later one waits for the next batch, where the first is decided.
    """
    # few reports are about a unit and period that another sender has reported on: only their cells are held against each other
    connection.execute("""
        create temp table touched on commit drop as
        select receipt_id, m.unit_id as sender_id, m.period_id, a.unit_id, m.scope
        from arrived_unit a join arrived m using (receipt_id)""")
    connection.execute("analyze touched")
    connection.execute("""
        create temp table suspect on commit drop as
        select t.receipt_id, t.unit_id
        from touched t
        where exists (select from touched o where (o.period_id, o.unit_id, o.scope) = (t.period_id, t.unit_id, t.scope)
                                              and o.sender_id <> t.sender_id)
        union
        select t.receipt_id, t.unit_id
        from touched t
        where (select bool_or(r.unit_id <> t.sender_id) from intake.line c join intake.receipt r using (receipt_id)
               where (c.period_id, c.unit_id, c.scope) = (t.period_id, t.unit_id, t.scope))""")
    suspects = [row[0] for row in connection.execute("select distinct receipt_id from suspect")]
    if not suspects:
        return []
    connection.execute(f"create temp table arriving on commit drop as select {_LINE} from intake.line with no data")
    arrival.copy(connection, "arriving", suspects)
    connection.execute("analyze arriving, suspect")
    connection.execute("""
        create temp table contending on commit drop as
        select a.receipt_id, a.unit_id, a.period_id, a.row_id, c.indicator_id, a.scope, h.sheet, c.name || a.place as cell
        from arriving a
        join arrived_header h using (receipt_id, header), unnest(h.indicators, h.columns) as c (indicator_id, name)
        where (a.receipt_id, a.unit_id) in (select receipt_id, unit_id from suspect)""")
    connection.execute("analyze contending")
    taken = connection.execute("""
        select distinct on (a.receipt_id) a.receipt_id, c.receipt_id, a.sheet, a.cell
        from contending a
        join arrived m on m.receipt_id = a.receipt_id
        join intake.cell c on (c.period_id, c.unit_id, c.row_id, c.indicator_id, c.scope)
                            = (a.period_id, a.unit_id, a.row_id, a.indicator_id, a.scope)
        join intake.receipt r on r.receipt_id = c.receipt_id
        where r.status = 'accepted' and r.unit_id <> m.unit_id
          and not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'superseded')
        order by a.receipt_id, c.receipt_id, a.sheet, a.cell""").fetchall()
    for number, other, sheet, cell in taken:
        reports[number].findings.append(finding("row.taken", Place(None, sheet, cell), receipt=receipt_code(other)))
    waits = connection.execute("""
        select distinct a.receipt_id
        from contending a
        join contending b on (b.period_id, b.unit_id, b.row_id, b.indicator_id, b.scope)
                         = (a.period_id, a.unit_id, a.row_id, a.indicator_id, a.scope) and b.receipt_id < a.receipt_id
        join arrived m on m.receipt_id = a.receipt_id
        join arrived n on n.receipt_id = b.receipt_id
        where n.unit_id <> m.unit_id""").fetchall()
    return [row[0] for row in waits if reports[row[0]].status == "accepted"]
