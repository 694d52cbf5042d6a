"""Receive and load into a real warehouse: exactly once, nothing overwritten, and nothing lost when it is cut short."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from books import STAFF, book
from hostile import as_json

from tonghop.base.codes import receipt_number
from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake import load
from tonghop.intake.receive import original, receive_inbox
from tonghop.intake.submit import submit
from tonghop.queries.verify import verify
from tonghop.reading.report import Read, TableRead
from tonghop.release import candidate
from tonghop.warehouse.connect import connect, database_url

WARD, CITY, PERIOD = "08719", "243", "2018-Y"


def put(settings: Settings, name: str, content: bytes) -> None:
    settings.inbox.mkdir(parents=True, exist_ok=True)
    (settings.inbox / name).write_bytes(content)


def take_in(settings: Settings) -> dict[str, str]:
    receive_inbox(settings)
    return {answer.file: answer.status for answer in load.load_pending(settings)}


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query.encode()).fetchall()


def staff(catalogue: Catalogue, unit: str = WARD, sender: str | None = None, **changes: Any) -> bytes:
    return book(catalogue, "F8A", sender or unit, PERIOD, [(unit, STAFF | changes)])


def holds(settings: Settings) -> bool:
    wrong = [(v.name, v.wrong) for v in verify(settings) if v.wrong]
    assert not wrong
    return True


def test_an_accepted_file_leaves_facts_receipt_ledger_answer_and_its_original(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "F8.xlsx", staff(catalogue))
    assert take_in(settings) == {"F8.xlsx": "accepted"}
    assert list(settings.inbox.iterdir()) == []
    ((number, sha, cells),) = rows(settings, "select receipt_id, sha256, cells from intake.receipt")
    assert cells == len(STAFF) == rows(settings, "select count(*) from intake.cell")[0][0]
    assert [act for (act,) in rows(settings, "select act from intake.ledger order by seq")] == ["received", "accepted"]
    assert original(settings, sha).read_bytes()
    assert original(settings, sha).stat().st_mode & 0o077 == 0
    assert "đã nhận" in (settings.answers / f"R{number:06d}.txt").read_text("utf-8")
    assert holds(settings)


def test_a_cell_is_called_what_its_file_calls_it_whatever_that_holds(settings: Settings) -> None:
    put(settings, "F8.json", as_json(values=json.dumps({f"{name}\t\r\n": value for name, value in STAFF.items()})[1:-1]))
    assert take_in(settings) == {"F8.json": "accepted"}
    found = dict(rows(settings, "select cell, value::integer from intake.cell"))
    assert found == {f"/rows/0/values/{name}\t\r\n": value for name, value in STAFF.items()}
    assert holds(settings)


def test_the_same_bytes_again_are_a_duplicate_and_change_nothing(settings: Settings, catalogue: Catalogue) -> None:
    content = staff(catalogue)
    put(settings, "F8.xlsx", content)
    take_in(settings)

    def state() -> list[Any]:
        tables = ("receipt", "cell", "ledger", "finding")
        return [rows(settings, f"select t::text from intake.{table} t order by 1") for table in tables]

    before = state()
    put(settings, "another-name.xlsx", content)
    assert take_in(settings) == {}
    assert state() == before
    assert list(settings.inbox.iterdir()) == []


def test_an_accepted_report_is_told_what_was_read_and_a_duplicate_the_same(settings: Settings, catalogue: Catalogue) -> None:
    path = settings.home / "F8.xlsx"
    path.write_bytes(book(catalogue, "F8A", "356.01", PERIOD, [("356.01", STAFF)]))
    first, again = submit(settings, [path]), submit(settings, [path])
    assert [answer.status for answer in (*first, *again)] == ["accepted", "duplicate"]
    assert again[0].read == first[0].read == Read((TableRead("F8A", "F8A", 1, 9),), owed=False)
    assert again[0].as_json()["read"]["tables"] == [{"table": "F8A", "sheet": "F8A", "rows": 1, "cells": 9}]
    told = (settings.answers / f"{first[0].receipt}.txt").read_text("utf-8")
    assert "Đã đọc / read: F8A, bảng / table F8A: 1 dòng, 9 ô / rows 1, cells 9" in told
    assert "Không đơn vị nào trong báo cáo phải nộp biểu F8 cho kỳ 2018-Y / no unit in the report owes form F8 for 2018-Y" in told


def test_bad_files_are_answered_and_nothing_else_waits_for_them(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "a-bad.xlsx", staff(catalogue, tong=99))
    put(settings, "b-torn.xlsx", staff(catalogue)[:500])
    put(settings, "c-good.xlsx", staff(catalogue))
    assert take_in(settings) == {"a-bad.xlsx": "returned", "b-torn.xlsx": "quarantined", "c-good.xlsx": "accepted"}
    assert rows(settings, "select count(distinct receipt_id) from intake.cell") == [(1,)]
    assert {kind for (kind,) in rows(settings, "select kind from intake.finding where rule like 'F8%'")} == {"identity"}
    assert holds(settings)


def test_a_correction_supersedes_and_the_older_version_stays(settings: Settings, catalogue: Catalogue) -> None:
    path = settings.home / "1.xlsx"
    path.write_bytes(staff(catalogue))
    put(settings, path.name, path.read_bytes())
    take_in(settings)
    put(settings, "2.xlsx", staff(catalogue, dai_hoc=17, khac=1))
    take_in(settings)
    assert rows(settings, "select receipt_id, by_receipt_id from intake.ledger where act = 'superseded'") == [(1, 2)]
    assert rows(settings, "select receipt_id, count(*) from intake.cell group by 1 order by 1") == [(1, 9), (2, 9)]
    (again,) = submit(settings, [path])
    assert (again.status, again.superseded_by) == ("duplicate", "R000002")
    assert "Đã được thay bằng biên nhận / superseded by receipt: R000002" in again.as_text()
    assert holds(settings)


def test_a_release_is_awaited_for_what_was_accepted_or_withdrawn_and_for_nothing_else(
    settings: Settings, catalogue: Catalogue
) -> None:
    put(settings, "a-bad.xlsx", staff(catalogue, tong=99))
    put(settings, "b-torn.xlsx", staff(catalogue)[:500])
    take_in(settings)
    assert not candidate.awaited(settings)
    put(settings, "c-good.xlsx", staff(catalogue))
    take_in(settings)
    assert candidate.awaited(settings)


def test_of_two_versions_in_one_batch_only_the_last_stands(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    put(settings, "2.xlsx", staff(catalogue, dai_hoc=17, khac=1))
    put(settings, "3.xlsx", staff(catalogue, dai_hoc=16, khac=2))
    take_in(settings)
    superseded = rows(settings, "select receipt_id, by_receipt_id from intake.ledger where act = 'superseded' order by 1")
    assert superseded == [(1, 2), (2, 3)]
    assert holds(settings)


@pytest.mark.parametrize("together", [True, False])
def test_a_figure_that_two_senders_claim_is_returned_to_the_second(
    settings: Settings, catalogue: Catalogue, together: bool
) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    if not together:
        take_in(settings)
    put(settings, "2.xlsx", staff(catalogue, sender=CITY))
    take_in(settings)
    assert rows(settings, "select receipt_id, status from intake.receipt order by 1") == [(1, "accepted"), (2, "returned")]
    ((rule, message),) = rows(settings, "select rule, message_en from intake.finding where receipt_id = 2")
    assert (rule, "R000001" in message) == ("row.taken", True)
    assert holds(settings)


def test_a_withdrawal_is_an_act_with_a_reason_and_frees_the_figures_for_another_sender(
    settings: Settings, catalogue: Catalogue
) -> None:
    path = settings.home / "1.xlsx"
    path.write_bytes(staff(catalogue))
    put(settings, path.name, path.read_bytes())
    take_in(settings)
    with pytest.raises(ValueError, match="reason"):
        load.withdraw(settings, [1], "  ")
    load.withdraw(settings, [1], "gửi nhầm kỳ")
    with pytest.raises(ValueError, match="withdrawn"):
        load.withdraw(settings, [1], "again")
    with pytest.raises(ValueError, match="no receipt"):
        load.withdraw(settings, [99], "unknown")
    # who hands the same file in again would take a duplicate for a report that counts
    assert [answer.status for answer in submit(settings, [path])] == ["withdrawn"]
    put(settings, "2.xlsx", staff(catalogue, sender=CITY))
    assert take_in(settings) == {"2.xlsx": "accepted"}
    assert rows(settings, "select reason from intake.ledger where receipt_id = 1 and act = 'withdrawn'") == [("gửi nhầm kỳ",)]
    assert holds(settings)


def test_the_ledger_the_cells_and_the_catalogue_refuse_change_even_from_their_owner(
    settings: Settings, catalogue: Catalogue
) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    take_in(settings)
    for statement in (
        "update intake.line set figures = '{1}'",
        "delete from intake.ledger",
        "truncate intake.finding",
        "update catalogue.field set shown_from = null",
        "delete from intake.receipt",
        "update intake.receipt set sha256 = 'x'",
    ):
        with connect(settings) as connection, pytest.raises(psycopg.errors.RaiseException):
            connection.execute(statement.encode())


_HEADER = ("receipt_id", "header", "sheet", "indicators", "columns")
_LINE = ("receipt_id", "header", "unit_id", "period_id", "row_id", "scope", "place", "figures")


def _copy_line(settings: Settings, **changed: str) -> None:
    """The first header and line once more, with an expression for some columns, under a receipt that has none yet."""
    columns = {"receipt_id": "(select max(receipt_id) from intake.receipt)"} | changed
    with connect(settings) as connection:
        for table, names in (("header", _HEADER), ("line", _LINE)):
            copied, into = ", ".join(columns.get(name, name) for name in names), ", ".join(names)
            connection.execute(f"insert into intake.{table} ({into}) select {copied} from intake.{table} limit 1".encode())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((column, "-1") for column in ("receipt_id", "unit_id", "period_id", "row_id")),
        ("indicators", "indicators[2:] || -1"),
        ("figures", "figures[2:]"),
    ],
)
def test_a_cell_refers_only_to_what_is_there(settings: Settings, catalogue: Catalogue, column: str, value: str) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    take_in(settings)
    put(settings, "2.xlsx", staff(catalogue, dai_hoc=17, khac=1))
    receive_inbox(settings)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        _copy_line(settings, **{column: value})


def test_a_report_is_written_at_once_and_gives_each_figure_once(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    take_in(settings)
    for statement in (
        f"insert into intake.line ({', '.join(_LINE)}) select {', '.join(_LINE)} from intake.line",
        f"insert into intake.line ({', '.join(_LINE)}) select {', '.join(_LINE)} from intake.line limit 1",
    ):
        with connect(settings) as connection, pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(statement.encode())
    put(settings, "2.xlsx", staff(catalogue, dai_hoc=17, khac=1))
    receive_inbox(settings)
    with pytest.raises(psycopg.errors.UniqueViolation):
        _copy_line(settings, indicators="indicators[2:] || indicators[2]")
    copied = "select (select max(receipt_id) from intake.receipt), {} from intake.{}"
    twice = copied.format(", ".join(_LINE[1:]), "line")
    with connect(settings) as connection:
        connection.execute(f"insert into intake.header {copied.format(', '.join(_HEADER[1:]), 'header')}".encode())
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(f"insert into intake.line ({', '.join(_LINE)}) {twice} union all {twice}".encode())


def test_verify_finds_a_lost_original_and_an_altered_cell(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    take_in(settings)
    ((sha,),) = rows(settings, "select sha256 from intake.receipt")
    original(settings, sha).chmod(0o600)
    original(settings, sha).write_bytes(b"altered")
    with connect(settings) as connection:
        connection.execute("alter table intake.line disable trigger append_only")
        connection.execute("update intake.line set figures = array_replace(figures, 21, 22)")
    wrong = {v.name for v in verify(settings) if v.wrong == ["R000001"]}
    assert wrong == {
        "every original lies unchanged in the store until its retention is over",
        "the cells of every accepted report are those that were loaded",
    }


def _cut_short(settings: Settings, at: int, how: str) -> bool:
    """Take the inbox in, in a process of its own that is cut short before its n-th statement. Returns whether it was."""
    child = os.fork()
    if child == 0:
        try:
            _instrument(settings, at, how)
            take_in(settings)
            os._exit(0)
        except psycopg.OperationalError:
            os._exit(1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1, -signal.SIGKILL)
    return os.waitstatus_to_exitcode(status) != 0


def _instrument(settings: Settings, at: int, how: str) -> None:
    count = 0

    def before(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        def statement(self: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == at and how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if count == at:
                victim = (self if isinstance(self, psycopg.Connection) else self.connection).info.backend_pid
                with psycopg.connect(database_url(settings)) as other:
                    plain(other, f"select pg_terminate_backend({victim})".encode())
            return wrapped(self, *args, **kwargs)

        return statement

    plain = psycopg.Connection.execute
    for owner, name in ((psycopg.Connection, "execute"), (psycopg.Cursor, "copy"), (psycopg.Cursor, "executemany")):
        setattr(owner, name, before(getattr(owner, name)))


@pytest.mark.parametrize("how", ["kill", "cut"])
def test_cut_short_between_any_two_statements_the_loader_loses_and_doubles_nothing(
    settings: Settings, catalogue: Catalogue, how: str
) -> None:
    files = {
        "1.xlsx": staff(catalogue),
        "2.xlsx": staff(catalogue, dai_hoc=17, khac=1),
        "3.xlsx": staff(catalogue, tong=5),
        "4.xlsx": staff(catalogue, sender=CITY),
    }
    for name, content in files.items():
        put(settings, name, content)
    statement, cut = 1, 0
    while _cut_short(settings, statement, how):
        cut, statement = cut + 1, statement + 1
        waiting = sum(1 for _ in settings.inbox.iterdir())
        assert waiting + rows(settings, "select count(*) from intake.receipt")[0][0] >= len(files)
    assert cut > 15
    # the numbers themselves may have gaps: a number once drawn is not drawn again
    assert rows(settings, "select file_name, status from intake.receipt order by 1") == [
        ("1.xlsx", "accepted"),
        ("2.xlsx", "accepted"),
        ("3.xlsx", "returned"),
        ("4.xlsx", "returned"),
    ]
    assert rows(settings, "select act, count(*) from intake.ledger group by 1 order by 1") == [
        ("accepted", 2),
        ("received", 4),
        ("returned", 2),
        ("superseded", 1),
    ]
    assert rows(settings, "select count(*) from intake.cell") == [(18,)]
    assert not list(Path(settings.inbox).iterdir())
    assert holds(settings)


def test_killed_before_it_answered_the_next_run_answers_what_was_decided(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "1.xlsx", staff(catalogue))
    put(settings, "2.xlsx", staff(catalogue, tong=5))
    child = os.fork()
    if child == 0:
        load.__dict__["give"] = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
        take_in(settings)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert rows(settings, "select status from intake.receipt order by 1") == [("accepted",), ("returned",)]
    assert not settings.answers.exists()
    load.withdraw(settings, [1], "gửi nhầm kỳ")
    assert take_in(settings) == {}
    assert "đã rút" in (settings.answers / "R000001.txt").read_text("utf-8")
    assert sorted(path.name for path in settings.answers.iterdir()) == ["R000001.txt", "R000002.txt", "R000002.xlsx"]
    (settings.answers / "R000001.txt").unlink()
    take_in(settings)
    assert not (settings.answers / "R000001.txt").exists()  # given once


def test_a_receipt_is_named_as_people_write_it() -> None:
    assert receipt_number("R000012") == receipt_number("r12") == 12
    assert receipt_number("12x") is None
