"""What a broken rule says in figures, for its sender: 8 + 12 + 1 = 21, ô G14 ghi 22, chênh 1. One builder for every rule.

Figures go to the sender alone. Readers see of a finding its message alone, which for a rule of the catalogue is a fixed
text: from a figure beside it a withheld one could be worked out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tonghop.base.findings import Finding, Language, number_in, phrase
from tonghop.catalogue.evaluate import EXACT, Value
from tonghop.catalogue.forms import Rule, Term
from tonghop.catalogue.model import Catalogue

_CELL = re.compile(r"[A-Z]{1,3}\d+")
_LINE = re.compile(r"line (\d+)")


@dataclass(frozen=True)
class Money:
    """A unit of money as a report names it, and how many of the smallest unit make one; factors are powers of ten."""

    name: str
    factor: Decimal

    @classmethod
    def named(cls, catalogue: Catalogue, name: Any) -> "Money":
        """The unit of a name; the smallest one where no such unit is known."""
        factor = catalogue.codes.factor(name)
        return cls(" ".join(str(name).split()), factor) if factor else cls(next(iter(catalogue.codes.money)), Decimal(1))

    def of(self, amount: Decimal) -> Decimal:
        """An amount of the smallest unit, in this one."""
        return EXACT.multiply(amount, 1 / self.factor)


@dataclass(frozen=True)
class TermValue:
    """A term of a rule with its value, and its cell where the report itself has it."""

    term: Term
    value: Value
    cell: str | None = None


def broken(
    rule: Rule,
    figures: Sequence[TermValue],
    unit: str,
    sheet: str,
    cells: Sequence[str],
    money: Money | None,
    catalogue: Catalogue,
) -> Finding:
    """The finding for a rule that its figures, one a term, break; `cells` of the sheet, the likeliest wrong one first.

    `money` is the unit in which amounts are written; without it the finding has no figures.
    """
    check, equation = rule.check, money and _Equation(rule, figures, money, catalogue)
    return Finding(
        check.rule,
        check.kind,
        sheet,
        cells[0],
        check.message.vi,
        check.message.en,
        unit,
        check.version,
        figures_vi=equation.text("vi") if equation else "",
        figures_en=equation.text("en") if equation else "",
        cells=tuple(cells),
    )


def names(figures: Sequence[TermValue], catalogue: Catalogue, language: Language) -> str:
    """Cells with their columns: D9 Cán bộ; E9 Công chức."""
    return "; ".join(_named(figure, catalogue, language) for figure in figures)


class _Equation:
    """A rule with one term, the stated one, on its left side and the rest on its right."""

    def __init__(self, rule: Rule, figures: Sequence[TermValue], money: Money, catalogue: Catalogue):
        stated = rule.stated
        sign = 1 if stated.coefficient > 0 else -1
        amounts = all(catalogue.columns[f.term.table, f.term.indicator][1] == "amount" for f in figures)
        self.catalogue, self.money = catalogue, money if amounts else None
        self.kind: Literal["equal", "most", "least"] = "equal" if rule.check.op == "=" else "most" if sign > 0 else "least"
        self.stated = next(f for f in figures if f.term is stated)
        self.factor = abs(stated.coefficient)
        # what is added comes before what is taken away
        self.others = sorted((f for f in figures if f.term is not stated), key=lambda f: sign * f.term.coefficient > 0)
        self.factors = [-sign * f.term.coefficient for f in self.others]
        self.bound = self._shown(sign * rule.check.bound)
        self.computed = self.bound
        for factor, figure in zip(self.factors, self.others, strict=True):
            self.computed = EXACT.fma(factor, self._value(figure) or Decimal(0), self.computed)

    def _shown(self, number: Decimal | int) -> Decimal:
        return self.money.of(Decimal(number)) if self.money else Decimal(number)

    def _value(self, figure: TermValue) -> Decimal | None:
        """The number of a figure; None where it is not applicable."""
        value = figure.value
        return None if value is None or value != value else self._shown(value)

    def text(self, language: Language) -> str:
        given, is_amount = self._value(self.stated), self.money is not None
        left = EXACT.multiply(self.factor, given or Decimal(0))
        stated = self._product(self.factor, given, language)
        gap = number_in(language, EXACT.subtract(left, self.computed).copy_abs())
        return phrase(f"figures.{self.kind}", language).format(
            sum=self._sum(language),
            where=_where(self.stated, self.catalogue, language),
            stated=stated if self.factor == 1 or given is None else f"{stated} = {number_in(language, left)}",
            gap=f"{gap} {self.money.name}" if self.money and is_amount else gap,
            columns=names([*self.others, self.stated], self.catalogue, language),
        )

    def _sum(self, language: Language) -> str:
        """8 + 12 - 3 = 17; a lone number stands for itself."""
        text, terms = "", [(f, self._value(v)) for f, v in zip(self.factors, self.others, strict=True)]
        if self.bound or not terms:
            terms.append((Decimal(1), self.bound))
        for factor, value in terms:
            sign = ("-" if factor < 0 else "") if not text else " - " if factor < 0 else " + "
            text += sign + self._product(abs(factor), value, language)
        total = number_in(language, self.computed)
        return text if text == total else f"{text} = {total}"

    def _product(self, factor: Decimal, value: Decimal | None, language: Language) -> str:
        number = self.catalogue.codes.not_applicable[0] if value is None else number_in(language, value)
        number = f"({number})" if number.startswith("-") else number
        return number if factor == 1 else f"{number_in(language, factor)} × {number}"


def _named(figure: TermValue, catalogue: Catalogue, language: Language) -> str:
    column, _ = catalogue.columns[figure.term.table, figure.term.indicator]
    name = column.vi if language == "vi" else column.en
    if figure.cell is not None:
        return f"{_cell(figure.cell, language)} {name}"
    if figure.term.at == "same":
        return name
    return f"{name} ({phrase(f'figures.at.{figure.term.at}', language).format(table=figure.term.table)})"


def _where(figure: TermValue, catalogue: Catalogue, language: Language) -> str:
    """Where a figure stands, as the beginning of "states 22"."""
    if figure.cell is None:
        return _named(figure, catalogue, language)
    cell = _cell(figure.cell, language)
    return phrase("figures.cell", language).format(cell=cell) if _CELL.fullmatch(cell) else cell


def _cell(cell: str, language: Language) -> str:
    """A cell's name; the line of a file without sheets is called so."""
    line = _LINE.fullmatch(cell)
    return phrase("figures.line", language).format(number=line[1]) if line else cell
