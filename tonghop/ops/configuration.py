"""Airflow's configuration file, the environment of its processes, and where its files lie in the state folder."""

import base64
import configparser
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tonghop.base.days import TIME_ZONE
from tonghop.base.secrets import derived_key, secret
from tonghop.base.settings import PREFIX, PROJECT, Settings
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import AIRFLOW, database_url

Say = Callable[[str], None]
MARK, ROLE = "_TONGHOP_HOME", "_TONGHOP_ROLE"  # what processes.py finds Airflow's processes by
COMMANDS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),  # logs are read from the folder; no port for them
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
    "triggerer": ("triggerer", "--skip-serve-logs"),  # nothing here defers; without it Airflow's front page shows a fault
}
NEEDED = COMMANDS.keys() - {"triggerer"}
DAGS = PROJECT / "dags"
ADMIN = "admin"
QUIET = {
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "GX_ANALYTICS_ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "OPENLINEAGE_DISABLED": "True",
    "SCARF_ANALYTICS": "False",
    # dbt in a task leaves semaphores to the end of the process; Airflow would log Python's remark on it as an error
    "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",
}


def url(settings: Settings) -> str:
    """The address of Airflow's pages, whether they are served now or not."""
    file = airflow_home(settings) / "port"
    return f"http://127.0.0.1:{file.read_text() if file.exists() else settings.airflow_port}"


def environment(settings: Settings) -> dict[str, str]:
    """The environment of Airflow's processes: our settings, Airflow's home, telemetry off; no password of ours.

    The caller's own variables for Airflow are dropped: they would override the configuration file.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith((PREFIX, "AIRFLOW_")) and k != "PYTHONDONTWRITEBYTECODE"}
    ours = {
        PREFIX + name.upper(): str(value.resolve() if isinstance(value, Path) else value)
        for name, value in settings.model_dump().items()
        if value is not None
    }
    # without SPT_NOENV a process that renames itself overwrites its environment, and MARK with it
    return (
        kept
        | QUIET
        | ours
        | {
            "AIRFLOW_HOME": str(airflow_home(settings)),
            MARK: str(settings.home.resolve()),
            "SPT_NOENV": "1",
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"])),
        }
    )


def configure(settings: Settings, dags: Path = DAGS) -> None:
    """Write Airflow's configuration, readable by the owner only, on a port that is free now."""
    home = airflow_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    port = embedded.free_port(settings.airflow_port)
    (home / "port").write_text(str(port))
    passwords = home / "passwords.json"
    with _private(passwords) as file:
        json.dump({ADMIN: secret(settings, "airflow-admin")}, file)
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags,
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 4,
            "dags_are_paused_at_creation": False,
            "fernet_key": base64.urlsafe_b64encode(derived_key(settings, "fernet")[:32]).decode(),
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": passwords,
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
            "default_timezone": TIME_ZONE,
        },
        "database": {"sql_alchemy_conn": database_url(settings, AIRFLOW).replace("://", "+psycopg2://", 1)},
        "api": {
            "host": "127.0.0.1",
            "port": port,
            "base_url": f"http://127.0.0.1:{port}",
            "workers": 1,
            "secret_key": derived_key(settings, "api").hex(),
            "instance_name": "Tổng hợp",
        },
        "api_auth": {"jwt_secret": derived_key(settings, "jwt").hex()},
        "logging": {"base_log_folder": home / "logs", "colored_console_log": False},
        "scheduler": {"scheduler_idle_sleep_time": 0.5},
        "dag_processor": {"min_file_process_interval": 30, "refresh_interval": 30},
    }
    config = configparser.RawConfigParser()
    config.read_dict(
        {section: {name: str(value).replace("%", "%%") for name, value in values.items()} for section, values in options.items()}
    )
    with _private(home / "airflow.cfg") as file:
        config.write(file)


# --- files ---------------------------------------------------------------------------------------------------


def airflow_home(settings: Settings) -> Path:
    return settings.home.resolve() / "airflow"


def password_file(settings: Settings) -> Path:
    return settings.home / "secrets" / "airflow-admin"


def log_file(settings: Settings, role: str) -> Path:
    settings.logs.mkdir(parents=True, exist_ok=True)
    return settings.logs / f"airflow-{role}.log"


def _private(path: Path) -> IO[str]:
    """The file, opened for writing and readable by its owner only."""
    return open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600))


def last_lines(text: str, lines: int = 25) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])
