"""The warehouse itself: made by the migrations that lie here, or not touched; started and migrated once, whoever asks."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tonghop.base.settings import PROJECT, Settings
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect
from tonghop.warehouse.embedded import ServerError
from tonghop.warehouse.migrate import MIGRATIONS, migrate, ready


def applied(settings: Settings) -> list[tuple[str, str]]:
    with connect(settings) as connection:
        return connection.execute("select migration_id, sha256 from _migration_text order by 1").fetchall()


def test_a_warehouse_made_by_other_migrations_is_refused_and_left_alone(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("update _migration_text set sha256 = 'x' where migration_id = '0003-intake'")
    with pytest.raises(ServerError, match=r"another development version \(0003-intake changed since\)"):
        migrate(settings)
    assert ("0003-intake", "x") in applied(settings)


def test_migrating_again_changes_nothing(settings: Settings) -> None:
    before = applied(settings)
    migrate(settings)
    assert before == applied(settings)
    assert len(before) == len(list(MIGRATIONS.glob("*.sql")))


def test_who_is_killed_while_migrating_keeps_nobody_out(settings: Settings) -> None:
    code = "from tonghop.base.settings import Settings; from tonghop.warehouse.migrate import migrate; migrate(Settings())"
    environment = os.environ | {
        "PYTHONPATH": str(PROJECT),
        "TONGHOP_HOME": str(settings.home),
        "TONGHOP_DATABASE_URL": str(settings.database_url),
        "TONGHOP_AIRFLOW_DATABASE_URL": str(settings.airflow_database_url),
    }
    with connect(settings) as holding, connect(settings) as looking:
        looking.autocommit = True
        holding.execute("lock table _migration_text")
        process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        while not looking.execute(
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        process.kill()
        process.wait()
    migrate(settings)  # a lock that outlives its holder ends in an error, not in waiting


def test_several_who_start_and_migrate_at_once_find_it_started_and_migrated(tmp_path: Path) -> None:
    here = Settings(home=tmp_path / "home")
    try:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(ready, [here] * 3))
        assert len(applied(here)) == len(list(MIGRATIONS.glob("*.sql")))
        # a program that closes the folder above the data does not hide the server: another run of pytest does so as it begins
        tmp_path.chmod(0o700)
        assert embedded.running(here)
    finally:
        tmp_path.chmod(0o701)
        embedded.stop(here)
    assert not embedded.running(here)
