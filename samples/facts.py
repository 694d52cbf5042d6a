"""What the source documents say, as statements that can be held against figures: `seed_facts.csv`, read row by row.

A statement names the sums that it is about, not where they are kept, so it can be held against the sample reports and
against the marts alike:

    for statement in statements():
        assert statement.holds(statement.value(look_up))
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal

FILE = Path(__file__).with_name("seed_facts.csv")
ORGANISATIONS = {
    "Đảng bộ phường Ngô Quyền (TP Vĩnh Yên, Vĩnh Phúc)": "ngo-quyen",
    "Đảng bộ Khối các cơ quan tỉnh (province not named in the text)": "khoi-co-quan-tinh",
    "Đảng bộ TP Vĩnh Yên (Vĩnh Phúc)": "vinh-yen",
    "Đảng bộ TP Nam Định (Nam Định)": "nam-dinh-tp",
    "Đảng bộ phường Hùng Vương (TP Phúc Yên, Vĩnh Phúc)": "hung-vuong",
}
# "each year" in the source: the five years that it looks back on
EACH_YEAR = tuple(f"{year}-Y" for year in range(2016, 2021))
# a committee's figures for all below it; what stands in no pair here is its own
ROLLUP = {
    ("khoi-co-quan-tinh", "F1"),
    ("khoi-co-quan-tinh", "F3A"),
    ("khoi-co-quan-tinh", "F3B"),
    ("vinh-yen", "F4"),
    ("nam-dinh-tp", "F1"),
    ("nam-dinh-tp", "F3A"),
    ("nam-dinh-tp", "F5"),
}
# figures that the units directly below report, each for itself
FROM_BELOW = {("ngo-quyen", "F2")}
# the row of a table with fixed rows that the source speaks of
ROWS = {"F3A": "tccsd", "F4": "ct05"}


@dataclass(frozen=True)
class FigureKey:
    """Where a figure is in the grain. `below`: the sum over the units directly below, each reporting for itself."""

    unit: str
    period: str
    table: str
    row: str
    field: str
    scope: Literal["own", "rollup"]
    below: bool


@dataclass(frozen=True)
class Statement:
    """A row of the CSV: a sum of figures, perhaps over another, and what comes out. `line` is the row's line in the file."""

    line: int
    load_as: str
    text: str
    numerator: tuple[FigureKey, ...]
    denominator: tuple[FigureKey, ...]
    compare: str
    bound: Decimal
    # decimals to which the source rounds; None: compare as it is
    decimals: int | None

    def value(self, look_up: Callable[[FigureKey], Decimal]) -> Decimal:
        """What comes out: a count, or percent or times where there is a denominator."""
        above = sum(map(look_up, self.numerator), Decimal(0))
        if not self.denominator:
            return above
        return above / sum(map(look_up, self.denominator), Decimal(0)) * (100 if "%" in self.text else 1)

    def holds(self, value: Decimal) -> bool:
        """Whether a value comes out as the source says."""
        if self.decimals is not None:
            value = value.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)
        return {
            "=": value == self.bound,
            ">": value > self.bound,
            ">=": value >= self.bound,
            "<": value < self.bound,
            "about": abs(value - self.bound) <= 1,
        }[self.compare]


def rows() -> list[dict[str, str]]:
    """The rows of the CSV, with their line in the file under `line`."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return [{**row, "line": str(number)} for number, row in enumerate(csv.DictReader(file), start=2)]


def statements() -> list[Statement]:
    """Every row that is loaded, as one or more statements. Raises ValueError where a row is not understood."""
    return [statement for row in rows() if row["load_as"] != "not_loadable" for statement in _statements(row)]


def _statements(row: dict[str, str]) -> Iterator[Statement]:
    for field, expected in zip(row["form_field"].split("; "), _each(row["expected"], row["form_field"]), strict=True):
        compare, bound, decimals = _expected(expected)
        for numerator, denominator in _sums(row["organisation"], field, row["report_period"]):
            yield Statement(int(row["line"]), row["load_as"], expected, numerator, denominator, compare, bound, decimals)


def _each(expected: str, fields: str) -> list[str]:
    return expected.split("; ") if "; " in fields else [expected]


def _expected(text: str) -> tuple[str, Decimal, int | None]:
    match = re.fullmatch(r"(=|>=|>|<|about)? ?(\d+(?:\.\d+)?)(?:%| VND)?( to the whole percent| to one decimal)?(?:, .*)?", text)
    if not match:
        raise ValueError(f"not understood: {text!r}")
    compare, bound, rounding = match.groups()
    return compare or "=", Decimal(bound), {None: None, " to the whole percent": 0, " to one decimal": 1}[rounding]


def _sums(organisation: str, text: str, period: str) -> Iterator[tuple[tuple[FigureKey, ...], tuple[FigureKey, ...]]]:
    """Numerator and denominator: one pair, or several where the source leaves open which is meant or speaks of each year."""
    unit = ORGANISATIONS[organisation]
    text, _, spans = text.removeprefix("sum of ").partition(", ")
    above, *below = re.split(r" (?:or )?/ ", text)
    if spans:
        first, second = (_periods(span.replace("-", " to ")) for span in spans.split(" / "))
        yield _figures(unit, above, first), _figures(unit, above, second)
        return
    for periods in ([p] for p in EACH_YEAR) if period == "each year" else [_periods(period)]:
        for under in below or [""]:
            yield _figures(unit, above, periods), _figures(unit, under, periods)


def _figures(unit: str, text: str, periods: list[str]) -> tuple[FigureKey, ...]:
    return tuple(
        FigureKey(
            unit,
            period,
            table,
            ROWS.get(table, "all"),
            field,
            "rollup" if (unit, table) in ROLLUP else "own",
            (unit, table) in FROM_BELOW,
        )
        for table, field in re.findall(r"(\w+)\.(\w+)", text)
        for period in periods
    )


def _periods(text: str) -> list[str]:
    """A period as the CSV writes it, to the codes of the periods: "H1 2020", "TERM 2015-2020", "Y2016 to Y2020"."""
    if match := re.fullmatch(r"Y(\d{4})(?: to Y(\d{4}))?", text):
        first, last = int(match[1]), int(match[2] or match[1])
        return [f"{year}-Y" for year in range(first, last + 1)]
    if match := re.fullmatch(r"(H1|H2|TERM) (\d{4}(?:-\d{4})?)", text):
        return [f"{match[2]}-{match[1]}"]
    if match := re.fullmatch(r"(first|last) month of (\d{4})", text):
        return [f"{match[2]}-M{'01' if match[1] == 'first' else '12'}"]
    raise ValueError(f"not understood: {text!r}")
