"""As much of a spreadsheet as the templates' formulas need: computes every formula of a workbook anew, from its cells."""

import functools
import io
import math
import operator
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

_CONTEXT = Context(prec=1000)
_TOKEN = re.compile(
    r"""("[^"]*")|((?:'[^']+'!)?\$?[A-Z]{1,3}\$?\d+(?![\d(])(?::\$?[A-Z]{1,3}\$?\d+)?)|(<=|>=|<>|=|\^)|(TRUE\b)"""
)


def _flat(values: Any) -> list[Any]:
    return [leaf for value in values for leaf in (_flat(value) if isinstance(value, list) else [value])]


def _numbers(values: Any) -> list[float]:
    return [v for v in _flat(values) if isinstance(v, (int, float)) and not isinstance(v, bool)]


def _sum(*values: Any) -> float:
    """Binary fractions added one after the other."""
    return functools.reduce(operator.add, _numbers(values), 0.0)


def _round(number: float, digits: float) -> float:
    exact = Decimal(number)
    return float(exact.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP, _CONTEXT))


def _countif(area: Any, wanted: str) -> int:
    return sum(isinstance(v, str) and (v.startswith(wanted[:-1]) if wanted.endswith("*") else v == wanted) for v in _flat([area]))


FUNCTIONS = {
    "IF": lambda test, yes, no: yes if test else no,
    "SUM": _sum,
    "COUNT": lambda *v: len(_numbers(v)),
    "COUNTA": lambda *v: sum(x is not None for x in _flat(v)),
    "COUNTIF": _countif,
    "ROUND": _round,
    "OR": lambda *v: any(v),
    "N": lambda v: float(v) if isinstance(v, (int, float)) else 0.0,
    "MOD": lambda number, by: float(number) % by,
    "INT": math.floor,
    "ABS": abs,
    "MAX": max,
    "LOG10": math.log10,
    "ISTEXT": lambda v: isinstance(v, str),
}


class Spreadsheet:
    """A workbook's cells and formulas."""

    def __init__(self, content: bytes) -> None:
        self.formulas = load_workbook(io.BytesIO(content))
        self.kept = load_workbook(io.BytesIO(content), data_only=True)
        self._values: dict[tuple[str, str], Any] = {}

    def cells(self) -> list[tuple[str, str, str]]:
        """(sheet, cell, formula) of every formula."""
        return [
            (sheet.title, cell.coordinate, cell.value)
            for sheet in self.formulas
            for row in sheet.iter_rows()
            for cell in row
            if cell.data_type == "f"
        ]

    def value(self, sheet: str, cell: str) -> Any:
        """A cell's value, computed where it is a formula; None where it is empty."""
        if (sheet, cell) not in self._values:
            value = self.formulas[sheet][cell].value
            if isinstance(value, str) and value.startswith("="):
                value = self._compute(sheet, value)
            self._values[sheet, cell] = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        return self._values[sheet, cell]

    def _compute(self, sheet: str, formula: str) -> Any:
        def python(match: re.Match[str]) -> str:
            text, reference, sign, _ = match.groups()
            if reference:
                return f"_at({reference!r})"
            return text or {"=": "==", "<>": "!=", "^": "**"}.get(sign, sign) if text or sign else "True"

        return eval(_TOKEN.sub(python, formula[1:]), {"__builtins__": {}}, FUNCTIONS | {"_at": lambda r: self._at(sheet, r)})

    def _at(self, sheet: str, reference: str) -> Any:
        named, _, area = reference.rpartition("!")
        sheet = named.strip("'") or sheet
        area = area.replace("$", "")
        if ":" not in area:
            return self.value(sheet, area)
        left, top, right, bottom = range_boundaries(area)
        rows = self.formulas[sheet].iter_rows(top, bottom, left, right)
        return [self.value(sheet, cell.coordinate) for row in rows for cell in row]
