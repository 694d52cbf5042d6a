"""Decided reports are recorded: status, ledger, and which earlier report each one supersedes."""

from typing import Any

import psycopg


def settle(connection: psycopg.Connection[Any], decided: list[int]) -> None:
    """Write the status, the fingerprint and the ledger entry of each decided receipt, and what newer reports supersede."""
    connection.execute(
        """
        update intake.receipt r
        set status = a.status, form_code = a.form_code, form_version = a.form_version, unit_id = a.unit_id,
            period_id = a.period_id, scope = a.scope, is_nil = a.is_nil, catalogue_id = a.catalogue_id, read = a.read,
            unanswered = true,
            cells = case when a.status = 'accepted'
                         then (select coalesce(sum(cardinality(l.figures)), 0) from intake.line l
                               where l.receipt_id = r.receipt_id) end,
            cells_sha256 = case when a.status = 'accepted' then intake.fingerprint(r.receipt_id) end
        from batch_report a
        where a.receipt_id = r.receipt_id and r.receipt_id = any(%s)""",
        [decided],
    )
    connection.execute(
        """
        insert into intake.ledger (act, receipt_id, cells, cells_sha256)
        select status, receipt_id, cells, cells_sha256 from intake.receipt
        where receipt_id = any(%s) order by receipt_id""",
        [decided],
    )
    # of several reports of the same sender, form, period and scope only the last counts. An older one that a replay accepts is
    # superseded as if it had been accepted at once, even where the newer was withdrawn since
    connection.execute(
        """
        insert into intake.ledger (act, receipt_id, by_receipt_id)
        select 'superseded', older.receipt_id, min(newer.receipt_id)
        from intake.receipt older
        join intake.receipt newer on (newer.unit_id, newer.form_code, newer.period_id, newer.scope)
                                   = (older.unit_id, older.form_code, older.period_id, older.scope)
        where older.status = 'accepted' and newer.status in ('accepted', 'withdrawn') and newer.receipt_id > older.receipt_id
          and (newer.receipt_id = any(%s) or older.receipt_id = any(%s))
          and not exists (select from intake.ledger l where l.receipt_id = older.receipt_id and l.act = 'superseded')
        group by older.receipt_id order by older.receipt_id""",
        [decided, decided],
    )
