"""Settings: read once from the environment, typed, frozen, and unknown names are refused; and where the project's files lie."""

import os
from functools import cached_property
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = (PACKAGE / "_project").is_dir()
# where catalogue, dags, dbt_project, expectations and samples lie: the checkout, or the folder that the wheel puts them in
PROJECT = PACKAGE / "_project" if INSTALLED else PACKAGE.parent
PREFIX = "TONGHOP_"


def _home() -> Path:
    """The state folder by default: of the checkout, or of the user.

    Never of the current folder: from there `submit` would start another warehouse, and the report would be missing in the first.
    """
    if not INSTALLED:
        return PROJECT / ".tonghop"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tonghop"


class Settings(BaseSettings):
    """Where the state folder is, and the bounds on files and workers. Every field is `TONGHOP_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Field(default_factory=_home, description="the one folder that holds all state")
    catalogue: Path = Field(PROJECT / "catalogue", description="forms, units, calendar and codes")
    database_url: str | None = Field(None, description="a PostgreSQL 16+ to use instead of the embedded one")
    airflow_database_url: str | None = Field(None, description="Airflow's metadata; the embedded server by default")
    airflow_port: int = Field(8080, description="where Airflow's pages are served, on loopback; the next free port if taken")
    superset: Path = Field(PROJECT / "bi" / ".venv", description="the environment in which Superset is installed")
    superset_port: int = Field(8088, description="where the dashboards are served, on loopback; the next free port if taken")
    max_file_bytes: int = Field(20_000_000, description="a larger file is quarantined unread")
    max_unpacked_bytes: int = Field(50_000_000, description="a workbook that unpacks to more is quarantined unread")
    max_cells: int = Field(200_000, description="a report with more cells is quarantined")
    readers: int = Field(2, ge=1, description="worker processes that read files")
    worker_bytes: int = Field(256 << 20, description="memory that reading one file may take")
    worker_seconds: float = Field(10, gt=0, description="time that reading one file may take")
    worker_files: int = Field(2_000, ge=1, description="files after which a worker is replaced")
    keep_originals_days: int = Field(3650, ge=1, description="days after which `tonghop expire` removes a received file")
    keep_releases: int | None = Field(None, ge=1, description="published releases that can still be asked, the newest; else all")
    still_seconds: float = Field(10, ge=0, description="how long a file in the inbox must have been still before it is taken")
    batch_files: int = Field(500, description="files read and loaded in one transaction")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, values: object) -> object:
        # pydantic-settings reads only the variables it knows, so a misspelt one would be ignored in silence
        known = {PREFIX + name.upper() for name in cls.model_fields}
        unknown = sorted(n for n in os.environ if n.startswith(PREFIX) and n not in known)
        if unknown:
            raise ValueError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return values

    @cached_property
    def inbox(self) -> Path:
        """Where files to be taken in are put."""
        return self.home / "inbox"

    @cached_property
    def originals(self) -> Path:
        """Every received file, unchanged, by fingerprint; readable by the owner only."""
        return self.home / "originals"

    @cached_property
    def answers(self) -> Path:
        """What each sender gets back, one file a receipt."""
        return self.home / "answers"

    @cached_property
    def pages(self) -> Path:
        """The published report pages."""
        return self.home / "pages"

    @cached_property
    def logs(self) -> Path:
        """Logs of every service and of the command line."""
        return self.home / "logs"
