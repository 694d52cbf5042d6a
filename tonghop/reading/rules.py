"""The catalogue's linear rules on the figures of one report.

Nearly every row of nearly every report obeys its rules, and a product of matrices shows most of that at once. Whatever it does
not show is decided rule by rule, by the one exact function that the templates and the check before sending use too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import chain, groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from tonghop.base.findings import LANGUAGES, Finding, Place, finding, phrase, printable
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.evaluate import EXACT, Outcome, Value, decide, total
from tonghop.catalogue.forms import Form, Rule, Table
from tonghop.catalogue.model import Catalogue
from tonghop.reading import figures as in_figures
from tonghop.reading.figures import Money, TermValue
from tonghop.reading.report import Line

EXPLAINED = 2_000  # findings of a table with their figures: more are not shown, and each takes half a millisecond
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def broken_rules(
    form: Form,
    period: Period,
    lines: list[Line],
    refused: set[tuple[str, str, str, str]],
    lacking: set[tuple[str, str]],
    money: Money,
    catalogue: Catalogue,
) -> list[Finding]:
    """A finding for every rule of the form that this report alone decides and breaks, or leaves undecided, by unit and row.

    `refused` names the cells (table, unit, row, indicator) that have a finding already, `lacking` the indicators of a table whose
    column is not there, which has a finding or is allowed: rules that use them are left alone.
    """
    found: list[Finding] = []
    for table in form.tables:
        rules = [
            rule
            for rule in form.rules
            if rule.on_arrival and rule.check.table == table.code and rule.check.in_force(period)
            if lacking.isdisjoint((term.table, term.indicator) for term in rule.terms)
        ]
        mine = [line for line in lines if line.header.table == table.code]
        if rules and mine:
            found += _table_rules(table, rules, mine, refused, period.ends_on, money, catalogue)
    return found


def _table_rules(
    table: Table,
    rules: list[Rule],
    lines: list[Line],
    refused: set[tuple[str, str, str, str]],
    on: date,
    money: Money,
    catalogue: Catalogue,
) -> list[Finding]:
    subject: dict[tuple[str, str], int] = {}
    numbered = [subject.setdefault((line.unit, line.row), len(subject)) for line in lines]
    unclear = np.argwhere(~_fine(table, rules, *_matrix(table, lines, numbered))).tolist()
    concerned, keys = {i for i, _ in unclear}, list(subject)
    places: dict[int, dict[str, tuple[Line, int]]] = {i: {} for i in concerned}
    for line in lines:
        if (i := subject[line.unit, line.row]) in concerned:
            places[i] |= {indicator: (line, n) for n, indicator in enumerate(line.header.indicators)}
    found: list[Finding] = []
    for i, of_subject in groupby(unclear, itemgetter(0)):
        (unit, row), place = keys[i], places[i]
        version = catalogue.version(unit, on)
        mine = [r for r in rules if not r.check.levels or (version is not None and version.is_at(r.check.levels))]
        values = {indicator: _value(*at) for indicator, at in place.items()}
        given = {indicator for indicator, value in values.items() if value is not None}
        undecided: list[tuple[Rule, list[TermValue]]] = []
        for rule in (rules[j] for _, j in of_subject):
            if all(rule is not r for r in mine) or any((table.code, unit, row, term.indicator) in refused for term in rule.terms):
                continue
            outcome = decide(rule, [values.get(term.indicator) for term in rule.terms])
            if outcome is Outcome.UNDECIDED and any(
                given.isdisjoint(spared.blank) and given.issuperset(spared.given) for spared in rule.spared
            ):
                continue
            sheet, figures = "", []
            for term in rule.terms:
                at = place[term.indicator][0].cell(place[term.indicator][1]) if term.indicator in place else None
                sheet = printable(at.sheet) if at else sheet
                figures.append(TermValue(term, values.get(term.indicator), at and printable(at.cell)))
            if outcome is Outcome.BROKEN:
                explained = len(found) < EXPLAINED
                order = likeliest(rule, figures, mine, values) if explained else figures
                cells = [figure.cell for figure in order if figure.cell]
                found.append(in_figures.broken(rule, figures, unit, sheet, cells, money if explained else None, catalogue))
            elif outcome is Outcome.UNDECIDED and rule.check.kind == "identity":
                undecided.append((rule, figures))
        found += [_blank(rules_, figures, unit, sheet, catalogue) for rules_, figures in _together(undecided)]
    return found


def _value(line: Line, number: int) -> Value:
    figure = line.figures[number]
    return Decimal(figure) if isinstance(figure, str) else figure


def _together(undecided: list[tuple[Rule, list[TermValue]]]) -> list[tuple[list[Rule], list[TermValue]]]:
    """Rules that a common blank leaves undecided, with the figures of all of them: a blank has one finding."""
    groups: list[tuple[list[Rule], dict[tuple[str, str], TermValue]]] = []
    for rule, figures in undecided:
        of_rule = {(f.term.table, f.term.indicator): f for f in figures}
        blank = {key for key, figure in of_rule.items() if figure.value is None}
        shared = [group for group in groups if any(group[1][key].value is None for key in blank & group[1].keys())]
        for other in shared:
            groups.remove(other)
        rules = [*(r for others, _ in shared for r in others), rule]
        groups.append((rules, {key: f for _, others in shared for key, f in others.items()} | of_rule))
    return [(rules, [*figures_.values()]) for rules, figures_ in groups]


def _blank(rules: list[Rule], figures: list[TermValue], unit: str, sheet: str, catalogue: Catalogue) -> Finding:
    """What blanks that leave identities undecided, for the sender; where they have no cell, at the first figure."""
    blank = [figure for figure in figures if figure.value is None]
    cells = tuple(f.cell for f in blank if f.cell) or tuple(f.cell for f in figures if f.cell)[:1]
    vi, en = (
        phrase("figures.blank", language).format(columns=in_figures.names(blank, catalogue, language)) for language in LANGUAGES
    )
    found = finding("cell.blank", Place(None, sheet, cells[0]), unit, check=", ".join(rule.check.rule for rule in rules))
    return replace(found, figures_vi=vi, figures_en=en, cells=cells)


def likeliest(rule: Rule, figures: Sequence[TermValue], rules: Sequence[Rule], values: Mapping[str, Value]) -> list[TermValue]:
    """The figures of a broken rule, the likeliest wrong one first.

    `rules` and `values` are all rules and figures of the same unit and row. Each figure is set to what would make the rule hold,
    and those come first with which most rules of the row hold that are broken now, less those that then break. Of these: one from
    which a slip of the hand leads to the other number (two digits beside each other exchanged, a digit lost or written twice),
    then the total that the others make up, then the order of the form. A figure that could not be so (a count below nothing, or
    a share of a figure) comes last. This is a guess at where to look first: nothing is ever filled in from it.
    """
    gap = total(EXACT.multiply(f.term.coefficient, f.value) for f in figures if f.value is not None and f.value == f.value)
    gap = EXACT.subtract(gap, rule.check.bound)

    def rank(figure: TermValue) -> tuple[bool, int, bool, bool]:
        coefficient, value = figure.term.coefficient, figure.value
        if abs(coefficient) != 1 or value is None or value != value:
            return True, 0, True, True
        right = EXACT.fma(-coefficient, gap, value)
        then = {**values, figure.term.indicator: right}
        touched = [r for r in rules if any(term.indicator == figure.term.indicator for term in r.terms)]
        gained = sum(_is_broken(r, values) - _is_broken(r, then) for r in touched)
        return (
            right < 0 <= value,
            -gained,
            not is_slip(f"{Decimal(value):f}", f"{right:f}"),
            figure.term is not rule.stated,
        )

    return sorted(figures, key=rank)


def is_slip(written: str, meant: str) -> bool:
    """Whether a slip of the hand makes one number of another: neighbouring digits exchanged, a digit lost or one too many."""
    if len(written) == len(meant):
        differ = [n for n, (a, b) in enumerate(zip(written, meant, strict=True)) if a != b]
        return (
            len(differ) == 2
            and differ[1] - differ[0] == 1
            and {*written[differ[0] : differ[1] + 1]} == {*meant[differ[0] : differ[1] + 1]}
        )
    long, short = sorted((written, meant), key=len, reverse=True)
    return len(long) - len(short) == 1 and any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _is_broken(rule: Rule, values: Mapping[str, Value]) -> bool:
    return decide(rule, [values.get(term.indicator) for term in rule.terms]) is Outcome.BROKEN


def _matrix(table: Table, lines: list[Line], subjects: list[int]) -> tuple[Floats, Flags]:
    """The figures by subject and indicator (NaN: blank), and which subjects have others than whole numbers and blanks.

    `subjects` are the numbers of the lines' subjects, from 0.
    """
    count = max(subjects) + 1
    numbers, other = np.full((count, len(table.columns)), np.nan), np.zeros(count, bool)
    for header, together in groupby(zip(subjects, lines, strict=True), lambda at: at[1].header):
        numbered, alike = zip(*together, strict=True)
        figures = [*chain.from_iterable(line.figures for line in alike)]
        places = [table.columns[name] for name in header.indicators]
        kinds = {*map(type, figures)}
        values = np.fromiter(figures, float, len(figures)) if kinds == {int} else np.array(figures, float)
        numbers[np.ix_(numbered, places)] = values.reshape(len(alike), -1)
        if str in kinds:
            other[[i for i, line in zip(numbered, alike, strict=True) if str in map(type, line.figures)]] = True
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
