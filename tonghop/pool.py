"""Reading in worker processes: what a file does to its reader reaches neither the run, nor the warehouse, nor the next file.

A worker is an interpreter of its own with an empty environment: no connection, no URL, no inherited descriptor. Once it has
the catalogue it can open nothing any more, neither file nor socket; a file may take so much memory on top and so many seconds,
then the worker is killed; after so many files it is replaced, so nothing adds up. What comes back is plain data, never objects
to be revived: even a worker that a file took over cannot make its parent run anything.

A worker that dies for a file is not yet that file's fault: only a fresh worker's word on it counts.

Not multiprocessing, nor a pool built on it: its workers import the caller's main module (Airflow's, in a task), or are forked
with the caller's threads and open connections.
"""

import contextlib
import encodings
import gc
import importlib
import io
import logging
import math
import os
import pickle
import pkgutil
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from tonghop.answer import Answer, Finding, finding
from tonghop.catalogue import Catalogue
from tonghop.check import Header, Line, Report, report
from tonghop.returned import listed, marked
from tonghop.settings import PROJECT, Settings
from tonghop.xmltext import NotKept

log = logging.getLogger(__name__)


class PoolError(Exception):
    """A worker could not be started: a fault of the installation, not of a file."""


class Pool:
    """Workers that read and check files against one catalogue. A context manager; `reports` may be called again and again."""

    def __init__(self, catalogue: Catalogue, settings: Settings):
        self._catalogue, self._settings = catalogue, settings
        bounds = settings.model_copy(update={"database_url": None, "airflow_database_url": None})
        self._start = pickle.dumps((catalogue, bounds))
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        for _ in range(settings.readers):
            self._idle.put(None)
        self._workers: set[_Worker] = set()
        self._threads = ThreadPoolExecutor(settings.readers, thread_name_prefix="reader")
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        # one for all files: a timer for each would cost a thread a file
        threading.Thread(target=self._watch, name="reader-watch", daemon=True).start()
        gc.freeze()  # the catalogue stays: not to be looked through again and again
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in list(self._workers):
            worker.end()
        self._threads.shutdown()
        gc.unfreeze()

    def reports(self, files: Iterable[tuple[str, Path]]) -> Iterator[Report]:
        """The report of each (name, path), in order; reads a few files ahead of whoever takes the reports.

        Raises OSError where a path cannot be read, PoolError where no worker starts; never for what is in a file.
        """
        ahead: deque[Future[Report]] = deque()
        for name, path in files:
            ahead.append(self._threads.submit(self._report, name, path))
            if len(ahead) > 2 * self._settings.readers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    def returned(self, answer: Answer, path: Path) -> bytes:
        """What goes back to the sender of a file: their own workbook with the findings in it, or a workbook of the findings."""
        try:
            done = self._threads.submit(self._ask, answer.file, path, answer).result()
        except _Lost:
            return listed(answer, "lost")
        book = done.get("workbook", b"")
        if len(book) > self._settings.max_file_bytes:
            return listed(answer, "large")
        return book or listed(answer, done["reason"])

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            for worker in list(self._workers):
                worker.kill_if_late()

    def _report(self, name: str, path: Path) -> Report:
        try:
            return _revive(self._ask(name, path, None), self._catalogue)
        except _Lost as lost:
            return Report(findings=[finding(lost.rule, None)], readable=False)

    def _ask(self, name: str, path: Path, answer: Answer | None) -> dict[str, Any]:
        """What a worker makes of a file: its report, or with an answer to it the workbook that goes back. Raises _Lost."""
        limit = self._settings.max_file_bytes
        with path.open("rb") as file:
            # enough to see that it is too much; room for all that may come is costly to have, and what is no file has no size
            content = file.read(min(os.fstat(file.fileno()).st_size or limit, limit) + 1)
        worker = self._idle.get()
        try:
            while True:
                if worker is None or worker.served >= self._settings.worker_files:
                    worker = self._replace(worker)
                fresh = not worker.served
                try:
                    return worker.read(name, content, answer, self._settings.worker_seconds)
                except _Lost as lost:
                    log.warning("%s; worker fresh: %s", lost, fresh)
                    self._drop(worker)
                    worker = None
                    if fresh or lost.rule == "file.time":
                        raise
        finally:
            self._idle.put(worker)

    def _replace(self, worker: "_Worker | None") -> "_Worker":
        self._drop(worker)
        new = _Worker(self._start)
        self._workers.add(new)
        new.ready()
        return new

    def _drop(self, worker: "_Worker | None") -> None:
        if worker is not None:
            self._workers.discard(worker)
            worker.end()


class _Lost(Exception):
    """A file got no report from its worker; `rule` says why."""

    def __init__(self, rule: str, why: str):
        super().__init__(f"a worker gave no report: {rule}, {why}")
        self.rule = rule


class _Worker:
    """One process, and the pipes to it."""

    def __init__(self, start: bytes):
        self.served = 0
        # an environment of its own: no URL, no password; one thread, so that numpy reserves no memory for more
        environment = {"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen([sys.executable, "-m", "tonghop.pool"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, cwd="/", env=environment, start_new_session=True)
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self._start = start
        # when the file at hand must be done, by the monotonic clock, and of which file that was not so
        self._due = self._missed = math.inf

    def ready(self) -> None:
        """Hand over the catalogue and wait until the worker has it."""
        try:
            self._in.write(self._start)
            self._in.flush()
            wrong = _Plain(self._out).load()
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise PoolError(f"a reading process did not start; it ended with {self._process.wait()}") from error
        if wrong:
            raise PoolError(f"a reading process did not start: {wrong}")

    def read(self, name: str, content: bytes, answer: Answer | None, seconds: float) -> dict[str, Any]:
        """A file's report, or what goes back for an answer to it, as plain data. Raises _Lost."""
        self._due = due = time.monotonic() + seconds
        try:
            pickle.dump((name, content, answer), self._in)
            self._in.flush()
            status, done = _Plain(self._out).load()
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            self._process.kill()
            code = self._process.wait()
            if self._missed == due or code == -signal.SIGXCPU:
                raise _Lost("file.time", f"killed after {seconds} s") from error
            # a parser that gets no memory aborts; the kernel kills what takes too much
            rule = "file.memory" if -code in (signal.SIGABRT, signal.SIGKILL) else "file.crash"
            raise _Lost(rule, f"ended with {code}") from error
        finally:
            self._due = math.inf
        if status != "read":
            raise _Lost(status, done)
        self.served += 1
        plain: dict[str, Any] = done
        return plain

    def kill_if_late(self) -> None:
        """Kill the process where its file takes longer than it may."""
        due = self._due
        if time.monotonic() > due:
            self._missed = due
            self._process.kill()

    def end(self) -> None:
        """Kill the process; it holds nothing that would be lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out):
            with contextlib.suppress(OSError):  # what was still to be written to a worker that is gone
                pipe.close()


class _Plain(pickle.Unpickler):
    """Numbers, texts and containers of them: nothing that would be looked up or called."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a worker sent more than plain data: {module}.{name}")


# --- a report as plain data --------------------------------------------------------------------------------------

def _plain(done: Report) -> dict[str, Any]:
    """A report without objects: form, sender and period by their keys, everything else as tuples."""
    # lines that have the same header share it
    headers = {id(line.header): line.header for line in done.lines}
    number = {key: n for n, key in enumerate(headers)}
    plain = {f.name: getattr(done, f.name) for f in fields(done)}
    return plain | {
        "form": done.form and (done.form.code, done.form.version),
        "sender": done.sender and done.sender.unit,
        "period": done.period and (done.period.scheme, done.period.code),
        "headers": [tuple(header) for header in headers.values()],
        "lines": [(number[id(line.header)], *line[1:]) for line in done.lines],
        "findings": [tuple(vars(f).values()) for f in done.findings]}


def _revive(plain: dict[str, Any], catalogue: Catalogue) -> Report:
    form, period = plain["form"], plain["period"] and catalogue.period[plain["period"]]
    headers = [Header(*header) for header in plain.pop("headers")]
    return Report(**plain | {
        "form": next((f for f in catalogue.forms if (f.code, f.version) == form), None),
        "sender": catalogue.version(plain["sender"], period.ends_on) if plain["sender"] else None,
        "period": period,
        "lines": [Line(headers[header], *rest) for header, *rest in plain["lines"]],
        "findings": [Finding(*f) for f in plain["findings"]]})


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
            answer = "read", _back(content, answered) if answered else _plain(report(name, content, catalogue, settings))
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
        report(name, content, catalogue, settings)
    listed(Answer("warm", None, "", "returned"), "kind")
    np.zeros((1, 1)) @ np.zeros((1, 1))


def _confine(settings: Settings) -> None:
    """From here on the process can open nothing, dump no core and grow by so much only."""
    used = next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith("VmData:"))
    free = os.dup(0)  # the lowest number that a new descriptor would get
    os.close(free)
    limits = {resource.RLIMIT_DATA: used + settings.worker_bytes, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: free}
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    _serve()
