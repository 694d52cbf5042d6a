"""Two commands are kept apart by locks that readers cannot take; who waits in vain is told for whom."""

import sys
from typing import get_args

import psycopg
import pytest

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.cli.main import main
from tonghop.intake.receive import receive_inbox
from tonghop.release.candidate import discard, open_candidate
from tonghop.warehouse import locks
from tonghop.warehouse.connect import bi_url, connect
from tonghop.warehouse.migrate import ready


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", "200ms")


def test_a_reader_who_takes_every_advisory_lock_holds_nobody_up(settings: Settings) -> None:
    settings.inbox.mkdir(parents=True)
    (settings.inbox / "a.csv").write_text("x\n")
    with psycopg.connect(bi_url(settings)) as reader:
        for name in get_args(locks.Name):
            reader.execute("select pg_advisory_lock(hashtext(%s)), pg_advisory_lock(hashtext(%s))", [name, f"tonghop.{name}"])
        ready(settings)
        with connect(settings) as connection:
            sync(load_catalogue(PROJECT / "catalogue"), connection)
        assert receive_inbox(settings) == [1]
        opened = open_candidate(settings)
        assert opened == 1
        discard(settings, opened)


@pytest.mark.parametrize(
    "query",
    [
        "select from _lock for update",
        "select from public._lock",
        "lock table public._lock",
        "insert into public._lock values ('x')",
    ],
)
def test_no_reader_reaches_the_locks(settings: Settings, query: str) -> None:
    with psycopg.connect(bi_url(settings)) as reader:
        reader.execute("set transaction read write")
        with pytest.raises((psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege)):
            reader.execute(query.encode())


def test_a_reader_who_forgets_a_query_or_a_transaction_is_bounded(settings: Settings) -> None:
    with psycopg.connect(bi_url(settings)) as reader:
        bounds = "statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout", "temp_file_limit"
        shown = [reader.execute(f"show {name}".encode()).fetchone() for name in bounds]
        assert shown == [("10min",), ("5min",), ("10s",), ("4GB",)]
        assert reader.execute(
            "select rolconnlimit between 1 and current_setting('max_connections')::integer / 2 from pg_roles "
            "where rolname = current_user"
        ).fetchone() == (True,)
        # only an administrator lifts it
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("set temp_file_limit = -1")


@pytest.mark.parametrize("name", get_args(locks.Name))
def test_who_waits_in_vain_is_told_who_is_at_work_and_goes_on_with_its_transaction(settings: Settings, name: locks.Name) -> None:
    with connect(settings) as holder, connect(settings) as waiting:
        locks.take(holder, name)
        locks.take(holder, name)  # again, as one that calls another does
        with pytest.raises(locks.Busy, match=rf"\({name}\), since .*process {holder.info.backend_pid}"):
            locks.take(waiting, name)
        holder.rollback()
        locks.take(waiting, name)


def test_a_lock_goes_with_a_connection_that_is_cut(settings: Settings) -> None:
    with connect(settings) as waiting:
        holder = connect(settings)
        locks.take(holder, "ledger")
        waiting.execute("select pg_terminate_backend(%s, 5000)", [holder.info.backend_pid])
        locks.take(waiting, "ledger")


def test_outside_a_transaction_a_lock_would_be_gone_at_once_and_is_refused(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.autocommit = True
        with pytest.raises(psycopg.errors.NoActiveSqlTransaction):
            locks.take(connection, "ledger")


def test_a_command_that_waits_in_vain_ends_with_a_code_of_its_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("home", "database_url", "airflow_database_url"):
        monkeypatch.setenv(f"TONGHOP_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setattr(sys, "argv", ["tonghop", "release"])
    with connect(settings) as holder:
        locks.take(holder, "build")
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 4
    said = capsys.readouterr()
    assert "another command is at work (build)" in " ".join((said.out + said.err).split())
