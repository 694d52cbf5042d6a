"""Take files in: fingerprint, keep the original unchanged, give a receipt.

The original is on disk before the receipt is committed, and a file leaves the inbox after that: whatever is cut short is
done again, and the fingerprint makes doing it again a duplicate.
"""

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.files import PART, sweep
from tonghop.base.findings import Unreadable, printable
from tonghop.base.settings import Settings
from tonghop.base.text import nfc
from tonghop.intake.inbox import NO_FILE, Stamp, clear, look, open_for_reading
from tonghop.reading import zipped
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Received:
    """A file as it was when it was read, and its receipt; a duplicate has the receipt of the first.

    Of an archive each member is one: its name has the archive's before it, and the archive itself is not kept.
    """

    path: Path
    seen: Stamp
    name: str
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
    sweep(settings.originals)
    files: list[tuple[Path, Stamp, str, int, str]] = []
    for path in paths:
        try:
            seen, kept = _keep(settings, path)
            files += ((path, seen, *each) for each in kept)
        except NotReceived as error:
            if left is None:
                raise
            left(error)
    if not files:
        return []
    with connection.transaction():
        locks.take(connection, "ledger")
        known = dict(
            connection.execute(
                "select sha256, receipt_id from intake.receipt where sha256 = any(%s)", [[sha for *_, sha in files]]
            ).fetchall()
        )
        new: dict[str, tuple[str, int]] = {}
        for _, _, name, size, sha in files:
            if sha not in known:
                new.setdefault(sha, (name, size))
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
    return [Received(path, seen, name, sha, known[sha], given.pop(sha, None) is None) for path, seen, name, _, sha in files]


def receive_inbox(settings: Settings) -> list[int]:
    """Receive what is whole in the inbox, a batch a transaction, and remove it there. Returns the receipts that wait to be read.

    A file is taken once it has been still for `still_seconds`. The time of its last change is the look before, and the file
    system keeps it: what another run, or none, saw of the file does not matter. For what has changed since, this run looks
    again after that time. Whatever else stays: the log names it, and everything else goes on.
    """
    settings.inbox.mkdir(parents=True, exist_ok=True)

    def take(paths: list[Path]) -> None:
        for start in range(0, len(paths), settings.batch_files):
            received = receive(settings, connection, paths[start : start + settings.batch_files], _left)
            for path, seen in {done.path: done.seen for done in received}.items():
                clear(path, seen)

    with connect(settings) as connection:
        first = look(settings.inbox, settings.still_seconds)
        take(list(first.still))
        if first.fresh:
            time.sleep(first.wait)
            second = look(settings.inbox, 0)
            take([path for path, seen in first.fresh.items() if second.still.get(path) == seen])
        for path, why in look(settings.inbox, settings.still_seconds).stays.items():
            log.warning("stays in the inbox: %s: %s", printable(str(path)), why)
        return [row[0] for row in connection.execute("select receipt_id from intake.receipt where status = 'pending' order by 1")]


def original(settings: Settings, sha256: str) -> Path:
    """Where the original of a fingerprint lies."""
    return settings.originals / sha256[:2] / sha256


def _left(error: NotReceived) -> None:
    log.warning("stays in the inbox: %s: %s", printable(str(error.filename)), error.strerror)


def _keep(settings: Settings, path: Path) -> tuple[Stamp, list[tuple[str, int, str]]]:
    """Store a file's bytes under their fingerprint, or those of an archive's members, whole or not at all.

    Returns what the file was, and the name, size and fingerprint of each that is stored.
    """
    try:
        source = open_for_reading(path)
    except OSError as error:
        raise NotReceived(error.errno, error.strerror, path) from error
    with source:
        before = Stamp.of(os.fstat(source.fileno()))
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise NotReceived(0, NO_FILE, path)
        with _copied(settings, iter(lambda: source.read(1 << 16), b"")) as (part, sha):
            seen = Stamp.of(os.fstat(source.fileno()))
            if seen != before:
                raise NotReceived(0, "đã thay đổi trong khi đọc / changed while it was read", path)
            parts = members(settings, part)
            if parts is None:
                _store(part, original(settings, sha))
                return seen, [(called(path), seen.size, sha)]
            if litter := zipped.passed_over(part.read_bytes()):
                log.info("passed over: %s", ", ".join(called(path, name) for name in litter))
    kept = []
    for member, content in parts:
        with _copied(settings, [content]) as (part, sha):
            _store(part, original(settings, sha))
        kept.append((called(path, member), len(content), sha))
    return seen, kept


@contextlib.contextmanager
def _copied(settings: Settings, blocks: Iterable[bytes]) -> Iterator[tuple[Path, str]]:
    """A copy beside the originals and its fingerprint; gone afterwards if it was not moved."""
    digest = hashlib.sha256()
    # a name that no other loader has, whatever its process is numbered
    with tempfile.NamedTemporaryFile(dir=settings.originals, suffix=PART, delete=False) as out:
        part = Path(out.name)
        for block in blocks:
            digest.update(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    try:
        yield part, digest.hexdigest()
    finally:
        part.unlink(missing_ok=True)


def called(path: Path, member: str | None = None) -> str:
    """What a file, or a member of an archive, is called in receipts and answers."""
    return printable(nfc(path.name if member is None else f"{path.name}/{member}"))


def members(settings: Settings, path: Path) -> list[tuple[str, bytes]] | None:
    """The members of an archive of reports; None for every other file, and for an archive that whoever reads it says no to."""
    with path.open("rb") as file:
        if file.read(4) != zipped.ZIP or path.stat().st_size > settings.max_file_bytes:
            return None
        content = zipped.ZIP + file.read()
    try:
        return list(zipped.members(content, settings)) if zipped.is_bundle(content) else None
    except Unreadable:
        return None


def passed_over(settings: Settings, path: Path) -> list[str]:
    """The members of an archive of reports that are an operating system's own: they get no receipt, and are named."""
    if members(settings, path) is None:
        return []
    return [called(path, name) for name in zipped.passed_over(path.read_bytes())]


def _store(part: Path, target: Path) -> None:
    """Move a file to the name of its fingerprint; what is stored there already stays, unless it was damaged."""
    if not target.parent.is_dir():  # asking is cheaper than trying
        target.parent.mkdir(exist_ok=True, mode=0o700)
    if not _is_whole(target):
        part.replace(target)
        if not _is_whole(target):
            raise OSError(f"{target} is not what was written to it; is the disk full or failing?")


def _is_whole(target: Path) -> bool:
    try:
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == target.name
    except FileNotFoundError:
        return False
