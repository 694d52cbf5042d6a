"""The reading process: it reads and checks one file after another, confined."""

import contextlib
import encodings
import gc
import importlib
import io
import os
import pickle
import pkgutil
import resource
import sys
import time
import traceback
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake.answer import Answer
from tonghop.intake.returned import listed, marked
from tonghop.intake.wire import to_plain
from tonghop.reading.understand import read_and_check
from tonghop.xlsx.xml_edit import NotKept

# --- in the worker -----------------------------------------------------------------------------------------------


def _serve() -> None:
    into, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not print into the answers
    try:
        catalogue, settings = pickle.load(into)
        _warm(catalogue, settings)
        _confine(settings)
    except Exception as error:
        _send(out, f"{type(error).__name__}: {error}")
        return
    # what a report is made of refers to each other in no circle, so counting references frees it; what a workbook is written
    # with does
    gc.freeze()
    gc.disable()
    _send(out, None)
    while True:
        try:
            name, content, answered = pickle.load(into)
        except EOFError:
            return
        # should nobody be left to kill it
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + settings.worker_seconds) + 1, resource.RLIM_INFINITY))
        answer: tuple[str, Any]
        try:
            answer = (
                "read",
                _back(content, answered) if answered else to_plain(read_and_check(name, content, catalogue, settings)),
            )
        except MemoryError:
            answer = "file.memory", "MemoryError"
        except BaseException as error:  # a parser's panic is no Exception; its message may quote the file
            place = traceback.extract_tb(error.__traceback__)[-1]
            answer = "file.crash", f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        _send(out, answer)
        if answered:
            gc.collect()


def _back(content: bytes, answer: Answer) -> dict[str, Any]:
    try:
        return {"workbook": marked(content, answer)}
    except NotKept as kept:
        return {"reason": kept.reason}


def _send(out: IO[bytes], answer: Any) -> None:
    pickle.dump(answer, out)
    out.flush()


def _warm(catalogue: Catalogue, settings: Settings) -> None:
    """Import and open, before that is forbidden, whatever reading imports or opens late."""
    for module in ("_strptime", *(f"encodings.{module.name}" for module in pkgutil.iter_modules(encodings.__path__))):
        with contextlib.suppress(ImportError):  # two of them are for Windows
            importlib.import_module(module)
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    for name, content in (("warm.xlsx", book.getvalue()), ("warm.csv", b"x"), ("warm.json", b"{"), ("warm", b"")):
        read_and_check(name, content, catalogue, settings)
    listed(Answer("warm", None, "", "returned"), "kind")
    np.zeros((1, 1)) @ np.zeros((1, 1))


def _confine(settings: Settings) -> None:
    """From here on the process can open nothing, dump no core and grow by so much only."""
    used = next(
        int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:")
    )
    free = os.dup(0)  # the lowest number that a new descriptor would get
    os.close(free)
    limits = {resource.RLIMIT_DATA: used + settings.worker_bytes, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: free}
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    _serve()
