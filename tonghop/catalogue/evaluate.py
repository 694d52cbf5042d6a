"""Decides a linear rule on given values, exactly.

The check on arrival, the check before sending and the templates all decide through `decide`. The models decide the same from the
same rows in SQL (`int_check`), whose numbers are exact as well. The gate (`identities_hold`) is written apart, on purpose.
"""

from collections.abc import Iterable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact
from enum import Enum

from tonghop.catalogue.forms import Rule

# Python's own context rounds to 28 digits; this one never rounds
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])
NOT_APPLICABLE = Decimal("NaN")
# what a term counts: a number, NOT_APPLICABLE, or None where nobody has given anything
Value = Decimal | int | None


class Outcome(Enum):
    """What a rule says of its values."""

    HOLDS = "holds"
    BROKEN = "broken"
    # something is blank and something is not
    UNDECIDED = "undecided"
    # all is blank, or nothing is applicable: there is nothing to contradict
    SILENT = "silent"


def decide(rule: Rule, values: Iterable[Value]) -> Outcome:
    """The outcome of a rule on one value for each of its terms, in their order. What is not applicable adds nothing."""
    left, blanks, numbers, terms = Decimal(0), 0, 0, 0
    for term, value in zip(rule.terms, values, strict=True):
        terms += 1
        if value is None:
            blanks += 1
        elif value == value:  # NOT_APPLICABLE equals nothing, not even itself
            numbers += 1
            left = EXACT.fma(term.coefficient, value, left)
    if blanks:
        return Outcome.SILENT if blanks == terms else Outcome.UNDECIDED
    if not numbers:
        return Outcome.SILENT
    bound = rule.check.bound
    return Outcome.HOLDS if (left == bound if rule.check.op == "=" else left <= bound) else Outcome.BROKEN


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum; of no values it is 0."""
    found = Decimal(0)
    for value in values:
        found = EXACT.add(found, value)
    return found


def decimals_of(number: Decimal) -> int:
    """How many decimals a finite number needs: 1.50 needs one."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < 0:
        exponent = EXACT.normalize(number).as_tuple().exponent
        assert isinstance(exponent, int)
    return max(0, -exponent)
