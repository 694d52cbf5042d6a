"""A form changes while templates of it are out: what was given out is filled in, handed in and read as the form is now."""

import io
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tree_world
import yaml
from books import STAFF
from click.testing import CliRunner
from openpyxl import load_workbook

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.forms import ALL_ROWS
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.cli.main import cli
from tonghop.intake.submit import submit
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check
from tonghop.templates.book import workbook
from tonghop.templates.plan import Planner, Template
from tonghop.templates.write import write

WARD, PERIOD = "08719", "2018-Y"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("limits"))


def template(catalogue: Catalogue, form: str = "F8", period: str = PERIOD, unit: str = WARD) -> Template:
    return Planner(catalogue, form, period).unit(unit)


def filled(catalogue: Catalogue, template: Template, **changes: Any) -> bytes:
    """A template with zeros, and in F8A the staff of `books` with changes; None leaves a cell blank."""
    figures = {
        (table.code, unit.unit, row.code, field.code): value
        for table, units in template.sheets
        for unit in units
        for row in table.rows
        for field in table.fields
        if (value := (STAFF | changes if table.code == "F8A" else {}).get(field.code, 0)) is not None
    }
    return workbook(catalogue, template, figures)


def changed(folder: Path, file: str, change: Change, may_be_blank: tuple[str, ...] = (), taken: bool = True) -> Catalogue:
    """The catalogue with a form changed, which takes the templates of before."""
    shutil.copytree(PROJECT / "catalogue", folder, dirs_exist_ok=True)
    path = folder / "forms" / f"{file}.yaml"
    (folder / "forms" / "earlier").mkdir()
    shutil.copy(path, folder / "forms" / "earlier" / f"{file}.before.yaml")
    form = yaml.safe_load(path.read_text("utf-8"))
    change(form)
    if taken:
        form["takes"] = [{"printed_from": f"{file}.before", "may_be_blank": list(may_be_blank)}]
    path.write_text(yaml.safe_dump(form, allow_unicode=True, sort_keys=False), "utf-8")
    return load_catalogue(folder)


def fields(form: dict[str, Any], table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(t for t in form["tables"] if t["code"] == table)["fields"]
    return found


def relabelled(form: dict[str, Any]) -> None:
    """Two columns change their labels between them, and a third one gets another."""
    by_code = {f["code"]: f for f in fields(form, "F8A")}
    for name in ("vi", "en"):
        first, second = by_code["can_bo"], by_code["cong_chuc"]
        first[name], second[name] = second[name], first[name]
    for one in ("can_bo", "cong_chuc", "khac"):
        by_code[one].pop("synonyms", None)
    by_code["khac"] |= {"vi": "Trình độ còn lại", "en": "Any other qualification"}


def with_another(form: dict[str, Any]) -> None:
    """A column more, of which staff in all is now a sum too."""
    named = {"code": "biet_phai", "vi": "Biệt phái", "en": "Seconded"}
    fields(form, "F8A").append({**named, "unit": "người", "aggregation": "stock"})
    (rule,) = (check for check in form["checks"] if check["rule"] == "F8.1a")
    rule["terms"]["biet_phai"] = rule["terms"]["can_bo"]


def read(catalogue: Catalogue, limits: Settings, content: bytes) -> Report:
    return read_and_check("x.xlsx", content, catalogue, limits)


def told(report: Report) -> list[tuple[str, str | None]]:
    return [(f.rule, f.sheet) for f in report.findings]


def figures(report: Report, table: str = "F8A") -> dict[str, int]:
    return {c.indicator: int(c.value) for c in report.cells if c.table == table and c.value is not None}


def test_a_template_whose_labels_have_changed_is_read_by_its_own_labels(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    content = filled(catalogue, template(catalogue))
    later = changed(tmp_path, "F8.v1", relabelled)
    report = read(later, limits, content)
    assert (report.status, told(report), figures(report)) == ("accepted", [], STAFF)
    # the new template is read by the new ones
    again = read(later, limits, filled(later, template(later)))
    assert (again.status, figures(again)) == ("accepted", STAFF)


def test_a_form_that_does_not_take_them_returns_its_earlier_templates(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    content = filled(catalogue, template(catalogue))
    report = read(changed(tmp_path, "F8.v1", relabelled, taken=False), limits, content)
    assert report.status == "returned"
    assert "head.fingerprint" in {f.rule for f in report.findings}


def test_a_column_that_the_template_lacks_is_owed_and_can_be_added_to_it(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    content = filled(catalogue, template(catalogue), tong=23, dai_hoc=20)
    later = changed(tmp_path, "F8.v1", with_another)
    report = read(later, limits, content)
    (finding,) = (f for f in report.findings if f.rule == "column.added")
    assert report.status == "returned"
    assert finding.message_vi == (
        "Biểu mẫu này phát hành trước khi biểu có cột «Biệt phái». Hãy thêm cột ấy cạnh các cột khác (trang khóa không có mật "
        "khẩu) và ghi số liệu, hoặc lấy biểu mẫu mới và chép số liệu sang."
    )
    assert finding.message_en == (
        "This template was issued before the form had the column “Seconded”. Add that column beside the others (the sheet is "
        "locked without a password) and fill it in, or take the new template and copy the figures into it."
    )

    def add(book: Any) -> None:
        sheet = book["F8A"]
        label = next(cell for row in sheet.iter_rows() for cell in row if cell.value == "Trình độ khác")
        # beyond the last column, in the blank one before the checks
        sheet.cell(label.row, label.column + 1).value = "Biệt phái"
        sheet.cell(label.row + 3, label.column + 1).value = 2

    book = load_workbook(io.BytesIO(content), data_only=True)
    add(book)
    out = io.BytesIO()
    book.save(out)
    mended = read(later, limits, out.getvalue())
    assert (mended.status, told(mended)) == ("accepted", [])
    assert figures(mended) == STAFF | {"tong": 23, "dai_hoc": 20, "biet_phai": 2}


def test_a_column_that_the_template_lacks_may_be_blank_and_the_rules_that_read_it_wait(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    content = filled(catalogue, template(catalogue))
    later = changed(tmp_path, "F8.v1", with_another, ("F8A.biet_phai",))
    report = read(later, limits, content)
    assert (report.status, told(report), figures(report)) == ("accepted", [], STAFF)
    assert report.read.lacking == ("F8A: Biệt phái",)
    # the other rules are asked all the same, and the new template owes the column
    assert "F8.1b" in {f.rule for f in read(later, limits, filled(catalogue, template(catalogue), dai_hoc=17)).findings}
    new = filled(later, template(later), biet_phai=None)
    assert "cell.blank" in {f.rule for f in read(later, limits, new).findings}


def test_a_column_that_the_form_no_longer_has_is_passed_over(catalogue: Catalogue, limits: Settings, tmp_path: Path) -> None:
    def without(form: dict[str, Any]) -> None:
        fields(form, "F8B").pop(0)
        gone = "F8B"
        form["checks"] = [check for check in form["checks"] if check["table"] != gone]
        form["rates"] = [rate for rate in form.get("rates", []) if rate["table"] != gone]

    content = filled(catalogue, template(catalogue))
    report = read(changed(tmp_path, "F8.v1", without), limits, content)
    _, *rest = (f.code for f in template(catalogue).form.table["F8B"].fields)
    assert (report.status, told(report)) == ("accepted", [])
    assert list(figures(report, "F8B")) == rest
    assert ("F8B", "D") in [(c.sheet, c.column) for c in report.read.columns]


def test_a_row_that_the_form_no_longer_has_is_passed_over(catalogue: Catalogue, limits: Settings, tmp_path: Path) -> None:
    content = filled(catalogue, template(catalogue, "F4"))
    report = read(changed(tmp_path, "F4.v1", lambda form: form["tables"][0]["rows"].pop()), limits, content)
    assert (report.status, told(report), {c.row for c in report.cells}) == ("accepted", [], {"ct05"})
    # beside the lines for signatures
    assert [passed for passed in report.read.cells if passed.cells.startswith("E")] == [("F4", "E15:M15")]


@pytest.mark.parametrize("may_be_blank", [(), ("F4.them",)])
def test_a_row_that_the_template_lacks_is_owed_or_may_be_blank(
    catalogue: Catalogue, limits: Settings, tmp_path: Path, may_be_blank: tuple[str, ...]
) -> None:
    def one_more(form: dict[str, Any]) -> None:
        form["tables"][0]["rows"][0] |= {"vi": "Nhãn mới của dòng này", "en": "Its new label"}
        form["tables"][0]["rows"].append({"code": "them", "vi": "Dòng thêm", "en": "One row more"})

    assert catalogue.forms[[f.code for f in catalogue.forms].index("F4")].tables[0].rows != (ALL_ROWS,)
    content = filled(catalogue, template(catalogue, "F4"))
    report = read(changed(tmp_path, "F4.v1", one_more, may_be_blank), limits, content)
    if may_be_blank:
        assert (report.status, told(report)) == ("accepted", [])
        return
    assert (report.status, told(report)) == ("returned", [("row.added", "F4")])
    assert report.findings[0].message_vi.startswith(
        f"Biểu mẫu này phát hành trước khi bảng F4 có dòng «Dòng thêm». Hãy thêm dòng ấy cho đơn vị «{WARD}»"
    )


def test_a_template_of_the_version_before_is_taken_by_the_one_that_says_so(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    content = filled(catalogue, template(catalogue))
    shutil.copytree(PROJECT / "catalogue", tmp_path, dirs_exist_ok=True)
    forms = tmp_path / "forms"
    (forms / "earlier").mkdir()
    (forms / "F8.v1.yaml").rename(forms / "earlier" / "F8.v1.yaml")
    form = yaml.safe_load((forms / "earlier" / "F8.v1.yaml").read_text("utf-8")) | {"version": 2}
    relabelled(form)
    for takes, status in ([], "returned"), ([{"printed_from": "F8.v1"}], "accepted"):
        (forms / "F8.v2.yaml").write_text(yaml.safe_dump(form | {"takes": takes}, allow_unicode=True), "utf-8")
        report = read(load_catalogue(tmp_path), limits, content)
        assert report.status == status, report.findings
    assert (report.form and report.form.version, figures(report)) == (2, STAFF)


@pytest.mark.parametrize("change", [{"kind": "renamed", "name": "Phường Tên Mới"}, {"kind": "moved", "parent": "nam-dinh-tp"}])
def test_a_unit_renamed_or_moved_meanwhile_keeps_its_template(
    catalogue: Catalogue, limits: Settings, tmp_path: Path, change: dict[str, str]
) -> None:
    content = filled(catalogue, template(catalogue))
    shutil.copytree(PROJECT / "catalogue", tmp_path, dirs_exist_ok=True)
    tree_world.write_events(
        tmp_path / "events" / "2018.csv", [{"event": "Đổi", "on": "2018-07-01", "unit": "ngo-quyen", **change}]
    )
    later = load_catalogue(tmp_path)
    end = catalogue.period["CALENDAR", PERIOD].ends_on
    assert later.version("ngo-quyen", end) != catalogue.version("ngo-quyen", end)
    report = read(later, limits, content)
    assert (report.status, told(report)) == ("accepted", [])


def test_a_unit_that_got_another_code_meanwhile_keeps_its_template_and_its_rows(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    issued = template(catalogue, "F2", "2021-M10", "08737")
    figures_: dict[Any, Any] = {
        (table.code, unit.unit, row.code, field.code): next(iter(field.codes.values()))[0] if field.codes else 0
        for table, units in issued.sheets
        for unit in units
        for row in table.rows
        for field in table.fields
    }
    content = workbook(catalogue, issued, figures_)
    shutil.copytree(PROJECT / "catalogue", tmp_path, dirs_exist_ok=True)
    sender, cell = (catalogue.unit_by_code(code, date(2021, 10, 31)) for code in ("08737", "08737.01"))
    assert sender
    assert cell
    events = [
        {"event": "Mã mới", "on": "2021-07-01", "kind": "recoded", "unit": unit.unit, "code": code}
        for unit, code in ((sender, "99737"), (cell, "99737.01"))
    ]
    tree_world.write_events(tmp_path / "events" / "2021.csv", events)
    later = load_catalogue(tmp_path)
    report = read(later, limits, content)
    assert (report.status, report.sender and report.sender.code) == ("accepted", "99737"), report.findings
    assert report.cells == read(catalogue, limits, content).cells
    # the codes of its rows alone do not make it one
    other = load_workbook(io.BytesIO(content))
    for row in other["F2"].iter_rows():
        for at in row:
            if at.value == "08737":
                at.value = "08719"
    out = io.BytesIO()
    other.save(out)
    assert "head.fingerprint" in {rule for rule, _ in told(read(later, limits, out.getvalue()))}


@pytest.mark.parametrize(
    ("change", "may_be_blank", "why"),
    [
        (lambda form: fields(form, "F8A")[0].update(unit="nghìn người"), (), "F8A.can_bo otherwise"),
        (lambda form: None, ("F8A.can_bo",), "F8A.can_bo is no column or row that they lack"),
    ],
)
def test_a_form_cannot_take_templates_that_mean_something_else(
    tmp_path: Path, change: Change, may_be_blank: tuple[str, ...], why: str
) -> None:
    with pytest.raises(CatalogueError, match=why):
        changed(tmp_path, "F8.v1", change, may_be_blank)


def test_a_form_cannot_take_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"forms/earlier has no F8\.v0\.yaml"):
        changed(tmp_path, "F8.v1", lambda form: form.update(takes=[{"printed_from": "F8.v0"}]), taken=False)


def test_in_flight_lists_to_whom_each_template_was_given_until_it_comes_back(
    settings: Settings, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGHOP_HOME", str(settings.home))
    monkeypatch.setenv("TONGHOP_DATABASE_URL", str(settings.database_url))

    def listed(**changed: str) -> list[tuple[str, str, str, str, int, str]]:
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(cli, ["forms", "in-flight", "f8", "--json"])
        assert result.exit_code == 0, result.output
        return [
            tuple(row[k] for k in ("unit", "name", "form", "period", "version", "taken")) for row in json.loads(result.stdout)
        ]

    path = tmp_path / "F8.xlsx"
    for unit in ("08737", WARD, WARD):
        assert write(settings, path, "F8", PERIOD, unit=unit).recorded
    write(settings, tmp_path / "F1.xlsx", "F1", "2018-H1", unit=WARD)
    names = {code: catalogue.unit_by_code(code, catalogue.period["CALENDAR", PERIOD].ends_on).name for code in (WARD, "08737")}
    out = {code: (code, names[code], "F8", PERIOD, 1, "yes") for code in names}
    assert sorted(listed()) == sorted(out.values())
    (answer,) = submit(settings, [_as_file(tmp_path / "sent.xlsx", filled(catalogue, template(catalogue)))])
    assert answer.status == "accepted"
    assert listed() == [out["08737"]]
    changed(tmp_path / "later", "F8.v1", relabelled)
    assert [row[-1] for row in listed(TONGHOP_CATALOGUE=str(tmp_path / "later"))] == ["as F8.v1.before"]
    changed(tmp_path / "never", "F8.v1", relabelled, taken=False)
    assert [row[-1] for row in listed(TONGHOP_CATALOGUE=str(tmp_path / "never"))] == ["no"]


def _as_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_template_made_without_a_warehouse_says_that_it_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGHOP_HOME", str(tmp_path / "home"))
    told = ["template", "F8", "--unit", WARD, "--period", PERIOD, "-o", str(tmp_path / "F8.xlsx")]
    result = CliRunner().invoke(cli, told)
    assert (result.exit_code, load_workbook(io.BytesIO((tmp_path / "F8.xlsx").read_bytes())).sheetnames[0]) == (0, "F8A")
    assert "not recorded: no warehouse answers" in " ".join(result.stderr.split())
