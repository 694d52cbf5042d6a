"""Every figure that may be asked for by name: the indicators, and the rates made of them.

Each is defined here once, from the newest form version that has it: of what it is made, in which unit, how it adds over units and
over time, and where its labels break. The warehouse has the same as `dim_metric`; what offers metrics to others takes them from
there.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from tonghop.catalogue.data import Bilingual
from tonghop.catalogue.forms import Aggregation, Rate, Table
from tonghop.catalogue.model import Catalogue

# over units figures add; a rate is that of the sums over the units that gave each of its terms
OverUnits = Literal["sum", "ratio"]
# several periods make a rate of what they make of its terms, and none where they make none of one
OverTime = Aggregation | Literal["ratio"]
_OVER_TIME: dict[OverTime, Bilingual] = {
    "flow": Bilingual(vi="cộng các đơn vị; cộng các kỳ", en="units added; periods added"),
    "stock": Bilingual(vi="cộng các đơn vị; lấy kỳ cuối", en="units added; of several periods the last"),
    "opening": Bilingual(vi="cộng các đơn vị; lấy kỳ đầu", en="units added; of several periods the first"),
    "distinct": Bilingual(vi="cộng các đơn vị; không gộp các kỳ", en="units added; of several periods none"),
}


@dataclass(frozen=True)
class Metric:
    """An indicator or a rate; of an indicator the numerator is itself, and there is no denominator."""

    code: str
    kind: Literal["indicator", "rate"]
    table: str
    name: Bilingual
    # %: of a rate whose parts have one unit
    unit: str
    # coefficient by code of the indicator
    numerator: Mapping[str, Decimal]
    denominator: Mapping[str, Decimal]
    over_units: OverUnits
    over_time: OverTime
    # the days on which its labels, or those of a term, changed so that nothing bridges them
    broken_on: tuple[date, ...]
    # the lowest level at which readers see it, or never; None: every published one
    shown_from: str | None
    # what it is, in words
    formula: Bilingual


def metrics(c: Catalogue) -> tuple[Metric, ...]:
    """All metrics, in the order of the forms; the newest form version defines each, and the strictest says at which levels."""
    forms = sorted(c.forms, key=lambda form: (form.code, form.valid_from))
    breaks: dict[str, set[date]] = {}
    for form in forms:
        for way in form.crosswalk:
            for name in (way.old, *way.new) if way.broken else ():
                breaks.setdefault(f"{way.table}.{name}", set()).add(form.valid_from)
    found: dict[str, Metric] = {}
    for form in forms:
        for table in form.tables:
            for metric in _indicators(c, table, breaks):
                found[metric.code] = _kept_back(c, metric, found)
        for rate in form.rates:
            metric = _rate(c, rate, form.table[rate.table], found)
            found[metric.code] = _kept_back(c, metric, found)
    return tuple(found.values())


def _kept_back(c: Catalogue, metric: Metric, found: Mapping[str, Metric]) -> Metric:
    before = found.get(metric.code, metric)
    return replace(metric, shown_from=_strictest(c, before.shown_from, metric.shown_from))


def _strictest(c: Catalogue, *shown_from: str | None) -> str | None:
    def strictness(level: str | None) -> float:
        return -math.inf if level is None else c.level[level].rank if level in c.level else math.inf

    return max(shown_from, key=strictness)


def _indicators(c: Catalogue, table: Table, breaks: Mapping[str, set[date]]) -> Iterator[Metric]:
    for field in table.fields:
        for indicator in field.indicators:
            code = f"{table.code}.{indicator}"
            yield Metric(
                code=code,
                kind="indicator",
                table=table.code,
                name=field.name(indicator),
                unit=field.unit,
                numerator={code: Decimal(1)},
                denominator={},
                over_units="sum",
                over_time=field.aggregation,
                broken_on=tuple(sorted(breaks.get(code, ()))),
                shown_from=c.shown_from(field),
                formula=_OVER_TIME[field.aggregation],
            )


def _rate(c: Catalogue, rate: Rate, table: Table, known: Mapping[str, Metric]) -> Metric:
    parts = [{f"{table.code}.{name}": n for name, n in part.items()} for part in (rate.numerator, rate.denominator)]
    terms = [known[code] for part in parts for code in part]
    over, under = (" + ".join(dict.fromkeys(known[code].unit for code in part)) for part in parts)
    return Metric(
        code=rate.code,
        kind="rate",
        table=table.code,
        name=rate.name,
        unit="%" if over == under else f"{over}/{under}",
        numerator=parts[0],
        denominator=parts[1],
        over_units="ratio",
        over_time="distinct" if any(term.over_time == "distinct" for term in terms) else "ratio",
        broken_on=tuple(sorted({day for term in terms for day in term.broken_on})),
        # its parts tell what is withheld of a term
        shown_from=_strictest(c, c.shown_from(rate), *(term.shown_from for term in terms)),
        formula=Bilingual(
            vi=" ÷ ".join(_in_words({known[code].name.vi: n for code, n in part.items()}) for part in parts),
            en=" ÷ ".join(_in_words({known[code].name.en: n for code, n in part.items()}) for part in parts),
        ),
    )


def _in_words(terms: Mapping[str, Decimal]) -> str:
    """A sum in words, in brackets where it has several terms."""
    text = sum_of(terms)
    return f"({text})" if len(terms) > 1 else text


def sum_of(terms: Mapping[str, Decimal]) -> str:
    """A sum as it is written: a + 2 × b − c."""
    text = ""
    for name, coefficient in terms.items():
        size = "" if abs(coefficient) == 1 else f"{abs(coefficient):f} × "
        sign = "−" if coefficient < 0 else "+"
        text += f" {sign} {size}{name}" if text else f"{'−' if coefficient < 0 else ''}{size}{name}"
    return text
