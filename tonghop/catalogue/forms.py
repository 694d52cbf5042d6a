"""A form as data: its tables, fields and rows, its linear rules and rates, and what became of old labels."""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from tonghop.base.text import fold
from tonghop.catalogue.calendar import Period, PeriodType, Scheme
from tonghop.catalogue.data import FOREVER, Bilingual, Code, Data, Dated, Label

# the entries at the head of a workbook
# what a report gives: a unit's own figures, or what it claims for itself and all below it
Scope = Literal["own", "rollup"]
HeadKey = Literal["form", "version", "unit", "period", "scheme", "scope", "nil", "money", "unit_name", "codes_on", "fingerprint"]
# the columns of a table that hold no figures
Leading = Literal["ordinal", "unit_code", "unit_name", "row", "measure", "remarks"]


# How a figure adds over time; over units all add. What happened in a period is a flow: periods add. What stands at a period's end
# is a stock: of several periods the last. What stood at its start is an opening: of several the first. What was counted once a
# period, though some of it was there in the period before as well, is distinct: several periods make no figure
Aggregation = Literal["flow", "stock", "opening", "distinct"]

# the lowest level whose units' figures readers see; NEVER where they see none; left out where they see every published level's
ShownFrom = Code | None
NEVER = "never"


class Synonym(Dated):
    """A label that a sender may write, where it is in use for some time only."""

    text: Label
    valid_from: date = date(1900, 1, 1)
    valid_to: date = FOREVER


class Field_(Bilingual):
    """One column of a form table. `code` fields open into one 0/1 indicator per code."""

    code: Code
    type: Literal["count", "flag", "amount", "code"] = "count"
    unit: Label
    aggregation: Aggregation
    shown_from: ShownFrom = None
    synonyms: tuple[Label | Synonym, ...] = ()
    # the fields whose sum this one is, where a source may give it in their place: a report has it, or them, or both. Rules are
    # written for the one and for the others; see `Spared`
    sum_of: tuple[Code, ...] = ()
    # for type code: code -> the labels that a sender may write, the first one shown
    codes: dict[Code, tuple[Label, ...]] = Field({})

    @model_validator(mode="after")
    def _codes_where_needed(self) -> Self:
        if (self.type == "code") != bool(self.codes):
            raise ValueError(f"{self.code}: `codes` goes with type code")
        return self

    @property
    def indicators(self) -> tuple[str, ...]:
        """The indicator codes that this column fills."""
        return tuple(f"{self.code}_{code}" for code in self.codes) or (self.code,)

    def name(self, indicator: str) -> Bilingual:
        """The name of one of its indicators: its own, and for one of codes the label that the indicator counts."""
        if not self.codes:
            return Bilingual(vi=self.vi, en=self.en)
        label = self.codes[indicator.removeprefix(f"{self.code}_")][0]
        return Bilingual(vi=f"{self.vi}: {label}", en=f"{self.en}: {label}")

    def labels(self, on: date | None = None) -> list[str]:
        """The folded header texts that a sender may write on a day, or ever."""
        dated = (s for s in self.synonyms if isinstance(s, Synonym) and (on is None or s.covers(on)))
        undated = (s for s in self.synonyms if isinstance(s, str))
        return [fold(text) for text in (self.vi, self.en, self.code, *undated, *(s.text for s in dated))]


class Row(Bilingual):
    """A fixed row of a table, where a unit fills several."""

    code: Code
    synonyms: tuple[Label, ...] = ()


ALL_ROWS = Row(code="all", vi="Tổng hợp", en="All")


class Table(Bilingual):
    """A rectangle of a form: its own sheet in a workbook, its own wide view in the marts."""

    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
    # the levels that owe it (no other may fill it), and for which period types; `accepted` ones are taken but not owed
    levels: tuple[Code, ...]
    owed: tuple[PeriodType, ...]
    accepted: tuple[PeriodType, ...] = ()
    # of these levels, those that owe a claim for their whole; the others owe their own figures
    rollup: tuple[Code, ...] = ()
    # where quarters are owed, which of them; the others are accepted
    quarters: tuple[int, ...] = (1, 2, 3, 4)
    rows: tuple[Row, ...] = (ALL_ROWS,)
    fields: tuple[Field_, ...]

    @property
    def period_types(self) -> tuple[PeriodType, ...]:
        """Every period type that the table is taken for."""
        return self.owed + self.accepted

    def owes(self, period: "Period") -> bool:
        """Whether a report is due for the period, at the levels that owe the table."""
        return period.type in self.owed and (period.type != "Q" or period.ordinal in self.quarters)

    def scope_at(self, level: str) -> Scope:
        """What a level that fills the table owes: its own figures, or a claim for its whole."""
        return "rollup" if level in self.rollup else "own"

    @property
    def kinds(self) -> tuple["Kind", ...]:
        """The kinds of periods that it is reported for, none of which overlaps itself.

        Quarters and halves of which only some are owed are a kind each: their sum is not that of a year.
        """
        found = []
        for kind, types in _KINDS.items():
            taken = tuple(t for t in types if t in self.period_types)
            owed = [(t, n) for t in taken if t in self.owed for n in (self.quarters if t == "Q" else (1,))]
            if not taken:
                continue
            if not owed or len(owed) == (4 if kind == "quarter" else len(types)):
                found.append(Kind(kind, taken, (), bool(owed)))
            elif kind == "quarter":
                found += [Kind(f"q{n}", taken, (n,), n in self.quarters) for n in range(1, 5)]
            else:
                found += [Kind(t.lower(), (t,), (), t in self.owed) for t in taken]
        return tuple(found)

    def given_otherwise(self, code: str, others: Collection[str]) -> bool:
        """Whether a report may do without a field, as these others of its fields are a sum that it is part of, or its parts."""
        parts = next(field.sum_of for field in self.fields if field.code == code)
        return (bool(parts) and {*parts} <= {*others}) or any(
            code in field.sum_of and field.code in others and {*field.sum_of}.isdisjoint(others) for field in self.fields
        )

    @cached_property
    def columns(self) -> dict[str, int]:
        """Every indicator, to its number in the form's order, from 0."""
        return {indicator: n for n, indicator in enumerate(i for field in self.fields for i in field.indicators)}

    @cached_property
    def aggregation(self) -> dict[str, Aggregation]:
        """How every indicator adds over time."""
        return {indicator: field.aggregation for field in self.fields for indicator in field.indicators}

    @cached_property
    def labels(self) -> dict[str, Row]:
        """Every label that a sender may write (folded), to its row; of two rows that share one the first has it."""
        return {fold(label): row for row in reversed(self.rows) for label in (row.vi, row.en, row.code, *row.synonyms)}

    def row_of(self, label: Any) -> Row | None:
        """The row of a label that a sender wrote."""
        return self.labels.get(fold(str(label)))

    @cached_property
    def headers(self) -> dict[str, Field_]:
        """Every header text that a sender may ever write (folded), to its field."""
        return {label: field for field in self.fields for label in field.labels()}

    def headers_on(self, day: date) -> dict[str, Field_]:
        """Every header text that a sender may write on a day (folded), to its field."""
        dated = any(isinstance(synonym, Synonym) for field in self.fields for synonym in field.synonyms)
        return {label: field for field in self.fields for label in field.labels(day)} if dated else self.headers


# what the view of every table has beside its figures and the codes and names by level
COLUMNS = (
    *("unit_key", "unit_code", "unit_name", "unit_level", "period_code", "year", "period_start", "period_end"),
    *("units_reported", "units_due", "units_unowed", "is_undivided"),
)


def shared(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Names that two things have, with both."""
    owner: dict[str, str] = {}
    for name, what in named:
        if name in owner:
            yield name, owner[name], what
        owner[name] = what


class Kind(NamedTuple):
    """Periods of which none overlaps another: their types, which of their year's (none: all), and whether any is owed."""

    name: str
    period_types: tuple[PeriodType, ...]
    ordinals: tuple[int, ...]
    is_owed: bool


_KINDS: dict[str, tuple[PeriodType, ...]] = {
    "month": ("M",),
    "quarter": ("Q",),
    "half": ("H1", "H2"),
    "nine_months": ("9M",),
    "year": ("Y",),
    "term": ("TERM",),
}


class Check(Dated):
    """A linear rule: the sum of coefficient x field, `=` or `<=`, a bound."""

    rule: str
    # a rule that changes gets another version, with dates of its own
    version: int = Field(1, ge=1)
    kind: Literal["identity", "consistency", "compliance"]
    table: str
    # field, or TABLE.field of another table; "*": every field of the table, each against its sum over the units below
    terms: dict[str, Decimal]
    # where a term's value is found: same table (default), the previous period, all units below summed, the quarter's months; or,
    # for each reorganisation: the last reports of the units that ended, the first ones of the units that followed them.
    # A field of another table is found elsewhere: with the same unit and period, on the same row or on the only one there is
    at: dict[str, Literal["same", "previous", "children", "months", "predecessors", "successors"]] = Field({})
    op: Literal["=", "<="]
    bound: Decimal = Decimal(0)
    periods: tuple[PeriodType, ...] = ()
    levels: tuple[Code, ...] = ()
    valid_from: date = date(1900, 1, 1)
    valid_to: date = FOREVER
    message: Bilingual

    @model_validator(mode="after")
    def _sides_of_a_reorganisation(self) -> Self:
        if sides := {"predecessors", "successors"} & {*self.at.values()}:
            if len(sides) < 2 or set(self.at) != set(self.terms):
                raise ValueError(f"{self.rule}: every term is at predecessors or successors, and each side has some")
            if not self.periods:
                raise ValueError(f"{self.rule}: `periods` names the reports that show what a reorganisation moved")
        return self

    def in_force(self, period: "Period") -> bool:
        """Whether the rule is asked of a report for a period."""
        return self.covers(period.ends_on) and (not self.periods or period.type in self.periods)


class Rate(Data):
    """A rate, always from sums: numerator over denominator."""

    code: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9]*\.)?[a-z][a-z0-9_]*$")]
    table: str
    name: Bilingual
    numerator: dict[str, Decimal]
    denominator: dict[str, Decimal]
    shown_from: ShownFrom = None


class Crosswalk(Data):
    """What a label of the form version before means in this one; `broken` where no step from the one to the other is sound."""

    table: str
    old: str
    new: tuple[str, ...]
    broken: bool
    why: Bilingual


class Taken(Data):
    """Templates that a form version still takes: the file of `forms/earlier` that they were printed from (without `.yaml`)."""

    printed_from: str
    # TABLE.column and TABLE.row that they lack and that may stay blank; whatever else they lack is owed
    may_be_blank: tuple[str, ...] = ()


class Form(Dated):
    """One version of a form: what may be reported, by whom, for which periods, and the rules that it must keep."""

    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
    version: int
    name: Bilingual
    scheme: Scheme
    valid_to: date = FOREVER
    # day of the period's last month by which each level reports; the calendar's default otherwise
    deadline: dict[Code, int] = Field({})
    tables: tuple[Table, ...]
    # from the labels of the version before, where they changed: old and new figures never form one line across a break
    crosswalk: tuple[Crosswalk, ...] = ()
    checks: tuple[Check, ...] = ()
    rates: tuple[Rate, ...] = ()
    # templates that were out when the form changed
    takes: tuple[Taken, ...] = ()

    @cached_property
    def table(self) -> dict[str, Table]:
        """Tables by code."""
        return {table.code: table for table in self.tables}

    @cached_property
    def meaning(self) -> str:
        """What each cell means, as text: the form without its rules, rates, deadlines and synonyms."""
        tables = [
            (
                table.code,
                [row.code for row in table.rows],
                [(f.code, f.vi, f.en, f.type, f.unit, sorted(f.codes)) for f in table.fields],
            )
            for table in self.tables
        ]
        return f"{self.code!r}, {self.version!r}, {self.scheme!r}, {tables!r}"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for table in self.tables:
            counts = {field.code for field in table.fields if field.type == "count"}
            for field in table.fields:
                if field.sum_of and not {field.code, *field.sum_of} <= counts:
                    raise ValueError(f"{table.code}.{field.code}: `sum_of` adds up counts of the table")
            owners: dict[str, set[str]] = {}
            for field in table.fields:
                for label in field.labels():
                    owners.setdefault(label, set()).add(field.code)
            twice = [label for label, codes in owners.items() if len(codes) > 1]
            if twice:
                raise ValueError(f"{table.code}: a header that two fields share: {', '.join(sorted(twice))}")
        for check in self.checks:
            known = {i for f in self._table(check.table, check.rule).fields for i in f.indicators}
            for term in (*check.terms, *check.at):
                if term != "*" and "." not in term and term not in known:
                    raise ValueError(f"{check.rule}: {check.table} has no field {term}")
        for table in self.tables:
            kind = table.aggregation
            for opening, closing in self.openings(table.code).items():
                if (kind[opening], kind[closing]) != ("opening", "stock"):
                    raise ValueError(
                        f"{table.code}: {opening} is what {closing} was in the period before, so its aggregation is opening, and "
                        f"that of {closing} stock"
                    )
        for rule in self._rules:
            kinds = {self.table[t.table].aggregation[t.indicator] for t in rule.terms if t.at == "same"}
            if rule.check.kind == "identity" and rule.check.op == "=" and kinds in ({"flow", "stock"}, {"flow", "opening"}):
                raise ValueError(
                    f"{rule.check.rule}: flows make up the difference between an opening and a stock; this rule has only "
                    f"{' and '.join(sorted(kinds))}, which no year would keep"
                )
        for rate in self.rates:
            known = {i for f in self._table(rate.table, rate.code).fields for i in f.indicators}
            if missing := {*rate.numerator, *rate.denominator} - known:
                raise ValueError(f"{rate.code}: {rate.table} has no field {', '.join(sorted(missing))}")
        for table in self.tables:
            for column, first, second in shared(self.view_columns(table.code, len(table.rows) == 1)):
                raise ValueError(f"{table.code}: {first} and {second} would both be column {column} of its views: rename one")
        for code, first, second in shared(self.metric_codes()):
            raise ValueError(f"{first} and {second} would both be metric {code}: rename one")
        return self

    def view_columns(self, code: str, has_one_row: bool) -> Iterator[tuple[str, str]]:
        """The columns that the views of a table have of this version, as they are first called, and of what each is."""
        table = self.table[code]
        names = [(indicator, f"field {indicator}") for field in table.fields for indicator in field.indicators]
        for rate in self.rates:
            parts = {"numerator": rate.numerator, "denominator": rate.denominator} if rate.table == code else {}
            for part, terms in parts.items():
                kinds = {table.aggregation[term] for term in terms}
                name = f"{rate.code.rpartition('.')[2]}_{part}"
                names += [(f"{name}_{kind}" if len(kinds) > 1 else name, f"rate {rate.code}") for kind in sorted(kinds)]
        for row in table.rows:
            yield from names if has_one_row else ((f"{row.code}__{name}", f"{what} of row {row.code}") for name, what in names)

    def metric_codes(self) -> Iterator[tuple[str, str]]:
        """The codes by which its figures are asked for, and of what each is."""
        for table in self.tables:
            yield from ((f"{table.code}.{i}", f"field {i} of {table.code}") for field in table.fields for i in field.indicators)
        yield from ((rate.code, f"rate {rate.code} of {rate.table}") for rate in self.rates)

    def _table(self, code: str, who: str) -> Table:
        if code not in self.table:
            raise ValueError(f"{who}: no table {code}")
        return self.table[code]

    @cached_property
    def rules(self) -> tuple["Rule", ...]:
        """The checks, opened into one rule per instance with its terms."""
        return tuple(replace(rule, closings=frozenset(self.openings(rule.check.table).values())) for rule in self._rules)

    @cached_property
    def _rules(self) -> tuple["Rule", ...]:
        return tuple(rule for check in self.checks for rule in _open(self, check))

    def openings(self, table: str) -> dict[str, str]:
        """Fields of a table that open with what another closed with in the period before: opening field -> closing field."""
        found = {}
        for rule in self._rules:
            by_place = {term.at: term for term in rule.terms if term.table == table}
            if len(rule.terms) == 2 and set(by_place) == {"same", "previous"} and rule.check.op == "=" and not rule.check.bound:
                opening, closing = by_place["same"], by_place["previous"]
                if opening.coefficient == -closing.coefficient:
                    found[opening.indicator] = closing.indicator
        return found


@dataclass(frozen=True)
class Term:
    """coefficient x indicator, and where the value is found."""

    table: str
    indicator: str
    coefficient: Decimal
    at: str


@dataclass(frozen=True)
class Spared:
    """Where some fields of a row are blank and others are not, a rule is not asked: what is blank is given otherwise."""

    blank: tuple[str, ...]
    given: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A check in the shape in which it is evaluated and stored."""

    check: Check
    instance: str
    terms: tuple[Term, ...]
    # the fields of its table with which the next period opens
    closings: frozenset[str] = frozenset()
    # a rule about a sum is not asked where that is blank, one about its parts not where the sum stands in place of all of them
    spared: tuple[Spared, ...] = ()

    @property
    def on_arrival(self) -> bool:
        """Whether the report alone decides it."""
        return all(term.at == "same" for term in self.terms)

    @cached_property
    def stated(self) -> Term:
        """The term that the others make up: one that is alone on its side of the rule, else a closing figure, else the first.

        An opening figure is given, and never made up of others.
        """
        sides = [[t for t in self.terms if (t.coefficient > 0) == positive] for positive in (True, False)]
        if alone := [side[0] for side in sides if len(side) == 1]:
            return min(alone, key=lambda t: (t.at != "same", abs(t.coefficient) != 1))
        return min(self.terms, key=lambda t: (t.indicator not in self.closings, abs(t.coefficient) != 1))

    @cached_property
    def in_whole_numbers(self) -> tuple[tuple[int, ...], Fraction]:
        """The coefficients of the terms and the bound, all times the least number that makes the coefficients whole."""
        ratios = [term.coefficient.as_integer_ratio() for term in self.terms]
        scale = math.lcm(*(denominator for _, denominator in ratios))
        coefficients = tuple(numerator * (scale // denominator) for numerator, denominator in ratios)
        return coefficients, Fraction(self.check.bound) * scale


def _open(form: Form, check: Check) -> Iterator[Rule]:
    if "*" not in check.terms:
        yield Rule(check, "", tuple(_term(check, name) for name in check.terms), spared=tuple(_spared(form, check)))
        return
    for field in form.table[check.table].fields:
        for indicator in field.indicators:
            terms = (
                Term(check.table, indicator, check.terms["*"], "same"),
                Term(check.table, indicator, -check.terms["*"], "children"),
            )
            yield Rule(check, indicator, terms)


def _spared(form: Form, check: Check) -> Iterator[Spared]:
    for field in form.table[check.table].fields:
        parts = check.terms.keys() & {*field.sum_of}
        if field.code in check.terms and field.sum_of and not parts:
            yield Spared((field.code,), ())
        elif field.code not in check.terms and parts and len(parts) == len(field.sum_of):
            yield Spared(field.sum_of, (field.code,))


def _term(check: Check, name: str) -> Term:
    head, _, indicator = name.rpartition(".")
    table, at = head or check.table, check.at.get(name, "same")
    return Term(table, indicator, check.terms[name], "elsewhere" if at == "same" and table != check.table else at)
