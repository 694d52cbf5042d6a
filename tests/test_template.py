"""Templates: what a unit is given to fill in is what the reader takes back, and what the workbook says is what the check says."""

import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook
from scipy.optimize import Bounds, LinearConstraint, milp
from spreadsheet import Spreadsheet

from tonghop.base.settings import PROJECT, Settings
from tonghop.base.text import sort_key
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import ALL_ROWS, Form
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.cli.main import cli
from tonghop.reading import layout
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check
from tonghop.templates.book import workbook
from tonghop.templates.formulas import BLANK, FAILS, column_caption
from tonghop.templates.plan import Key, Planner, Prefill, Template, TemplateError, closing
from tonghop.warehouse.connect import connect, reachable
from tonghop.warehouse.roles import AUDITOR

UNITS = {"cell": "08719.01", "grassroots": "08737", "district": "243", "province": "26"}


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("limits"))


def _period(catalogue: Catalogue, form: Form, kind: str) -> Period:
    """A late period of a type in which the version is in force and the old units exist."""
    return max(
        (
            p
            for p in catalogue.period.values()
            if p.scheme == form.scheme and p.type == kind and p.year <= 2023 and catalogue.versions_of(form.code, p)[:1] == [form]
        ),
        key=lambda p: p.ends_on,
    )


def _templates(catalogue: Catalogue) -> Iterator[Template]:
    """Every form version for every period type that it takes, from a unit of every level that fills it."""
    for form in catalogue.forms:
        for kind in dict.fromkeys(kind for table in form.tables for kind in table.period_types):
            if form.code == "F3" and kind == "TERM":  # a term that a version stands at the end of
                continue
            period = _period(catalogue, form, kind)
            for level in dict.fromkeys(level for table in form.tables for level in table.levels if level in UNITS):
                yield Planner(catalogue, form.code, period.code, form.version).unit(UNITS[level])


TEMPLATES = {
    f"{t.form.code}.v{t.form.version}-{t.period.type}-{t.unit.level}": t
    for t in _templates(load_catalogue(PROJECT / "catalogue"))
}
every_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
# the lowest level of each form version, in one period: for what takes many workbooks
EACH_FORM = {(t.form.code, t.form.version): name for name, t in reversed(TEMPLATES.items())}
each_form = pytest.mark.parametrize("template", [TEMPLATES[name] for name in EACH_FORM.values()], ids=EACH_FORM.values())


def _figures(template: Template) -> dict[Key, Prefill]:
    """Whole numbers for every cell, different everywhere and large, that satisfy every rule of the form."""
    found: dict[Key, Prefill] = {}
    for table, units in template.sheets:
        names = [f.code for f in table.fields]
        for number, (unit, row) in enumerate((u, r) for u in units for r in table.rows):
            rules = [
                r
                for r in template.form.rules
                if r.on_arrival
                and r.check.table == table.code
                and r.check.in_force(template.period)
                and (not r.check.levels or unit.level in r.check.levels)
            ]
            matrix = np.zeros((max(len(rules), 1), len(names)))
            low, high = np.full(len(matrix), -np.inf), np.zeros(len(matrix))
            for i, rule in enumerate(rules):
                high[i] = float(rule.check.bound)
                low[i] = high[i] if rule.check.op == "=" else -np.inf
                for term in rule.terms:
                    matrix[i, names.index(term.indicator)] = float(term.coefficient)
            most = [1 if f.type == "flag" else 0 if f.type == "code" else 40 + n + number for n, f in enumerate(table.fields)]
            solved = milp(
                -np.arange(1, len(names) + 1),
                constraints=LinearConstraint(matrix, low, high),
                bounds=Bounds(0, most),
                integrality=np.ones(len(names)),
            )
            assert solved.success
            for field, value in zip(table.fields, solved.x, strict=True):
                labels = next(iter(field.codes.values()), ())
                found[table.code, unit.unit, row.code, field.code] = labels[0] if labels else round(value)
    return found


def _check(catalogue: Catalogue, limits: Settings, template: Template, content: bytes) -> Report:
    return read_and_check(template.file_name, content, catalogue, limits)


def _replaced(content: bytes, part: str, old: str, new: str) -> bytes:
    """A workbook in which a text of one of its parts is another; every other byte of it is as it was."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name == part:
                assert old.encode() in text
                text = text.replace(old.encode(), new.encode())
            target.writestr(name, text)
    return out.getvalue()


STRINGS = "xl/sharedStrings.xml"


@every_template
def test_a_filled_template_is_accepted_cell_by_cell(catalogue: Catalogue, limits: Settings, template: Template) -> None:
    figures = _figures(template)
    answer = _check(catalogue, limits, template, workbook(catalogue, template, figures))
    assert (answer.status, [f.rule for f in answer.findings if f.returns]) == ("accepted", [])
    assert (answer.form, answer.sender, answer.period, answer.scope) == (template.form, template.unit, template.period, "own")
    read = {(c.table, c.unit, c.row, c.indicator): c.value for c in answer.cells}
    codes = {(t.code, f.code): f for t, _ in template.sheets for f in t.fields if f.codes}
    assert {key: value for key, value in read.items() if key in figures} == {
        key: Decimal(value) for key, value in figures.items() if not isinstance(value, str)
    }
    for (table, unit, row, field), value in figures.items():
        if (table, field) in codes:
            chosen = [code for code in codes[table, field].codes if read[table, unit, row, f"{field}_{code}"] == 1]
            assert [codes[table, field].codes[code][0] for code in chosen] == [value]


def test_an_accepted_template_names_only_what_a_person_added(catalogue: Catalogue, limits: Settings) -> None:
    template = Planner(catalogue, "F2", "2021-M10").unit("08737")
    content = workbook(catalogue, template, _figures(template))
    read = _check(catalogue, limits, template, content).read
    assert (read.sheets, read.columns, read.cells) == ((), (), ())
    book = load_workbook(io.BytesIO(content))
    date = next(cell for row in book["F2"].iter_rows() for cell in row if cell.value == layout.SIGNED[0])
    date.value = "Ngày 5 tháng 11 năm 2021"
    book["F2"][f"D{date.row + 1}"] = "đã đối chiếu"
    book.create_sheet("Nháp")["A1"] = "nháp"
    out = io.BytesIO()
    book.save(out)
    read = _check(catalogue, limits, template, out.getvalue()).read
    assert (read.sheets, read.columns) == (("Nháp",), ())
    assert [c.cells for c in read.cells] == [f"{date.coordinate}, D{date.row + 1}"]


@each_form
def test_every_formula_is_written_with_the_value_that_it_has(catalogue: Catalogue, template: Template) -> None:
    figures = _figures(template)
    for given in (
        {},
        figures,
        dict(list(figures.items())[::2]),
        figures | dict.fromkeys(list(figures)[::3], "x"),
        {key: 7 if isinstance(value, int) else value for key, value in figures.items()},
    ):
        sheet = Spreadsheet(workbook(catalogue, template, given))
        cells = sheet.cells()
        assert cells
        for name, cell, formula in cells:
            kept, computed = sheet.kept[name][cell].value, sheet.value(name, cell)
            assert kept == computed, f"{name}!{cell} {formula}"
            assert kept not in (None, "")  # the reader would take that for a formula never computed


def test_the_number_of_a_column_says_what_it_adds_in_the_order_of_the_columns(catalogue: Catalogue) -> None:
    said = {column_caption(form, table, n) for form in catalogue.forms for table in form.tables for n in range(len(table.fields))}
    sums = [re.findall(r"([+-]?)(?:[\d.]+x)?(\d+)", text.strip("()").partition("=")[2]) for text in said if "=" in text]
    assert len(sums) > 20
    for parts in sums:
        assert parts == sorted(parts, key=lambda part: (part[0] == "-", int(part[1])))


def test_a_closing_figure_is_made_up_of_the_others_and_never_an_opening_one(catalogue: Catalogue) -> None:
    said = {
        table.code: [n for place in range(len(table.fields)) if "=" in (n := column_caption(form, table, place))]
        for form in catalogue.forms
        for table in form.tables
    }
    assert said["F1"] == ["(1=2+3)", "(5=6+7)", "(19=8+…+12-13-…-18)"]
    assert said["F7XLD"] == ["(1=2+…+7)", "(9=11+12+13)", "(18=19+20+21)", "(22=23+24+25)", "(28=5+6+7+26-27)"]
    assert said["F5"][-1] == "(14=11+12-13)"


@each_form
def test_a_table_is_printed_on_a4_landscape_with_its_header_and_units_on_every_page(
    catalogue: Catalogue, template: Template
) -> None:
    book = load_workbook(io.BytesIO(workbook(catalogue, template)))
    for table, _ in template.sheets:
        sheet = book[table.code]
        wide = len(table.fields) > 16
        setup = sheet.page_setup
        assert (setup.paperSize, setup.orientation, sheet.sheet_properties.pageSetUpPr.fitToPage) == (9, "landscape", True)
        assert (setup.fitToWidth or 1, setup.fitToHeight) == (2 if wide else 1, 0)
        header = next(cell.row for row in sheet.iter_rows() for cell in row if cell.value == "Mã đơn vị")
        assert sheet.print_title_rows == f"${header}:${header + 2}"
        assert sheet.print_title_cols == (("$A:$D" if table.rows != (ALL_ROWS,) else "$A:$C") if wide else None)
        # room for signature and stamp below the last row, on the paper
        signed = next(cell.row for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("(Ký, đóng dấu"))
        last = int(re.findall(r"\d+", sheet.print_area)[-1])
        assert last - signed >= 5
        assert all(cell.value is None for row in sheet.iter_rows(signed + 1, last) for cell in row)
        # no text lies across the edge between two pages
        lead = 4 if table.rows != (ALL_ROWS,) else 3
        edge = lead + -(-len(table.fields) // 2)
        if wide:
            assert not [area for area in sheet.merged_cells.ranges if area.min_col <= edge < area.max_col]
            assert not [area for area in sheet.merged_cells.ranges if area.min_col <= lead < area.max_col]


def test_libreoffice_prints_the_wide_forms_on_two_pages_of_a4(catalogue: Catalogue, tmp_path: Path) -> None:
    for name, pages in (("F1.v1-H1-cell", 2), ("F7.v1-Q-grassroots", 3)):
        template = TEMPLATES[name]
        (tmp_path / f"{name}.xlsx").write_bytes(workbook(catalogue, template, _figures(template)))
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        told = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, tmp_path / f"{name}.xlsx"]
        subprocess.run(told, check=True, capture_output=True)
        content = (tmp_path / f"{name}.pdf").read_bytes()
        # and one each of checks and guidance
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", content)) == pages + 2
        assert {
            (round(float(w)), round(float(h))) for w, h in re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)
        } == {(842, 595)}


@each_form
def test_what_fails_in_the_workbook_is_what_the_check_returns(catalogue: Catalogue, limits: Settings, template: Template) -> None:
    whole = _figures(template)
    identities = {r.check.rule: r for r in template.form.rules if r.on_arrival and r.check.kind == "identity"}
    for key in [key for key, value in whole.items() if not isinstance(value, str)][::3]:
        for change in ({**whole, key: int(whole[key]) + 1}, {k: v for k, v in whole.items() if k != key}):
            content = workbook(catalogue, template, change)
            answer = _check(catalogue, limits, template, content)
            lines = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("Kiểm tra").to_python()
            shown = {line[0]: line[4] for line in lines if line[0] in identities}
            assert {rule for rule, state in shown.items() if state.startswith(FAILS)} == {
                f.rule for f in answer.findings if f.rule in identities
            }
            waits = any(state.startswith(BLANK) for state in shown.values())
            assert waits == any(f.rule == "cell.blank" for f in answer.findings)


@each_form
def test_only_input_cells_are_open_and_nobodys_name_is_asked_for(
    catalogue: Catalogue, limits: Settings, template: Template
) -> None:
    content = workbook(catalogue, template)
    book = load_workbook(io.BytesIO(content))
    inputs = {(c.sheet, c.cell) for c in _check(catalogue, limits, template, content).cells}
    for sheet in book:
        assert sheet.protection.sheet
        assert sheet.protection.password is None
        for row in sheet.iter_rows():
            for cell in row:
                if not cell.protection.locked:
                    label = sheet.cell(cell.row, 1).value or sheet.cell(cell.row, 6).value or ""
                    assert (sheet.title, cell.coordinate) in inputs or "Đơn vị tính" in label or cell.value is None
                text = str(cell.value or "").casefold()
                assert sheet.title == "Hướng dẫn" or not re.search(r"họ (và )?tên|ký tên|người lập|signature", text)


def test_a_cell_may_not_write_where_its_figures_would_name_a_person(catalogue: Catalogue, limits: Settings) -> None:
    template = Planner(catalogue, "F1", "2018-Y").unit("08719.01")
    content = workbook(catalogue, template)
    book = load_workbook(io.BytesIO(content))
    locked = {c.indicator for c in _check(catalogue, limits, template, content).cells if book[c.sheet][c.cell].protection.locked}
    assert locked == {"dv_xin_ra", "dv_xoa_ten", "dv_khai_tru"}


@pytest.mark.parametrize(("old", "new"), [("2018-Y", "2019-Y"), ("08719", "08737")])
def test_a_head_that_was_edited_no_longer_fits_its_fingerprint(
    catalogue: Catalogue, limits: Settings, old: str, new: str
) -> None:
    template = Planner(catalogue, "F8", "2018-Y").unit("08719")
    content = workbook(catalogue, template, _figures(template))
    answer = _check(catalogue, limits, template, _replaced(content, STRINGS, f">{old}<", f">{new}<"))
    assert answer.status == "returned"
    assert "head.fingerprint" in {f.rule for f in answer.findings}


def test_a_template_of_a_form_that_has_changed_since_is_returned(catalogue: Catalogue, limits: Settings) -> None:
    template = Planner(catalogue, "F8", "2018-Y").unit("08719")
    content = workbook(catalogue, template, _figures(template))
    changed = [
        Form.model_validate(
            {name: getattr(form, name) for name in Form.model_fields}
            | {
                "tables": tuple(
                    table.model_copy(
                        update={"fields": (*table.fields[:-1], table.fields[-1].model_copy(update={"unit": "nghìn"}))}
                    )
                    for table in form.tables
                )
            }
        )
        for form in catalogue.forms
    ]
    later = replace(catalogue, forms=tuple(changed))
    assert [f.rule for f in _check(later, limits, template, content).findings] == ["head.fingerprint"]


def test_a_changed_rule_or_deadline_leaves_templates_in_the_field_good(catalogue: Catalogue, limits: Settings) -> None:
    template = Planner(catalogue, "F8", "2018-Y").unit("08719")
    content = workbook(catalogue, template, _figures(template))
    update = {"checks": (), "deadline": {"grassroots": 9}}
    changed = tuple(form.model_copy(update=update) for form in catalogue.forms)
    later = replace(catalogue, forms=changed)
    assert _check(later, limits, template, content).status == "accepted"


def test_a_nil_return_is_declared_in_the_template_itself(catalogue: Catalogue, limits: Settings) -> None:
    template = Planner(catalogue, "F8", "2018-Y").unit("08719")
    content = workbook(catalogue, template)
    sheet = load_workbook(io.BytesIO(content))["F8A"]
    label = next(cell for row in sheet.iter_rows() for cell in row if cell.value == "Báo cáo không phát sinh:")
    at = next(cell for cell in sheet[label.row] if cell.column > label.column and not cell.protection.locked).coordinate
    style = re.search(rf'<c r="{at}" s="(\d+)"/>', _part(content, "xl/worksheets/sheet1.xml"))
    assert style
    typed = f'{style.group()[:-2]} t="inlineStr"><is><t>x</t></is></c>'
    said = _replaced(content, "xl/worksheets/sheet1.xml", style.group(), typed)
    answer = _check(catalogue, limits, template, said)
    assert (answer.status, answer.nil, answer.cells) == ("accepted", True, [])


def _part(content: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(content)).read(name).decode()


def test_the_same_template_has_the_same_bytes(catalogue: Catalogue) -> None:
    template = Planner(catalogue, "F2", "2021-M03").unit("08737")
    assert workbook(catalogue, template) == workbook(catalogue, template)


def test_a_wards_cells_are_its_rows_as_of_the_period_in_vietnamese_order(catalogue: Catalogue) -> None:
    ((_, units),) = Planner(catalogue, "F2", "2021-M03").unit("08737").sheets
    assert len(units) == 16
    assert [u.name for u in units] == sorted((u.name for u in units), key=sort_key)
    assert {u.level for u in units} == {"cell"}
    with pytest.raises(TemplateError, match="08737"):
        Planner(catalogue, "F2", "2025-M09").unit("08737")  # wards were abolished on 30/06/2025


def test_a_subordinate_office_files_for_itself_unless_it_is_asked_for(catalogue: Catalogue) -> None:
    def rows(offices: bool) -> list[str]:
        ((_, units),) = Planner(catalogue, "F1", "2018-H1", offices=offices).unit("356").sheets
        return [u.unit for u in units]

    assert rows(False) == ["nam-dinh-tp"]
    assert rows(True) == ["nam-dinh-tp", *(f"nam-dinh-tp-cs{n:02d}" for n in range(1, 6))]


def test_a_rolled_up_report_has_one_row_for_the_whole(catalogue: Catalogue, limits: Settings) -> None:
    template = Planner(catalogue, "F1", "2018-H1", scope="rollup").unit("356")
    assert [u.unit for _, units in template.sheets for u in units] == ["nam-dinh-tp"]
    answer = _check(catalogue, limits, template, workbook(catalogue, template, _figures(template)))
    assert (answer.status, answer.scope) == ("accepted", "rollup")


@pytest.mark.parametrize(
    ("form", "period", "unit", "words"),
    [
        ("F99", "2018-Y", "08737", "no form"),
        ("F8", "2018-X", "08737", "no period"),
        ("F2", "2018-Y", "08737", "not reported"),
        ("F8", "2018-Y", "99999", "no unit"),
        ("F8", "2018-Y", "08737.01", "nothing to fill in"),
        ("F4", "2012-Y", "243", "no version"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    catalogue: Catalogue, form: str, period: str, unit: str, words: str
) -> None:
    with pytest.raises(TemplateError, match=words):
        Planner(catalogue, form, period).unit(unit)


def test_every_unit_of_a_level_gets_its_workbook_without_a_database(
    catalogue: Catalogue, limits: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGHOP_HOME", str(tmp_path / "home"))
    told = ["template", "F1", "--level", "grassroots", "--period", "2018-H1", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, told)
    assert result.exit_code == 0, result.output
    on = catalogue.period["CALENDAR", "2018-H1"].ends_on
    units = {u.code for u in catalogue.units if u.level == "grassroots" and u.valid_from <= on <= u.valid_to}
    assert {p.name for p in (tmp_path / "out").iterdir()} == {f"{code}_F1_2018-H1.xlsx" for code in units}
    for path in (tmp_path / "out").iterdir():
        answer = read_and_check(path.name, path.read_bytes(), catalogue, limits)
        assert (answer.sender.code if answer.sender else None) == path.name.partition("_")[0]
    assert not (tmp_path / "home" / "postgres").exists()


def test_opening_stocks_are_what_the_published_release_closed_with(catalogue: Catalogue, settings: Settings) -> None:
    template = Planner(catalogue, "F1", "2018-H1").unit("356")
    ((table, _),) = template.sheets
    assert template.form.openings(table.code) == {"dv_dau_ky": "dv_cuoi_ky"}
    with connect(settings) as connection:
        synced = sync(catalogue, connection)
        assert closing(connection, catalogue, [template]) == {}  # nothing is published yet
        connection.execute(
            "insert into ctl.release (release_id, status, cutoff_seq, catalogue_id, published_at) values "
            "(1, 'published', 0, %s, now()), (2, 'candidate', 0, %s, null)",
            [synced.catalogue_id] * 2,
        )
        connection.execute("update ctl.current_release set release_id = 1")

        def observe(period: str, field: str, value: int, release: int, until: int = 2147483647, scope: str = "own") -> None:
            connection.execute(
                """
                insert into marts.fct_observation (unit_id, period_id, row_id, indicator_id, scope, submission_id, state, value,
                    sheet, cell, release_from, release_to)
                values (%s, %s, %s, %s, %s, 1, 'value', %s, 'F1', 'D9', %s, %s)""",
                [
                    synced.unit["nam-dinh-tp"],
                    catalogue.period["CALENDAR", period].period_id,
                    synced.row["F1", "all"],
                    synced.indicator["F1", field],
                    scope,
                    value,
                    release,
                    until,
                ],
            )

        observe("2017-Y", "dv_cuoi_ky", 4037, 1, until=2)  # the candidate corrects it, which nobody may see yet
        observe("2017-Y", "dv_cuoi_ky", 9999, 2)
        observe("2017-Y", "dv_dau_ky", 1111, 1)
        observe("2017-Y", "dv_cuoi_ky", 8888, 1, scope="rollup")
        observe("2017-H1", "dv_cuoi_ky", 2222, 1)  # does not end on the day before
        connection.commit()
    with connect(settings, AUDITOR) as connection:
        figures = closing(connection, catalogue, [template])
        assert figures == {("F1", "nam-dinh-tp", "all", "dv_dau_ky"): 4037}
    book = Spreadsheet(workbook(catalogue, template, figures))
    assert [cell.value for row in book.kept["F1"].iter_rows() for cell in row if cell.value == 4037] == [4037]
    assert not reachable(Settings(home=settings.home / "elsewhere"))
    assert reachable(settings)
