"""The inbox: which of its files are whole, which stay and why, and how a received one leaves it.

A file is whole once it has been still. What it was at an earlier look needs no record of ours: the file system keeps the time
of each file's last change (ctime), which no copying program sets. That holds for every run and worker, and over a restart.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from tonghop.base.findings import printable
from tonghop.reading import zipped

log = logging.getLogger(__name__)
# what programs call a file that they are still writing: uploads, downloads, copies, spreadsheets
UNFINISHED = frozenset(
    (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".opdownload", ".download", ".upload", ".incomplete")
)
_TAKEN = ".taken-"
NO_FILE = "không phải tệp thường / no regular file"
LITTER = "tệp của hệ điều hành hoặc của chương trình, không phải báo cáo / a file of the operating system or a program, no report"
_UNFINISHED = (
    "theo tên là tệp đang ghi, hãy đổi tên khi đã ghi xong / by its name it is still being written; rename it when it is whole"
)
# an older state of a report, which would supersede it
_BACKUPS = frozenset((".bak", ".old", ".orig", ".xlk", ".wbk"))
_BACKUP = "theo tên là bản sao lưu, hãy đổi tên để gửi / by its name it is a backup; rename it to hand it in"
_HIDDEN = (
    "tên tệp hoặc thư mục bắt đầu bằng dấu chấm, hãy đổi tên để gửi"
    " / its name, or its folder's, begins with a dot; rename it to hand it in"
)


class Stamp(NamedTuple):
    """Which file it is and how it was: two equal stamps of a path are of one file, unchanged."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass
class Listing:
    """What lay in the inbox at one look, by path: files that have been still so long, files that have not, what stays and why."""

    still: dict[Path, Stamp] = field(default_factory=dict)
    fresh: dict[Path, Stamp] = field(default_factory=dict)
    stays: dict[Path, str] = field(default_factory=dict)
    # seconds after which the youngest of the fresh ones will have been still long enough
    wait: float = 0


def look(inbox: Path, still_seconds: float) -> Listing:
    """Look once at every file of the inbox and of its folders."""
    found = Listing()
    now = _now(inbox)
    for path, seen in walked(inbox, found.stays):
        left = still_seconds - (now - seen.st_ctime_ns) / 1e9
        if left <= 0:
            found.still[path] = Stamp.of(seen)
        else:
            found.fresh[path] = Stamp.of(seen)
            # by a clock that runs ahead it may be from the future
            found.wait = max(found.wait, min(left, still_seconds))
    return found


def walked(top: Path, stays: dict[Path, str]) -> Iterator[tuple[Path, os.stat_result]]:
    """The files of a folder and of its folders that may be taken, in their order; into `stays` go the others, with the reason."""

    def closed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            stays[Path(error.filename)] = str(error.strerror)

    paths = sorted(
        Path(folder, name)
        for folder, folders, names in os.walk(top, onerror=closed)
        for name in (*names, *(name for name in folders if Path(folder, name).is_symlink()))
    )
    for path in paths:
        try:
            seen = path.lstat()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                stays[path] = str(error.strerror)
            continue
        if why := _stays(path, path.relative_to(top).parts, seen.st_mode):
            stays[path] = why
        else:
            yield path, seen


def _now(inbox: Path) -> int:
    """The time by the clock that stamps the inbox's files, which may be another machine's."""
    try:
        os.utime(inbox)
        return inbox.stat().st_mtime_ns
    except OSError:
        return time.time_ns()


def _stays(path: Path, names: tuple[str, ...], mode: int) -> str | None:
    """Why a file is not taken, whether it is still or not."""
    if not stat.S_ISREG(mode):
        return NO_FILE
    if zipped.is_litter("/".join(names)):
        return LITTER
    if path.suffix.lower() in UNFINISHED:
        return _UNFINISHED
    if path.suffix.lower() in _BACKUPS or path.name.endswith("~"):
        return _BACKUP
    # but what was set aside when a run was killed is taken again, as a duplicate
    if any(name.startswith(".") for name in names) and not path.name.startswith(_TAKEN):
        return _HIDDEN
    return "có chương trình đang mở để ghi / a program has it open for writing" if _is_open_for_writing(path) else None


def _is_open_for_writing(path: Path) -> bool:
    """Whether a process of this machine has the file open for writing; False too where nothing tells.

    Only who alone reads a file gets a lease on it, so asking for one tells root and the file's owner. It is given back at once.
    """
    try:
        with open_for_reading(path) as file:
            # whoever opens the file in this very moment makes the kernel signal us; the usual signal would end the process
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def open_for_reading(path: Path) -> BinaryIO:
    """A file's bytes: never through a link, and a pipe without a writer does not block. Raises OSError."""
    return open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))


def clear(path: Path, seen: Stamp) -> None:
    """Take a received file out of the inbox, unless it is no longer as it was seen, or another has taken its place."""
    aside = path.with_name(f"{_TAKEN}{secrets.token_hex(8)}{path.suffix[:20]}")
    try:
        if Stamp.of(path.lstat()) != seen:
            return
        # between this look and the removal another may still come: what is removed must be what was looked at
        path.rename(aside)
        if Stamp.of(aside.lstat())[:4] == seen[:4]:  # renaming changes the last
            aside.unlink()
            return
        with contextlib.suppress(FileExistsError):  # and yet another: then this one goes by the other name
            os.link(aside, path)
            aside.unlink()
    except FileNotFoundError:
        pass  # another run was faster
    except OSError as error:
        log.warning("was received, but stays in the inbox: %s: %s", printable(str(path)), error.strerror)
