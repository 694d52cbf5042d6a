"""The reading process: it reads and checks one file after another, confined.

What holds for it once it has the catalogue, should a file take it over:

- everywhere: it gets no descriptor (`RLIMIT_NOFILE` 0), so it opens no file, socket or pipe, even after it closed one that it
  has; those are its two pipes and /dev/null. It grows by so much only, dumps no core, writes no file and, unless it
  stays root, does not fork.
- where it was started by root: it is a user who owns no file and no other process, so it can neither signal nor trace another
  process, nor change a file.
- where libseccomp is there (Debian's apt needs it), root or not: the kernel refuses every call but those that computing takes.
  That also forbids what needs no descriptor: signals, exec, names of files. The library is asked through ctypes: the bindings
  for Python on PyPI were last released in 2021, and those for Landlock are a preview.

Without root and without libseccomp it may still signal or trace processes of its user (`kernel.yama.ptrace_scope` says which it
may trace), run a program that needs no library, and remove or rename that user's files.
"""

import contextlib
import ctypes
import encodings
import errno
import gc
import importlib
import os
import pickle
import pkgutil
import resource
import sys
import time
import traceback
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake.answer import Answer
from tonghop.intake.returned import listed, marked
from tonghop.intake.wire import Kind, send, to_plain
from tonghop.reading.sheet_xml import Grid
from tonghop.reading.styles_xml import as_xml
from tonghop.reading.understand import read_and_check
from tonghop.reading.xlsx import written
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
        send(out, "ready", f"{type(error).__name__}: {error}")
        return
    # what a report is made of refers to each other in no circle, so counting references frees it; what a workbook is written
    # with does
    gc.freeze()
    gc.disable()
    send(out, "ready", None)
    while True:
        try:
            name, content, about = pickle.load(into)
        except EOFError:
            return
        # should nobody be left to kill it
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + settings.worker_seconds) + 1, resource.RLIM_INFINITY))
        answer: tuple[Kind, Any] | tuple[Kind, Any, bytes]
        try:
            if isinstance(about, Answer):
                answer = _back(content, about)
            else:
                answer = "read", *to_plain(read_and_check(name, content, catalogue, settings, about))
        except MemoryError:
            answer = "file.memory", "MemoryError"
        except BaseException as error:  # a parser's panic is no Exception; its message may quote the file
            place = traceback.extract_tb(error.__traceback__)[-1]
            answer = "file.crash", f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        send(out, *answer)
        if isinstance(about, Answer):
            gc.collect()


def _back(content: bytes, answer: Answer) -> tuple[Kind, Any, bytes]:
    try:
        return "book", None, marked(content, answer)
    except NotKept as kept:
        return "book", kept.reason, b""


def _warm(catalogue: Catalogue, settings: Settings) -> None:
    """Import and open, before that is forbidden, whatever reading imports or opens late."""
    for module in ("_strptime", *(f"encodings.{module.name}" for module in pkgutil.iter_modules(encodings.__path__))):
        with contextlib.suppress(ImportError):  # two of them are for Windows
            importlib.import_module(module)
    book = written({"warm": Grid(1).xml()}, as_xml({}, [0]))
    for name, content in (("warm.xlsx", book), ("warm.csv", b"x"), ("warm.json", b"{"), ("warm", b"")):
        read_and_check(name, content, catalogue, settings, date.min)
    listed(Answer("warm", None, "", "returned"), "kind")
    np.zeros((1, 1)) @ np.zeros((1, 1))


def _confine(settings: Settings) -> None:
    """From here on the process can open nothing, dump no core and grow by so much only; what else holds, the module says."""
    used = next(
        int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:")
    )
    with contextlib.suppress(OSError):
        seccomp = ctypes.CDLL("libseccomp.so.2")
    limits = {
        resource.RLIMIT_DATA: used + settings.worker_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))
    if os.geteuid() == 0:
        _become_nobody()
    if "seccomp" in locals():
        _only_compute(seccomp)


def _become_nobody() -> None:
    """Take a user's number that no file and no other worker has; in a container that has few numbers, that of nobody."""
    for number in (_NOBODY_ELSE + os.getpid(), 65534):
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)
            return


def _only_compute(seccomp: ctypes.CDLL) -> None:
    """Have the kernel refuse every call but those of _CALLS, with EPERM; does nothing where the kernel has no such filter."""
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(_REFUSE | errno.EPERM))
    own = _Argument(0, _EQUAL, os.getpid(), 0)
    for call in _CALLS:
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        seccomp.seccomp_rule_add_array(rules, _ALLOW, number, 0, None)
    # to end by a signal of its own, as whoever gets no memory does, and to set its own limit of time
    for call, argument in (("tgkill", own), ("prlimit64", _Argument(0, _EQUAL, 0, 0))):
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        seccomp.seccomp_rule_add_array(rules, _ALLOW, number, 1, ctypes.byref(argument))
    seccomp.seccomp_load(rules)


class _Argument(ctypes.Structure):
    """libseccomp's condition on an argument of a call: which, how it compares, and with what."""

    _fields_ = (("which", ctypes.c_uint), ("how", ctypes.c_int), ("what", ctypes.c_uint64), ("mask", ctypes.c_uint64))


_ALLOW, _REFUSE, _EQUAL = 0x7FFF0000, 0x00050000, 4
_NOBODY_ELSE = 2_000_000_000
# memory, time, threads' locks, signals to itself, and its pipes
_CALLS = (
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "sched_yield", "sched_getaffinity", "getrandom",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "getrusage", "getpid", "gettid", "getppid",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group", "read", "readv",
    "write", "writev", "lseek", "fstat", "close", "poll", "ppoll", "set_robust_list", "rseq",
)  # fmt: skip


if __name__ == "__main__":
    _serve()
