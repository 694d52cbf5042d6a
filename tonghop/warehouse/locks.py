"""What keeps two commands apart: rows of a table that readers cannot reach.

A lock goes with its transaction, however that ends. An advisory lock would do the same, but anybody who may connect can take one,
and keep it.
"""

from typing import Any, Literal

import psycopg

Name = Literal["migrate", "catalogue", "ledger", "build"]
PATIENCE = "300s"  # for another command that is at work
# before the first migration there is no schema but this one, which is closed to readers
TABLE = """
create table if not exists _lock (name text primary key);
insert into _lock values ('migrate'), ('catalogue'), ('ledger'), ('build') on conflict do nothing"""


class Busy(Exception):
    """Another command is at work on the same thing; the message says which, and since when."""


def take(connection: psycopg.Connection[Any], name: Name) -> None:
    """Hold a lock until the transaction ends, in which there is patience for other locks, too.

    Waits PATIENCE for who holds it, then raises Busy. The transaction is open already.
    """
    connection.execute("savepoint waiting")
    try:
        connection.execute("select set_config('lock_timeout', %s, true)", [PATIENCE])
        connection.execute("select from _lock where name = %s for update", [name])
    except psycopg.errors.LockNotAvailable:
        connection.execute("rollback to savepoint waiting")
        raise Busy(_holder(connection, name)) from None
    connection.execute("release savepoint waiting")
    connection.execute("select set_config('application_name', %s, true)", [_called(name)])


def _called(name: Name) -> str:
    return f"tonghop: {name}"


def _holder(connection: psycopg.Connection[Any], name: Name) -> str:
    holders = connection.execute(
        "select format('%%s, %%s, process %%s', to_char(xact_start, 'HH24:MI:SS'), coalesce(client_addr::text, 'local'), pid) "
        "from pg_stat_activity where datname = current_database() and application_name = %s",
        [_called(name)],
    ).fetchall()
    who = "; ".join(holder for (holder,) in holders) or "?"
    return f"lệnh khác đang chạy ({name}), từ {who}: thử lại sau / another command is at work ({name}), since {who}: try again"
