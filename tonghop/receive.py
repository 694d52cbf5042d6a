"""Take files in: fingerprint, keep the original unchanged, give a receipt.

The original is on disk before the receipt is committed, and a file leaves the inbox after that: whatever is cut short is
done again, and the fingerprint makes doing it again a duplicate.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tonghop import server
from tonghop.catalogue import nfc
from tonghop.settings import Settings

LEDGER_LOCK = "select pg_advisory_xact_lock(hashtext('tonghop.ledger'))"


@dataclass(frozen=True)
class Received:
    """A file and its receipt; a duplicate has the receipt of the first."""

    path: Path
    sha256: str
    receipt_id: int
    duplicate: bool


def receive(settings: Settings, connection: psycopg.Connection[Any], paths: Iterable[Path]) -> list[Received]:
    """Store the files and give each a receipt, all in one transaction."""
    files = [(path, *_keep(settings, path)) for path in paths]
    if not files:
        return []
    with connection.transaction():
        connection.execute(LEDGER_LOCK)
        known = dict(connection.execute("select sha256, receipt_id from intake.receipt where sha256 = any(%s)",
                                        [[sha for _, sha, _ in files]]).fetchall())
        received = []
        for path, sha, size in files:
            duplicate = sha in known
            if not duplicate:
                row = connection.execute("""
                    insert into intake.receipt (sha256, file_name, bytes) values (%s, %s, %s)
                    returning receipt_id""", [sha, nfc(path.name), size]).fetchone()
                assert row
                known[sha] = row[0]
            received.append(Received(path, sha, known[sha], duplicate))
        connection.execute("insert into intake.ledger (act, receipt_id) select 'received', unnest(%s::integer[])",
                           [[r.receipt_id for r in received if not r.duplicate]])
    return received


def receive_inbox(settings: Settings) -> list[int]:
    """Receive what lies in the inbox, a batch a transaction, and empty it. Returns the receipts that wait to be read.

    Files whose name begins with a dot or ends in .part are still being written and stay.
    """
    settings.inbox.mkdir(parents=True, exist_ok=True)
    waiting = sorted(p for p in settings.inbox.rglob("*") if p.is_file() and not p.is_symlink()
                     and not p.name.startswith((".", "~$")) and p.suffix != ".part")
    with server.connect(settings) as connection:
        for start in range(0, len(waiting), settings.batch_files):
            for done in receive(settings, connection, waiting[start:start + settings.batch_files]):
                done.path.unlink(missing_ok=True)
        return [row[0] for row in connection.execute("select receipt_id from intake.receipt where status = 'pending' order by 1")]


def original(settings: Settings, sha256: str) -> Path:
    """Where the original of a fingerprint lies."""
    return settings.originals / sha256[:2] / sha256


def _keep(settings: Settings, path: Path) -> tuple[str, int]:
    """Store a file's bytes under its fingerprint, whole or not at all. Returns (sha256, bytes)."""
    with path.open("rb") as file:
        sha = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        target = original(settings, sha)
        if not target.exists():
            settings.originals.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.parent.mkdir(exist_ok=True, mode=0o700)
            part = target.with_name(f"{sha}.{os.getpid()}.part")
            file.seek(0)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                while block := file.read(1 << 20):
                    out.write(block)
                out.flush()
                os.fsync(out.fileno())
            part.rename(target)
    return sha, size
