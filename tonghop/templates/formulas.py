"""A form's linear rules as spreadsheet formulas, and what each formula shows for given figures.

A spreadsheet computes with 53 binary digits, and shows a difference that is nearly nothing as nothing. The formulas here agree
all the same with the exact decision on arrival (`tonghop.catalogue.evaluate`), for every figure that a cell can have: counts up
to 10^15, amounts up to 9 x 10^15 with 15 digits, of which up to 12 are decimals of the smallest unit of money.

Where all numbers are whole and one side of the rule stays below 2^53, SUM(SUM(a,b),-SUM(c)) is exact: the other side is exact too
or comes out above 2^53, which is too large either way. It is a SUM because a minus sign may round to nothing, and its terms are
whole because even a SUM may do so with others.

Everything else is computed twice. G is the sum of coefficient x figure, less the bound, with coefficients made whole.

- g is G as a spreadsheet computes it. It is off by less than 10^8 (`is_computable`), so beyond that it has the sign of G.
- Otherwise G lies within 2 x 10^8 of 0, where its remainder by 10^9 gives it away. Each figure is split into the nearest whole
  number and decimals. The whole numbers, each less a multiple of 10^9, are multiplied and added below 2^53, exactly. So are the
  decimals, as whole numbers of 10^-12.

A mark such as "x" adds nothing. A blank leaves an identity undecided. Where a cell has text that is no mark, such as a number of
more than 15 digits, the formula shows nothing: the check reads the text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property
from itertools import groupby

from tonghop.catalogue.evaluate import EXACT, NOT_APPLICABLE, Outcome, decide
from tonghop.catalogue.forms import Field_, Form, Rule, Table
from tonghop.catalogue.model import Codes
from tonghop.reading.numbers import LARGEST, LARGEST_COUNT, MOST_DECIMALS, parse_number
from tonghop.templates.plan import Prefill

# what a formula shows for one row
HOLDS, FAILS, BLANK, BELOW, NOTHING = "OK", "SAI", "TRỐNG", "CHƯA ĐẠT", "–"
_EXACT = 2**53
_MODULUS = 10**9
_NEAR = 10**8
_UNITS = 10**MOST_DECIMALS


@dataclass(frozen=True)
class Amount:
    """The names of an amount's helper cells.

    They are the amount in the smallest unit of money, the power of ten that makes its 15 digits a whole number, the whole number
    nearest to the amount, and the rest, in units of 10^-12.
    """

    number: str
    power: str
    whole: str
    rest: str

    def formulas(self, cell: str, factor: str) -> tuple[str, str, str, str]:
        """The formulas of the four, for the amount's own cell and the one that says how many of the smallest unit make one.

        A number of 15 digits is off by 2^-53 of itself, and each product with a power of ten adds as much: number x power is off
        by less than 0.4, so ROUND gives the 15 digits as they were typed. All that is subtracted is whole, so nothing is lost.
        LOG10 of 9.99999999999999 comes out as 1, and is lowered by 10^-12; just above a power of ten that makes 16 digits, which
        are below 2^53 as well. From 10^15 on a number has no decimals, and its last digit counts tens where a factor may have
        changed the ones.
        """
        large, digits = f"ABS({self.number})>={10**15}", f"ROUND({self.number}*{self.power},0)"
        return (
            f"=N({cell})*{factor}",
            f"=10^(14-INT(LOG10(MAX(ABS({self.number}),1))-0.000000000001))",
            f"=IF({large},ROUND({self.number},-({factor}>1)),ROUND({digits}/{self.power},0))",
            f"=IF({large},0,ROUND(SUM({digits},-{self.whole}*{self.power})*{_UNITS}/{self.power},0))",
        )

    def values(self, given: Prefill | None, factor: Decimal) -> tuple[float, float, float, float]:
        """What they show for what the amount's cell has."""
        number = EXACT.multiply((None if isinstance(given, str) else parse_number(given)) or Decimal(0), factor)
        size = max(abs(number), Decimal(1))
        # as LOG10 does, lowered
        power = 14 - size.adjusted() + (size < Decimal(10) ** size.adjusted() * (1 + Decimal("2.3E-12")))
        whole = number.quantize(Decimal(1), ROUND_HALF_UP)
        rest = EXACT.multiply(EXACT.subtract(number, whole), _UNITS)
        return float(number), float(Decimal(10) ** power), float(whole), float(rest)


@dataclass(frozen=True)
class Summand:
    """A term as a formula computes it: a whole coefficient, a field, and for a field of codes the label that counts."""

    coefficient: int
    field: Field_
    label: str | None


@dataclass(frozen=True)
class RuleFormula:
    """A rule over a table's fields, with coefficients made whole, and the marks that a cell may have in place of a number."""

    rule: Rule
    summands: tuple[Summand, ...]
    bound: Fraction
    codes: Codes

    @classmethod
    def of(cls, rule: Rule, table: Table, codes: Codes) -> "RuleFormula":
        """The formula of a rule that the report alone decides."""
        source: dict[str, tuple[Field_, str | None]] = {}
        for field in table.fields:
            source |= {f"{field.code}_{code}": (field, labels[0]) for code, labels in field.codes.items()}
            source |= {} if field.codes else {field.code: (field, None)}
        coefficients, bound = rule.in_whole_numbers
        summands = (Summand(c, *source[term.indicator]) for c, term in zip(coefficients, rule.terms, strict=True))
        return cls(rule, tuple(summands), bound, codes)

    @cached_property
    def fields(self) -> dict[str, Field_]:
        """The fields that the rule reads, by code."""
        return {summand.field.code: summand.field for summand in self.summands}

    @cached_property
    def has_amounts(self) -> bool:
        """Whether a field is an amount of money."""
        return any(field.type == "amount" for field in self.fields.values())

    @property
    def failure(self) -> str:
        """What it shows where the rule is broken: only an identity is wrong, a threshold is not met."""
        return FAILS if self.rule.check.kind == "identity" else BELOW

    # --- as text -------------------------------------------------------------------------------------------------

    @cached_property
    def _is_small(self) -> bool:
        """Whether all numbers are whole and one side of the rule stays below 2^53."""
        sides = [0, 0]
        for summand in self.summands:
            sides[summand.coefficient > 0] += abs(summand.coefficient) * (LARGEST_COUNT if summand.field.type == "count" else 1)
        return not self.has_amounts and self.bound.denominator == 1 and min(sides) + abs(self.bound) < _EXACT

    @cached_property
    def is_computable(self) -> bool:
        """Whether a spreadsheet computes the rule exactly; not where its coefficients or its bound have many digits.

        A figure is at most 9 x 10^15 < 2^53. A product in g is rounded three times and each sum once, by 2^-53 of at most weight
        x 2^53, and some spreadsheets round to nothing what is below 2^-48 of that: g is off by less than weight x (terms + 35).
        Weight x half the modulus and weight x half of 10^12 bound the sums of the remainders and of the decimals.
        """
        weight = sum(abs(summand.coefficient) for summand in self.summands) + abs(self.bound) / LARGEST
        fine = (self.bound * _UNITS).denominator == 1 and (not self.has_amounts or weight * _UNITS / 2 < _EXACT - _UNITS)
        return self._is_small or (fine and weight * (len(self.summands) + 35) < _NEAR)

    def text(self, cells: dict[str, str], amounts: dict[str, Amount], factor: str) -> str:
        """The formula for a row: its cells and the helper cells of its amounts by field, and the cell of the amounts' factor."""
        if not self.is_computable:
            return f'="{NOTHING}"'
        all_ = [cells[code] for code in self.fields]
        given, absent = self._given(cells), self._marked(cells, self.codes.not_applicable, but="flag")
        nothing = [f"{given}=0", f"{given}{absent}<{len(all_)}", *([f"{factor}=0"] if self.has_amounts else [])]
        left = self._small(cells) if self._is_small else self._remainder(cells, amounts)
        undecided = BLANK if self.rule.check.kind == "identity" else NOTHING
        formula = (
            f'IF(COUNTA({",".join(all_)})=0,"{NOTHING}",IF(COUNTA({",".join(all_)})<{len(all_)},"{undecided}",'
            f'IF(OR({",".join(nothing)}),"{NOTHING}",IF({left}{self.rule.check.op}0,"{HOLDS}","{self.failure}"))))'
        )
        for spared in self.rule.spared:
            asked = [f"COUNTA({cells[code]})>0" for code in spared.blank] + [f"COUNTA({cells[code]})=0" for code in spared.given]
            formula = f'IF(OR({",".join(asked)}),{formula},"{NOTHING}")'
        return f"={formula}"

    def _given(self, cells: dict[str, str]) -> str:
        """How many cells have a number, or a mark or label that means one."""
        numbers = ",".join(cells[code] for code, field in self.fields.items() if not field.codes)
        labels = "".join(
            f"+ISTEXT({cells[code]})" + "".join(f'-({cells[code]}="{mark}")' for mark in self.codes.not_applicable)
            for code, field in self.fields.items()
            if field.codes
        )
        yes = self._marked({code: cells[code] for code, f in self.fields.items() if f.type == "flag"}, self.codes.yes)
        return (f"COUNT({numbers})" if numbers else "0") + self._marked(cells, self.codes.zero, but="code") + labels + yes

    def _marked(self, cells: dict[str, str], marks: Sequence[str], but: str = "") -> str:
        """How many of the rule's cells have one of the marks, as something to add."""
        mine = (cells[code] for code, field in self.fields.items() if field.type != but and code in cells)
        return "".join(f'+({cell}="{mark}")' for cell in mine for mark in marks)

    def _value(self, summand: Summand, cells: dict[str, str], amounts: dict[str, Amount]) -> str:
        """A summand's figure; N takes a mark for 0."""
        cell = cells[summand.field.code]
        if summand.label is not None:
            return f'N({cell}="{summand.label}")'
        if summand.field.type == "flag":
            return f"(N({cell}){self._marked({summand.field.code: cell}, self.codes.yes)})"
        return amounts[summand.field.code].number if summand.field.type == "amount" else f"N({cell})"

    def _small(self, cells: dict[str, str]) -> str:
        """G, where no partial sum can be wrong."""
        plus, minus = (
            ",".join(
                cells[summand.field.code]
                if abs(summand.coefficient) == 1 and summand.field.type == "count"
                else _times(abs(summand.coefficient), self._value(summand, cells, {}))
                for summand in self.summands
                if (summand.coefficient > 0) == positive
            )
            for positive in (True, False)
        )
        sides = [f"SUM({plus})"] * bool(plus) + [f"-SUM({minus})"] * bool(minus) + [str(-self.bound)] * bool(self.bound)
        return f"SUM({','.join(sides)})"

    def _remainder(self, cells: dict[str, str], amounts: dict[str, Amount]) -> str:
        """G, or far from nothing what has its sign; see above."""
        floor = math.floor(self.bound)
        near = [f"{float(-self.bound):f}"] * bool(self.bound)
        wholes = [str(_MODULUS // 2 - floor % _MODULUS)]
        decimals = [str((floor - self.bound) * _UNITS)] * (self.bound != floor)
        for summand in self.summands:
            value = self._value(summand, cells, amounts)
            near.append(_times(summand.coefficient, value))
            if summand.field.type == "amount":
                decimals.append(_times(summand.coefficient, amounts[summand.field.code].rest))
                value = amounts[summand.field.code].whole
            if summand.field.type in ("amount", "count"):
                value = f"SUM({value},-{_MODULUS}*ROUND({value}/{_MODULUS},0))"
            wholes.append(_times(summand.coefficient, value))
        # MOD of what is far from a multiple: at one it may be an error
        whole = f"MOD(SUM({','.join(wholes)}),{_MODULUS})-{_MODULUS // 2}"
        exact = f"SUM(({whole})*{_UNITS},SUM({','.join(decimals)}))" if decimals else whole
        return f"IF(ABS(SUM({','.join(near)}))>{_NEAR},SUM({','.join(near)}),{exact})"

    # --- as a state ----------------------------------------------------------------------------------------------

    def state(self, given: Mapping[str, Prefill], factor: Decimal) -> str:
        """What it shows for what the cells of a row have, by field; a field that is not there is blank.

        `factor`: how many of the smallest unit of money make one unit of the amounts.
        """
        values = [
            self._read(summand, given[summand.field.code], factor) if summand.field.code in given else None
            for summand in self.summands
        ]
        if not self.is_computable or any(isinstance(value, str) for value in values):
            return NOTHING
        if any(given.keys().isdisjoint(s.blank) and given.keys() >= {*s.given} for s in self.rule.spared):
            return NOTHING
        undecided = BLANK if self.rule.check.kind == "identity" else NOTHING
        states = {
            Outcome.HOLDS: HOLDS,
            Outcome.BROKEN: self.failure,
            Outcome.UNDECIDED: undecided,
            Outcome.SILENT: NOTHING,
        }
        return states[decide(self.rule, [value for value in values if not isinstance(value, str)])]

    def _read(self, summand: Summand, value: Prefill, factor: Decimal) -> Decimal | str:
        """The figure of a cell; text that no formula understands remains text."""
        if value in self.codes.not_applicable and summand.field.type != "flag":
            return NOT_APPLICABLE
        if summand.label is not None:
            return Decimal(value == summand.label)
        if value in self.codes.zero:
            return Decimal(0)
        if summand.field.type == "flag" and value in self.codes.yes:
            return Decimal(1)
        number = None if isinstance(value, str) else parse_number(value)
        if number is None:
            return str(value)
        return EXACT.multiply(number, factor) if summand.field.type == "amount" else number


def _times(coefficient: int, value: str) -> str:
    return f"{'-' if coefficient < 0 else ''}{value}" if abs(coefficient) == 1 else f"{coefficient}*{value}"


def column_caption(form: Form, table: Table, place: int) -> str:
    """The text under a column: its number, and how it follows from others where an identity says so: (4=1+2+3)."""
    number = {indicator: n for n, field in enumerate(table.fields, start=1) for indicator in field.indicators}
    for rule in form.rules:
        check = rule.check
        if check.kind == "identity" and check.op == "=" and not check.bound and check.table == table.code and rule.on_arrival:
            total = rule.stated
            if len(rule.terms) > 1 and total.indicator == table.fields[place].code:
                # as it is read: what is added first, and in the order of the columns
                rest = sorted(
                    ((-t.coefficient / total.coefficient, number[t.indicator]) for t in rule.terms if t is not total),
                    key=lambda part: (part[0] < 0, part[1]),
                )
                terms = [(f"{'-' if c < 0 else '+'}{'' if abs(c) == 1 else f'{abs(c):f}x'}", n) for c, n in rest]
                runs = [list(run) for _, run in groupby(enumerate(terms), lambda term: (term[1][0], term[1][1] - term[0]))]
                text = "".join(_run([term for _, term in run]) for run in runs)
                return f"({place + 1}={text.removeprefix('+')})"
    return f"({place + 1})"


def _run(terms: list[tuple[str, int]]) -> str:
    """Columns one after the other that are added alike: +2+3+4, and of more than three +2+…+7."""
    (sign, first), (_, last) = terms[0], terms[-1]
    return f"{sign}{first}{sign}…{sign}{last}" if len(terms) > 3 else "".join(f"{sign}{n}" for _, n in terms)
