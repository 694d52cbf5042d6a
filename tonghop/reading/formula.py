"""Formulas of a spreadsheet that are simple enough to be computed here: sums and differences of cells, and comparisons.

Two things are asked of them: whether the value that a file keeps for a formula is the one that it gives, and whether the
condition of a conditional format holds. What is not understood to its last token has no value: nothing is guessed.
"""

import contextlib
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tonghop.xlsx.xml_edit import column_number

Value = float | str | bool | None
Area = tuple[int, int, int, int]
_TOKEN = re.compile(
    r'\s*(?:(?P<number>\d+(?:\.\d+)?)|"(?P<text>(?:[^"]|"")*)"|(?P<word>TRUE|FALSE)(?![\w(])|(?P<function>[A-Z]+)\('
    r"|(?P<cell>\$?[A-Z]{1,3}\$?[1-9]\d{0,6})(?![\w(!.])|(?P<sign><=|>=|<>|[-+*/=<>(),:]))",
    re.IGNORECASE | re.ASCII,
)
_CELL = re.compile(r"(\$?)([A-Z]{1,3})(\$?)(\d+)", re.IGNORECASE)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
# so many cells are read for all formulas of a sheet: more is no report's
_MOST = 2_000_000


class Unknown(Exception):
    """A formula that is not understood, or a value that it does not have."""


# what computing a formula raises that gives no value here
NO_VALUE = (Unknown, RecursionError, OverflowError, ZeroDivisionError)


class Formula(NamedTuple):
    """A formula and the cell that it was written for: in another cell its relative references move along. Counted from 0."""

    text: str
    row: int
    column: int


class Formulas:
    """The formulas of a sheet over its values, a rectangle from A1 on; places count from 0."""

    def __init__(self, grid: list[list[Any]], formulas: Mapping[tuple[int, int], Formula]):
        self._grid, self._formulas = grid, formulas
        self._values: dict[tuple[int, int], Value | Unknown] = {}
        self._left = _MOST

    def at(self, row: int, column: int) -> Value:
        """The value of a cell: what its formula gives, where it has one. Raises Unknown."""
        place = row, column
        if place not in self._formulas:
            self._left -= 1
            if self._left < 0:
                raise Unknown
            value = self._grid[row][column] if row < len(self._grid) and column < len(self._grid[row]) else None
            if not isinstance(value, float | int | str | None):
                raise Unknown
            return None if value == "" else value
        if place not in self._values:
            self._values[place] = Unknown()  # of a circle
            with contextlib.suppress(*NO_VALUE):
                self._values[place] = self.value(self._formulas[place], *place)
        found = self._values[place]
        if isinstance(found, Unknown):
            raise found
        return found

    def value(self, formula: Formula, row: int, column: int) -> Value:
        """What a formula gives in a cell. Raises Unknown, and what computing raises."""
        parsed = _Parsed(self, formula.text, row - formula.row, column - formula.column)
        value = parsed.comparison()
        if parsed.tokens:
            raise Unknown
        return value

    def cells(self, area: Area) -> Iterator[Value]:
        """The values of a range, as far as the sheet reaches."""
        top, left, bottom, right = area
        width = max(map(len, self._grid), default=0)
        for row in range(top, min(bottom + 1, len(self._grid))):
            for column in range(left, min(right + 1, width)):
                yield self.at(row, column)


class _Parsed:
    """A formula, read and computed from the left to the right."""

    def __init__(self, sheet: Formulas, text: str, rows: int, columns: int):
        self.sheet, self.rows, self.columns = sheet, rows, columns
        self.tokens: list[tuple[str, str]] = []
        at, text = 0, text.strip().removeprefix("=").rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise Unknown
            at = found.end()
            self.tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
        self.tokens.reverse()  # the next one is the last

    def comparison(self) -> Value:
        left = self._sum()
        if (sign := self._sign(_COMPARED)) is None:
            return left
        right = self._sum()
        if left is None or right is None:  # a blank is nothing of either kind
            blank: Value = "" if isinstance(left, str) or isinstance(right, str) else 0.0
            left, right = (blank if side is None else side for side in (left, right))
        if isinstance(left, str) and isinstance(right, str):
            left, right = left.casefold(), right.casefold()
        elif isinstance(left, str) != isinstance(right, str) or isinstance(left, bool) != isinstance(right, bool):
            if sign not in ("=", "<>"):
                raise Unknown
            return sign == "<>"
        return _COMPARED[sign](left, right)

    def _sum(self) -> Value:
        left = self._product()
        while sign := self._sign("+-"):
            right = _number(self._product())
            left = _number(left) + right if sign == "+" else _number(left) - right
        return left

    def _product(self) -> Value:
        left = self._factor()
        while sign := self._sign("*/"):
            right = _number(self._factor())
            left = _number(left) * right if sign == "*" else _number(left) / right
        return left

    def _factor(self) -> Value:
        if sign := self._sign("+-"):
            value = self._factor()
            return value if sign == "+" else -_number(value)
        if self._sign("("):
            value = self.comparison()
            self._closed()
            return value
        kind, text = self.tokens.pop() if self.tokens else ("", "")
        if kind == "number":
            return float(text)
        if kind == "text":
            return text.replace('""', '"')
        if kind == "word":
            return text.upper() == "TRUE"
        if kind == "cell":
            return self.sheet.at(*self._place(text))
        if kind == "function":
            return self._function(text.upper())
        raise Unknown

    def _function(self, name: str) -> Value:
        if name == "SUM":
            values = [value for argument in self._arguments(self._area) for value in argument]
            return float(sum(value for value in values if isinstance(value, float | int) and not isinstance(value, bool)))
        arguments = self._arguments(lambda: [self.comparison()])
        values = [value for argument in arguments for value in argument]
        if name in ("AND", "OR"):
            return (all if name == "AND" else any)(map(counts_as_true, values))
        if len(values) != 1:
            raise Unknown
        if name == "NOT":
            return not counts_as_true(values[0])
        if name == "ISBLANK":
            return values[0] is None
        if name in ("ISERROR", "ISERR", "ISNA"):
            return False  # a cell that failed has no value here
        if name in ("ISNUMBER", "ISTEXT"):
            return isinstance(values[0], str if name == "ISTEXT" else float)
        raise Unknown

    def _arguments(self, one: Callable[[], Sequence[Value]]) -> list[Sequence[Value]]:
        found = [one()]
        while self._sign(","):
            found.append(one())
        self._closed()
        return found

    def _area(self) -> Sequence[Value]:
        """The values of a range or a cell; of anything else the one that it gives."""
        kinds = [kind for kind, _ in self.tokens[-3:]]
        if kinds == ["cell", "sign", "cell"] and self.tokens[-2][1] == ":":
            (_, last), _, (_, first) = self.tokens[-3:]
            del self.tokens[-3:]
            rows, columns = zip(self._place(first), self._place(last), strict=True)
            return [*self.sheet.cells((min(rows), min(columns), max(rows), max(columns)))]
        return [self.comparison()]

    def _sign(self, signs: Any) -> str | None:
        if self.tokens and self.tokens[-1][0] == "sign" and self.tokens[-1][1] in signs:
            return self.tokens.pop()[1]
        return None

    def _closed(self) -> None:
        if not self._sign(")"):
            raise Unknown

    def _place(self, name: str) -> tuple[int, int]:
        found = _CELL.fullmatch(name)
        assert found
        fixed_column, letters, fixed_row, digits = found.groups()
        row = int(digits) - 1 + (0 if fixed_row else self.rows)
        column = column_number(letters.upper()) - 1 + (0 if fixed_column else self.columns)
        if row < 0 or column < 0:
            raise Unknown
        return row, column


def counts_as_true(value: Value) -> bool:
    """Whether a value counts as true. Raises Unknown for a text."""
    return bool(_number(value))


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise Unknown
    return float(value or 0)


def differs(kept: Any, computed: Value) -> bool:
    """Whether a kept number is another than the one computed, beyond the rounding of binary fractions."""
    if isinstance(kept, bool) or not isinstance(kept, float | int) or isinstance(computed, str | None):
        return False
    return bool(abs(kept - computed) > 1e-9 * max(1.0, abs(kept), abs(computed)))


class Condition(NamedTuple):
    """A rule of a conditional format that hides figures or shows others: of which ranges, when, and what it then does.

    `kind` and `sign` are Excel's own words; of what is not known here a rule may always hold.
    """

    areas: tuple[Area, ...]
    kind: str
    sign: str
    formulas: tuple[str, ...]
    # the number format that it gives, and the rule of messages.yaml for what its colours make of a figure
    code: str | None
    rule: str | None

    def holds(self, sheet: Formulas, row: int, column: int) -> bool:
        """Whether it holds for a cell, or may hold."""
        top, left = min(area[0] for area in self.areas), min(area[1] for area in self.areas)
        try:
            if self.kind in ("containsBlanks", "containsErrors"):
                return False  # nothing is hidden by it: a cell that failed is returned as such
            if self.kind == "expression":
                return counts_as_true(sheet.value(Formula(self.formulas[0], top, left), row, column))
            if self.kind == "cellIs":
                value = sheet.at(row, column)
                given = [sheet.value(Formula(text, top, left), row, column) for text in self.formulas]
                return _is(value, self.sign, given)
        except NO_VALUE:
            pass
        except IndexError:  # a formula is missing
            pass
        return True


_SIGNS = {
    "equal": "=",
    "notEqual": "<>",
    "lessThan": "<",
    "greaterThan": ">",
    "lessThanOrEqual": "<=",
    "greaterThanOrEqual": ">=",
}


def _is(value: Value, sign: str, given: list[Value]) -> bool:
    if sign in ("between", "notBetween"):
        first, last = sorted(map(_number, given))
        return (first <= _number(value) <= last) == (sign == "between")
    if isinstance(value, str) or isinstance(given[0], str):
        if sign not in ("equal", "notEqual"):
            raise Unknown
        return (value == given[0]) == (sign == "equal")
    return _COMPARED[_SIGNS[sign]](_number(value), _number(given[0])) if sign in _SIGNS else True
