"""The catalogue's linear rules on the figures of one report.

Nearly every row of nearly every report obeys its rules, and a product of matrices shows most of that at once. Whatever it does
not show is decided rule by rule, by the one exact function that the templates and the check before sending use too.
"""

from datetime import date
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from tonghop.base.findings import Finding, Place, finding
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.evaluate import Outcome, Value, decide
from tonghop.catalogue.forms import Form, Rule, Table
from tonghop.catalogue.model import Catalogue
from tonghop.reading.report import Cell, Line

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def broken_rules(
    form: Form, period: Period, lines: list[Line], refused: set[tuple[str, str, str, str]], catalogue: Catalogue
) -> list[Finding]:
    """A finding for every rule of the form that this report alone decides and breaks, or leaves undecided, by unit and row.

    `refused` names the cells (table, unit, row, indicator) that have a finding already: rules that use them are left alone.
    """
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
    subject: dict[tuple[str, str], int] = {}
    for line in lines:
        subject.setdefault((line.unit, line.row), len(subject))
    unclear = np.argwhere(~_fine(table, rules, *_matrix(table, lines, subject))).tolist()
    concerned, keys = {i for i, _ in unclear}, list(subject)
    place = {
        (i, indicator): (line, n)
        for line in lines
        if (i := subject[line.unit, line.row]) in concerned
        for n, indicator in enumerate(line.header.indicators)
    }
    found = []
    for i, j in unclear:
        rule, (unit, row) = rules[j], keys[i]
        if any((table.code, unit, row, term.indicator) in refused for term in rule.terms):
            continue
        levels, version = rule.check.levels, catalogue.version(unit, on)
        if levels and (version is None or not version.is_at(levels)):
            continue
        read = [place.get((i, term.indicator)) for term in rule.terms]
        outcome = decide(rule, [_value(*at) if at else None for at in read])
        if outcome in (Outcome.BROKEN, Outcome.UNDECIDED):
            found += _finding(rule, outcome, unit, [line.cell(n) for line, n in filter(None, read)])
    return found


def _value(line: Line, number: int) -> Value:
    figure = line.figures[number]
    return Decimal(figure) if isinstance(figure, str) else figure


def _finding(rule: Rule, outcome: Outcome, unit: str, at: list[Cell]) -> list[Finding]:
    """What an outcome tells the sender, at the first cell that the rule reads or at the first blank one."""
    check = rule.check
    if outcome is Outcome.BROKEN:
        message = check.message
        return [Finding(check.rule, check.kind, at[0].sheet, at[0].cell, message.vi, message.en, unit, check.version)]
    if outcome is Outcome.UNDECIDED and check.kind == "identity":
        empty = next((cell for cell in at if cell.state == "blank"), at[0])
        return [finding("cell.blank", Place(None, empty.sheet, empty.cell), unit, check=check.rule)]
    return []


def _matrix(table: Table, lines: list[Line], subject: dict[tuple[str, str], int]) -> tuple[Floats, Flags]:
    """The figures by subject and indicator (NaN: blank), and which subjects have others than whole numbers and blanks."""
    numbers = np.full((len(subject), len(table.columns)), np.nan)
    other = np.zeros(len(subject), bool)
    alike: dict[tuple[str, ...], list[tuple[int, Line]]] = {}
    for line in lines:
        alike.setdefault(line.header.indicators, []).append((subject[line.unit, line.row], line))
    for indicators, together in alike.items():
        numbered, places = [i for i, _ in together], [table.columns[name] for name in indicators]
        numbers[np.ix_(numbered, places)] = np.array([line.figures for _, line in together], float)
        other[[i for i, line in together if str in map(type, line.figures)]] = True
    return numbers, other


def _fine(table: Table, rules: list[Rule], numbers: Floats, other: Flags) -> Flags:
    """By subject and rule, whether a rule certainly has nothing to say: it holds, or every figure that it reads is blank.

    Rules are taken times a number that makes their coefficients whole. Where its figures and its bound are whole too, and
    size = sum |coefficient x figure| + |bound| comes out below 2^53, the product of matrices has no error, whatever the order of
    summation: a sum of two floating-point numbers that are not negative never rounds to less than either, so each product and
    each partial sum of `size`, and with them those of `gap`, lie below 2^53, where whole numbers add up without rounding.
    Everything else, decimals above all, is not fine here and goes to `decide`.
    """
    coefficients, bounds = np.zeros((len(table.columns), len(rules))), np.zeros(len(rules))
    for j, rule in enumerate(rules):
        factors, bound = rule.in_whole_numbers
        coefficients[[table.columns[term.indicator] for term in rule.terms], j] = factors
        bounds[j] = bound if bound.denominator == 1 else np.nan  # what is not a number is below nothing
    blank = np.isnan(numbers)
    known = np.where(blank, 0, numbers)
    gap, size = known @ coefficients - bounds, np.abs(known) @ np.abs(coefficients) + np.abs(bounds)
    holds = np.where([rule.check.op == "=" for rule in rules], gap == 0, gap <= 0) & (size < 2**53)
    used = (coefficients != 0).astype(float)
    blanks = blank @ used
    return np.asarray(((holds & (blanks == 0)) | (blanks == used.sum(axis=0))) & ~other[:, None])
