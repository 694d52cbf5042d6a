"""The pages tell what changed, and nothing that a reader of schema bi may not see."""

import html
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from tonghop.base.secrets import secret
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.model import Catalogue
from tonghop.queries import pages
from tonghop.release import publish
from tonghop.warehouse.connect import connect


@pytest.fixture
def world(copy_of: Callable[[Settings], Settings], two_releases: Settings) -> Settings:
    settings = copy_of(two_releases)
    with connect(settings) as connection:
        connection.execute("""
            insert into marts.fct_finding (finding_key, source, rule, kind, submission_id, unit_id, message_vi,
                message_en, release_from, release_to)
            values ('a', 'arrival', 'cell.whole', 'cell', 2, 3, 'ở đây là 987654', 'here it is 987654', 2, 2147483647)""")
        # the ward's two reports would be a figure of 15; a correction by hand, to have an old value and a new one
        connection.execute("""
            update marts.fct_rollup set release_to = 2 from catalogue.unit, catalogue.indicator
            where fct_rollup.unit_id = unit.unit_id and unit_key = 'w' and fct_rollup.indicator_id = indicator.indicator_id
                and release_from = 1 and field_code in ('members', 'punished')""")
        connection.execute("""
            insert into marts.fct_rollup select unit_id, period_id, row_id, indicator_id, value + 4321, claimed,
                units_reported, units_due, 2, 2147483647
            from marts.fct_rollup where release_to = 2""")
    return settings


def publish_it(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = 2")
        connection.execute("update ctl.current_release set release_id = 2")


def test_an_unpublished_release_shows_no_figure(world: Settings) -> None:
    pages.write(world, 2)
    text = (world.pages / "release-2.html").read_text("utf-8")
    assert "chưa công bố" in text
    assert "Phường" not in text


def test_a_release_page_tells_what_changed_at_published_units_and_withholds_the_rest(world: Settings) -> None:
    publish_it(world)
    index = pages.write(world, 2)
    text = (world.pages / "release-2.html").read_text("utf-8")
    cells = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", row)).strip() for row in re.findall(r"<tr>(.*?)</tr>", text, re.S)]
    # the figure was changed by hand, behind the ledger's back: no reason makes the difference, and the page says so
    assert (
        "Phường Hùng Vương W2025-M01 T1: Tổng số đảng viên Members lý do không khớp với chênh lệch · "
        "the reasons do not add up 134.334"
    ) in [c.replace("</td>", "") for c in cells]
    assert "<b>2</b>nhận" in text
    assert "Phường Hùng Vương" in text
    # cells of the organisation, restricted figures, and what a finding quotes
    assert not re.findall(r"Chi bộ 1|Chi bộ 2|4\.322|987654", text)
    assert "cell.whole" in text
    assert "Disciplined" in text.split("What is withheld")[1]
    assert "Disciplined" not in text.split("What is withheld")[0]
    for page in (index, world.pages / "release-2.html"):
        assert not re.findall(r"<script|<link|<img|@import|url\(|https?:", page.read_text("utf-8"))
        assert 'lang="vi"' in page.read_text("utf-8")


def test_only_the_index_says_which_release_is_current_since_the_page_of_one_stays(world: Settings) -> None:
    publish_it(world)
    assert "hiện hành · current" in pages.write(world, 2).read_text("utf-8")
    assert "hiện hành · current" not in (world.pages / "release-2.html").read_text("utf-8")


def test_a_release_page_lists_waivers_and_names_no_unit_below_the_published_levels(world: Settings) -> None:
    with connect(world) as connection:
        for unit, office, reason in (("w", "p", "sổ sách đang kiểm kê"), ("c1", "w", "chi bộ mới tách")):
            connection.execute(
                """
                with given as (
                    insert into intake.waiver (rule, unit_id, period_id, reason, office_id, valid_to)
                    select 'T.1', u.unit_id, min(r.period_id), %s, o.unit_id, '2025-12-31'
                    from catalogue.unit u, catalogue.unit o, intake.receipt r
                    where u.unit_key = %s and o.unit_key = %s group by u.unit_id, o.unit_id returning waiver_id)
                insert into intake.ledger (act, waiver_id) select 'waived', waiver_id from given""",
                [reason, unit, office],
            )
        connection.execute("update ctl.release set cutoff_seq = (select max(seq) from intake.ledger) where release_id = 2")
    publish_it(world)
    pages.write(world, 2)
    listed = (world.pages / "release-2.html").read_text("utf-8").split("Waivers: leave to break a rule")[1].split("</section>")[0]
    assert listed.count("<tr><td>T.1</td>") == 2
    assert "sổ sách đang kiểm kê" in listed
    assert "31/12/2025" in listed
    assert "không nêu tên" in listed
    assert not re.findall(r"Chi bộ 1|chi bộ mới tách", listed)


def test_the_index_says_how_to_connect_and_keeps_the_password(world: Settings) -> None:
    publish_it(world)
    text = pages.write(world, 2).read_text("utf-8")
    assert "tonghop_bi" in text
    assert secret(world, "bi") not in text
    assert 'href="release-2.html"' in text
    assert [release.is_current for release in publish.releases(world)] == [True, False]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0, "0"), (Decimal("1234567.50"), "1.234.567,5"), (Decimal(4000), "4.000")]
)
def test_numbers_are_written_the_vietnamese_way(value: Decimal | int | None, shown: str) -> None:
    assert pages.number(value) == shown


def test_the_forms_page_shows_every_field_and_check_of_the_catalogue(world: Settings, catalogue: Catalogue) -> None:
    pages.write(world.model_copy(update={"catalogue": PROJECT / "catalogue"}), 2)
    page = html.unescape((world.pages / "forms.html").read_text("utf-8"))
    for form in catalogue.forms:
        assert all(f">{field.code}<" in page and field.vi in page for table in form.tables for field in table.fields)
        assert all(check.rule in page and check.message.vi in page for check in form.checks)
