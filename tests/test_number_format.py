"""What a number format shows of a number that it does not say: each such figure is returned, and ordinary ones are not."""

from decimal import Decimal
from typing import Any

import pytest

from tonghop.base.settings import PROJECT
from tonghop.catalogue.load import load_catalogue
from tonghop.reading.numbers import Vocabulary, Wrong, number_in_cell

WORDS = Vocabulary(load_catalogue(PROJECT / "catalogue").codes)


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (8.0, '0"0"', "80"),
        (8.0, "0\\0", "80"),
        (8.0, "10", "18"),
        (8.0, '"1"0', "18"),
        (8.0, 'General"0"', "80"),
        (8.0, "[$1-409]0", "18"),
        (8.0, "0*0", "8"),
        (8000.0, "#,##0,", "8"),
        (8000.0, "[<1000]0;0,", "8"),
        (8000.0, "[>=1000]0,;0", "8"),
        (8000000.0, "0,,", "8"),
        (8.0, '[=8]"12";General', "12"),
        (8.0, "[>100]0;[>50]0", "####"),
        (8.0, ";;;", ""),
        (8.0, ";-0;0", ""),
        (8.0, '"tám"', "…"),
        (8.0, '0" nghìn"', "8 nghìn"),
        (8.0, "-0", "-8"),
        (8.0, "(0)", "(8)"),
        (-8.0, "0;0", "8"),
        (0.0, '0;0;"5"', "5"),
        (12345.0, "0E+00", "12345"),
        (8.5, "# ?/?", "8,5"),
        (8.0, '#"."##0', ".8"),
        ("8", '0;0;0;"80"', "80"),
        ("8", '@"0"', "80"),
        ("8", ";;;", ""),
    ],
)
def test_a_cell_that_shows_another_number_than_it_holds_is_returned(value: Any, code: str, shown: str) -> None:
    found = number_in_cell(value, code, False, WORDS)
    assert isinstance(found, Wrong), code
    assert found.rule == "cell.shown"
    if "E" not in code and "/" not in code:
        assert found.words["shown"] == shown


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (8.0, "General"),
        (8.0, "#,##0"),
        (8000.0, "#,##0"),
        (8000.0, '#"."##0'),
        (8.0, "00000"),
        (8.0, "0_);(0)"),
        (8.0, '_(* #,##0_);_(* \\(#,##0\\);_(* "-"??_);_(@_)'),
        (0.0, '_(* #,##0_);_(* \\(#,##0\\);_(* "-"??_);_(@_)'),
        (0.0, "#,###"),
        (0.0, "0;-0;"),
        (8.0, '#,##0 "đồng"'),
        (8.0, "#,##0 [$₫-42A]"),
        (8.0, "[Red]0;[Blue]-0"),
        (8.0, "[<1000]0;0,"),
        (8.0, "[=1]0;0"),
        (8.0, "0E+00"),
        (8.0, "# ?/?"),
        (8.0, "0;0"),
        (8.0, "@"),
        (8.0, "0.00"),
        ("8", "@"),
        ("8", "0"),
        ("8", "0;-0;0;@"),
    ],
)
def test_a_cell_that_shows_what_it_holds_is_taken(value: Any, code: str) -> None:
    assert number_in_cell(value, code, False, WORDS) == Decimal(value)


@pytest.mark.parametrize("code", ["0%", '0"%"', "0\\%", "0.0%;-0.0%", "[>0]0%;0", '0 "‰"'])
def test_a_rate_in_a_cell_of_counts_is_returned_as_one(code: str) -> None:
    found = number_in_cell(1.0, code, False, WORDS)
    assert isinstance(found, Wrong)
    assert found.rule == "cell.percent"
