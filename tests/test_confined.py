"""What a file that took its reading process over could do: tried from inside a real worker, with the worker's own pipes."""

import ctypes
import json
import os
import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tonghop.base.settings import PACKAGE, Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake.wire import receive

# stands in for a parser that a file took over: it is the worker itself that calls it, once it is confined
TAKEN_OVER = """
import ctypes, errno, json, os, socket, sys
from tonghop.intake import worker
from tonghop.reading.report import Report

libc = ctypes.CDLL(None, use_errno=True)
read = worker.read_and_check

def called(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")

def taken_over(name, content, *rest):
    if name != "attempts":
        return read(name, content, *rest)
    parent, victim = os.getppid(), content.decode()
    os.close(2)
    attempts = {
        "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "create": lambda: os.open(victim + ".new", os.O_CREAT | os.O_WRONLY),
        "socket": lambda: socket.socket(),
        "unix socket": lambda: socket.socket(socket.AF_UNIX),
        "pipe": os.pipe,
        "duplicate": lambda: os.dup(0),
        "memory file": lambda: os.memfd_create("x"),
        "fork": lambda: os.fork() or os._exit(0),
        "signal the parent": lambda: os.kill(parent, 0),
        "kill the parent": lambda: os.kill(parent, 9),
        "trace the parent": lambda: called(libc.ptrace, 16, parent, None, None),
        "remove": lambda: os.unlink(victim),
        "rename": lambda: os.rename(victim, victim + ".moved"),
        "truncate": lambda: os.truncate(victim, 0),
        "be root": lambda: os.setuid(0),
        "more descriptors": lambda: worker.resource.setrlimit(worker.resource.RLIMIT_NOFILE, (9, 9)),
        **{f"write to {n}": lambda n=n: os.write(n, b"x") for n in range(3, 64) if n != out},
        "run": lambda: os.execv("/bin/true", ["true"]),
    }
    said = {}
    for what, attempt in attempts.items():
        try:
            attempt()
            said[what] = "done"
        except (OSError, ValueError) as error:
            said[what] = errno.errorcode.get(getattr(error, "errno", None), str(error))
    return Report(scope=json.dumps(said))

worker.read_and_check = taken_over
kept = os.fdopen
def fdopen(descriptor, *rest):
    global out
    out = descriptor
    return kept(descriptor, *rest)
os.fdopen = fdopen
worker._serve()
"""


def attempted(catalogue: Catalogue, limits: Settings, victim: Path) -> dict[str, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKEN_OVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
        env={"PYTHONPATH": str(PACKAGE.parent), "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,
    )
    with process:
        assert process.stdin
        assert process.stdout
        pickle.dump((catalogue, limits), process.stdin)
        process.stdin.flush()
        assert receive(process.stdout, limits) == ("ready", None, b"")
        pickle.dump(("attempts", str(victim).encode(), date(2025, 1, 1)), process.stdin)
        process.stdin.flush()
        status, done, _ = receive(process.stdout, limits)
        process.stdin.close()
    assert status == "read", done
    said: dict[str, str] = json.loads(done["scope"])
    return said


def _is_there(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def test_a_worker_that_a_file_took_over_reaches_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("whole")
    said = attempted(catalogue, Settings(home=tmp_path), victim)
    done = {what for what, outcome in said.items() if outcome == "done"}
    # what needs no descriptor is closed by another user's rights, or by the kernel's filter; see the worker's docstring
    open_ = {"signal the parent", "kill the parent", "trace the parent", "remove", "rename", "truncate", "run"}
    assert done <= (set() if os.geteuid() == 0 or _is_there("libseccomp.so.2") else open_)
    assert victim.read_text() == "whole"


@pytest.mark.parametrize("what", ["open", "socket", "pipe", "fork", "run", "kill the parent", "trace the parent", "write to 3"])
def test_the_attempts_are_ones_that_succeed_where_nothing_confines(what: str, tmp_path: Path) -> None:
    """Else the test above could not fail: each attempt by a process that is not confined."""
    read, write = os.pipe()
    with subprocess.Popen(["sleep", "60"]) as parent:
        free = TAKEN_OVER.replace("os.getppid()", str(parent.pid))
        free = free.replace("os.close(2)", f"write = {write} == 3 or os.dup2({write}, 3)")
        free = free.replace("in attempts.items()", f"in [({what!r}, attempts[{what!r}])]")
        free = free.replace("worker._serve()", "out = -1; print(taken_over('attempts', b'nothing').scope)")
        environment = {"PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run([sys.executable, "-c", free], capture_output=True, text=True, pass_fds=[write], env=environment)
        parent.kill()
    os.close(read)
    os.close(write)
    # who runs another program is that program, which says nothing and ends well
    assert (done.stdout.strip(), done.returncode) == ("" if what == "run" else json.dumps({what: "done"}), 0), done.stderr
