"""Views are what their files say: made again when that changes, with all that reads them, with their grants."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.release import gate, suites
from tonghop.warehouse import views
from tonghop.warehouse.connect import connect
from tonghop.warehouse.embedded import ServerError
from tonghop.warehouse.migrate import MIGRATIONS, ready
from tonghop.warehouse.roles import AUDITOR, BUILDER, READER, STAR
from tonghop.warehouse.views import READERS

VIEW = """
    select c.oid::regclass::text, {} from pg_class as c
    where c.relkind = 'v' and c.relnamespace::regnamespace::text not in ('information_schema', 'pg_catalog') order by 1"""
COLUMNS = "(select array_agg(a.attname::text order by a.attnum) from pg_attribute as a where a.attrelid = c.oid)"


@pytest.fixture
def world(copy_of: Callable[[Settings], Settings], two_releases: Settings) -> Settings:
    """A warehouse with a form and two releases."""
    return copy_of(two_releases)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the views' files that may be changed."""
    monkeypatch.setattr(views, "VIEWS", Path(shutil.copytree(views.VIEWS, tmp_path / "views")))
    return views.VIEWS


def look(settings: Settings, what: str) -> dict[str, Any]:
    with connect(settings) as connection:
        return dict(connection.execute(VIEW.format(what).encode()).fetchall())


def test_applying_again_changes_nothing(settings: Settings) -> None:
    before = look(settings, "row(c.oid, c.xmin, c.relacl)::text")
    ready(settings)
    assert look(settings, "row(c.oid, c.xmin, c.relacl)::text") == before
    assert len(before) > 90


def test_a_changed_text_is_applied_by_the_next_ready_and_nothing_else_is_touched(settings: Settings, files: Path) -> None:
    before = look(settings, "row(c.oid, c.xmin)::text")
    path = files / "star" / "withheld.sql"
    path.write_text(path.read_text() + "    and code > ''\n")
    ready(settings)
    after = look(settings, "row(c.oid, c.xmin)::text")
    assert {view for view in after if after[view] != before[view]} <= {"star.withheld"}
    assert "code > ''" in look(settings, "pg_get_viewdef(c.oid)")["star.withheld"]


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        pytest.param(lambda text: text.replace("m.tree_id,", "m.tree_id, 1 as due,"), ["due"], id="one more in between"),
        pytest.param(lambda text: text.replace("m.is_today", "m.is_today, 1 as due"), ["due"], id="one appended"),
        pytest.param(lambda text: text.replace("m.is_today", "m.is_today::text"), [], id="another type"),
    ],
)
def test_columns_of_a_view_that_others_read_may_change(world: Settings, files: Path, change: Any, columns: list[str]) -> None:
    settings = world
    with connect(settings) as connection:
        # as dbt has it, which makes it again in every build
        connection.execute("create view staging.stg_tree as select tree_id from star.dim_tree")
    grants, before = look(settings, "c.relacl::text"), look(settings, COLUMNS)
    path = files / "star" / "dim_tree.sql"
    path.write_text(change(path.read_text()))
    path = files / "star" / "series.sql"
    path.write_text(path.read_text().rstrip() + " and exists (select from star.dim_tree)\n")
    ready(settings)
    after = look(settings, COLUMNS)
    assert set(after["star.dim_tree"]) - set(before["star.dim_tree"]) == set(columns)
    assert {view: after[view] for view in after if view != "star.dim_tree"} == {
        view: before[view] for view in after if view != "star.dim_tree"
    }
    assert set(before) - set(after) <= {"staging.stg_tree"}
    assert look(settings, "c.relacl::text") == {view: acl for view, acl in grants.items() if view in after}


def test_a_base_of_everything_may_lose_a_column_and_form_views_keep_the_places_of_theirs(world: Settings, files: Path) -> None:
    settings = world
    with connect(settings) as connection:
        connection.execute("drop view bi.t1_month cascade")
        views.apply(connection)
    order = look(settings, COLUMNS)["bi.t1_month"]
    assert [name for name in order if name in ("male", "female", "members")] == ["male", "female", "members"]
    grants = look(settings, "c.relacl::text")
    for family in ("current", "released"):
        path = files / family / "mart.sql.j2"
        path.write_text(path.read_text().replace("m.{{ columns | join(', m.') }}", "1 as one, m.{{ columns | join(', m.') }}"))
    ready(settings)
    assert look(settings, COLUMNS)["current.fct_rollup"][0] == "one"
    assert look(settings, COLUMNS)["bi.t1_month"] == order
    assert look(settings, "c.relacl::text") == grants


@pytest.mark.parametrize(
    "harm",
    [
        "revoke select on star.fct_rollup from tonghop_star",
        "alter view star.fct_rollup reset (security_barrier)",
        "drop view star.fct_rate cascade",
        "create or replace view star.dim_release with (security_barrier) as select release_id, published_at, true as is_current "
        "from ctl.release",
    ],
)
def test_what_a_hand_did_to_a_view_is_undone_by_the_next_ready(settings: Settings, harm: str) -> None:
    what = "row(array(select unnest(c.relacl)::text order by 1), c.reloptions, pg_get_viewdef(c.oid))::text"
    before = look(settings, what)
    with connect(settings) as connection:
        connection.execute(harm.encode())
    assert look(settings, what) != before
    ready(settings)
    assert look(settings, what) == before


NUMBERS = "{release_from,release_to,release_id}"
MARTS = "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'p') and not relispartition"


def test_an_auditor_may_ask_for_a_mart_in_any_release_and_it_holds_what_the_other_relations_do(world: Settings) -> None:
    with connect(world) as connection:
        gate.prepare(connection, suites.read(), 2, whole=True)
    with connect(world, "tonghop_auditor") as connection:
        for (mart,) in connection.execute(MARTS).fetchall():
            published, also_published, current, open_, candidate = (
                connection.execute(
                    f"select to_jsonb(x) - '{NUMBERS}'::text[] from {relation} as x order by 1".encode()
                ).fetchall()
                for relation in (
                    f"in_release.{mart}(1)",
                    f"(select * from released.{mart} where release_id = 1)",
                    f"current.{mart}",
                    f"in_release.{mart}(2)",
                    f"candidate.{mart}",
                )
            )
            assert published == also_published == current, mart
            assert open_ == candidate, mart
            # the planner sees the table below
            plan = connection.execute(f"explain select from in_release.{mart}(2)".encode()).fetchall()
            assert "Function Scan" not in str(plan), plan
        first, second = (
            connection.execute("select sum(value) from in_release.fct_observation(%s)", [release]).fetchone()
            for release in (1, 2)
        )
        assert first != second
    for role in (READER, STAR, BUILDER):
        with connect(world, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from in_release.fct_observation(2)")


@pytest.mark.parametrize(
    "harm",
    [
        "drop function in_release.dim_tree",
        "grant execute on function in_release.dim_tree to public",
        "create or replace function in_release.dim_tree(integer) returns setof marts.dim_tree stable language sql "
        "as 'select * from marts.dim_tree'",
    ],
)
def test_what_a_hand_did_to_a_function_is_undone_by_the_next_ready(settings: Settings, harm: str) -> None:
    def made() -> list[Any]:
        with connect(settings) as connection:
            return connection.execute("""
                select p.proname, p.prosrc, array(select unnest(p.proacl)::text order by 1) from pg_proc as p
                where p.pronamespace = 'in_release'::regnamespace order by 1""").fetchall()

    before = made()
    with connect(settings) as connection:
        connection.execute(harm.encode())
    assert made() != before
    ready(settings)
    assert made() == before


def test_a_view_whose_file_is_gone_goes(settings: Settings, files: Path) -> None:
    (files / "star" / "withheld.sql").unlink()
    ready(settings)
    assert "star.withheld" not in look(settings, "true")


@pytest.mark.parametrize(
    ("somebody", "message"),
    [
        ("create view public.mine as select tree_id from star.dim_tree", r"public\.mine depends on it"),
        ("create policy mine on marts.dim_tree to public using (exists (select from star.dim_tree))", "depends on it"),
        ("drop view star.dim_tree cascade; create table star.dim_tree (x int)", "is to be a view and is something else"),
    ],
)
def test_what_is_not_ours_is_never_dropped(settings: Settings, files: Path, somebody: str, message: str) -> None:
    with connect(settings) as connection:
        connection.execute(somebody.encode())
    before = look(settings, "row(c.oid, c.xmin)::text")
    path = files / "star" / "dim_tree.sql"
    path.write_text(path.read_text().replace("m.tree_id,", "m.tree_id, 1 as one,"))
    with pytest.raises(ServerError, match=message):
        ready(settings)
    assert look(settings, "row(c.oid, c.xmin)::text") == before


def test_readers_are_given_bi_auditors_all_and_the_builder_what_lies_below(world: Settings) -> None:
    for view, (grants, columns) in look(
        world,
        """array[array(select x.grantee::regrole || ' ' || x.privilege_type || x.is_grantable from aclexplode(c.relacl) as x
                       where x.grantee <> c.relowner order by 1)::text,
                 (select string_agg(a.attacl::text, '') from pg_attribute as a where a.attrelid = c.oid)]""",
    ).items():
        if view.startswith(("staging.", "intermediate.")):
            continue  # dbt's own
        other = READERS.get(view.split(".")[0], BUILDER)
        expected = sorted([f'"{other} SELECTfalse"', '"tonghop_auditor SELECTfalse"'])
        assert (grants, columns) == (f"{{{','.join(expected)}}}", None), view


def test_a_reader_that_does_not_let_go_is_named_and_nothing_has_changed(
    settings: Settings, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PATIENCE", "100ms")
    path = files / "star" / "withheld.sql"
    path.write_text(path.read_text() + "    and code > ''\n")
    before = look(settings, "row(c.oid, c.xmin)::text")
    with connect(settings, STAR) as reading:
        reading.execute("select from star.withheld")
        with pytest.raises(ServerError, match="open transaction"):
            ready(settings)
    assert look(settings, "row(c.oid, c.xmin)::text") == before


def test_every_view_and_column_that_readers_read_is_described_in_both_languages(settings: Settings) -> None:
    with connect(settings) as connection:
        sync(load_catalogue(settings.catalogue), connection)
        views.apply(connection)
    with connect(settings, AUDITOR) as connection:
        described = connection.execute("""
            select c.oid::regclass::text, a.attname, case when a.attname is null then obj_description(c.oid, 'pg_class')
                else col_description(c.oid, a.attnum) end
            from pg_class as c
            cross join lateral (
                select 0 as attnum, null::name as attname
                union all
                select a.attnum, a.attname from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0
            ) as a
            where c.relnamespace::regnamespace::text in ('bi', 'star', 'star_asof')
                and c.relkind in ('v', 'm', 'r', 'p')
            union all
            select nspname, null, obj_description(oid, 'pg_namespace') from pg_namespace
            where nspname in ('bi', 'star', 'star_asof')
            union all
            select p.oid::regprocedure::text, null, obj_description(p.oid, 'pg_proc') from pg_proc as p
            where p.pronamespace::regnamespace::text in ('bi', 'star')""").fetchall()
    texts = {(view, column): text for view, column, text in described}
    for name, text in texts.items():
        assert text, name
        assert [part == part.strip() != "" for part in text.split(" / ")] == [True, True], name
        # Vietnamese first
        assert re.search("[ăâđêôơưàáảãạèéẻẽẹìíỉĩịòóỏõọùúủũụ]|[\u1ea0-\u1ef9]", text.split(" / ")[0], re.IGNORECASE), name
    assert texts["star_asof.fct_rollup", "value"] == texts["star.fct_rollup", "value"]
    assert texts["bi.f1_h1_as_of(integer)", None].endswith(" / As bi.f1_h1, in the release asked for.")
    assert texts["bi.f1_h1", "dv_cuoi_ky"] == (
        "Đảng viên cuối kỳ (đảng viên); số thời điểm, không cộng qua các kỳ: dùng bi.closing hoặc f1_h1_latest / "
        "Members at the end; a stock, does not add over periods: take bi.closing or f1_h1_latest"
    )
    assert texts["bi.f1_h1", "dv_ket_nap"].endswith("Admitted; adds over periods")


def test_a_changed_description_is_applied_by_the_next_ready_and_no_view_is_made_again(settings: Settings, files: Path) -> None:
    before = look(settings, "row(c.oid, c.xmin)::text")
    path = files / "descriptions.yaml"
    path.write_text(path.read_text().replace("Tử số. /", "Tử số, đã đổi. /"))
    ready(settings)
    assert look(settings, "row(c.oid, c.xmin)::text") == before
    found = look(
        settings,
        "(select col_description(c.oid, a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attname = 'numerator')",
    )
    assert found["star.fct_rate"].startswith("Tử số, đã đổi. /")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        pytest.param("star/dim_tree.sql", None, "star.dim_tree.nobody_knows", id="a column"),
        pytest.param("star/of_nobody.sql", "select tree_id from star.dim_tree", "star.of_nobody", id="a view"),
    ],
)
def test_what_has_no_description_is_named_and_nothing_changes(
    settings: Settings, files: Path, name: str, text: str | None, what: str
) -> None:
    before = look(settings, "row(c.oid, c.xmin)::text")
    path = files / name
    path.write_text(text or path.read_text().replace("m.is_today", "m.is_today, 1 as nobody_knows"))
    with pytest.raises(ServerError, match=rf"{what} has no description: add it to descriptions.yaml"):
        ready(settings)
    assert look(settings, "row(c.oid, c.xmin)::text") == before


def test_no_view_is_made_by_a_migration() -> None:
    for path in MIGRATIONS.glob("*.sql"):
        assert "create view" not in path.read_text().lower().replace("create or replace view", "create view")
