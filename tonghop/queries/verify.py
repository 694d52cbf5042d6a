"""Recompute what the ledger records: nothing lost, nothing doubled, nothing altered, on disk and in the tables."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.intake.receive import original
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR


@dataclass(frozen=True)
class Verdict:
    """One thing that must be true, how many receipts were checked, and those of which it is not true."""

    name: str
    checked: int
    wrong: list[str]


# each gives a row per receipt: its number, and whether it is so
MUST_HOLD = {
    "every receipt was received once": """
        select r.receipt_id, count(l.seq) = 1 from intake.receipt r
        left join intake.ledger l on l.receipt_id = r.receipt_id and l.act = 'received' group by 1""",
    "every receipt has the status of its last act": """
        select r.receipt_id, r.status = coalesce((
            select l.act from intake.ledger l
            where l.receipt_id = r.receipt_id and l.act not in ('received', 'replayed', 'superseded', 'expired')
            order by l.seq desc limit 1), 'pending') from intake.receipt r""",
    "every receipt was decided once, and again only by a replay while it was held": """
        select receipt_id, bool_and(case
            when act = 'received' then before is null
            when act = 'replayed' then before in ('returned', 'quarantined') and after is not null
            else before in ('received', 'replayed') end)
        from (select receipt_id, act, lag(act) over acts as before, lead(act) over acts as after from intake.ledger
              where act in ('received', 'accepted', 'returned', 'quarantined', 'replayed')
              window acts as (partition by receipt_id order by seq)) act
        group by 1""",
    "every finding that was waived had a waiver in force": """
        select f.receipt_id, bool_and((w.rule, w.unit_id, w.period_id) = (f.rule, f.unit_id, r.period_id)
               and ctl.local_day(r.received_at) <= w.valid_to
               and exists (
                   select from intake.ledger given join intake.ledger decided on decided.seq > given.seq
                   where given.waiver_id = w.waiver_id and given.act = 'waived' and decided.receipt_id = f.receipt_id
                     and decided.act in ('accepted', 'returned') and not exists (
                         select from intake.ledger ended where ended.waiver_id = w.waiver_id and ended.act = 'waiver_ended'
                           and ended.seq < decided.seq)))
        from intake.finding f join intake.receipt r using (receipt_id) join intake.waiver w using (waiver_id) group by 1""",
    "every finding belongs to a decision": """
        select f.receipt_id, max(f.decision) <= (select count(*) from intake.ledger l where l.receipt_id = f.receipt_id
                                                 and l.act in ('accepted', 'returned', 'quarantined'))
        from intake.finding f group by 1""",
    "the cells of every accepted report are those that were loaded": """
        select l.receipt_id, l.cells_sha256 = intake.fingerprint(l.receipt_id)
               and l.cells = (select count(*) from intake.cell c where c.receipt_id = l.receipt_id)
        from intake.ledger l where l.act = 'accepted'""",
    "no cell without an accepted report": """
        select c.receipt_id, bool_or(l.seq is not null) from intake.cell c
        left join intake.ledger l on l.receipt_id = c.receipt_id and l.act = 'accepted' group by 1""",
    "one report counts for a sender, form, period and scope": """
        select max(r.receipt_id), count(*) = 1 from intake.receipt r
        where r.status = 'accepted' and not exists (
            select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'superseded')
        group by r.unit_id, r.form_code, r.period_id, r.scope""",
    "every fact of the published release is a cell of a report that counted then": """
        select o.submission_id, bool_and(c.receipt_id is not null and c.value is not distinct from o.value and c.sheet = o.sheet
               and c.cell = o.cell and exists (select from intake.ledger l where l.receipt_id = o.submission_id
                                               and l.act = 'accepted' and l.seq <= r.cutoff_seq)
               and not exists (select from intake.ledger l where l.receipt_id = o.submission_id
                               and l.act in ('superseded', 'withdrawn') and l.seq <= r.cutoff_seq))
        from ctl.current_release p join ctl.release r using (release_id)
        cross join current.fct_observation o
        left join intake.cell c on (c.receipt_id, c.unit_id, c.row_id, c.indicator_id)
                                 = (o.submission_id, o.unit_id, o.row_id, o.indicator_id)
        group by 1""",
    "every cell of a report that counts is a fact of the published release": """
        select c.receipt_id, bool_and(o.submission_id is not null)
        from ctl.current_release p join ctl.release r using (release_id)
        join intake.ledger l on l.act = 'accepted' and l.seq <= r.cutoff_seq
        join intake.cell c on c.receipt_id = l.receipt_id
        left join current.fct_observation o on (o.submission_id, o.unit_id, o.row_id, o.indicator_id)
                                             = (c.receipt_id, c.unit_id, c.row_id, c.indicator_id)
        where not exists (select from intake.ledger x where x.receipt_id = c.receipt_id
                          and x.act in ('superseded', 'withdrawn') and x.seq <= r.cutoff_seq)
        group by 1""",
}


def verify(settings: Settings, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Verdict]:
    """Every verdict; nothing is amiss where every `wrong` is empty."""
    verdicts = []
    with connect(settings, AUDITOR) as connection:
        receipts = connection.execute("""
            select r.receipt_id, r.sha256, r.bytes from intake.receipt r
            where not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'expired')
            order by 1""").fetchall()
        for name, query in MUST_HOLD.items():
            rows = connection.execute(query.encode()).fetchall()
            verdicts.append(Verdict(name, len(rows), [receipt_code(number) for number, holds in rows if not holds]))
    wrong = []
    for done, (number, sha256, size) in enumerate(receipts, start=1):
        path = original(settings, sha256)
        if not path.exists() or path.stat().st_size != size or _sha256(path) != sha256:
            wrong.append(receipt_code(number))
        progress(done, len(receipts))
    return [*verdicts, Verdict("every original lies unchanged in the store until its retention is over", len(receipts), wrong)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
