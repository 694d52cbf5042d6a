"""Make the databases, and bring tables, roles, grants and views up to date."""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations

from tonghop.base.days import TIME_ZONE
from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.warehouse import locks, views
from tonghop.warehouse.connect import AIRFLOW, WAREHOUSE, connect, database_url
from tonghop.warehouse.embedded import ServerError, needed, running, start
from tonghop.warehouse.roles import BI_LOGIN

# the day on which a moment falls where the organisation is
_LOCAL_DAY = sql.SQL("""
    create or replace function ctl.local_day(moment timestamptz) returns date immutable language sql
    return (moment at time zone {})::date""")
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(settings: Settings) -> None:
    """Make the databases and bring roles, tables, grants and views up to date; safe to repeat, one at a time.

    Raises ServerError where a migration is no longer what this warehouse was made by, and what `views.apply` raises.
    """
    _create_databases(settings)
    migrations = read_migrations(str(MIGRATIONS))
    with connect(settings) as alone:
        # another who starts at the same time may have made it
        with contextlib.suppress(psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation), alone.transaction():
            alone.execute(locks.TABLE)
        # goes with its connection; yoyo's own lock is a row, which whoever is killed leaves behind
        locks.take(alone, "migrate")
        backend = get_backend(
            database_url(settings).replace("postgresql://", "postgresql+psycopg://", 1), migration_table="_migration"
        )
        try:
            with connect(settings) as connection:
                _hold_unchanged(connection, {m.id: m.path for m in migrations}, {m.id for m in backend.to_rollback(migrations)})
            backend.apply_migrations(backend.to_apply(migrations))
        finally:
            backend.connection.close()
        alone.execute(_LOCAL_DAY.format(sql.Literal(TIME_ZONE)))
        views.apply(alone)
        alone.execute(
            sql.SQL("alter role {} login password {}").format(sql.Identifier(BI_LOGIN), sql.Literal(secret(settings, "bi")))
        )


def _hold_unchanged(connection: psycopg.Connection[Any], migrations: dict[str, str], applied: set[str]) -> None:
    """Until the first version is released migrations change in place: a warehouse of before must not go on half and half."""
    connection.execute("create table if not exists _migration_text (migration_id text primary key, sha256 text not null)")
    was = dict(connection.execute("select migration_id, sha256 from _migration_text").fetchall())
    now = {name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in migrations.items()}
    changed = sorted(name for name in applied if was.get(name) != now[name])
    if changed:
        raise ServerError(
            f"this warehouse was made by another development version ({', '.join(changed)} changed since); "
            "name an empty folder with TONGHOP_HOME, or another database, and hand the originals in again"
        )
    connection.cursor().executemany(
        "insert into _migration_text values (%s, %s) on conflict (migration_id) do update set sha256 = excluded.sha256",
        [(n, s) for n, s in now.items() if n not in applied],
    )


def _create_databases(settings: Settings) -> None:
    if not needed(settings):
        return
    with psycopg.connect(
        database_url(settings.model_copy(update={"database_url": None, "airflow_database_url": None}), "postgres"),
        autocommit=True,
    ) as connection:
        have = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in {WAREHOUSE, AIRFLOW} - have:
            # another who starts at the same time may have made it
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def ready(settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
    """Start what is needed and migrate: after this, `connect` works."""
    if needed(settings) and not running(settings):
        say("starting PostgreSQL")
        start(settings)
    migrate(settings)
