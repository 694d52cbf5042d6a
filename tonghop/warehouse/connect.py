"""How to reach the warehouse: its URL for programs, the URL for a BI tool, and connections that act as a role."""

from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.warehouse.embedded import ServerError, running
from tonghop.warehouse.roles import AUDITOR, BI_LOGIN, OWNER

WAREHOUSE, AIRFLOW = "tonghop", "airflow"


# --- connections ---------------------------------------------------------------------------------------------


def database_url(settings: Settings, database: str = WAREHOUSE) -> str:
    """The connection URL, with its password: for programs, never for a log."""
    given = settings.database_url if database == WAREHOUSE else settings.airflow_database_url
    if given:
        return given
    port = (settings.home / "postgres" / "port").read_text() if (settings.home / "postgres" / "port").exists() else "5433"
    return f"postgresql://{OWNER}:{quote(secret(settings, 'postgres'))}@127.0.0.1:{port}/{database}"


def bi_url(settings: Settings, password: bool = True) -> str:
    """The URL that a BI tool is given: the read-only login. Without its password it may be shown."""
    parts = conninfo_to_dict(database_url(settings))
    login = f"{BI_LOGIN}:{quote(secret(settings, 'bi'))}" if password else BI_LOGIN
    return f"postgresql://{login}@{parts['host']}:{parts.get('port', 5432)}/{parts['dbname']}"


def connect(settings: Settings, role: str | None = None) -> psycopg.Connection[Any]:
    """A connection to the warehouse, optionally acting as one of the roles.

    Raises ServerError where nothing answers.
    """
    try:
        connection = psycopg.connect(database_url(settings), application_name="tonghop", connect_timeout=10)
    except psycopg.OperationalError as error:
        raise ServerError(f"the warehouse does not answer ({str(error).splitlines()[0]}); `tonghop up` starts it") from error
    if role:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        connection.commit()
    return connection


def reachable(settings: Settings) -> bool:
    """Whether the warehouse is there to be asked; starts and makes nothing."""
    if settings.database_url is None and not running(settings):
        return False
    try:
        connect(settings, AUDITOR).close()
    except (ServerError, psycopg.Error):
        return False
    return True
