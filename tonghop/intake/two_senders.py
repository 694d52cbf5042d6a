"""Figures that two senders report: which report waits, and which goes back."""

from typing import Any

import psycopg

from tonghop.base.codes import receipt_code
from tonghop.base.findings import Place, finding
from tonghop.intake.batch import LINE, Batch
from tonghop.reading.report import Report


def contend(connection: psycopg.Connection[Any], batch: Batch, reports: dict[int, Report]) -> list[int]:
    """Give a finding to each report with a figure that another sender's accepted report has: nobody guesses whose is right.

    Returns the receipts that contend with an earlier one of the same batch: they wait for the next batch, when that is decided.
    """
    # few reports are about a unit and period that another sender has reported on: only their cells are compared
    connection.execute("""
        create temp table batch_subject on commit drop as
        select receipt_id, m.unit_id as sender_id, m.period_id, a.unit_id, m.scope
        from batch_unit a join batch_report m using (receipt_id)""")
    connection.execute("analyze batch_subject")
    connection.execute("""
        create temp table suspect on commit drop as
        select t.receipt_id, t.unit_id
        from batch_subject t
        where exists (select from batch_subject o where (o.period_id, o.unit_id, o.scope) = (t.period_id, t.unit_id, t.scope)
                                              and o.sender_id <> t.sender_id)
        union
        select t.receipt_id, t.unit_id
        from batch_subject t
        where (select bool_or(r.unit_id <> t.sender_id) from intake.line c join intake.receipt r using (receipt_id)
               where (c.period_id, c.unit_id, c.scope) = (t.period_id, t.unit_id, t.scope))""")
    suspects = [row[0] for row in connection.execute("select distinct receipt_id from suspect")]
    if not suspects:
        return []
    connection.execute(f"create temp table suspect_line on commit drop as select {LINE} from intake.line with no data")
    batch.copy_lines(connection, "suspect_line", suspects)
    connection.execute("analyze suspect_line, suspect")
    connection.execute("""
        create temp table suspect_cell on commit drop as
        select a.receipt_id, a.unit_id, a.period_id, a.row_id, c.indicator_id, a.scope, h.sheet, c.name || a.place as cell
        from suspect_line a
        join batch_header h using (receipt_id, header), unnest(h.indicators, h.columns) as c (indicator_id, name)
        where (a.receipt_id, a.unit_id) in (select receipt_id, unit_id from suspect)""")
    connection.execute("analyze suspect_cell")
    taken = connection.execute("""
        select distinct on (a.receipt_id) a.receipt_id, c.receipt_id, a.sheet, a.cell
        from suspect_cell a
        join batch_report m on m.receipt_id = a.receipt_id
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
        from suspect_cell a
        join suspect_cell b on (b.period_id, b.unit_id, b.row_id, b.indicator_id, b.scope)
                         = (a.period_id, a.unit_id, a.row_id, a.indicator_id, a.scope) and b.receipt_id < a.receipt_id
        join batch_report m on m.receipt_id = a.receipt_id
        join batch_report n on n.receipt_id = b.receipt_id
        where n.unit_id <> m.unit_id""").fetchall()
    return [row[0] for row in waits if reports[row[0]].status == "accepted"]
