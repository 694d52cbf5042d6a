"""A form's linear rules as spreadsheet formulas, and what each says of given figures.

A formula says of one row what the check on arrival would: SUM and N take a mark such as "x" for nothing, and a blank leaves
an identity undecided.
"""

from dataclasses import dataclass
from decimal import Decimal

from tonghop.catalogue.forms import Form, Rule, Table, Term
from tonghop.templates.plan import Prefill

# what a check says of one row
HOLDS, FAILS, BLANK, BELOW, NOTHING = "OK", "SAI", "TRỐNG", "CHƯA ĐẠT", "–"


@dataclass(frozen=True)
class Formula:
    """A rule over a table's fields. parts: coefficient, field, and for a field of codes the label that counts."""

    rule: Rule
    parts: tuple[tuple[Decimal, str, str | None], ...]

    @classmethod
    def of(cls, rule: Rule, table: Table) -> "Formula":
        """The formula of a rule that the report alone decides."""
        source: dict[str, tuple[str, str | None]] = {}
        for field in table.fields:
            source |= {f"{field.code}_{code}": (field.code, labels[0]) for code, labels in field.codes.items()}
            source |= {} if field.codes else {field.code: (field.code, None)}
        return cls(rule, tuple((term.coefficient, *source[term.indicator]) for term in rule.terms))

    @property
    def fields(self) -> list[str]:
        """The fields that are read, once each."""
        return list(dict.fromkeys(field for _, field, _ in self.parts))

    @property
    def failure(self) -> str:
        """What it says where it fails: only an identity is wrong, a threshold is not met."""
        return FAILS if self.rule.check.kind == "identity" else BELOW

    def text(self, cell: dict[str, str]) -> str:
        """The formula for a row whose cells are given by field."""
        check = self.rule.check
        plus = ",".join(cell[f] for c, f, label in self.parts if c == 1 and label is None)
        minus = ",".join(cell[f] for c, f, label in self.parts if c == -1 and label is None)
        left = (f"SUM({plus})" if plus else "") + (f"-SUM({minus})" if minus else "")
        for coefficient, field, label in self.parts:
            if label is not None:
                left += f'{coefficient:+f}*({cell[field]}="{label}")'
            elif abs(coefficient) != 1:
                left += f"{coefficient:+f}*N({cell[field]})"
        if check.bound:
            left += f"{-check.bound:+f}"
        filled = f"COUNTA({','.join(cell[f] for f in self.fields)})"
        undecided = BLANK if check.kind == "identity" else NOTHING
        return (
            f'=IF({filled}=0,"{NOTHING}",IF({filled}<{len(self.fields)},"{undecided}",'
            f'IF(ROUND({left},6){check.op}0,"{HOLDS}","{self.failure}")))'
        )

    def state(self, given: dict[str, Prefill]) -> str:
        """What it says of the figures of a row, by field; a field that is not there is blank."""
        check = self.rule.check
        have = sum(field in given for field in self.fields)
        if have < len(self.fields):
            return BLANK if have and check.kind == "identity" else NOTHING
        left = -check.bound
        for coefficient, field, label in self.parts:
            value = given[field]
            left += coefficient * (int(value == label) if label else 0 if isinstance(value, str) else Decimal(str(value)))
        holds = round(left, 6) == 0 if check.op == "=" else round(left, 6) <= 0
        return HOLDS if holds else self.failure


def column_number(form: Form, table: Table, place: int) -> str:
    """The text under a column: its number, and how it follows from others where an identity says so: (4=1+2+3)."""
    number = {indicator: n for n, field in enumerate(table.fields, start=1) for indicator in field.indicators}
    for rule in form.rules:
        check = rule.check
        if check.kind == "identity" and check.op == "=" and not check.bound and check.table == table.code and rule.on_arrival:
            total = _total_term(rule)
            if total.indicator == table.fields[place].code:
                # as it is read: what is added first, and in the order of the columns
                rest = sorted(
                    ((-t.coefficient / total.coefficient, number[t.indicator]) for t in rule.terms if t is not total),
                    key=lambda part: (part[0] < 0, part[1]),
                )
                text = "".join(f"{'-' if c < 0 else '+'}{'' if abs(c) == 1 else f'{abs(c):f}x'}{n}" for c, n in rest)
                return f"({place + 1}={text.removeprefix('+')})"
    return f"({place + 1})"


def _total_term(rule: Rule) -> Term:
    """The term that stands alone on its side of an equation, or the first."""
    sides = [[t for t in rule.terms if t.coefficient > 0], [t for t in rule.terms if t.coefficient < 0]]
    return next((side[0] for side in sides if len(side) == 1), rule.terms[0])
