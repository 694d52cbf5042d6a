"""Decide held receipts (returned or quarantined) again, from their stored originals, after a form, a rule or a waiver changed.

Where the outcome differs, the ledger gets a `replayed` act and a new decision in the transaction that loads the figures. Where
it does not, nothing is written, so a replay may be cut short and repeated at will.
"""

from collections.abc import Callable

from tonghop.base.findings import is_built_in
from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.intake.answer import Answer
from tonghop.intake.load import decide_receipts
from tonghop.intake.pool import Pool
from tonghop.intake.receive import original
from tonghop.reading.report import Report
from tonghop.warehouse.connect import connect


def replay(
    settings: Settings,
    rule: str | None = None,
    form: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Answer]:
    """Decide held receipts again: all, or those where a rule was found broken, or those of a form.

    Returns the answers to those that were decided anew. A receipt whose original is past its retention stays as it is.

    Raises ValueError for a rule or a form that there is not.
    """
    catalogue = load_catalogue(settings.catalogue)
    answers: list[Answer] = []
    codes = sorted({known.code for known in catalogue.forms})
    form = form and form.upper()
    if form and form not in codes:
        raise ValueError(f"no form {form}; there are {', '.join(codes)}")
    rules = sorted({known.check.rule for version in catalogue.forms for known in version.rules})
    if rule and rule not in rules and not is_built_in(rule):
        raise ValueError(f"no rule {rule}; an answer names each after its text, such as cell.number or {', '.join(rules[:3])}")
    with connect(settings) as connection, Pool(catalogue, settings) as pool:
        synced = sync(catalogue, connection)
        held = connection.execute(
            """
            select r.receipt_id, r.sha256, r.file_name, ctl.local_day(r.received_at) from intake.receipt r
            where r.status in ('returned', 'quarantined') and (%(form)s::text is null or r.form_code = %(form)s)
              and (%(rule)s::text is null or exists (
                  select from intake.finding f where f.receipt_id = r.receipt_id and f.rule = %(rule)s))
              and not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'expired')
            order by r.receipt_id""",
            {"form": form, "rule": rule},
        ).fetchall()
        connection.commit()
        todo = [receipt for receipt in held if original(settings, receipt[1]).exists()]
        done, total = 0, len(todo)

        def counted(report: Report) -> Report:
            nonlocal done
            done += 1
            progress(min(done, total), total)
            return report

        while todo:
            batch, todo = todo[: settings.batch_files], todo[settings.batch_files :]
            decided, waits = decide_receipts(settings, connection, pool, synced, batch, counted, held=True)
            answers += decided
            todo = [receipt for receipt in batch if receipt[0] in waits] + todo
    return answers
