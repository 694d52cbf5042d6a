"""Superset as a service of its own: it runs in another environment, with its own tables in a file of the state folder.

Its pandas and SQLAlchemy are older than the warehouse's, so no module of it is imported here: it is started by its own Python,
and spoken to through its REST API (superset_api). What may be lost of it `bring_in` makes again; what people add stays in its
file.
"""

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

import httpx

from tonghop.base.secrets import secret
from tonghop.base.settings import PREFIX, PROJECT, Settings
from tonghop.dashboards import archive
from tonghop.ops.configuration import MARK, QUIET, ROLE, Say, last_lines
from tonghop.ops.processes import START_SECONDS, PortTaken, ServiceError, end, launch, roles
from tonghop.ops.superset_api import signed_in
from tonghop.warehouse import embedded
from tonghop.warehouse.migrate import ready

SUPERSET = "superset"  # the role of its processes
FOLDER = PROJECT / "bi"
ADMIN, VIEWER = "admin", "viewer"


def up(settings: Settings, say: Say = lambda _: None) -> None:
    """Start Superset on loopback over the warehouse, and bring the dashboards in; safe to repeat, a second time updates them.

    Raises ServerError where the database does not start, then ServiceError where Superset is not installed, does not start, or
    refuses what is brought in.
    """
    if not _python(settings).exists():
        raise ServiceError(
            f"Superset chưa được cài trong {settings.superset}: `make bi` cài ở đó; hoặc cài "
            f"{FOLDER / 'requirements.txt'} vào một môi trường riêng và đặt TONGHOP_SUPERSET. / Superset is not installed in "
            f"{settings.superset}: `make bi` installs it there; or install {FOLDER / 'requirements.txt'} in an environment of "
            "its own and name that in TONGHOP_SUPERSET."
        )
    ready(settings, say)
    if not _healthy(settings):
        end(settings, {SUPERSET})
        _home(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
        secret(settings, "superset-key")
        _prepare(settings, say)
        _start(settings, say)
    say("bringing in datasets, metrics, roles and dashboards")
    bring_in(settings)


def bring_in(settings: Settings) -> archive.Contents:
    """Bring database, datasets, metrics, dashboards and roles into the running Superset as they are now; what was brought in
    before and is no more goes. Raises ServiceError with Superset's own words.
    """
    contents, known = archive.contents(settings), _home(settings) / "brought-in.json"
    before = set(json.loads(known.read_text())) if known.exists() else set()
    with signed_in(url(settings), ADMIN, secret(settings, "superset-admin")) as api:
        api.bring_in(contents, password=secret(settings, "bi"))
        known.write_text(json.dumps(sorted(before | contents.uuids)))
        api.remove(before - contents.uuids)
        known.write_text(json.dumps(sorted(contents.uuids)))
        for role in contents.roles:
            api.define_role(role.name, role.permissions)
        api.define_user(VIEWER, secret(settings, "superset-viewer"), contents.roles[0].name)
    return contents


def url(settings: Settings) -> str:
    """The address of the dashboards, whether they are served now or not."""
    file = _home(settings) / "port"
    return f"http://127.0.0.1:{file.read_text() if file.exists() else settings.superset_port}"


def running(settings: Settings) -> bool:
    """Whether its main process lives."""
    return SUPERSET in roles(settings)


# --- started -------------------------------------------------------------------------------------------------


def _prepare(settings: Settings, say: Say) -> None:
    """Make or update Superset's own tables and roles; costs half a minute, so only where its packages or the script changed."""
    done = _home(settings) / "prepared"
    state = hashlib.sha256((FOLDER / "requirements.txt").read_bytes() + (FOLDER / "prepare.py").read_bytes()).hexdigest()
    if done.exists() and done.read_text() == state and (_home(settings) / "superset.db").exists():
        return
    say("preparing Superset's own tables")
    made = subprocess.run(
        [_python(settings), FOLDER / "prepare.py"],
        env=_environment(settings),
        cwd=_home(settings),
        input=f"{ADMIN}\n{secret(settings, 'superset-admin')}\n",
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise ServiceError(f"Superset's tables could not be made:\n{last_lines(made.stdout + made.stderr)}")
    done.write_text(state)


def _start(settings: Settings, say: Say) -> None:
    for _ in range(3):
        port = embedded.free_port(settings.superset_port)
        (_home(settings) / "port").write_text(str(port))
        say("starting Superset")
        server = ("gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "8", "--timeout", "120")
        launch(
            [_python(settings), "-m", *server, "superset.app:create_app()"],
            _environment(settings),
            _home(settings),
            _log_file(settings),
        )
        try:
            _await_health(settings)
        except PortTaken:
            say("another program took the port meanwhile; trying the next")
        else:
            say(f"Superset is up at {url(settings)}")
            return
    raise ServiceError(f"no port from {settings.superset_port} on stays free long enough to start Superset")


def _await_health(settings: Settings) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _healthy(settings):
            return
        if not running(settings):
            last = last_lines(_log_file(settings).read_text(errors="replace"))
            kind = PortTaken if "Connection in use" in last else ServiceError
            raise kind(f"Superset ended while starting; the end of {_log_file(settings)}:\n{last}")
        time.sleep(0.3)
    raise ServiceError(f"Superset did not answer within {START_SECONDS} seconds; its log is {_log_file(settings)}")


def _healthy(settings: Settings) -> bool:
    if not running(settings):
        return False
    try:
        return httpx.get(f"{url(settings)}/health", trust_env=False, timeout=5).text == "OK"
    except httpx.HTTPError:
        return False


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of Superset's processes: where its settings and the state folder are; no password of ours.

    The caller's own variables for Superset and its libraries are dropped: they would override the configuration file.
    """
    theirs = (PREFIX, "SUPERSET_", "FLASK_", "GUNICORN_", "PYTHON", "VIRTUAL_ENV")
    return (
        {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        | QUIET
        | {
            "SUPERSET_CONFIG_PATH": str(FOLDER / "superset_config.py"),
            "SUPERSET_HOME": str(_home(settings)),
            MARK: str(settings.home.resolve()),
            ROLE: SUPERSET,
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"])),
        }
    )


def _python(settings: Settings) -> Path:
    return settings.superset.absolute() / "bin" / "python"


def _home(settings: Settings) -> Path:
    return settings.home.resolve() / "superset"


def _log_file(settings: Settings) -> Path:
    settings.logs.mkdir(parents=True, exist_ok=True)
    return settings.logs / "superset.log"
