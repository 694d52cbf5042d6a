"""Random linear rules with figures that obey them, miss them by the last digit, or are blank or not applicable; and the plain way
to decide them, by fractions. It shares no code with what it is held against."""

import random
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tonghop.catalogue.forms import Form

ABSENT = "x"
# a row of figures by field; without an entry a field is blank
Row = dict[str, Decimal | str]
LABELS = {"tot": "Tốt", "kem": "Kém"}


def random_form(chance: random.Random, rules: int, kind: str | None = None) -> dict[str, Any]:
    """A form R with rules R.0, R.1, ... of 1 to 8 terms, each on fields of its own; the first coefficient is 1 or -1."""
    fields: list[dict[str, Any]] = []
    checks = []
    for number in range(rules):
        types = chance.choice([["count"], ["amount"], ["amount"], ["amount", "count"], ["count", "flag", "code"]])
        terms: dict[str, float | int] = {}
        sign = chance.choice([1, -1])
        for place in range(chance.randint(1, 8)):
            code = f"f{number}_{place}"
            type_ = chance.choice(types) if place else types[0]
            fields.append(_field(code, type_))
            of_codes = f"{code}_{chance.choice(list(LABELS))}" if type_ == "code" else code
            size = 1 if not place or chance.random() < 0.6 else chance.choice([2, 3, 12, 100, 0.2, 0.5, 0.15, 1.5, 0.125])
            terms[of_codes] = (sign if not place or chance.random() < 0.2 else -sign) * size
        bound = chance.choice([0, 0, 0, 1, -1, 1000, 0.5, -0.25, 10**15 - 1]) if chance.random() < 0.5 else 0
        checks.append(
            {
                "rule": f"R.{number}",
                "kind": kind or chance.choice(["identity", "identity", "compliance"]),
                "table": "R",
                "terms": terms,
                "op": chance.choice(["=", "=", "<="]),
                "bound": bound,
                "message": {"vi": f"Quy tắc {number}.", "en": f"Rule {number}."},
            }
        )
    return {
        "code": "R",
        "version": 1,
        "name": {"vi": "Biểu thử", "en": "Trial form"},
        "scheme": "CALENDAR",
        "valid_from": "2018-01-01",
        "tables": [{"code": "R", "vi": "Thử", "en": "Trial", "levels": ["cell"], "owed": ["Y"], "fields": fields}],
        "checks": checks,
    }


def _field(code: str, type_: str) -> dict[str, Any]:
    codes = {"codes": {key: [label] for key, label in LABELS.items()}} if type_ == "code" else {}
    common = {"unit": "đơn vị", "aggregation": "flow", "vi": f"Chỉ tiêu {code}", "en": f"Field {code}"}
    return {"code": code, "type": type_, **common, **codes}


def random_row(chance: random.Random, form: Form, digits: int) -> Row:
    """Figures for every rule of the form, numbers of at most so many digits."""
    row: Row = {}
    fields = {field.code: field for field in form.tables[0].fields}
    for rule in form.rules:
        names = [term.indicator if term.indicator in fields else term.indicator.rpartition("_")[0] for term in rule.terms]
        types = [fields[name].type for name in names]
        decimals = chance.choice([0, 0, 1, 2, 3, 4, 5, 6, 6, 9, 12])
        top = min(15, digits - decimals)
        values: list[Decimal | str] = [_figure(chance, type_, decimals, top) for type_ in types]
        if chance.random() < 0.8:
            exact = _solved(rule.terms[0].coefficient, rule.check.bound, list(zip(rule.terms, values, strict=True))[1:])
            step = Decimal(1) if types[0] == "count" else Decimal(1).scaleb(-chance.choice([decimals, 6, 12]))
            wanted = exact + step * chance.choice([0, 0, 0, 1, -1]) if exact is not None else None
            if wanted is not None and _fits(wanted, types[0], digits):
                values[0] = wanted
        for name, value in zip(names, _with_gaps(chance, values, types), strict=True):
            if value is not None:
                row[name] = value
    return row


def _figure(chance: random.Random, type_: str, decimals: int, top: int) -> Decimal | str:
    if type_ == "flag":
        return Decimal(chance.randint(0, 1))
    if type_ == "code":
        return chance.choice(list(LABELS.values()))
    whole = chance.randrange(10 ** chance.randint(0, top))
    if type_ == "count":
        return Decimal(chance.choice([whole, 10**15 - whole % 1000])) if top == 15 else Decimal(whole)
    number = Decimal(whole) + Decimal(chance.randrange(10**decimals)).scaleb(-decimals)
    return number.copy_negate() if chance.random() < 0.1 else number


def _solved(first: Decimal, bound: Decimal, others: Iterable[tuple[Any, Decimal | str]]) -> Decimal | None:
    """The first figure with which the rule holds to the last digit, where a decimal number is that."""
    rest = Fraction(bound) - sum((Fraction(term.coefficient) * _number(term, value) for term, value in others), Fraction(0))
    found = rest / Fraction(first) * 10**12
    return Decimal(found.numerator).scaleb(-12) if found.denominator == 1 and abs(found) < 10**28 else None


def _fits(number: Decimal, type_: str, digits: int) -> bool:
    whole = number == number.to_integral_value()
    if type_ == "count":
        return whole and 0 <= number <= 10**15
    return abs(number) <= 9 * 10**15 and -int(number.normalize().as_tuple().exponent) <= 12 and digits_of(number) <= digits


def digits_of(number: Decimal) -> int:
    """How many significant digits a number has."""
    return len(number.normalize().as_tuple().digits)


def _with_gaps(chance: random.Random, values: list[Decimal | str], types: list[str]) -> list[Decimal | str | None]:
    """Some blank, some not applicable; a flag is always applicable, for there the mark says yes."""
    case = chance.random()
    blank, absent = (
        (0.4 if 0.75 < case < 0.85 else 1.0 if 0.85 < case < 0.9 else 0),
        (1.0 if case > 0.95 else 0.3 if case > 0.9 else 0),
    )
    gaps: list[Decimal | str | None] = []
    for value, type_ in zip(values, types, strict=True):
        gap = ABSENT if chance.random() < absent and type_ != "flag" else value
        gaps.append(None if chance.random() < blank else gap)
    return gaps


def _number(term: Any, value: Decimal | str) -> Fraction:
    return (
        Fraction(int(term.indicator.endswith(next(k for k, v in LABELS.items() if v == value))))
        if isinstance(value, str)
        else Fraction(value)
    )


def outcomes(form: Form, row: Row) -> dict[str, str]:
    """What each rule says of a row: holds, broken, undecided or silent."""
    fields = {field.code for field in form.tables[0].fields}
    found = {}
    for rule in form.rules:
        values = [row.get(t.indicator if t.indicator in fields else t.indicator.rpartition("_")[0]) for t in rule.terms]
        numbers = [
            Fraction(t.coefficient) * _number(t, v) for t, v in zip(rule.terms, values, strict=True) if v not in (None, ABSENT)
        ]  # type: ignore[arg-type]
        gap = sum(numbers, Fraction(0)) - Fraction(rule.check.bound)
        holds = gap == 0 if rule.check.op == "=" else gap <= 0
        decided = "holds" if holds else "broken"
        blanks = values.count(None)
        found[rule.check.rule] = (
            "silent" if blanks == len(values) else "undecided" if blanks else decided if numbers else "silent"
        )
    return found
