"""The obvious query is right, or refused: the questions of docs/asking.md, naive queries, and days as tools understand them."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedFunction, UndefinedTable

from tonghop.base.settings import PROJECT, Settings
from tonghop.warehouse.connect import bi_url

PAGE = (PROJECT / "docs" / "asking.md").read_text("utf-8")
QUESTIONS = re.findall(r"^## \d+\. (.+?)$.*?```sql\n(.+?)```\n\n(.+?)(?=\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
REFUSED = (InsufficientPrivilege, UndefinedColumn, UndefinedFunction, UndefinedTable)


@pytest.fixture(scope="module")
def reader(samples_released: Settings) -> Iterator[psycopg.Connection[Any]]:
    """As a BI tool connects."""
    with psycopg.connect(bi_url(samples_released), autocommit=True) as connection:
        yield connection


def shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"{value:%Y-%m-%d}" if isinstance(value, datetime) else str(value)


def test_there_are_twenty_questions() -> None:
    assert len(QUESTIONS) == 20
    assert len(set(QUESTIONS)) == 20


@pytest.mark.parametrize(("question", "query", "answer"), QUESTIONS, ids=[question for question, _, _ in QUESTIONS])
def test_the_obvious_query_gives_the_answer_of_the_page(
    reader: psycopg.Connection[Any], question: str, query: str, answer: str
) -> None:
    found = reader.execute(query.encode())
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in answer.split("\n"))
    assert [column.name for column in found.description or ()] == head
    assert [[shown(value) for value in row] for row in found] == rows


# what an analyst writes who has not read a manual, and what it gives: figures, or the reason for which it is refused
NAIVE: dict[str, tuple[str, Any]] = {
    "T1 members of a half year": ("select sum(dv_cuoi_ky) from bi.f1_h1 where period_code = '2018-H1'", 925),
    "T2 admitted, by half years": ("select sum(dv_ket_nap) from bi.f1_h1", 19),
    "T2 admitted, by years": ("select sum(dv_ket_nap) from bi.f1_year", 12),
    "T3 units joined without a day": (
        "select sum(dv_cuoi_ky) from bi.f1_h1 join star.dim_org_unit on code = unit_code",
        InsufficientPrivilege,
    ),
    "T4 the tree joined without a day": (
        "select count(*) from bi.f1_h1 join star.bridge_org_tree on true",
        InsufficientPrivilege,
    ),
    "T5 units joined by a number": ("select sum(tong) from bi.f8b_year join bi.f1_year using (unit_id)", UndefinedColumn),
    "T6 documents of 2018": ("select sum(tong) from bi.f8b_year where year = 2018", 93),
    "T6 documents of 2020": ("select sum(tong) from bi.f8b_year where year = 2020", 47),
    "T7 completeness of F8B": (
        "select sum(units_reported)::numeric / sum(units_due) from bi.reporting where table_code = 'F8B'",
        Decimal("0.75"),
    ),
    "T7 completeness of F1": (
        "select sum(units_reported)::numeric / sum(units_due) from bi.reporting where table_code = 'F1'",
        Decimal("0.75"),
    ),
    "T8 a rate averaged": ("select avg(attendance) from bi.f2_month", UndefinedColumn),
    "T8 a rate of sums": ("select round(sum(dv_du) / sum(dv_phai_du), 4) from bi.f2_month", Decimal("0.8984")),
    "T9 meetings of 2018": ("select sum(hop_thuong_ky) from bi.f2_month where year = 2018", 60),
    "T9 the same on today's tree": ("select sum(hop_thuong_ky) from bi.f2_month_today where year = 2018", 60),
    "T10 the city with what it claims": (
        "select sum(dv_cuoi_ky) from bi.f1_h1 where district_code = '356' and period_code = '2018-H1'",
        925,
    ),
    "T11 members of cells, once a meeting": (
        "select sum(dv_tong) from bi.f2_month where year = 2021 and unit_key = 'hung-vuong'",
        7343,
    ),
    "T11b members over half years, as a stock": (
        "select bi.closing(dv_cuoi_ky, period_end) from bi.f1_h1 where year < 2021",
        412,
    ),
    "T11b the last of them": ("select sum(dv_cuoi_ky) from bi.f1_h1_latest", 412),
    # by nature: what the comment warns of
    "T11b members over half years, added": ("select sum(dv_cuoi_ky) from bi.f1_h1", 1337),
    "T12 grades across the change of their words": (
        "select sum(chi_bo__htt__truoc_20180924) from bi.f3a_year where year > 2018",
        None,
    ),
    "T12b organisations of all rows": ("select sum(tong_to_chuc) from bi.f3a_year", UndefinedColumn),
    "T13 where the figures of divided wards stand": (
        "select max(unit_name) filter (where is_undivided) from bi.f1_h1_today where period_code = '2018-H1'",
        "Đảng bộ tỉnh Ninh Bình",
    ),
    "T13 and how much": ("select sum(dv_cuoi_ky) from bi.f1_h1_today where period_code = '2018-H1'", 925),
    "T14 who is missing": ("select count(*) from bi.f1_h1 where period_code = '2018-H1' and units_reported = 0", 2),
    "T15 periods joined by name": ("select count(*) from bi.f1_h1 join bi.dim_period using (period_code)", UndefinedTable),
    "T16 a release forgotten": ("select count(*) from bi.f1_h1 where release_id = 1", UndefinedColumn),
    "T16 a release not given": ("select count(*) from bi.f1_h1_as_of()", UndefinedFunction),
    "T16 a day not given": ("select count(*) from bi.f1_h1_on()", UndefinedFunction),
    "T17 claims added to sums": ("select sum(claimed) from bi.f1_h1", UndefinedColumn),
    "T18 a time axis by years": ("select max(extract(year from date_trunc('year', period_end)))::int from bi.f1_h1_latest", 2020),
}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Ho_Chi_Minh", "America/Los_Angeles"])
@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_query_is_right_or_refused(reader: psycopg.Connection[Any], name: str, zone: str) -> None:
    query, answer = NAIVE[name]
    reader.execute("select set_config('timezone', %s, false)", [zone])
    if answer in REFUSED:
        with pytest.raises(answer):
            reader.execute(query.encode())
    else:
        assert reader.execute(query.encode()).fetchall() == [(answer,)]


def test_what_does_not_add_says_so_in_its_comment(reader: psycopg.Connection[Any]) -> None:
    comments = dict(
        reader.execute(
            "select attname, col_description(attrelid, attnum) from pg_attribute where attrelid = 'bi.f1_h1'::regclass"
        ).fetchall()
    )
    assert comments["dv_cuoi_ky"].endswith("a stock, does not add over periods: take bi.closing or f1_h1_latest")
    assert comments["dv_dau_ky"].endswith("as of the period's start, does not add over periods: take bi.opening")
    assert comments["dv_ket_nap"].endswith("adds over periods")


def test_days_are_days_in_pandas(samples_released: Settings) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(bi_url(samples_released).replace("postgresql://", "postgresql+psycopg://", 1))
    frame = pd.read_sql("select period_start, period_end, dv_cuoi_ky from bi.f1_h1", engine)
    engine.dispose()
    assert frame["period_end"].dt.tz is None
    assert sorted(frame["period_end"].unique()) == [pd.Timestamp(f"{year}-06-30") for year in (2018, 2020, 2021)]
    by_year = frame.groupby(frame["period_start"].dt.year)["dv_cuoi_ky"].sum(min_count=1)
    assert by_year.dropna().to_dict() == {2018: 925, 2020: 412}


def test_on_todays_tree_the_function_of_a_day_gives_the_twin(reader: psycopg.Connection[Any]) -> None:
    for view in ("f1_h1", "f2_month", "f8b_year"):
        twin, asked = f"select * from bi.{view}_today", f"select * from bi.{view}_on(current_date)"
        assert reader.execute(f"select count(*) from ({twin}) as a".encode()).fetchall() != [(0,)]
        for one, other in ((twin, asked), (asked, twin)):
            assert reader.execute(f"({one}) except all ({other})".encode()).fetchall() == []


def test_a_release_asked_for_is_what_it_said_and_one_that_is_not_published_is_refused(reader: psycopg.Connection[Any]) -> None:
    now = reader.execute("select * from bi.f1_h1 order by 1, 14").fetchall()
    assert reader.execute("select * from bi.f1_h1_as_of(2) order by 1, 14").fetchall() == now
    assert reader.execute("select * from bi.f1_h1_as_of(1) order by 1, 14").fetchall() != now
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"/ release 99 is not published; published: 1, 2\n"):
        reader.execute("select * from bi.f1_h1_as_of(99)")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("bi.f1_h1_as_of(null)", "/ release null is not published; published: 1, 2\n"),
        ("bi.f1_h1_on('1900-01-01')", "/ no units are known on 1900-01-01; the first day of any is "),
        ("bi.f1_h1_on('infinity')", "/ no units are known on infinity"),
        ("bi.f1_h1_on(null)", "/ no units are known on null"),
    ],
)
def test_a_release_or_a_day_of_which_there_is_nothing_is_refused(
    reader: psycopg.Connection[Any], asked: str, answer: str
) -> None:
    for what in ("count(*)", "*"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=answer), reader.transaction():
            reader.execute(f"select {what} from {asked}".encode())


def test_a_code_of_a_table_is_not_described_as_the_code_of_a_level(reader: psycopg.Connection[Any]) -> None:
    wrong = reader.execute(
        "select attrelid::regclass, attname from pg_attribute join pg_class on oid = attrelid "
        "where relnamespace = 'bi'::regnamespace and attname in ('table_code', 'form_code', 'rate_code') "
        "and col_description(attrelid, attnum) like '%level%'"
    )
    assert wrong.fetchall() == []


def test_every_relation_previews_and_counts_and_rows_of_views_have_keys(reader: psycopg.Connection[Any]) -> None:
    views = [name for (name,) in reader.execute("select table_name from information_schema.views where table_schema = 'bi'")]
    assert len(views) > 100
    for view in views:
        columns = [column.name for column in reader.execute(f"select * from bi.{view} limit 1000".encode()).description or ()]
        key = [name for name in ("unit_key", "period_code", "is_undivided") if name in columns]
        if {"unit_key", "period_code"} <= set(columns) and view not in ("claims", "findings", "reporting"):
            query = f"select count(*), count(distinct ({', '.join(key)})) from bi.{view}"
            ((rows, keys),) = reader.execute(query.encode()).fetchall()
            assert rows == keys, view
