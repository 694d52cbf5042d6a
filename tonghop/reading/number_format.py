"""A spreadsheet's number format, evaluated: what a cell shows of the number or text that it holds.

A format has up to four sections, for numbers by sign or by conditions of its own, and for texts. Each is made of places for
digits, literal texts, and commas behind the last place, which scale by thousands.
"""

import operator
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from tonghop.base.text import fold

_PIECE = re.compile(r'"[^"]*"?|\\.?|[_*].?|\[[^\]]*\]?|[^"\\_*\[;]+|;', re.S)
_TOKEN = re.compile(r'"([^"]*)"?|\\(.)|([_*])(.)|\[([^\]]*)\]|(General)|(E[+-]0+)|(.)', re.S | re.I)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_CURRENCY = re.compile(r"vnđ|vnd|đồng|đ|₫", re.I)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(\.[0-9]{3})+")
_SIGNS = {"<": operator.lt, ">": operator.gt, "=": operator.eq, "<=": operator.le, ">=": operator.ge, "<>": operator.ne}
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)


class Section:
    """One section of a number format."""

    def __init__(self, code: str):
        # (kind, text): place, point, literal, general, text
        self.items: list[tuple[str, str]] = []
        self.condition: tuple[str, Decimal] | None = None
        # `percent`: it shows a rate; `scales_percent`: of a hundredth, as Excel's own percent formats
        self.percent = self.scales_percent = self.fraction = self.altered = self.white = False
        self.exponent = False
        for quoted, escaped, pad, padded, bracket, general, exponent, one in _TOKEN.findall(code):
            if pad:
                # a digit that fills the cell reads as part of the number
                self.altered = self.altered or (pad == "*" and padded.isnumeric())
            elif bracket:
                self._bracket(bracket)
            elif general:
                self.items.append(("general", ""))
            elif exponent:
                self.exponent = True
            elif one and one in "0#?":
                self.items.append(("place", one))
            elif one in (".", ",", "@", "%", "/"):
                self._mark(one)
            elif text := quoted or escaped or one:
                self.percent = self.percent or "%" in text or "‰" in text
                self.items.append(("literal", text))
        places = [n for n, (kind, _) in enumerate(self.items) if kind == "place"]
        points = [n for n, (kind, _) in enumerate(self.items) if kind == "point"]
        self.point = points[0] if points else None
        last = max((n for n in places if self.point is None or n < self.point), default=None)
        # commas between places group; those behind the last whole one scale
        behind = () if last is None else [n for n, (kind, _) in enumerate(self.items) if kind == "comma" and n > last]
        self.scale = len(behind)
        self.whole = [n for n in places if self.point is None or n < self.point]
        self.decimals = [n for n in places if self.point is not None and n > self.point]
        self.is_general = any(kind in ("general", "text") for kind, _ in self.items)
        decimals = "".join(self.items[n][1] for n in self.decimals)
        # how many decimals are shown at least and at most
        self.least, self.most = (0, 9) if self.is_general else (len(decimals.rstrip("#")), len(decimals))

    def _bracket(self, text: str) -> None:
        if found := _CONDITION.fullmatch(text.strip()):
            self.condition = found[1], Decimal(found[2])
        elif text.startswith("$"):
            if sign := text[1:].partition("-")[0]:
                self.items.append(("literal", sign))
        elif text.lower().replace(" ", "") in ("white", "color2"):
            self.white = True
        elif text.lower().startswith("dbnum"):
            self.altered = True

    def _mark(self, mark: str) -> None:
        if mark == "%":
            self.percent = self.scales_percent = True
        elif mark == "/":
            self.fraction = True
        else:
            self.items.append(({".": "point", ",": "comma", "@": "text"}[mark], mark))

    def takes(self, number: Decimal) -> bool:
        """Whether the section's own condition holds."""
        if self.condition is None:
            return False
        sign, bound = self.condition
        return bool(_SIGNS[sign](number, bound))

    @property
    def is_of_negatives(self) -> bool:
        """Whether its condition holds for negative numbers only: then it writes their sign itself."""
        return self.condition is not None and self.condition[0][0] == "<" and self.condition[1] <= 0 and self.condition[0] != "<>"

    def shown(self, number: Decimal, signed: bool) -> str:
        """The section filled in; a sign before it where the section does not stand for one."""
        size = _EXACT.divide(number.copy_abs(), Decimal(1000) ** self.scale)
        digits, decimals = self._digits(size)
        extra = max(len(digits) - len(self.whole), 0)
        texts = []
        for n, (kind, text) in enumerate(self.items):
            if kind in ("general", "text"):
                texts.append(f"{number.copy_abs():f}")
            elif kind == "literal":
                texts.append(text)
            elif kind == "point":
                texts.append(".")
            elif kind == "place" and n in self.whole:
                at = self.whole.index(n) - (len(self.whole) - len(digits))
                first = extra if n == self.whole[0] else 0
                texts.append(digits[: first + 1] if first else digits[at] if at >= 0 else text if text == "0" else "")
            elif kind == "place":
                at = self.decimals.index(n)
                texts.append(decimals[at] if at < len(decimals) else text if text == "0" else "")
        return ("-" if number < 0 and signed else "") + "".join(texts)

    def _digits(self, size: Decimal) -> tuple[str, str]:
        rounded = _EXACT.quantize(size, Decimal(1).scaleb(-len(self.decimals)))
        whole, _, decimals = f"{rounded:f}".partition(".")
        return whole.lstrip("0"), decimals.rstrip("0")

    def agrees(self, number: Decimal, shown: str, units: Iterable[str] = ()) -> bool:
        """Whether what is shown is the number that is held, rounded to the places that are there.

        `units` are the folded names of what is counted: one of them may stand beside the number.
        """
        for unit in units:
            shown = re.sub(rf"(?<!\w){re.escape(unit)}(?!\w)", "", fold(shown))
        if self.altered:
            return False
        if self.exponent:
            held = number.copy_abs().normalize(Context(prec=max(len(self.whole) + len(self.decimals), 1), rounding=ROUND_HALF_UP))
            return held == number.copy_abs() and not self.scale
        if self.fraction:
            return number == number.to_integral_value()
        text = re.sub(r"\s", "", _CURRENCY.sub("", shown))
        if not any(c.isnumeric() for c in text):
            # a mark for nothing, or nothing at all
            return number == 0 and not any(c.isalpha() for c in text)
        # a sign or brackets say that a number is negative
        if number and (number < 0) != text.startswith(("-", "(")):
            return False
        bare = text.strip("-+()")
        if _GROUPED.fullmatch(bare) and ("literal", ".") in self.items:
            bare = bare.replace(".", "")
        if not re.fullmatch(r"[0-9]*\.?[0-9]*", bare):
            return False
        rounded = number.copy_abs() if self.is_general else _EXACT.quantize(number.copy_abs(), Decimal(1).scaleb(-self.most))
        return Decimal(bare) == rounded


class NumberFormat:
    """A number format by its code."""

    def __init__(self, code: str):
        texts = [""]
        for piece in _PIECE.findall(code):
            if piece == ";":
                texts.append("")
            else:
                texts[-1] += piece
        sections = [Section(text) for text in texts[:4]]
        ends = len(sections) == 4 or any(kind == "text" for kind, _ in sections[-1].items)
        self._text = sections[-1] if ends else None
        self._numbers = sections[:-1] if ends and len(sections) > 1 else sections

    def section(self, number: Decimal) -> tuple[Section | None, str]:
        """The section for a number, and what it shows of it; none where no condition holds, and nothing can be shown."""
        sections = self._numbers
        by_sign = [number >= 0 if len(sections) == 2 else number > 0, number < 0 or len(sections) == 2, True]
        for n, section in enumerate(sections):
            if section.takes(number) if section.condition else (len(sections) == 1 or by_sign[n]):
                unsigned = section.is_of_negatives or (n == 1 and not section.condition and not sections[0].condition)
                return section, section.shown(number, not unsigned)
        return None, "####"

    def text(self, text: str) -> str:
        """What is shown of a text."""
        if self._text is None:
            return text
        return "".join(text if kind == "text" else literal for kind, literal in self._text.items if kind != "comma")


@lru_cache(maxsize=200)
def number_format(code: str) -> NumberFormat:
    """A number format by its code, made once."""
    return NumberFormat(code)
