"""A year of quarters and of months: what opens, moves and closes in it, whose figures they are, and what no year has."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import tree_world as world
from commands import run
from rich.console import Console

from tonghop.base.settings import Settings
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.cli import output
from tonghop.queries import owed, questions, trace_cell
from tonghop.release import gate, suites
from tonghop.warehouse.connect import connect

FORM = """
code: T
version: 1
name: {vi: Biểu thử, en: Trial form}
scheme: CALENDAR
valid_from: 2020-01-01
tables:
  - code: T
    vi: Đơn thư
    en: Petitions
    levels: [grassroots]
    owed: [Q]
    accepted: [M, H1, Y]
    fields:
      - {code: opening, vi: Tồn đầu kỳ, en: Open at the start, unit: đơn, aggregation: opening}
      - {code: received, vi: Tiếp nhận, en: Received, unit: đơn, aggregation: flow}
      - {code: settled, vi: Giải quyết, en: Settled, unit: đơn, aggregation: flow}
      - {code: closing, vi: Tồn cuối kỳ, en: Open at the end, unit: đơn, aggregation: stock}
      - {code: handled, vi: Phải xử lý, en: To handle, unit: đơn, aggregation: distinct}
checks:
  - rule: T.1
    kind: identity
    table: T
    terms: {opening: 1, received: 1, settled: -1, closing: -1}
    op: "="
    message: {vi: Đầu kỳ + tiếp nhận = giải quyết + cuối kỳ, en: Opening + received = settled + closing}
  - rule: T.2
    kind: consistency
    table: T
    terms: {opening: 1, closing: -1}
    at: {closing: previous}
    op: "="
    message: {vi: Đầu kỳ phải bằng cuối kỳ trước, en: The start equals the end before}
  - rule: T.3
    kind: identity
    table: T
    terms: {opening: 1, received: 1, handled: -1}
    op: "="
    message: {vi: Đầu kỳ + tiếp nhận = phải xử lý, en: Opening + received = to handle}
rates:
  - code: T.share_settled
    table: T
    name: {vi: Tỷ lệ giải quyết, en: Share settled}
    numerator: {settled: 1}
    denominator: {opening: 1, received: 1}
"""
FIELDS = ("opening", "received", "settled", "closing", "handled")
# n > p;  p > a, b, c, d. On 1 July the code of a goes to b
UNITS = [("n", "nation", None), ("p", "province", "n"), *((unit, "grassroots", "p") for unit in "abcd")]
JULY = date(2025, 7, 1)
HANDED_OVER = [
    {"event": "e", "on": JULY, "kind": "recoded", "unit": "a", "code": "A2"},
    {"event": "e", "on": JULY, "kind": "recoded", "unit": "b", "code": "A"},
]
QUARTERS = {
    # the two quarters of the issue: a year of 100, 20, 20, 100
    ("a", "2025-Q1"): (100, 10, 4, 106, 110),
    ("a", "2025-Q2"): (106, 10, 16, 100, 116),
    ("b", "2025-Q2"): (48, 1, 0, 49, 49),
    ("b", "2025-Q3"): (49, 2, 1, 50, 51),
    # the first quarter is missing, and so is the third
    ("c", "2025-Q2"): (7, 3, 0, 10, 10),
    ("c", "2025-Q4"): (20, 0, 20, 0, 20),
    # zero is a figure, a blank none
    ("d", "2025-Q1"): (0, 5, 5, 0, 5),
    ("d", "2025-Q2"): (None, 1, 1, 0, None),
    ("d", "2025-Q3"): (0, 3, 0, 3, 3),
}
Total = tuple[Decimal | int | None, ...]


@pytest.fixture(scope="module")
def years(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("years")
    here = new_warehouse(home / "home").model_copy(update={"catalogue": home / "catalogue"})
    world.write_catalogue(here.catalogue, UNITS, HANDED_OVER, FORM)
    world.file(here, [(unit, quarter, dict(zip(FIELDS, said, strict=True))) for (unit, quarter), said in QUARTERS.items()])
    world.file(here, [("a", "2025-Y", dict(zip(FIELDS, (100, 25, 20, 105, 125), strict=True)))])
    world.release(here)
    return here


def totals(here: Settings, unit: str, kind: str = "Q") -> dict[str, Total]:
    """The figures of a year by the name of the unit, in the order of the form."""
    found = questions.ask(here, "total", {"table": "T", "unit": unit, "year": "2025", "type": kind})
    return {str(name): tuple(of.value) for name, of in found.groupby("name", sort=False)}


def test_a_year_opens_with_its_first_period_and_closes_with_its_last(years: Settings) -> None:
    assert totals(years, "A2") == {"Đơn vị a": (100, 20, 20, 100, None)}


def test_a_year_of_which_periods_are_missing_is_of_those_that_are_there_and_says_which(years: Settings) -> None:
    found = questions.ask(years, "total", {"table": "T", "unit": "C", "year": "2025", "type": "Q"})
    assert [(r.value, r.periods, r.periods_in_year, r.first_period, r.last_period) for r in found.itertuples()] == [
        (7, 2, 4, "2025-Q2", "2025-Q4"),
        (3, 2, 4, "2025-Q2", "2025-Q4"),
        (20, 2, 4, "2025-Q2", "2025-Q4"),
        (0, 2, 4, "2025-Q2", "2025-Q4"),
        (None, 2, 4, "2025-Q2", "2025-Q4"),
    ]
    # every report owed for those two quarters is in, and the year is not whole
    printed = run(years, "report", "total", "table=T", "unit=C", "year=2025", "type=Q").stdout
    assert "số kỳ / periods: 2/4" in " ".join(printed.split())


def test_zero_is_the_first_figure_and_a_blank_is_passed_over(years: Settings) -> None:
    assert totals(years, "D") == {"Đơn vị d": (0, 9, 6, 3, None)}


def test_what_is_distinct_in_each_period_has_a_figure_where_the_year_was_reported_as_one(years: Settings) -> None:
    assert totals(years, "A2", "Y") == {"Đơn vị a": (100, 25, 20, 105, 125)}
    assert (
        world.rows(years, "select from star.fct_year join star.dim_indicator using (indicator_id) where field_code = 'handled'")
        == []
    )


def test_a_total_follows_units_and_not_the_code_that_changed_hands(years: Settings) -> None:
    assert totals(years, "A") == {"Đơn vị a": (100, 20, 20, 100, None), "Đơn vị b": (48, 3, 1, 50, None)}
    found = questions.ask(years, "total", {"table": "T", "unit": "A", "year": "2025", "type": "Q"})
    assert {(r.unit, r.name, r.code_from, r.code_to) for r in found.itertuples()} == {
        ("A", "Đơn vị a", date(2020, 1, 1), date(2025, 6, 30)),
        ("A", "Đơn vị b", JULY, date.max),
    }
    # b under the code that it had before
    assert totals(years, "B") == {"Đơn vị b": (48, 3, 1, 50, None)}


def test_a_series_follows_units_and_not_the_code_that_changed_hands(years: Settings) -> None:
    found = questions.ask(years, "series", {"table": "T", "unit": "A", "type": "Q"})
    assert [(r.unit, r.name, r.period, r.value) for r in found.itertuples() if r.indicator == "T.opening"] == [
        ("A", "Đơn vị a", "2025-Q1", 100),
        ("A", "Đơn vị a", "2025-Q2", 106),
        ("B", "Đơn vị b", "2025-Q2", 48),
        ("A", "Đơn vị b", "2025-Q3", 49),
    ]


def test_what_is_owed_is_that_of_units_and_not_of_the_code_that_changed_hands(years: Settings) -> None:
    found = owed.owed(years, "A", as_of=date(2099, 1, 1))
    assert [(r.unit, r.name, r.period) for r in found] == [
        ("B", "Đơn vị b", "2025-Q1"),
        ("A2", "Đơn vị a", "2025-Q3"),
        ("A2", "Đơn vị a", "2025-Q4"),
        ("A", "Đơn vị b", "2025-Q4"),
    ]


@pytest.mark.parametrize(
    ("cell", "of"),
    [("C4", {"2025-Q1"}), ("D4", {"2025-Q1", "2025-Q2"}), ("F4", {"2025-Q2"}), ("G4", set())],
)
def test_a_cell_names_the_years_that_it_is_in(years: Settings, cell: str, of: set[str]) -> None:
    found = {
        quarter
        for receipt, quarter in ((1, "2025-Q1"), (2, "2025-Q2"))
        for figure in trace_cell.of_cell(years, receipt, "T", cell)["figures"]
        if figure["basis"] == "year of Q" and figure["unit"] in ("A", "A2")
    }
    assert found == of


# --- what is printed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        "total table=T unit=A year=2025 type=Q",
        "series table=T unit=A type=Q",
        "form table=T unit=A period=2025-Q1",
        "metrics table=T",
        "metric metric=T.share_settled period=2025-Q2",
        "metric metric=T.closing period=2025-Q2 level=province",
        "rates unit=A period=2025-Q1",
        "restated table=T unit=A period=2025-Q1",
        "completeness period=2025-Q1",
        "coverage period=2025-Q1",
        "lineage unit=A was=2025-06-30 on=2025-07-01",
    ],
)
@pytest.mark.parametrize("width", [80, 100, 200])
def test_an_answer_fits_100_columns_or_the_terminal_and_nothing_is_cut(
    years: Settings, question: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "out", Console(highlight=False, width=width))
    printed = run(years, "report", *question.split())
    assert printed.exit_code == 0
    assert max(map(len, printed.stdout.splitlines())) <= min(width, 100)
    whole = json.loads(run(years, "report", *question.split(), "--json").stdout)
    names = [name for shown in questions.shown(question.split()[0]).columns for name in shown.split("/")]
    words = {word for row in whole for name in names for word in str(row[name]).split() if row[name] not in (None, True, False)}
    assert len(words) > 3
    assert words - {"all"} <= set(re.split(r"[\s│:/]+", printed.stdout))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("total table=T unit=A year=abc type=Q", "year: «abc» không phải là năm, ví dụ 2021 / “abc” is not a year, such as 2021"),
        ("total table=T unit=A year= type=Q", "year: chưa ghi giá trị / no value is given"),
        ("total table=T unit=A year=99999999999 type=Q", "“99999999999” is not a year"),
        (
            "total table=T unit=A year=2025 type=X",
            "không có loại kỳ «X»; có M, Q, H1, H2, 9M, Y, TERM / no kind of period “X”; there are M, Q, H1, H2, 9M, Y, TERM",
        ),
        ("series table=T unit=A type=q", "no kind of period “q”; there are M, Q"),
        ("series table= unit=A type=Q", "table: chưa ghi giá trị / no value is given"),
        ("series table=T unit=A unit=B type=Q", "một tham số ghi hai lần / a parameter is given twice"),
        ("series table=T unit=Z type=Q", "không bản phát hành nào có Z / no unit Z in any published release"),
        ("metric metric=T.none period=2025-Q1", "no metric T.none in any published release"),
        ("metric metric=T.closing period=2025-Q1 level=planet", "no level planet in any published release"),
        (
            "lineage unit=A was=yesterday on=2025-07-01",
            "was: «yesterday» không phải là ngày, ví dụ 2025-07-01 / ",
        ),
        ("lineage unit=A was=1900-01-01 on=2025-07-01", "was: ngày 1900-01-01 không có cây đơn vị nào"),
        ("rates unit=A period=2025-Q1 on=infinity", "on: «infinity» không phải là ngày"),
        ("rates unit=A period=2025-Q1 release=7", "không có bản phát hành 7 / no release 7 is published"),
        ("rates unit=A period=2025-Q1 release=", "release là số"),
        ("rates unit=A period=2025-Q1 as_of=", "as_of là ngày"),
        (
            "rates unit=A period=2025-Q1 as_of=1999-01-01",
            "chưa công bố bản nào còn được giữ / nothing was published by 1999-01-01 that is still kept",
        ),
    ],
)
def test_what_a_question_cannot_mean_is_refused_in_both_languages(years: Settings, asked: str, words: str) -> None:
    done = run(years, "report", *asked.split())
    assert (done.exit_code, words in " ".join(done.output.split())) == (2, True), done.output


@pytest.mark.parametrize("given", ["year=1066 type=Q", "year=2025 type=TERM", "year=2024 type=H1"])
def test_a_year_in_which_nothing_was_reported_has_no_figures(years: Settings, given: str) -> None:
    assert json.loads(run(years, "report", "total", "table=T", "unit=A", *given.split(), "--json").stdout) == []


def test_the_rest_of_an_answer_is_there_wide_and_as_csv(years: Settings) -> None:
    question = ("report", "total", "table=T", "unit=A", "year=2025", "type=Q")
    names = json.loads(run(years, *question, "--json").stdout)[0].keys()
    wide = run(years, *question, "--wide").stdout
    assert all(name.replace("_", " ") in wide.splitlines()[1] for name in names)
    lines = list(csv.DictReader(io.StringIO(run(years, *question, "--csv").stdout)))
    assert lines[0].keys() == names
    # what is not there is empty, and zero is not
    assert [(line["indicator"], line["value"]) for line in lines[3:5]] == [("T.closing", "100"), ("T.handled", "")]
    assert run(years, *question, "--csv", "--json").exit_code == 2


# --- periods ---------------------------------------------------------------------------------------------------


def test_a_cut_off_that_would_move_reports_to_other_days_is_refused_with_them(years: Settings) -> None:
    known = load_catalogue(years.catalogue)
    schemes = {**known.calendar.schemes, "CALENDAR": known.calendar.schemes["CALENDAR"].model_copy(update={"last_day": 20})}
    changed = replace(known, calendar=known.calendar.model_copy(update={"schemes": schemes}), sha256="another")
    with connect(years) as connection, pytest.raises(CatalogueError) as refused:
        sync(changed, connection)
    assert "CALENDAR 2025-Q1: 01/01/2025 – 31/03/2025 there, CALENDAR 2025-Q1 21/12/2024 – 20/03/2025 in the file" in str(
        refused.value
    )
    assert f"it would move {len(QUARTERS) + 1} reports (R000001, " in str(refused.value)
    assert world.rows(years, "select count(*) from catalogue.version") == [(1,)]


# --- metrics ----------------------------------------------------------------------------------------------------


def test_a_metric_says_what_it_is_made_of_and_how_it_adds(years: Settings) -> None:
    found = questions.ask(years, "metrics", {"table": "T"})
    assert [(r.metric, r.unit, r.formula_en, r.over_units, r.over_time) for r in found.itertuples()] == [
        ("T.opening", "đơn", "units added; of several periods the first", "sum", "opening"),
        ("T.received", "đơn", "units added; periods added", "sum", "flow"),
        ("T.settled", "đơn", "units added; periods added", "sum", "flow"),
        ("T.closing", "đơn", "units added; of several periods the last", "sum", "stock"),
        ("T.handled", "đơn", "units added; of several periods none", "sum", "distinct"),
        ("T.share_settled", "%", "Settled ÷ (Open at the start + Received)", "ratio", "ratio"),
    ]


def test_a_metric_is_asked_of_every_unit_of_a_level(years: Settings) -> None:
    share = questions.ask(years, "metric", {"metric": "T.share_settled", "period": "2025-Q2", "level": "province"})
    # d left its opening blank and is in neither part
    assert [(r.unit, r.numerator, r.denominator, r.reported, r.due) for r in share.itertuples()] == [("P", 16, 175, 4, 4)]
    closing = questions.ask(years, "metric", {"metric": "T.closing", "period": "2025-Q2"})
    assert [(r.unit, r.value) for r in closing.itertuples()] == [
        ("N", 159), ("P", 159), ("A", 100), ("B", 49), ("C", 10), ("D", 0),
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"no metric T\.shut in any published release"):
        questions.ask(years, "metric", {"metric": "T.shut", "period": "2025-Q2"})


# --- the gate ---------------------------------------------------------------------------------------------------


def asked(here: Settings, statement: str = "select") -> list[tuple[str, str, int]]:
    """The identities of years that the gate asks of the release, and which fail, after a statement that is undone."""
    question = """
        select unit_key, tree, failed from population join catalogue.unit on unit_id = unit
        where rule is not null order by unit_key, tree"""
    with connect(here) as connection:
        connection.execute("update ctl.release set status = 'candidate', published_at = null")
        (number,) = connection.execute("select release_id from build.candidate").fetchone()
        gate.prepare(connection, suites.read(), number, whole=True)
        connection.execute(statement.encode())
        found = connection.execute(suites.read().question("years_keep_identities", question).encode()).fetchall()
        connection.rollback()
    return found


def test_the_gate_asks_the_identities_of_years_that_are_whole_between_their_first_and_last_period(years: Settings) -> None:
    # c lacks a quarter in between, d has a blank, and p takes in b and c in its second quarter
    assert asked(years) == [(unit, tree, 0) for unit in "ab" for tree in ("reported", "today")]


def test_an_opening_that_is_called_a_stock_breaks_the_identity_of_the_year(years: Settings) -> None:
    called = """
        update marts.dim_indicator set aggregation = 'stock' where field_code = 'opening';
        update marts.fct_year as y set value = r.value from marts.fct_rollup as r
        where r.unit_id = y.unit_id and r.indicator_id = y.indicator_id and r.period_id = y.last_period_id
            and y.indicator_id = (select indicator_id from marts.dim_indicator where field_code = 'opening')"""
    assert asked(years, called) == [(unit, tree, 1) for unit in "ab" for tree in ("reported", "today")]
