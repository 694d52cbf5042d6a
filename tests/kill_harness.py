"""Kills a command at random moments, again and again, for tests of what must hold whenever a process dies.

What is started is killed with all of its group, as a machine that lacks memory or an impatient operator does it. The moments are
drawn over the time that an undisturbed run takes.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tonghop.base.settings import PREFIX, Settings


def started(settings: Settings, code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Python code in a process of its own, with these settings and arguments; pytest shows what it says where the test fails."""
    given = {PREFIX + name.upper(): str(value) for name, value in settings.model_dump().items() if value is not None}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | given,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parent,
        start_new_session=True,
    )


def kill_at_random(starts: Sequence[Callable[[], "subprocess.Popen[bytes]"]], kills: int, seed: int) -> int:
    """Start commands, one of several at a time, and kill each at a random moment, until so many were killed.

    Returns how many ended before. The first runs are not disturbed: they tell how long each takes. Raises AssertionError where
    one fails by itself.
    """
    dice, missed = random.Random(seed), 0
    lengths = []
    for start in starts:
        begun = time.monotonic()
        assert start().wait() == 0
        lengths.append(time.monotonic() - begun)
    while kills:
        start, length = dice.choice(list(zip(starts, lengths, strict=True)))
        process = start()
        try:
            # other work on the machine may make this run longer than the first
            assert process.wait(timeout=dice.uniform(0, 1.2 * length)) == 0
            missed += 1
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills -= 1
    return missed
