"""Killed at any moment, taking in loses and doubles nothing: a file has one receipt with its bytes, or is still in the inbox."""

import hashlib
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from books import STAFF
from hostile import as_csv
from kill_harness import kill_at_random, started

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.intake.load import load_pending
from tonghop.intake.receive import original, receive_inbox
from tonghop.intake.submit import submit
from tonghop.queries.verify import verify
from tonghop.warehouse.connect import connect

INBOX = """
from tonghop.base.settings import Settings
from tonghop.intake.load import load_pending
from tonghop.intake.receive import receive_inbox
receive_inbox(Settings())
load_pending(Settings())
"""
SUBMIT = """
import sys
from pathlib import Path
from tonghop.base.settings import Settings
from tonghop.intake.submit import submit
submit(Settings(), [Path(sys.argv[1])])
"""


def report(number: int) -> bytes:
    """A good report that no other number gives."""
    return as_csv(STAFF | {"can_bo": number, "tong": number + 13, "dai_hoc": number + 10})


class Senders:
    """They put files into the inbox all the time: moved in, written slowly, and replaced by another report of the same name."""

    def __init__(self, inbox: Path, aside: Path, seed: int):
        self.inbox, self.aside, self.dice = inbox, aside, random.Random(seed)
        self.number = 0
        # what must be there in the end, and what was there for a while and may have been received
        self.final: dict[str, bytes] = {}
        self.replaced: list[bytes] = []
        self._stop = threading.Event()

    def _new(self) -> bytes:
        self.number += 1
        return report(self.number)

    def _moved(self, name: str, content: bytes) -> None:
        (self.aside / name).write_bytes(content)
        (self.aside / name).rename(self.inbox / name)

    def _slowly(self, name: str, content: bytes) -> None:
        with (self.inbox / name).open("wb") as file:
            at = self.dice.randrange(len(content))
            file.write(content[:at])
            file.flush()
            self._stop.wait(self.dice.uniform(0, 1))
            file.write(content[at:])

    def _twice(self, name: str, content: bytes) -> None:
        first = self._new()
        self.replaced.append(first)
        self._moved(name, first)
        self._stop.wait(self.dice.uniform(0, 1))
        self._moved(name, content)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        def work() -> None:
            while not self._stop.is_set():
                content = self._new()
                name = f"{self.number}.csv"
                self.final[name] = content
                way: Callable[[str, bytes], None] = self.dice.choice([self._moved, self._slowly, self._twice])
                way(name, content)
                self._stop.wait(self.dice.uniform(0, 0.3))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


@pytest.mark.parametrize("kills", [6, pytest.param(300, marks=pytest.mark.trials)])
def test_every_file_has_one_receipt_with_its_bytes_and_no_fact_is_lost_or_doubled(
    settings: Settings, tmp_path: Path, kills: int
) -> None:
    patient = settings.model_copy(update={"still_seconds": 0.2, "readers": 1})
    aside, outside = tmp_path / "aside", tmp_path / "outside"
    for folder in (settings.inbox, aside, outside):
        folder.mkdir(parents=True)
    senders = Senders(settings.inbox, aside, seed=kills)
    handed: list[Path] = []

    def by_hand() -> "subprocess.Popen[bytes]":
        path = outside / f"{len(handed)}.csv"
        path.write_bytes(report(1_000_000 + len(handed)))
        handed.append(path)
        return started(patient, SUBMIT, str(path))

    begun = time.monotonic()
    with senders.at_work():
        missed = kill_at_random([lambda: started(patient, INBOX), by_hand], kills, seed=kills)
    whole = {hashlib.sha256(content).hexdigest(): content for content in [*senders.final.values(), *senders.replaced]}
    whole |= {hashlib.sha256(path.read_bytes()).hexdigest(): path.read_bytes() for path in handed}

    def received() -> list[tuple[str, str]]:
        with connect(settings) as connection:
            return connection.execute("select sha256, file_name from intake.receipt").fetchall()

    # as the last kill left it: nothing is lost, nothing is half
    there = {hashlib.sha256(path.read_bytes()).hexdigest() for path in settings.inbox.iterdir()}
    known = {sha for sha, _ in received()}
    assert known <= whole.keys()
    assert {hashlib.sha256(content).hexdigest() for content in senders.final.values()} <= known | there
    assert all(original(settings, sha).read_bytes() == whole[sha] for sha in known)
    # and once somebody takes in what is left
    receive_inbox(settings)
    load_pending(settings)
    submit(settings, handed)
    assert not list(settings.inbox.iterdir())
    shas = [sha for sha, _ in received()]
    assert len(shas) == len(set(shas))
    must = [*senders.final.values(), *(path.read_bytes() for path in handed)]
    assert {hashlib.sha256(content).hexdigest() for content in must} <= set(shas) <= whole.keys()
    with connect(settings) as connection:
        numbers = [row[0] for row in connection.execute("select receipt_id from intake.receipt where status = 'accepted'")]
        cells = connection.execute("select receipt_id, count(*) from intake.cell group by 1").fetchall()
        acts = connection.execute("select act, count(*) from intake.ledger group by 1").fetchall()
    assert len(numbers) == len(shas)
    assert sorted(cells) == sorted((number, len(STAFF)) for number in numbers)
    assert dict(acts) == {"received": len(shas), "accepted": len(shas), "superseded": len(shas) - 1}
    assert all((settings.answers / f"{receipt_code(number)}.txt").exists() for number in numbers)
    assert not list(settings.answers.glob("*.part"))
    assert not [(v.name, v.wrong) for v in verify(settings) if v.wrong]
    print(f"{kills} kills, {missed} runs not hit, {len(shas)} receipts, {time.monotonic() - begun:.0f} s")
