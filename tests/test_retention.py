"""Releases past their retention: what a kept one shows stays, a removed one is refused by name, and the gate need not ask all."""

from collections.abc import Callable
from typing import Any

import commands
import psycopg
import pytest

from tonghop.base.settings import Settings
from tonghop.queries import figure as fig
from tonghop.queries import pages, questions
from tonghop.release import publish, retention
from tonghop.warehouse.connect import bi_url, connect

MARTS = """
    select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'p') and not relispartition"""


@pytest.fixture
def kept(copy_of: Callable[[Settings], Settings], samples_released: Settings) -> Settings:
    """The samples in two releases, of which one is to be kept."""
    return copy_of(samples_released).model_copy(update={"keep_releases": 1})


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query.encode()).fetchall()


def shown(settings: Settings) -> dict[str, Any]:
    """Every mart of release 2, as one hash each."""
    return {
        mart: ask(settings, f"select count(*), md5(string_agg(m::text, '|' order by m::text)) from in_release.{mart}(2) m")
        for (mart,) in ask(settings, MARTS)
    }


def test_what_no_kept_release_shows_goes_and_the_kept_one_is_as_it_was(kept: Settings) -> None:
    before, ended = shown(kept), "select count(*) from marts.fct_rollup where release_to <= 2"
    assert ask(kept, ended) > [(0,)]
    assert retention.remove(kept) == [1]
    assert ask(kept, ended) == [(0,)]
    assert shown(kept) == before
    assert [(r.release_id, r.status) for r in publish.releases(kept)] == [(2, "published"), (1, "removed")]
    assert retention.remove(kept) == []


def test_a_removed_release_is_refused_by_name_whoever_asks(kept: Settings) -> None:
    page = pages.write(kept, 1).parent / "release-1.html"
    retention.remove(kept)
    with psycopg.connect(bi_url(kept)) as reader:
        assert reader.execute("select release_id from bi.dim_release").fetchall() == [(2,)]
        with pytest.raises(psycopg.DataError, match="release 1 is no longer kept; kept: 2"):
            reader.execute("select * from bi.f1_h1_as_of(1)")
    with connect(kept) as connection, pytest.raises(fig.UnknownFigure, match="there is no release 1 that is kept"):
        fig.release(connection, 1)
    with pytest.raises(ValueError, match="no release 1 is published and kept"):
        questions.ask(kept, "metrics", {"release": "1"})
    pages.write(kept, 2)
    assert "no longer kept" in (page.parent / "index.html").read_text("utf-8")
    assert "Reports since the release before" in page.read_text("utf-8")


def test_the_page_of_what_changed_since_a_removed_release_stays_as_it_was(kept: Settings) -> None:
    page = pages.write(kept, 2).parent / "release-2.html"
    before = page.read_text("utf-8")
    assert "what changed since release 1" in before
    retention.remove(kept)
    pages.write(kept, 2)
    assert page.read_text("utf-8") == before


def test_the_release_after_is_judged_by_its_slice_alone(kept: Settings) -> None:
    retention.remove(kept)
    assert ask(kept, "select count(*) from ctl.gate_run where release_id = 2 and ended_at is null") == [(1,)]


def test_nothing_is_removed_while_a_candidate_is_open_or_where_all_are_kept(kept: Settings) -> None:
    assert retention.remove(kept.model_copy(update={"keep_releases": None})) == []
    with connect(kept) as connection:
        connection.execute(
            "insert into ctl.release select 3, 'candidate', now(), null, cutoff_seq, catalogue_id from ctl.release "
            "where release_id = 2"
        )
    assert retention.remove(kept) == []


def test_the_builder_removes_no_row_that_a_kept_release_shows(kept: Settings) -> None:
    with connect(kept) as connection:
        connection.execute("set role tonghop_builder")
        assert connection.execute("delete from marts.fct_rollup").rowcount == 0  # both releases are kept
        connection.execute("reset role")
        connection.execute("update ctl.release set status = 'removed' where release_id = 1")
        connection.execute("set role tonghop_builder")
        ended = connection.execute("select count(*) from marts.fct_rollup where release_to <= 2").fetchone()
        assert (connection.execute("delete from marts.fct_rollup").rowcount,) == ended


def test_the_command_says_what_it_removed(kept: Settings) -> None:
    assert "releases removed: 1" in commands.run(kept, "expire").output
    assert "không còn giữ · no longer kept" in (kept.pages / "index.html").read_text("utf-8")
