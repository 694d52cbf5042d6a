"""The sample reports say what the source documents say, and get the answers that they are meant to get.

They are read back from their files with the product's own reader, so this holds for what was filed and not for what was meant.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

import samples
from samples import facts
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check

Filed = list[tuple[samples.Report, Report]]
# period, table, row, unit, field, scope -> value
Figures = dict[tuple[str, ...], Decimal]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(PROJECT / "catalogue")


@pytest.fixture(scope="module")
def folder(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    samples.write(catalogue, folder)
    return folder


@pytest.fixture(scope="module")
def filed(catalogue: Catalogue, folder: Path) -> Filed:
    settings = Settings(home=folder / "home")
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return [
        (report, read_and_check(path.name, path.read_bytes(), catalogue, settings))
        for report, path in zip(samples.REPORTS, paths, strict=True)
    ]


@pytest.fixture(scope="module")
def figures(filed: Filed) -> Figures:
    """What the accepted reports say; a correction comes later and stands."""
    return {
        (read.period.code, cell.table, cell.row, cell.unit, cell.indicator, read.scope): cell.value
        for _, read in filed
        if read.status == "accepted" and read.period and read.scope
        for cell in read.cells
        if cell.value is not None
    }


@pytest.fixture(scope="module")
def look_up(catalogue: Catalogue, figures: Figures) -> Callable[[facts.FigureKey], Decimal]:
    def value(figure: facts.FigureKey) -> Decimal:
        units = [u.unit for u in catalogue.units if u.parent == figure.unit] if figure.below else [figure.unit]
        keys = [(figure.period, figure.table, figure.row, unit, figure.field, figure.scope) for unit in units]
        return sum((figures[key] for key in keys), Decimal(0))

    return value


def _name(statement: facts.Statement) -> str:
    figure = statement.numerator[0]
    return f"line {statement.line}: {figure.unit} {figure.period} {figure.table}.{figure.field} {statement.text}"


@pytest.mark.parametrize("statement", facts.statements(), ids=_name)
def test_what_the_source_states_comes_out_of_the_filed_figures(
    statement: facts.Statement, look_up: Callable[[facts.FigureKey], Decimal]
) -> None:
    assert statement.holds(statement.value(look_up))


@pytest.mark.parametrize("statement", facts.statements(), ids=_name)
def test_a_statement_does_not_hold_for_other_figures(statement: facts.Statement) -> None:
    beyond = -1000 if statement.compare in (">", ">=") else 1000
    assert not statement.holds(statement.bound + beyond)
    if statement.compare in (">", "<"):
        assert not statement.holds(statement.bound)


def test_every_row_is_stated_or_says_why_not() -> None:
    rows = facts.rows()
    assert len(rows) == 72
    stated = {statement.line for statement in facts.statements()}
    for row in rows:
        loaded = row["load_as"] in ("count", "rate", "bound")
        assert loaded == (int(row["line"]) in stated), row["line"]
        assert loaded == (not row["why_not"]), row["line"]
        assert loaded or row["load_as"] == "not_loadable", row["line"]


def test_every_report_gets_the_answer_that_it_is_meant_to_get(filed: Filed, folder: Path) -> None:
    meant = {report.file_name: "accepted" if report.answer == "duplicate" else report.answer for report, _ in filed}
    assert {report.file_name: read.status for report, read in filed} == meant
    assert set(meant.values()) == {"accepted", "returned", "quarantined"}
    contents = [path.read_bytes() for path in sorted(folder.glob("*.*"))]
    repeated = {report.file_name for n, (report, _) in enumerate(filed) if contents[n] in contents[:n]}
    assert repeated == {report.file_name for report, _ in filed if report.answer == "duplicate"}
    assert len(repeated) == 1


def test_what_is_returned_is_returned_for_its_figures(filed: Filed) -> None:
    reasons = {
        report.file_name: {f.rule for f in read.findings if f.kind in ("cell", "identity") and f.returns}
        for report, read in filed
        if read.status == "returned"
    }
    assert "cell.approximate" in reasons["khoi-co-quan-tinh_F1_2020-H1.xlsx"]
    assert reasons["hung-vuong_F1_2021-H1.xlsx"] == {"F1.3"}
    assert len(reasons) == 2


def test_a_correction_and_a_nil_return_are_among_them(filed: Filed) -> None:
    accepted = [(r.sender, r.form, r.period, r.scope) for r, _ in filed if r.answer == "accepted"]
    assert {key for key in accepted if accepted.count(key) > 1} == {("hung-vuong", "F2", "2021-M09", "own")}
    assert {(r.sender, r.form, r.period) for r, read in filed if read.nil} == {
        ("hung-vuong", "F7", "2021-Q4"),
        ("hung-vuong", "F7", "2021-Y"),
    }
    assert {r.suffix for r, _ in filed} == {"xlsx", "csv", "json"}


def test_a_report_that_a_ward_files_for_its_cells_is_owed_where_they_owe_it(filed: Filed) -> None:
    assert {report.read.owed for planned, report in filed if planned.form == "F2"} == {True}


def test_what_is_owed_and_never_arrives_is_known(catalogue: Catalogue, filed: Filed) -> None:
    owed = {
        (table.code, unit.unit, period.code)
        for spell in catalogue.spells
        for unit in catalogue.units
        if unit.unit == spell.unit
        for form in catalogue.forms
        if form.code == spell.form
        for period in catalogue.period.values()
        if period.scheme == form.scheme
        and max(spell.valid_from, form.valid_from, unit.valid_from) <= period.ends_on
        and period.ends_on <= min(spell.valid_to, form.valid_to, unit.valid_to)
        for table in form.tables
        if unit.level in table.levels and table.owes(period)
    }
    arrived = {
        (cell.table, cell.unit, report.period) for report, read in filed if read.status == "accepted" for cell in read.cells
    }
    arrived |= {
        (table.code, report.sender, report.period)
        for report, read in filed
        if read.nil and read.form
        for table in read.form.tables
    }
    assert owed - arrived == {
        ("F4", "vinh-yen-cs04", "2020-Y"),
        ("F1", "nam-dinh-tp-cs04", "2018-H1"),
        ("F1", "nam-dinh-tp-cs05", "2018-H1"),
        ("F1", "hung-vuong", "2021-H1"),
        ("F8B", "vinh-yen", "2020-Q4"),
        ("F8C", "vinh-yen", "2020-Q4"),
        ("F8B", "nam-dinh-tp", "2018-Q4"),
        ("F8C", "nam-dinh-tp", "2018-Q4"),
    }


def test_a_claim_is_no_less_than_what_the_units_below_filed(catalogue: Catalogue, figures: Figures) -> None:
    below: Figures = {}
    for (period, table, row, unit, field, scope), value in figures.items():
        version = catalogue.version(unit, catalogue.period["CALENDAR", period].ends_on)
        assert version
        if scope == "own" and (key := (period, table, row, str(version.parent), field, "rollup")) in figures:
            below[key] = below.get(key, Decimal(0)) + value
    assert len({key[:4] for key in below}) == 3  # three claims have children that filed
    assert not [key for key, value in below.items() if value > figures[key]]


def test_the_members_of_the_cells_add_up_to_those_of_the_ward(figures: Figures) -> None:
    cells = sum(
        value
        for (period, table, _, unit, field, _), value in figures.items()
        if (period, table, field) == ("2021-M12", "F2", "dv_tong") and unit.startswith("hung-vuong-cb")
    )
    assert cells == figures["2021-Y", "F1", "all", "hung-vuong", "dv_cuoi_ky", "own"] == 617


def test_writing_again_gives_the_same_bytes(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    again = samples.write(catalogue, tmp_path)
    assert [path.read_bytes() for path in again] == [(folder / path.name).read_bytes() for path in again]
    assert again == sorted(again)


def test_every_workbook_says_that_its_figures_are_made_up_and_names_nobody(folder: Path, filed: Filed) -> None:
    for (report, _), path in zip(filed, sorted(folder.glob("*.*")), strict=True):
        if report.suffix != "xlsx" or report.damaged:
            continue
        book = CalamineWorkbook.from_path(path)
        for name in book.sheet_names:
            texts = [cell for row in book.get_sheet_by_name(name).to_python() for cell in row if cell != ""]
            assert any("synthetic" in str(text) for text in texts), path.name
            assert texts[-2:] == ["TM. BAN THƯỜNG VỤ", "(Ký, ghi rõ họ tên)"], path.name
