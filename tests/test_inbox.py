"""The inbox: only what is whole is taken, only what was received is removed, and what stays is named with the reason."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from books import STAFF, book
from commands import run
from hostile import as_csv

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake import load, receive
from tonghop.intake.delivery import give
from tonghop.intake.inbox import NO_FILE, Stamp, clear, look
from tonghop.intake.pool import Pool
from tonghop.intake.receive import original, receive_inbox
from tonghop.queries.verify import verify
from tonghop.warehouse.connect import connect

WHOLE = as_csv(STAFF)
HALF = WHOLE[: WHOLE.index(b"\r\n", len(WHOLE) // 2) + 2]


def put(settings: Settings, name: str, content: bytes = WHOLE) -> Path:
    path = settings.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def receipts(settings: Settings) -> dict[str, int]:
    """The bytes of each file that was received, by name."""
    with connect(settings) as connection:
        return dict(connection.execute("select file_name, bytes from intake.receipt").fetchall())


def patient(settings: Settings, seconds: float) -> Settings:
    return settings.model_copy(update={"still_seconds": seconds})


# --- still being written -----------------------------------------------------------------------------------------


def test_a_file_whose_writer_pauses_stays_until_it_is_closed(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.inbox.mkdir(parents=True)
    with (settings.inbox / "F8.csv").open("wb") as writer:
        writer.write(HALF)
        writer.flush()
        receive_inbox(settings)
        assert receipts(settings) == {}
        assert "F8.csv: có chương trình đang mở để ghi / a program has it open for writing" in caplog.text
        writer.write(WHOLE[len(HALF) :])
    receive_inbox(settings)
    assert receipts(settings) == {"F8.csv": len(WHOLE)}
    assert not list(settings.inbox.iterdir())


def test_a_file_that_grows_between_the_looks_stays_for_the_next_run(settings: Settings) -> None:
    def append() -> None:
        time.sleep(0.5)
        with path.open("ab") as writer:
            writer.write(WHOLE[len(HALF) :])

    path, settings = put(settings, "F8.csv", HALF), patient(settings, 1.5)
    writer = threading.Thread(target=append)
    writer.start()
    receive_inbox(settings)
    writer.join()
    assert receipts(settings) == {}
    receive_inbox(settings)
    assert receipts(settings) == {"F8.csv": len(WHOLE)}


def test_a_file_that_stays_the_same_waits_for_one_run_only_however_new_it_is(settings: Settings) -> None:
    put(settings, "F8.csv")
    receive_inbox(patient(settings, 1))
    assert receipts(settings) == {"F8.csv": len(WHOLE)}


def test_one_new_file_does_not_hold_up_those_that_are_still(settings: Settings) -> None:
    put(settings, "old.csv")
    time.sleep(1)
    put(settings, "new.csv", HALF)
    seen = look(settings.inbox, 0.7)
    assert ([p.name for p in seen.still], [p.name for p in seen.fresh]) == (["old.csv"], ["new.csv"])
    assert 0 < seen.wait <= 0.7


def test_a_copy_that_keeps_an_old_date_is_as_new_as_its_last_change(settings: Settings) -> None:
    os.utime(put(settings, "F8.csv"), (1, 1))
    assert [p.name for p in look(settings.inbox, 60).fresh] == ["F8.csv"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("F8.xlsx.part", "still being written"),
        ("F8.xlsx.filepart", "still being written"),
        ("F8.CRDOWNLOAD", "still being written"),
        ("a1b2.tmp", "still being written"),
        ("F8.csv.partial", "still being written"),
        (".F8.xlsx", "begins with a dot"),
        (".sync/F8.xlsx", "begins with a dot"),
        (".~lock.F8.xlsx#", "a file of the operating system or a program"),
        ("Thumbs.db", "a file of the operating system"),
        ("__MACOSX/._F8.xlsx", "a file of the operating system"),
        ("~$F8.xlsx", "a file of the operating system or a program"),
        ("F8.xlsx~", "by its name it is a backup"),
        ("F8.csv.bak", "by its name it is a backup"),
    ],
)
def test_what_a_name_says_is_unfinished_or_hidden_stays_and_is_named_every_time(
    settings: Settings, name: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(settings, name)
    for _ in range(2):
        caplog.clear()
        receive_inbox(settings)
        assert f"{name}: " in caplog.text
        assert why in caplog.text
    assert receipts(settings) == {}
    assert (settings.inbox / name).exists()
    shown = run(settings, "status", "--json").output
    assert name in shown
    assert why in shown


def test_a_folder_that_cannot_be_opened_is_named(settings: Settings) -> None:
    (settings.inbox / "folder").mkdir(parents=True)
    (settings.inbox / "folder").rmdir()
    (settings.inbox / "folder").symlink_to(settings.home)
    assert look(settings.inbox, 0).stays == {settings.inbox / "folder": NO_FILE}


# --- leaving the inbox -------------------------------------------------------------------------------------------


def _rewritten(path: Path) -> None:
    path.write_bytes(HALF)


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(WHOLE.replace(b",18\r", b",17\r"))
    other.replace(path)


@pytest.mark.parametrize("changed", [_rewritten, _replaced], ids=["rewritten", "replaced"])
def test_another_report_of_the_same_date_is_not_removed_unreceived(settings: Settings, changed: Callable[[Path], Any]) -> None:
    path = put(settings, "F8.csv")
    before = path.stat()
    with connect(settings) as connection:
        (done,) = receive.receive(settings, connection, [path])
    changed(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    other = path.read_bytes()
    clear(done.path, done.seen)
    assert path.read_bytes() == other
    receive_inbox(settings)
    with connect(settings) as connection:
        assert connection.execute("select bytes from intake.receipt order by 1").fetchall() == sorted(
            [(len(other),), (len(WHOLE),)]
        )
    assert not list(settings.inbox.iterdir())


def test_what_a_killed_run_had_set_aside_is_a_duplicate_or_a_file_of_its_own(settings: Settings) -> None:
    put(settings, "F8.csv")
    receive_inbox(settings)
    put(settings, ".taken-0123456789abcdef.csv")
    put(settings, ".taken-fedcba9876543210.csv", WHOLE.replace(b",18\r", b",17\r"))
    receive_inbox(settings)
    assert len(receipts(settings)) == 2
    assert not list(settings.inbox.iterdir())


def test_a_file_is_removed_by_the_way_that_leaves_nothing_else(settings: Settings) -> None:
    path = put(settings, "x" * 240 + ".csv")
    clear(path, Stamp.of(path.lstat()))
    assert not list(settings.inbox.iterdir())
    clear(path, Stamp(0, 0, 0, 0, 0))  # another run was faster


# --- the originals -----------------------------------------------------------------------------------------------


def test_loaders_whose_processes_have_the_same_number_keep_their_originals_apart(settings: Settings) -> None:
    files = [[put(settings, f"{n}-{m}.csv", f"{n}-{m}\n".encode() * 20_000) for m in range(12)] for n in range(4)]

    def take(paths: list[Path]) -> None:
        with connect(settings) as connection:
            receive.receive(settings, connection, paths)

    threads = [threading.Thread(target=take, args=[paths]) for paths in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts(settings)) == 48
    assert not [(v.name, v.wrong) for v in verify(settings) if v.wrong]
    assert not list(settings.originals.glob("*.part"))


def test_loaders_that_answer_the_same_receipt_at_once_leave_a_whole_answer(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "F8.csv")
    receive_inbox(settings)
    (answer,) = load.load_pending(settings)
    wrong: list[BaseException] = []

    def answer_again() -> None:
        try:
            with connect(settings) as connection, Pool(catalogue, settings) as pool:
                for _ in range(100):
                    give(settings, connection, pool, [answer])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=answer_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert {path.name: path.read_text() for path in settings.answers.iterdir()} == {f"{answer.receipt}.txt": answer.as_text()}


def test_what_a_killed_loader_left_half_copied_goes_after_a_day_and_never_before(settings: Settings) -> None:
    put(settings, "F8.csv")
    settings.originals.mkdir(parents=True)
    (settings.originals / "old.part").touch()
    (settings.originals / "new.part").touch()
    os.utime(settings.originals / "old.part", (1, time.time() - 90_000))
    receive_inbox(settings)
    assert [path.name for path in settings.originals.glob("*.part")] == ["new.part"]


def test_an_original_is_never_written_over_and_one_that_was_damaged_is_stored_anew(
    settings: Settings, catalogue: Catalogue
) -> None:
    content = book(catalogue, "F8A", "08719", "2018-Y", [("08719", STAFF)])
    put(settings, "F8.xlsx", content)
    receive_inbox(settings)
    load.load_pending(settings)
    with connect(settings) as connection:
        ((sha,),) = connection.execute("select sha256 from intake.receipt").fetchall()
    kept = original(settings, sha)
    first = kept.stat().st_ino
    put(settings, "again.xlsx", content)
    receive_inbox(settings)
    assert kept.stat().st_ino == first
    kept.write_bytes(b"damaged")
    put(settings, "once-more.xlsx", content)
    receive_inbox(settings)
    assert kept.read_bytes() == content
