"""Originals past their retention leave the store, by an act in the ledger.

What was read from them stays: receipt, cells, findings, and the fingerprint, by which a copy that turns up can be checked.
"""

import logging

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.intake.delivery import answer_book
from tonghop.intake.receive import original
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect

log = logging.getLogger(__name__)


def expire(settings: Settings) -> list[int]:
    """Remove the originals received more than `keep_originals_days` ago, save those still pending; returns their receipts.

    The act comes first, so that what is cut short is done again; an original that a duplicate brought back goes again.
    """
    with connect(settings) as connection:
        with connection.transaction():
            locks.take(connection, "ledger")
            due = [
                row[0]
                for row in connection.execute(
                    """
                insert into intake.ledger (act, receipt_id, reason)
                select 'expired', r.receipt_id, format('kept for %%s days', %(days)s::int)
                from intake.receipt r
                where r.status <> 'pending' and r.received_at < now() - make_interval(days => %(days)s)
                  and not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'expired')
                order by r.receipt_id
                returning receipt_id""",
                    {"days": settings.keep_originals_days},
                )
            ]
        for receipt_id, sha256 in connection.execute("""
                select r.receipt_id, r.sha256 from intake.receipt r
                join intake.ledger l on l.receipt_id = r.receipt_id and l.act = 'expired'"""):
            original(settings, sha256).unlink(missing_ok=True)
            answer_book(settings, receipt_code(receipt_id)).unlink(missing_ok=True)
    log.info("%d originals are past their retention", len(due))
    return due
