"""Files are read in worker processes, so that a harmful file reaches neither the run, nor the warehouse, nor the next file.

A worker is an interpreter of its own with an empty environment: no connection, no URL, no inherited descriptor. Once it has
the catalogue it can open neither file nor socket. It is killed where a file takes more than `worker_bytes` of memory or
`worker_seconds`, and replaced after `worker_files` files, so that nothing adds up. It answers in plain data, never in objects
that would be revived: even a worker that a file took over cannot make its parent run anything.

Where a worker dies, a fresh one gets the file again: only if that dies too is it the file's fault.

Not multiprocessing, nor a pool built on it: its workers import the caller's main module (Airflow's, in a task), or are forked
with the caller's threads and open connections.
"""

import contextlib
import gc
import itertools
import logging
import math
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tonghop.base.days import today
from tonghop.base.findings import finding
from tonghop.base.settings import PACKAGE, Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake.answer import Answer
from tonghop.intake.returned import listed
from tonghop.intake.wire import from_plain, receive
from tonghop.reading.report import Report

log = logging.getLogger(__name__)


class PoolError(Exception):
    """A worker could not be started: a fault of the installation, not of a file."""


class Pool:
    """Workers that read and check files against one catalogue. A context manager; `reports` may be called again and again."""

    def __init__(self, catalogue: Catalogue, settings: Settings):
        self._catalogue, self._settings = catalogue, settings
        bounds = settings.model_copy(update={"database_url": None, "airflow_database_url": None})
        self._catalogue_and_bounds = pickle.dumps((catalogue, bounds))
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        # one for all files: a timer for each would cost a thread a file
        threading.Thread(target=self._watch, name="reader-watch", daemon=True).start()
        gc.freeze()  # the catalogue stays: not to be looked through again and again
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed.set()
        for worker in list(self._workers):
            self._drop(worker)
        gc.unfreeze()

    def reports(self, files: Iterable[tuple[str, Path] | tuple[str, Path, date]]) -> Iterator[Report]:
        """The report of each (name, path) or (name, path, day of receipt; today by default), in order.

        Reads a few files ahead of whoever takes the reports.

        Raises OSError where a path cannot be read, PoolError where no worker starts; never for what is in a file.
        """
        readers, numbered = self._settings.readers, enumerate(files)
        first = list(itertools.islice(numbered, readers))
        self._start(len(first) - len(self._idle))
        waiting = itertools.chain(first, numbered)
        busy: dict[_Worker, tuple[int, str, bytes, date]] = {}
        done: dict[int, Report] = {}

        def begin(number: int, name: str, content: bytes, received: date) -> None:
            try:
                busy[self._asked(name, content, received)] = number, name, content, received
            except _Lost as lost:
                done[number] = lost.report

        def fill() -> None:
            while len(busy) < readers and len(busy) + len(done) <= 2 * readers and (item := next(waiting, None)):
                number, (name, path, *day) = item
                begin(number, name, self._content(path), *(day or [today()]))

        following = 0
        try:
            fill()
            while busy or done:
                for worker in _ready(busy, wait=following not in done):
                    number, name, content, received = busy.pop(worker)
                    try:
                        plain = self._answered(worker)
                    except _Lost as lost:
                        done[number] = lost.report
                    else:
                        if plain is None:
                            begin(number, name, content, received)
                        else:
                            done[number] = self._report(worker, *plain)
                fill()  # before the caller turns to what it gets
                if following in done:
                    yield done.pop(following)
                    following += 1
        finally:
            for worker in busy:  # whoever asked wants no more
                self._drop(worker)

    def _report(self, worker: "_Worker", plain: Any, raw: bytes) -> Report:
        """The report that a worker sent; what is none is its file's fault, and ends the worker."""
        try:
            return from_plain(plain, raw, self._catalogue)
        except Exception as error:
            log.warning("a worker sent what is no report: %s", type(error).__name__)
            self._idle.remove(worker)
            self._drop(worker)
            return _Lost("file.crash", "no report").report

    def returned(self, answer: Answer, path: Path) -> bytes:
        """What goes back to the sender of a file: their own workbook with the findings in it, or a workbook of the findings."""
        content, done = self._content(path), None
        while done is None:
            try:
                done = self._answered(self._asked(answer.file, content, answer))
            except _Lost:
                return listed(answer, "lost")
        reason, book = done
        if len(book) > self._settings.max_file_bytes:
            return listed(answer, "large")
        return book or listed(answer, str(reason))

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            for worker in list(self._workers):
                with contextlib.suppress(ValueError):  # it has just been ended, and its pipes closed
                    worker.kill_if_late()

    def _content(self, path: Path) -> bytes:
        limit = self._settings.max_file_bytes
        with path.open("rb") as file:
            # enough to see that it is too much; room for all that may come is costly to have, and what is no file has no size
            return file.read(min(os.fstat(file.fileno()).st_size or limit, limit) + 1)

    def _start(self, count: int) -> None:
        """Have so many more workers wait."""
        started = [_Worker(self._catalogue_and_bounds, self._settings) for _ in range(count)]
        self._workers.update(started)
        for worker in started:  # they start side by side
            worker.ready()
            self._idle.append(worker)

    def _asked(self, name: str, content: bytes, about: date | Answer) -> "_Worker":
        """A worker that now makes of a file, given the day of receipt, its report, or given the answer what goes back.

        Raises _Lost.
        """
        while True:
            if not self._idle:
                self._start(1)
            worker = self._idle.pop()
            if worker.served >= self._settings.worker_files:
                self._drop(worker)
                continue
            try:
                worker.ask(name, content, about)
                return worker
            except _Lost as lost:
                self._gave_up(worker, lost)

    def _answered(self, worker: "_Worker") -> tuple[Any, bytes] | None:
        """What a worker has made of its file, None where a fresh worker is to be asked. Raises _Lost."""
        try:
            done = worker.answer()
        except _Lost as lost:
            self._gave_up(worker, lost)
            return None
        self._idle.append(worker)
        return done

    def _gave_up(self, worker: "_Worker", lost: "_Lost") -> None:
        """Drop a worker that lost its file. Raises _Lost where that is the file's fault for certain."""
        log.warning("%s; worker fresh: %s", lost, not worker.served)
        self._drop(worker)
        if not worker.served or lost.rule == "file.time":
            raise lost

    def _drop(self, worker: "_Worker") -> None:
        self._workers.discard(worker)
        worker.end()


def _ready(busy: Iterable["_Worker"], wait: bool) -> "list[_Worker]":
    """The workers that have answered or died; with `wait` not before there is one."""
    by_pipe = {worker.pipe: worker for worker in busy}
    poll = select.poll()
    for pipe in by_pipe:
        poll.register(pipe, select.POLLIN)
    return [by_pipe[pipe] for pipe, _ in poll.poll(None if wait else 0)]


class _Lost(Exception):
    """A file got no report from its worker; `rule` says why."""

    def __init__(self, rule: str, why: str):
        super().__init__(f"a worker gave no report: {rule}, {why}")
        self.rule = rule

    @property
    def report(self) -> Report:
        """The report of such a file: unreadable, with the reason as its finding."""
        return Report(findings=[finding(self.rule, None)], readable=False)


class _Worker:
    """One process, and the pipes to it."""

    def __init__(self, start: bytes, settings: Settings):
        self.served, self._settings, self._seconds = 0, settings, settings.worker_seconds
        # an environment of its own: no URL, no password; one thread, so that numpy reserves no memory for more
        environment = {"PYTHONPATH": str(PACKAGE.parent), "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tonghop.intake.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self._start = start
        # by the monotonic clock: when the file at hand must be done, and the time that the last late file should have kept
        self._due = self._missed = math.inf
        self._is_taken = False

    def ready(self) -> None:
        """Hand over the catalogue and wait until the worker has it."""
        try:
            self._in.write(self._start)
            self._in.flush()
            _, wrong, _ = receive(self._out, self._settings)
        except (OSError, EOFError, ValueError) as error:
            raise PoolError(f"a reading process did not start; it ended with {self._process.wait()}") from error
        if wrong:
            raise PoolError(f"a reading process did not start: {wrong}")

    @property
    def pipe(self) -> int:
        """Where its answers come; can be read once it has answered or died."""
        return self._out.fileno()

    def ask(self, name: str, content: bytes, about: date | Answer) -> None:
        """Hand over a file, and the day of receipt, or the answer to it if it shall go back. Raises _Lost."""
        self._due, self._is_taken = time.monotonic() + self._seconds, False
        try:
            pickle.dump((name, content, about), self._in)
            self._in.flush()
        except (OSError, ValueError) as error:
            raise self._gone() from error

    def answer(self) -> tuple[Any, bytes]:
        """The report of the file handed over as plain data, or the workbook that goes back, or why none does. Raises _Lost."""
        # an answer may have waited, but not be written for ever
        if self._missed != self._due:
            self._due, self._is_taken = time.monotonic() + self._seconds, True
        try:
            status, done, raw = receive(self._out, self._settings)
        except Exception as error:  # whatever a worker sends that a file took over
            raise self._gone() from error
        self._due = math.inf
        if status in ("file.memory", "file.crash"):
            raise _Lost(status, str(done))
        self.served += 1
        return done, raw

    def _gone(self) -> _Lost:
        due, self._due = self._due, math.inf
        self._process.kill()
        code = self._process.wait()
        if self._missed == due or code == -signal.SIGXCPU:
            return _Lost("file.time", "killed, for it was late")
        # a parser that gets no memory aborts; the kernel kills what takes too much
        return _Lost("file.memory" if -code in (signal.SIGABRT, signal.SIGKILL) else "file.crash", f"ended with {code}")

    def kill_if_late(self) -> None:
        """Kill the process where its file takes longer than it may; an answer that nobody has taken yet is not late."""
        due = self._due
        if time.monotonic() > due and (self._is_taken or not _ready([self], wait=False)):
            self._missed = due
            self._process.kill()

    def end(self) -> None:
        """Kill the process; nothing is lost with it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out):
            with contextlib.suppress(OSError):  # what was still to be written to a worker that is gone
                pipe.close()
