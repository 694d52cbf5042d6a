"""One rule, one meaning: whoever decides a rule comes to the same, to the last digit."""

import io
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from rule_world import Row, outcomes, random_form, random_row
from spreadsheet import Spreadsheet

from tonghop.base.settings import Settings
from tonghop.catalogue.forms import Form
from tonghop.catalogue.model import Catalogue
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check
from tonghop.templates.book import workbook
from tonghop.templates.formulas import BELOW, BLANK, FAILS, HOLDS, NOTHING, Formula
from tonghop.templates.plan import Planner, Template

WARD, PERIOD = "08737", "2021-Y"


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("limits"))


# --- workbooks ---------------------------------------------------------------------------------------------------


class Filled:
    """A random form's template for the cells of a ward, filled in; amounts are written in a unit of money."""

    def __init__(self, catalogue: Catalogue, seed: int, rules: int = 12):
        chance = random.Random(seed)
        self.form = Form.model_validate(random_form(chance, rules))
        money = list(catalogue.codes.money.items())
        first = chance.choice(money[:4])
        codes = catalogue.codes.model_copy(update={"money": dict([first, *(m for m in money if m != first)])})
        self.catalogue = replace(catalogue, codes=codes, forms=(*catalogue.forms, self.form))
        self.template: Template = Planner(self.catalogue, "R", PERIOD).unit(WARD)
        ((self.table, units),) = self.template.sheets
        self.rows: dict[str, Row] = {unit.unit: random_row(chance, self.form, 15) for unit in units}
        amounts = {field.code for field in self.table.fields if field.type == "amount"}
        for row in self.rows.values():  # a cell with three decimals may mean thousands, and is asked about
            for field in amounts & row.keys():
                if not isinstance(row[field], str) and may_be_thousands(row[field] / first[1]):
                    del row[field]
        self.content = workbook(
            self.catalogue,
            self.template,
            {
                ("R", unit, "all", field): value / first[1] if field in amounts and isinstance(value, Decimal) else value
                for unit, row in self.rows.items()
                for field, value in row.items()
            },
        )
        # the rows of a sheet, and the columns of its rules
        book = load_workbook(io.BytesIO(self.content))["R"]
        lines = {row[1].value: row[0].row for row in book.iter_rows() if row[1].value}
        self.line = {unit.unit: lines[unit.code] for unit in units}
        columns = {cell.value: cell.coordinate.rstrip("0123456789") for row in book.iter_rows(max_row=40) for cell in row}
        self.column = {rule.check.rule: columns[rule.check.rule] for rule in self.form.rules}

    def expected(self) -> dict[tuple[str, str], str]:
        """What the workbook has to show, by unit and rule."""
        found = {}
        said = {unit: outcomes(self.form, row) for unit, row in self.rows.items()}
        for rule in self.form.rules:
            failure, undecided = (FAILS, BLANK) if rule.check.kind == "identity" else (BELOW, NOTHING)
            shown = {"holds": HOLDS, "broken": failure, "undecided": undecided, "silent": NOTHING}
            computable = Formula.of(rule, self.table, self.catalogue.codes).is_computable
            for unit in self.rows:
                found[unit, rule.check.rule] = shown[said[unit][rule.check.rule]] if computable else NOTHING
        return found

    def shown(self, value: Callable[[str], Any]) -> dict[tuple[str, str], Any]:
        """What it shows, by unit and rule; `value` gives a cell of its sheet."""
        return {(u, r): value(f"{column}{line}") for u, line in self.line.items() for r, column in self.column.items()}


def may_be_thousands(number: Decimal) -> bool:
    return 1 <= abs(number) < 1000 and number.normalize().as_tuple().exponent == -3


def assert_found(form: Form, rows: dict[str, Row], report: Report) -> None:
    """That a report's findings are what its rows break, and what blanks leave undecided."""
    identities = {rule.check.rule for rule in form.rules if rule.check.kind == "identity"}
    expected = {(unit, rule): what for unit, row in rows.items() for rule, what in outcomes(form, row).items()}
    rules = {rule.check.rule for rule in form.rules}
    assert {f.rule for f in report.findings} <= rules | {"cell.blank"}
    assert {(f.unit, f.rule) for f in report.findings if f.rule in rules} == {
        k for k, what in expected.items() if what == "broken"
    }
    undecided = [key for key, what in expected.items() if what == "undecided" and key[1] in identities]
    assert sum(f.rule == "cell.blank" for f in report.findings) == len(undecided)


@pytest.mark.parametrize("seed", range(6))
def test_arrival_a_templates_state_and_its_formula_decide_alike(catalogue: Catalogue, limits: Settings, seed: int) -> None:
    filled = Filled(catalogue, seed)
    report = read_and_check("R.xlsx", filled.content, filled.catalogue, limits)
    assert_found(filled.form, filled.rows, report)
    sheet = Spreadsheet(filled.content)
    expected = filled.expected()
    assert filled.shown(lambda cell: sheet.kept["R"][cell].value) == expected
    assert filled.shown(lambda cell: sheet.value("R", cell)) == expected
    assert set(expected.values()) > {HOLDS, FAILS, BLANK, NOTHING}


_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>"""


def recalculated(folder: Path, contents: dict[str, bytes]) -> dict[str, bytes]:
    """Workbooks by name, every formula computed anew by LibreOffice."""
    office = shutil.which("soffice")
    assert office, "LibreOffice computes the formulas here; on Debian or Ubuntu: apt install libreoffice-calc"
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(_RECALCULATE, "utf-8")
    (folder / "in").mkdir()
    for name, content in contents.items():
        (folder / "in" / name).write_bytes(content)
    command = [office, f"-env:UserInstallation=file://{folder / 'profile'}", "--headless", "--convert-to", "xlsx"]
    files = [str(folder / "in" / name) for name in contents]
    subprocess.run([*command, "--outdir", str(folder / "out"), *files], check=True, capture_output=True)
    return {name: (folder / "out" / name).read_bytes() for name in contents}


@pytest.mark.trials
def test_libreoffice_shows_what_arrival_decides(catalogue: Catalogue, limits: Settings, tmp_path: Path) -> None:
    filled = {f"{seed}.xlsx": Filled(catalogue, seed) for seed in range(100, 140)}
    for name, content in recalculated(tmp_path, {name: one.content for name, one in filled.items()}).items():
        one, sheet = filled[name], load_workbook(io.BytesIO(content), data_only=True)["R"]
        assert one.shown(lambda cell, sheet=sheet: sheet[cell].value) == one.expected(), name  # type: ignore[misc]
        assert_found(one.form, one.rows, read_and_check(name, content, one.catalogue, limits))
