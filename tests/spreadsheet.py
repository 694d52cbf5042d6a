"""As much of a spreadsheet as the templates' formulas need: computes every formula of a workbook anew, from its cells."""

import io
import re
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

_TOKEN = re.compile(r"""("[^"]*")|((?:'[^']+'!)?\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)|(<=|>=|<>|=)|(TRUE\b)""")


def _flat(values: Any) -> list[Any]:
    return [leaf for value in values for leaf in (_flat(value) if isinstance(value, list) else [value])]


def _numbers(values: Any) -> list[float]:
    return [v for v in _flat(values) if isinstance(v, (int, float)) and not isinstance(v, bool)]


def _countif(area: Any, wanted: str) -> int:
    return sum(isinstance(v, str) and (v.startswith(wanted[:-1]) if wanted.endswith("*") else v == wanted) for v in _flat([area]))


FUNCTIONS = {
    "IF": lambda test, yes, no: yes if test else no,
    "SUM": lambda *v: sum(_numbers(v)),
    "COUNT": lambda *v: len(_numbers(v)),
    "COUNTA": lambda *v: sum(x is not None for x in _flat(v)),
    "COUNTIF": _countif,
    "ROUND": round,
    "OR": lambda *v: any(v),
    "N": lambda v: v if isinstance(v, (int, float)) else 0,
}


class Spreadsheet:
    """A workbook's cells and formulas."""

    def __init__(self, content: bytes) -> None:
        self.formulas = load_workbook(io.BytesIO(content))
        self.kept = load_workbook(io.BytesIO(content), data_only=True)

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
        value = self.formulas[sheet][cell].value
        return self._compute(sheet, value) if isinstance(value, str) and value.startswith("=") else value

    def _compute(self, sheet: str, formula: str) -> Any:
        def python(match: re.Match[str]) -> str:
            text, reference, sign, _ = match.groups()
            if reference:
                return f"_at({reference!r})"
            return text or {"=": "==", "<>": "!="}.get(sign, sign) if text or sign else "True"

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
