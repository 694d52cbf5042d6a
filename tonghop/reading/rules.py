"""The catalogue's linear rules on the figures of one report."""

from datetime import date

import numpy as np

from tonghop.base.findings import Finding, Place, finding
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.forms import Form, Rule, Table
from tonghop.catalogue.model import Catalogue
from tonghop.reading.report import Line

ROUNDING = 1e-9  # figures are whole or money, exact in floating point; coefficients like 0.2 are not


def broken_rules(
    form: Form, period: Period, lines: list[Line], refused: set[tuple[str, str, str, str]], catalogue: Catalogue
) -> list[Finding]:
    """Every rule of the form that this report decides, on every unit and row; refused cells have their finding already."""
    found: list[Finding] = []
    for table in form.tables:
        rules = [
            rule for rule in form.rules if rule.on_arrival and rule.check.table == table.code and rule.check.in_force(period)
        ]
        mine = [line for line in lines if line.header.table == table.code]
        if rules and mine:
            found += _table_rules(table, rules, mine, refused, period.ends_on, catalogue)
    return found


def _table_rules(
    table: Table, rules: list[Rule], lines: list[Line], refused: set[tuple[str, str, str, str]], on: date, catalogue: Catalogue
) -> list[Finding]:
    column, subject = table.columns, dict[tuple[str, str], int]()
    alike: dict[tuple[str, ...], list[tuple[int, Line]]] = {}
    for line in lines:
        number = subject.setdefault((line.unit, line.row), len(subject))
        alike.setdefault(line.header.indicators, []).append((number, line))
    figures = np.full((len(subject), len(column)), np.nan)
    for indicators, together in alike.items():
        numbers = np.array([line.figures for _, line in together], float)
        if np.isnan(numbers).any():
            numbers = np.array([line.numbers for _, line in together], float)
        figures[np.ix_([number for number, _ in together], [column[name] for name in indicators])] = numbers
    coefficients = np.zeros((len(column), len(rules)))
    for j, rule in enumerate(rules):
        for term in rule.terms:
            coefficients[column[term.indicator], j] += float(term.coefficient)
    used = coefficients != 0
    blank = np.isnan(figures)
    gap = np.where(blank, 0, figures) @ coefficients - [float(rule.check.bound) for rule in rules]
    blanks = blank.astype(int) @ used.astype(int)
    broken = (gap > ROUNDING) | ((gap < -ROUNDING) & [rule.check.op == "=" for rule in rules])
    # where nothing was reported there is nothing to contradict; where a part is blank it cannot be decided
    suspects = np.argwhere((blanks < used.sum(axis=0)) & (broken | (blanks > 0)))
    place = {(subject[c.unit, c.row], c.indicator): c for line in lines for c in line.cells} if len(suspects) else {}
    keys = list(subject)
    found = []
    for i, j in suspects:
        rule, (unit, row) = rules[j].check, keys[i]
        if any((table.code, unit, row, term.indicator) in refused for term in rules[j].terms):
            continue
        version = catalogue.version(unit, on)
        if rule.levels and (version is None or not version.is_at(rule.levels)):
            continue
        at = [place[i, term.indicator] for term in rules[j].terms if (i, term.indicator) in place]
        if not blanks[i, j]:
            found.append(
                Finding(rule.rule, rule.kind, at[0].sheet, at[0].cell, rule.message.vi, rule.message.en, unit, rule.version)
            )
        elif rule.kind == "identity":
            empty = next((c for c in at if c.state == "blank"), at[0])
            found.append(finding("cell.blank", Place(None, empty.sheet, empty.cell), unit, check=rule.rule))
    return found
