"""Files that are there whole or not at all, whoever else writes the same one at that moment."""

import os
import tempfile
import time
from pathlib import Path

# what a file is called while it is written
PART = ".part"
_DAY = 24 * 60 * 60


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file; who reads it meanwhile finds the one before or this one."""
    # a name that no other process has, whatever its number: two containers number theirs alike
    descriptor, part = tempfile.mkstemp(dir=path.parent, suffix=PART)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.chmod(part, mode)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left half written. None writes a file for a day."""
    for part in folder.glob(f"*{PART}"):
        try:
            if part.stat().st_mtime < time.time() - _DAY:
                part.unlink()
        except FileNotFoundError:
            pass  # another was faster
