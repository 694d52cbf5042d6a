"""A real PostgreSQL for the whole session, for each test that asks a warehouse of its own, and one real Airflow.

`pytest -n 4` makes four sessions of one, side by side.
"""

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import commands
import gate_world
import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from xdist.scheduler import LoadScopeScheduling

import samples
from tonghop.base.secrets import secret
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.ops import configuration, services
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import WAREHOUSE, database_url
from tonghop.warehouse.migrate import ready

_NUMBER = itertools.count(1)
# Airflow mostly waits, so it starts first, with what is over in seconds beside it; then what takes longest
_FILES = (
    "test_end_to_end",
    "test_services",
    "test_catalogue",
    "test_check",
    "test_samples",
    "test_dags",
    "test_docker",
    "test_wheel",
    "test_readme",
    "test_build",
    "test_histories",
    "test_gate",
    "test_explain",
)
_SHARED = {
    **dict.fromkeys(("test_end_to_end", "test_services"), "airflow"),
    **dict.fromkeys(("test_gate", "test_pages", "test_views"), "two_releases"),
    **dict.fromkeys(
        (
            "test_coverage",
            "test_good_or_better",
            "test_asking",
            "test_dashboards",
            "test_connect",
            "test_retention",
            "test_exposure",
        ),
        "samples",
    ),
}

# no test asserts a time; far more examples than CI has time for, by hand: pytest --hypothesis-profile many
for profile in ("few", "many"):
    hypothesis.settings.register_profile(profile, deadline=None)
hypothesis.settings.load_profile("few")


def pytest_report_header() -> str:
    """The commit that the figures are of."""
    git = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--abbrev=12"]
    return f"commit: {subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or 'unknown'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(_FILES)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


class _Together(LoadScopeScheduling):
    """Deals out the tests in their order, all of a file, or of files that share what is made once, to one session."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::")[0]).stem
        return _SHARED.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return _Together(config, log)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The project's own catalogue."""
    return load_catalogue(PROJECT / "catalogue")


@pytest.fixture(scope="session")
def session_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of an embedded server whose warehouse is migrated; never write to it, it is the template of all others."""
    settings = Settings(home=tmp_path_factory.mktemp("server"))
    ready(settings)
    with psycopg.connect(database_url(settings, "postgres"), autocommit=True) as connection:
        # guards against a crash of the machine; and vacuuming, which would go through every copy of the template
        for costly in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            connection.execute(f"alter system set {costly} = off".encode())
        connection.execute("select pg_reload_conf()")
        # whenever a client connects it hashes the password so many times, against guessing: a long random one need not fear that
        connection.execute("set scram_iterations = 1")
        password = sql.Literal(conninfo_to_dict(database_url(settings))["password"])
        connection.execute(sql.SQL("alter role current_user password {}").format(password))
    yield settings
    embedded.stop(settings)


@pytest.fixture(scope="session")
def new_warehouse(session_server: Settings) -> Callable[[Path], Settings]:
    """Makes settings with a state folder and a warehouse of their own: a copy of the template, grants included."""

    parsed = session_server.home / "dbt" / "manifest"  # of dbt's project: the first who needs it writes it for all
    parsed.parent.mkdir()

    def make(home: Path) -> Settings:
        (home / "dbt").mkdir(parents=True)
        (home / "dbt" / "manifest").symlink_to(parsed)
        (home / "secrets").mkdir()
        (home / "secrets" / "bi").write_text(secret(session_server, "bi"))
        url = _copy_database(session_server, WAREHOUSE)
        # what a test puts into the inbox is whole; those of the inbox itself ask for more patience
        return Settings(home=home, database_url=url, airflow_database_url=f"{url.rsplit('/', 1)[0]}/airflow", still_seconds=0)

    return make


def _copy_database(server: Settings, template: str) -> str:
    """The address of a new database that holds what another holds; nobody may be connected to that one."""
    name = f"warehouse_{next(_NUMBER)}"
    with psycopg.connect(database_url(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}".encode())
        # a copy starts with the server's default rights on the database itself
        connection.execute(
            "update pg_database set datacl = (select datacl from pg_database where datname = %s) where datname = %s",
            [template, name],
        )
    return f"{database_url(server).rsplit('/', 1)[0]}/{name}"


@pytest.fixture(scope="session")
def copy_of(session_server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings], Settings]:
    """Makes a copy of a warehouse, its state folder and its catalogue's files, for a test that changes something."""

    def copy(world: Settings) -> Settings:
        folder = tmp_path_factory.mktemp("copy")
        shutil.copytree(world.home, folder / "home", symlinks=True)
        shutil.copytree(world.catalogue, folder / "catalogue")
        url = _copy_database(session_server, database_url(world).rsplit("/", 1)[1])
        return world.model_copy(update={"home": folder / "home", "catalogue": folder / "catalogue", "database_url": url})

    return copy


@pytest.fixture(scope="session")
def two_releases(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The world of gate_world: release 1 published, release 2 open and good. Whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("releases")
    settings = new_warehouse(folder / "home").model_copy(update={"catalogue": folder / "catalogue"})
    gate_world.build(settings)
    return settings


@pytest.fixture(scope="session")
def samples_released(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The samples, published: those of three of the five organisations below Nam Định in release 2.

    Whoever changes it takes a copy.
    """
    folder = tmp_path_factory.mktemp("samples")
    shutil.copytree(PROJECT / "catalogue", folder / "catalogue")
    settings = new_warehouse(folder / "home").model_copy(update={"catalogue": folder / "catalogue"})
    files = samples.write(load_catalogue(settings.catalogue), folder / "samples")
    below = [file for file in files if "nam-dinh-tp-cs0" in file.name]
    for sent in ([file for file in files if file not in below], below):
        commands.run(settings, "submit", *map(str, sent))
        published = commands.run(settings, "release")
        assert published.exit_code == 0, published.output
    return settings


@pytest.fixture
def settings(new_warehouse: Callable[[Path], Settings], tmp_path: Path) -> Settings:
    """A fresh warehouse and an empty state folder."""
    return new_warehouse(tmp_path / "home")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The real Airflow over the project's DAGs and three small ones: the first asset-triggers the second, the third fails."""
    settings = Settings(home=tmp_path_factory.mktemp("airflow"), batch_files=Settings().batch_files - 1)
    dags = tmp_path_factory.mktemp("dags")
    for file in (*configuration.DAGS.glob("*.py"), *(Path(__file__).parent / "data" / "dags").glob("*.py")):
        shutil.copy(file, dags)
    try:
        services.up(settings, dags=dags)
        yield settings
    finally:
        services.down(settings)
