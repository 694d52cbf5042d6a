"""dbt as a data engineer meets it: the command that runs it by hand, and what its manifest says of every model and source."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli import tonghop

from tonghop.base.settings import PROJECT, Settings
from tonghop.release import dbt
from tonghop.release.candidate import open_candidate
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import BUILDER
from tonghop.warehouse.views import READERS

SMALL = Path(__file__).parent / "data" / "catalogue_small"
# what a staging model reads beside its own source: the numbers of a copy of the catalogue, and the codes that they were given for
BESIDE = {"build.candidate"}
REGISTRY = {"stg_unit_version": "catalogue.unit", "stg_field": "catalogue.indicator", "stg_form_row": "catalogue.form_row"}


@pytest.fixture(scope="module")
def nothing_open(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse without a candidate."""
    return new_warehouse(tmp_path_factory.mktemp("nothing_open") / "home")


@pytest.fixture(scope="module")
def opened(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with an open candidate, built up to the marts and without them."""
    folder = tmp_path_factory.mktemp("opened")
    shutil.copytree(SMALL, folder / "catalogue")
    settings = new_warehouse(folder / "home").model_copy(update={"catalogue": folder / "catalogue"})
    assert open_candidate(settings) == 1
    for layer in ("staging", "intermediate"):
        dbt.build(settings, layer)
    return settings


@pytest.fixture(scope="module")
def manifest(opened: Settings) -> dict[str, Any]:
    """What dbt knows of the project, written by a build by hand of one model."""
    done = tonghop(opened, "dbt", "--", "build", "-s", "int_org_tree")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "int_org_tree" in done.stdout
    known: dict[str, Any] = json.loads((opened.home / "dbt" / "target" / "manifest.json").read_text("utf-8"))
    return known


def models(manifest: dict[str, Any], layer: str) -> dict[str, dict[str, Any]]:
    nodes = manifest["nodes"].values()
    return {n["name"]: n for n in nodes if n["resource_type"] == "model" and n["path"].startswith(f"{layer}/")}


def relations(settings: Settings, *schemas: str) -> dict[str, set[str]]:
    """The columns that there are, by schema.table."""
    found: dict[str, set[str]] = {}
    with connect(settings) as connection:
        for table, column in connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns where table_schema = any(%s)",
            [list(schemas)],
        ):
            found.setdefault(table, set()).add(column)
    return found


def described(columns: dict[str, dict[str, str]]) -> set[str]:
    return {name for name, column in columns.items() if column["description"]}


# --- by hand ---------------------------------------------------------------------------------------------------


def test_dbt_by_hand_lists_the_models_and_writes_the_documentation_into_the_state_folder(nothing_open: Settings) -> None:
    done = tonghop(nothing_open, "dbt", "--", "ls", "--resource-type", "model", "--output", "name")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"stg_cell", "int_rollup", "fct_rollup"} <= set(done.stdout.split())
    done = tonghop(nothing_open, "dbt", "--", "docs", "generate", "--static")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "int_rollup" in (nothing_open.home / "dbt" / "target" / "static_index.html").read_text("utf-8")
    assert not [PROJECT / "dbt_project" / name for name in ("target", "logs") if (PROJECT / "dbt_project" / name).exists()]


@pytest.mark.parametrize(
    ("arguments", "ends_with", "words"),
    [
        (["build", "-s", "int_org_tree"], 3, "no candidate is open: `tonghop release` opens one"),
        (["test", "-s", "fct_rollup"], 1, "no candidate is open: `tonghop release` opens one"),
        (["ls", "--nonsense"], 2, "No such option '--nonsense'"),
    ],
)
def test_what_dbt_by_hand_cannot_do_ends_plainly(
    nothing_open: Settings, arguments: list[str], ends_with: int, words: str
) -> None:
    done = tonghop(nothing_open, "dbt", "--", *arguments)
    assert done.returncode == ends_with
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_what_is_built_by_hand_belongs_to_the_builder_and_to_no_layer(opened: Settings, manifest: dict[str, Any]) -> None:
    with connect(opened) as connection:
        owner = "select tableowner from pg_tables where schemaname = 'intermediate' and tablename = 'int_org_tree'"
        assert connection.execute(owner).fetchone() == (BUILDER,)
        assert connection.execute("select count(*) from build.layer_built").fetchone() == (0,)


def test_no_file_of_dbt_holds_the_password(opened: Settings, manifest: dict[str, Any]) -> None:
    assert opened.database_url
    password = opened.database_url.split(":")[2].split("@")[0]
    written = [path for path in (opened.home / "dbt").rglob("*") if path.is_file()]
    assert len(written) > 3
    assert not [path for path in written if password.encode() in path.read_bytes()]


# --- what the manifest says ------------------------------------------------------------------------------------


def test_every_column_of_an_intermediate_model_is_described(opened: Settings, manifest: dict[str, Any]) -> None:
    there = relations(opened, "intermediate")
    known = {f"intermediate.{name}": described(model["columns"]) for name, model in models(manifest, "intermediate").items()}
    assert known == there


def test_every_column_of_a_source_is_described(opened: Settings, manifest: dict[str, Any]) -> None:
    there = relations(opened, "catalogue", "intake", "build")
    known = {
        f"{source['source_name']}.{source['name']}": described(source["columns"])
        for source in manifest["sources"].values()
        if source["source_name"] not in READERS
    }
    assert known
    assert known == {name: there[name] for name in known}


def test_every_view_of_the_readers_is_a_source(opened: Settings, manifest: dict[str, Any]) -> None:
    forms = {f"bi.{view}" for view in ("t_month", "t_month_today", "t_month_latest")}  # made from the catalogue
    known = {f"{s['source_name']}.{s['name']}" for s in manifest["sources"].values() if s["source_name"] in READERS}
    assert known == set(relations(opened, *READERS)) - forms


def test_every_mart_and_every_readers_view_reaches_a_reader(manifest: dict[str, Any]) -> None:
    read = {node for exposure in manifest["exposures"].values() for node in exposure["depends_on"]["nodes"]}
    assert read == {model["unique_id"] for model in models(manifest, "marts").values()} | {
        key for key, source in manifest["sources"].items() if source["source_name"] in READERS
    }


@pytest.mark.parametrize(
    ("layer", "group", "access"),
    [("staging", "staging", "protected"), ("intermediate", "marts", "private"), ("marts", "marts", "public")],
)
def test_every_model_says_what_it_is_its_grain_its_group_and_who_may_use_it(
    manifest: dict[str, Any], layer: str, group: str, access: str
) -> None:
    found = models(manifest, layer)
    assert found
    assert [name for name, model in found.items() if not model["description"] or "-- grain: " not in model["raw_code"]] == []
    assert {(model["group"], model["access"]) for model in found.values()} == {(group, access)}


def test_dbt_knows_the_primary_key_of_a_mart_and_the_warehouse_holds_it(opened: Settings, manifest: dict[str, Any]) -> None:
    known = {
        name: (model["primary_key"], sorted(model["config"]["unique_key"])) for name, model in models(manifest, "marts").items()
    }
    with connect(opened) as connection:
        held = dict(
            connection.execute(
                """
                select c.relname, array_agg(a.attname::text order by a.attname)
                from pg_index as i
                inner join pg_class as c on c.oid = i.indrelid and c.relkind in ('r', 'p') and not c.relispartition
                inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = any(i.indkey)
                where i.indisunique and c.relnamespace = 'marts'::regnamespace group by c.relname, i.indexrelid"""
            ).fetchall()
        )
    assert known == {name: (columns, columns) for name, columns in held.items()}


def test_dbt_knows_the_primary_key_of_every_intermediate_table(manifest: dict[str, Any]) -> None:
    tables = {n: m for n, m in models(manifest, "intermediate").items() if m["config"]["materialized"] == "table"}
    assert len(tables) > 15
    assert [name for name, model in tables.items() if not model["primary_key"]] == []


def test_a_data_test_of_a_mart_looks_at_the_slice_alone(manifest: dict[str, Any]) -> None:
    marts = {model["unique_id"] for model in models(manifest, "marts").values()}
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test" and n["attached_node"] in marts]
    assert {test["attached_node"] for test in tests} == marts
    assert {test["config"]["where"] for test in tests} == {"slice"}


def test_a_staging_model_has_one_source(manifest: dict[str, Any]) -> None:
    for name, model in models(manifest, "staging").items():
        read = {".".join(node.split(".")[-2:]) for node in model["depends_on"]["nodes"]} - {REGISTRY.get(name)}
        assert len(read - BESIDE) == 1 or (name == "stg_candidate" and read == BESIDE), (name, read)
        assert all(node.startswith("source.") for node in model["depends_on"]["nodes"]), name
