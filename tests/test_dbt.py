"""How dbt is run: its project is parsed once, and again as soon as a file of it changes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tonghop.base.settings import Settings
from tonghop.release import dbt, layers
from tonghop.release.dbt import BuildFailed
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import OWNER

NewWarehouse = Callable[[Path], Settings]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of dbt's project, which the test may change."""
    folder = tmp_path / "project"
    shutil.copytree(dbt.DBT_PROJECT, folder)
    monkeypatch.setattr(dbt, "DBT_PROJECT", folder)
    monkeypatch.setattr(layers, "DBT_PROJECT", folder)
    return folder


def write_model(project: Path, select: str) -> None:
    (project / "models" / "staging" / "stg_mine.sql").write_text(select)


def run(settings: Settings) -> tuple[Any, int]:
    """What the model gives, and when the project was parsed."""
    dbt.invoke(settings, ["run", "--select", "stg_mine"])
    with connect(settings, OWNER) as connection:
        row = connection.execute("select * from staging.stg_mine").fetchone()
    assert row
    return row[0], (settings.home / "dbt" / "manifest").stat().st_mtime_ns


def test_the_project_is_parsed_once_and_anew_when_a_model_changes(project: Path, settings: Settings) -> None:
    (settings.home / "dbt" / "manifest").unlink()
    write_model(project, "select 1 as one")
    first, parsed = run(settings)
    assert run(settings) == (first, parsed) == (1, parsed)
    write_model(project, "{{ config(materialized='table') }} select 2 as one")  # in the place of a view
    second, parsed_again = run(settings)
    assert second == 2
    assert parsed_again > parsed


def test_warehouses_of_other_names_share_what_was_parsed(project: Path, new_warehouse: NewWarehouse, tmp_path: Path) -> None:
    one, other = new_warehouse(tmp_path / "one"), new_warehouse(tmp_path / "other")
    write_model(project, "select current_database(), count(*) from {{ source('catalogue', 'form') }}")
    (name, parsed), (other_name, parsed_then) = run(one), run(other)
    assert parsed == parsed_then
    assert (one.database_url or "").endswith(f"/{name}")
    assert (other.database_url or "").endswith(f"/{other_name}")
    assert name != other_name


def test_a_project_that_cannot_be_parsed_fails_with_the_reason(project: Path, settings: Settings) -> None:
    write_model(project, "select {{ ref('no_such_model') }}")
    with pytest.raises(BuildFailed, match="no_such_model"):
        run(settings)
