"""The number of a cell, or why there is none. What may mean two things is refused, never decided.

Vietnamese notation is the declared one: dots group thousands, a comma starts the decimals (1.234,5).
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from tonghop.base.text import fold
from tonghop.catalogue.evaluate import EXACT, decimals_of
from tonghop.catalogue.model import Codes
from tonghop.reading.number_format import number_format

_VIETNAMESE = re.compile(r"-?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?")
# marks that only other countries' notation has: 1,234.5  1,234,567  4.5
_FOREIGN = re.compile(r"-?([0-9]{1,3}(,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(,[0-9]{3}){2,}|[0-9]+\.([0-9]{1,2}|[0-9]{4,}))")
_COMMA = re.compile(r"-?[1-9][0-9]{0,2},[0-9]{3}")
_DOT = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_SPACED = re.compile(r"-?[0-9]{1,3}([ \u00a0\u2009\u202f][0-9]{3})+(,[0-9]+)?")
_DATE = re.compile(r"[0-9]{1,2}[/-][0-9]{1,2}([/-][0-9]{2,4})?|[0-9]{1,2}/[0-9]{4}")
_FORMULA = re.compile(r"=.+|@\w.*|[+-]\s*[^\W\d].*", re.S)
# 8.0, as programs write a whole number: dots group by three digits, so it can mean nothing else
_WHOLE = re.compile(r"(-?[0-9]+)\.0{1,2}")
# what a spreadsheet shows of a formula that failed, in a text file or as text
_FAILED = re.compile(r"#[A-Z][A-Z0-9_/]*[!?]?|Err:[0-9]{3}")
LARGEST = 9 * 10**15  # a cell of a workbook holds every whole number up to here exactly
LARGEST_COUNT = 10**15  # a spreadsheet keeps 15 digits of what is typed
# of an amount in its smallest unit: as far as the formulas of a template compute (`tonghop.templates.formulas`)
MOST_DECIMALS = 12


@dataclass(frozen=True)
class Wrong:
    """Why a cell has no number: a rule of messages.yaml, and the words of its message."""

    rule: str
    words: dict[str, Any]


def parse_number(value: Any) -> Decimal | None:
    """An exact number of a cell: a number, or text in Vietnamese notation (1.234,5); None for everything else.

    A workbook's number is the one that a spreadsheet shows: a whole number, or 15 digits. The digits after those are the
    rounding of binary fractions, such as the last one of 0.1 + 0.2 = 0.30000000000000004.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return Decimal(int(value)) if value.is_integer() else Decimal(f"{value:.15g}")
    if isinstance(value, int | Decimal):
        number = Decimal(value)
        return number if number.is_finite() else None
    if not isinstance(value, str) or len(value) > 40 or not _VIETNAMESE.fullmatch(value):
        return None
    return Decimal(value.replace(".", "").replace(",", "."))


def mark(text: str) -> str:
    """A text as marks for a figure are compared: -- and – are one dash."""
    folded = fold(text) or text.strip()
    return "-" if folded and not folded.strip("-") else folded


def failed(value: Any) -> bool:
    """Whether a text is what a formula shows that failed: #REF!, #N/A, Err:502."""
    return isinstance(value, str) and bool(_FAILED.fullmatch(value.strip()))


def is_foreign(text: str) -> bool:
    """Whether a text is a number in another country's marks: then a column's 4.000 may be four."""
    return bool(_FOREIGN.fullmatch(text.strip()))


class Vocabulary:
    """The words that people write beside figures, by what they mean for the figure."""

    def __init__(self, codes: Codes):
        self.codes, self._words = codes, codes.words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.codes is other.codes

    def __hash__(self) -> int:
        return id(self.codes)

    # made when first needed: most files hold numbers only
    @cached_property
    def _kinds(self) -> dict[str, re.Pattern[str]]:
        return {kind: _any_of(words) for kind, words in self._words.items()}

    @cached_property
    def _known(self) -> re.Pattern[str]:
        return _any_of(tuple(word for words in self._words.values() for word in words))

    def kind(self, text: str) -> str | None:
        """The first kind of which a folded text has a word."""
        return next((kind for kind, pattern in self._kinds.items() if pattern.search(text)), None)

    def mask(self, value: Any) -> str:
        """A cell's text as a finding may quote it: numbers, marks and known words. Anything else may be a name."""
        text = " ".join(str(value)[:200].split())
        known = [found.span() for found in self._known.finditer(text.casefold())] if len(text.casefold()) == len(text) else []
        masked = re.sub(
            r"[^\W\d_]+", lambda word: word[0] if any(a <= word.start() and word.end() <= b for a, b in known) else "…", text
        )
        masked = re.sub(r"…(\s*…)+", "…", masked)
        return masked if len(masked) <= 40 else masked[:39] + "…"


@lru_cache  # a catalogue's words are the same for every file
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted({form for word in words for form in (word.casefold(), fold(word))}, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(w)}(?!\w)" if w[-1:].isalpha() else re.escape(w) for w in longest_first))


def number_in_cell(
    value: Any, format_code: str | None, mixed: bool, vocabulary: Vocabulary, units: Iterable[str] = ()
) -> Decimal | Wrong:
    """The number of a cell, or why there is none.

    `format_code` is the cell's number format where it is not plain, and `units` are the names of its unit of measure that this
    may show beside the number; `mixed`: another figure of its column has foreign marks.
    """
    if format_code is None and isinstance(value, float) and value.is_integer():
        return fits(Decimal(int(value)))
    if isinstance(value, date | time | timedelta):
        return Wrong("cell.date", {"value": f"{value:%d/%m/%Y}" if isinstance(value, date) else str(value)})
    shown = number_format(format_code or "General")
    if isinstance(value, str):
        if (text := shown.text(value)).strip() != value.strip():
            return Wrong("cell.shown", {"value": vocabulary.mask(value), "shown": vocabulary.mask(text)})
        # an apostrophe before a number keeps a spreadsheet from changing it
        return _text(value.strip().removeprefix("'"), mixed, vocabulary)
    number = parse_number(value)
    if number is None:
        return Wrong("cell.number", {"value": vocabulary.mask(value)})
    section, text = shown.section(number)
    if section and section.percent:
        return Wrong("cell.percent", {"value": f"{comma(number * 100)}%" if section.scales_percent else vocabulary.mask(text)})
    if section and section.white and number:
        return Wrong("cell.unseen", {"value": comma(number)})
    if section is None or not section.agrees(number, text, units):
        return Wrong("cell.shown", {"value": comma(number), "shown": vocabulary.mask(text.strip())})
    # a workbook's number with three decimals may have been thousands, which a spreadsheet in English took for decimals
    if not isinstance(value, Decimal) and 1 <= abs(number) < 1000:
        stored = 0 if number == number.to_integral_value() else -int(number.as_tuple().exponent)
        if max(section.least, min(stored, section.most)) == 3:
            return _either(f"{number:.3f}", number, int(round(number, 3) * 1000))
    return fits(number)


def fits(number: Decimal) -> Decimal | Wrong:
    """The number, where it is not too large for a figure."""
    return number if abs(number) <= LARGEST else Wrong("cell.large", {"value": f"{number:.3e}"})


def amount(number: Decimal, factor: Decimal) -> Decimal | Wrong:
    """A number of a unit of money in the smallest unit, of which `factor` make one; exactly, or the reason why not."""
    found = fits(EXACT.multiply(number, factor))
    if isinstance(found, Decimal) and decimals_of(found) > MOST_DECIMALS:
        return Wrong("cell.decimals", {"most": str(MOST_DECIMALS)})
    return found


def _text(text: str, mixed: bool, vocabulary: Vocabulary) -> Decimal | Wrong:
    if _COMMA.fullmatch(text):
        return _either(text, Decimal(text.replace(",", ".")), int(text.replace(",", "")))
    if mixed and _DOT.fullmatch(text):
        return _either(text, Decimal(text), int(text.replace(".", "")))
    whole = _WHOLE.fullmatch(text)
    number = parse_number(whole[1] if whole else text)
    if number is not None:
        return fits(number)
    quoted = {"value": vocabulary.mask(text)}
    if _SPACED.fullmatch(text):
        return Wrong("cell.spaces", quoted | {"joined": re.sub(r"\s", "", text)})
    if _DATE.fullmatch(text):
        return Wrong("cell.date", quoted)
    if _FORMULA.fullmatch(text):
        return Wrong("cell.formula", quoted)
    kind = vocabulary.kind(fold(text[:200]))
    if kind == "unit":
        number_part = re.sub(r"[^0-9.,-]", "", text)
        either = _text(number_part, True, vocabulary) if re.search("[0-9]", number_part) else None
        if isinstance(either, Wrong) and either.rule == "cell.marks":
            return Wrong("cell.unit_marks", either.words | quoted)
    return Wrong(f"cell.{kind}" if kind else "cell.number", quoted)


def _either(shown: str, decimal: Decimal, thousands: int) -> Wrong:
    whole = decimal == decimal.to_integral_value()
    exact = f"{decimal:.0f}" if whole else f"{comma(decimal)}0"
    return Wrong("cell.marks", {"value": shown, "first": str(thousands), "second": exact})


def comma(number: Decimal) -> str:
    """A number as it is written here: 1234,5."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", ",")
