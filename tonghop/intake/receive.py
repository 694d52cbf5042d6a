"""Take files in: fingerprint, keep the original unchanged, give a receipt.

The original is on disk before the receipt is committed, and a file leaves the inbox after that: whatever is cut short is
done again, and the fingerprint makes doing it again a duplicate.
"""

import contextlib
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.findings import printable
from tonghop.base.settings import Settings
from tonghop.base.text import nfc
from tonghop.warehouse.connect import connect

log = logging.getLogger(__name__)
LEDGER_LOCK = "select pg_advisory_xact_lock(hashtext('tonghop.ledger'))"


@dataclass(frozen=True)
class Received:
    """A file as it was at `modified_ns`, and its receipt; a duplicate has the receipt of the first."""

    path: Path
    modified_ns: int
    sha256: str
    receipt_id: int
    duplicate: bool


class NotReceived(OSError):
    """A path that is no regular file, cannot be opened, or changed while it was read."""


def receive(
    settings: Settings,
    connection: psycopg.Connection[Any],
    paths: Iterable[Path],
    left: Callable[[NotReceived], None] | None = None,
) -> list[Received]:
    """Store the files and give each a receipt, all in one transaction.

    Raises NotReceived where a file cannot be received; with `left`, calls that and goes on with the next file.
    """
    settings.originals.mkdir(parents=True, exist_ok=True, mode=0o700)
    files: list[tuple[Path, int, str, int]] = []
    for path in paths:
        try:
            files.append((path, *_keep(settings, path)))
        except NotReceived as error:
            if left is None:
                raise
            left(error)
    if not files:
        return []
    with connection.transaction():
        connection.execute(LEDGER_LOCK)
        known = dict(
            connection.execute(
                "select sha256, receipt_id from intake.receipt where sha256 = any(%s)", [[sha for _, _, sha, _ in files]]
            ).fetchall()
        )
        new: dict[str, tuple[str, int]] = {}
        for path, _, sha, size in files:
            if sha not in known:
                new.setdefault(sha, (printable(nfc(path.name)), size))
        given = dict(
            connection.execute(
                """
            insert into intake.receipt (sha256, file_name, bytes)
            select sha256, file_name, bytes
            from unnest(%s::text[], %s::text[], %s::bigint[]) with ordinality as f (sha256, file_name, bytes, place)
            order by place
            returning sha256, receipt_id""",
                [list(new), [name for name, _ in new.values()], [size for _, size in new.values()]],
            ).fetchall()
        )
        connection.execute(
            "insert into intake.ledger (act, receipt_id) select 'received', unnest(%s::integer[])", [sorted(given.values())]
        )
    known |= given
    # of several files with the same bytes the first has the receipt
    return [Received(path, modified_ns, sha, known[sha], given.pop(sha, None) is None) for path, modified_ns, sha, _ in files]


def receive_inbox(settings: Settings) -> list[int]:
    """Receive what lies in the inbox, a batch a transaction, and empty it. Returns the receipts that wait to be read.

    Files whose name begins with a dot or ends in .part are still being written and stay. So does what is no file (links, pipes,
    devices), what cannot be opened, and what changes meanwhile: the log names it, and everything else goes on.
    """
    settings.inbox.mkdir(parents=True, exist_ok=True)
    waiting = sorted(
        Path(folder, name)
        for folder, _, names in os.walk(settings.inbox)
        for name in names
        if not name.startswith((".", "~$")) and not name.endswith(".part")
    )
    with connect(settings) as connection:
        for start in range(0, len(waiting), settings.batch_files):
            for done in receive(settings, connection, waiting[start : start + settings.batch_files], _left):
                _clear(done)
        return [row[0] for row in connection.execute("select receipt_id from intake.receipt where status = 'pending' order by 1")]


def original(settings: Settings, sha256: str) -> Path:
    """Where the original of a fingerprint lies."""
    return settings.originals / sha256[:2] / sha256


def _left(error: NotReceived) -> None:
    log.warning("stays in the inbox: %s: %s", printable(str(error.filename)), error.strerror)


def _clear(done: Received) -> None:
    """Take a received file out of the inbox, unless another has taken its place."""
    with contextlib.suppress(FileNotFoundError):
        if done.path.lstat().st_mtime_ns == done.modified_ns:
            done.path.unlink()


def _keep(settings: Settings, path: Path) -> tuple[int, str, int]:
    """Store a file's bytes under their fingerprint, whole or not at all. Returns (modified_ns, sha256, bytes)."""
    part = settings.originals / f"{os.getpid()}.part"
    try:
        # never through a link; and a pipe without a writer must not block the run
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotReceived(error.errno, error.strerror, path) from error
    with os.fdopen(source, "rb") as file:
        before = os.fstat(source)
        if not stat.S_ISREG(before.st_mode):
            raise NotReceived(0, "no regular file", path)
        digest = hashlib.sha256()
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            while block := file.read(1 << 16):
                digest.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        after = os.fstat(source)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        part.unlink()
        raise NotReceived(0, "changed while it was read", path)
    target = original(settings, digest.hexdigest())
    if not target.parent.is_dir():  # asking is cheaper than trying
        target.parent.mkdir(exist_ok=True, mode=0o700)
    part.replace(target)
    return before.st_mtime_ns, digest.hexdigest(), before.st_size
