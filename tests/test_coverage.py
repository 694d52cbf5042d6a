"""One definition of coverage, and a claim that never passes for a sum: the samples in two releases.

In the first Nam Định city has only claimed its members; in the second three of the five organisations below it have reported.
"""

import html
import re
from collections.abc import Callable
from typing import Any

import commands
import pytest
from test_intake import rows

from tonghop.base.settings import Settings
from tonghop.queries import explain
from tonghop.queries.owed import owed
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import STAR

CITY = "356"
MEMBERS = ("F1.dv_cuoi_ky", "2018-H1")


@pytest.fixture(scope="module")
def demo(copy_of: Callable[[Settings], Settings], samples_released: Settings) -> Settings:
    """The samples, published: those of the three organisations in release 2."""
    return copy_of(samples_released)


def read(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings, STAR) as connection:
        return connection.execute(query.encode()).fetchall()


AT = "join star.dim_period using (period_id) join star.dim_org_unit using (unit_id)"


def test_three_of_five_are_in_the_citys_sum_whichever_view_is_asked(demo: Settings) -> None:
    at = f"{AT} where dim_org_unit.code = '{CITY}' and dim_period.code = '2018-H1'"
    member = "join star.dim_indicator i using (indicator_id)"
    city = f"(select unit_id from star.dim_org_unit where code = '{CITY}' and '2018-06-30' between valid_from and valid_to)"
    asked = {
        "fct_rollup": f"select units_reported, units_due, units_unowed from star.fct_rollup {member} {at} "
        "and i.code = 'F1.dv_cuoi_ky'",
        "fct_restated": f"select units_reported, units_due, units_unowed from star.fct_restated_on('2018-06-30') {member} {at} "
        "and i.code = 'F1.dv_cuoi_ky'",
        "coverage_of": f"select reported, due, unowed from star.coverage_of({city}) {member} {at} and i.code = 'F1.dv_cuoi_ky'",
        "fct_completeness": f"select received, due, unowed from star.fct_completeness {at} and table_code = 'F1'",
        "fct_completeness_on": f"select received, due, unowed from star.fct_completeness_on('2018-06-30') {at} "
        "and table_code = 'F1'",
        "f1_h1": "select sum(units_reported), sum(units_due), sum(units_unowed) from bi.f1_h1 "
        f"where district_code = '{CITY}' and period_code = '2018-H1'",
    }
    assert {view: read(demo, query) for view, query in asked.items()} == {view: [(3, 5, 0)] for view in asked}


def test_nine_of_twelve_owed_the_form_and_reported_it_and_claims_are_counted_apart(demo: Settings) -> None:
    whole = "select sum(received), sum(due), sum(claims_received), sum(claims_due) from star.fct_completeness"
    assert read(demo, f"{whole} {AT} where level = 'nation' and table_code = 'F1'") == [(9, 12, 2, 2)]


def test_reports_that_nobody_owes_are_told_apart(demo: Settings) -> None:
    named = f"""
        select dim_org_unit.code, table_code, scope, count(*) from star.fct_reporting {AT} where not is_owed
        group by 1, 2, 3 order by 1, 2"""
    assert read(demo, named) == [
        # from before its reporting spell
        *(("243", table, "own", 9) for table in ("F8A", "F8B", "F8C")),
        # a term, which these tables are taken for and owed by nobody
        *(("980", table, scope, 1) for table, scope in (("F3A", "rollup"), ("F3B", "rollup"), ("F5", "own"), ("F8B", "own"))),
    ]
    at = f"{AT} where level = 'nation' and dim_period.code = '2018-Y'"
    revenue = "join star.dim_indicator i using (indicator_id)"
    asked = {
        "fct_completeness": f"select received, due, unowed from star.fct_completeness {at} and table_code = 'F8C'",
        "fct_rollup": f"select units_reported, units_due, units_unowed from star.fct_rollup {revenue} {at} "
        "and i.code = 'F8C.thu_ngan_sach'",
    }
    assert {view: read(demo, query) for view, query in asked.items()} == {view: [(2, 2, 1)] for view in asked}


def test_the_gate_warns_of_figures_that_were_a_claim_and_are_a_sum_now(demo: Settings) -> None:
    found = rows(
        demo, "select release_id, success, rows_failed from ctl.gate_result where expectation = 'measures_stay' order by run_at"
    )
    assert found == [(1, True, 0), (2, False, 23)]  # every figure of the city's F1


def test_the_page_and_explain_say_that_a_claim_and_a_sum_are_two_measures(demo: Settings) -> None:
    told = (
        "trước là số đơn vị tự nêu cho toàn bộ 14.876; nay là tổng 925 của 3 trên 5 đơn vị phải báo cáo. "
        "Hai số đo khác nhau, không so sánh với nhau",
        "it was the unit's claim of 14,876 for its whole; it is now the sum 925 of 3 of the 5 units due. "
        "These are two measures and do not compare",
    )
    said = commands.run(demo, "explain", CITY, *MEMBERS, "--from", "1", "--to", "2")
    assert said.exit_code == 0
    assert all(words in " ".join(said.output.split()) for words in told)
    assert explain.explain(demo, CITY, *MEMBERS, 1, 2).measures == ((None, 14876, 0, 5, 0), (925, 14876, 3, 5, 0))
    page = html.unescape((demo.pages / "release-2.html").read_text("utf-8"))
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", page, re.S) if all(words in row for words in told))
    assert "Members at the end" in row
    # a dash, not the claim, is what the sum was before
    assert re.findall(r'<td class="n">(.*?)</td>', row) == ["–", "925"]
    assert "14.876</td>" not in page  # nor has the claim changed


def test_a_claim_that_is_owed_and_missing_is_named_as_owed(demo: Settings) -> None:
    assert not [r for r in owed(demo, form="F1") if r.scope == "rollup"]
    # the last test of the file: what is published stays as it is
    ((claim,),) = rows(
        demo,
        """select receipt_id from intake.receipt join catalogue.unit using (unit_id) join catalogue.period using (period_id)
        where unit_key = 'nam-dinh-tp' and form_code = 'F1' and status = 'accepted'""",
    )
    assert commands.run(demo, "withdraw", f"R{claim:06d}", "--reason", "nhầm").exit_code == 0
    (missing,) = (r for r in owed(demo, form="F1", period="2018-H1") if r.unit == CITY)
    assert (missing.scope, missing.table) == ("rollup", "F1")
    assert "tự nêu / claim" in commands.run(demo, "owed", "--unit", CITY, "--form", "F1").output
