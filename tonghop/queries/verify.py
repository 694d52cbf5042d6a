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


# Each is headed by what must hold, and gives a row per receipt: its number, and whether it holds.
MUST_HOLD = Path(__file__).parent / "sql" / "verify"


def verify(settings: Settings, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Verdict]:
    """Every verdict; nothing is amiss where every `wrong` is empty."""
    verdicts = []
    with connect(settings, AUDITOR) as connection:
        receipts = connection.execute("""
            select r.receipt_id, r.sha256, r.bytes from intake.receipt r
            where not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'expired')
            order by 1""").fetchall()
        for path in sorted(MUST_HOLD.glob("*.sql")):
            query = path.read_text("utf-8")
            name = query.splitlines()[0].removeprefix("-- ")
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
