"""What a file says it is: form, version, sender, period and scope, and a finding for each that is missing or unknown."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from tonghop.base.days import today
from tonghop.base.findings import Place
from tonghop.base.text import fold, nfc
from tonghop.catalogue.calendar import Period
from tonghop.catalogue.data import FOREVER
from tonghop.catalogue.forms import Form, HeadKey
from tonghop.catalogue.model import Catalogue, template_fingerprint
from tonghop.reading import period_names, unit_names
from tonghop.reading.raw import Reading, plain
from tonghop.reading.unit_codes import Days, Reused, stated_day

_FORM = re.compile(r"(?:[^\W\d]+[ .:]+)*([A-Za-z]+\d+)(?:[-/ (.].*)?")
# our own templates alone carry a fingerprint
HEAD_NAMES: tuple[HeadKey, ...] = (
    "form", "version", "unit", "period", "scheme", "scope", "nil", "money", "unit_name", "codes_on"
)  # fmt: skip


def identify(
    head: dict[HeadKey, Place], catalogue: Catalogue, received: date | None = None, names: Iterable[Any] = ()
) -> Reading:
    """Form, version, sender, period and scope of a head; a finding for each that is missing or unknown.

    `received` is the day of receipt, today by default. `names` are what the report names beside its sender's code; they are
    taken where the code alone may mean two units.
    """
    reading = Reading(money=head.get("money"))

    def text(key: HeadKey) -> str | None:
        place = head.get(key)
        if place is None or place.value in (None, ""):
            label_vi, *_, label_en = catalogue.codes.header[key]
            reading.wrong("head.missing", None, label_vi=label_vi, label_en=label_en)
            return None
        return nfc(plain(place.value))

    code, period_code, sender, scope = text("form"), text("period"), text("unit"), text("scope")
    # "Biểu F7", "F7-ĐLXH", "Mẫu số F7": what a form's number is printed with
    if code and (named := _FORM.fullmatch(code)):
        code = named[1]
    nil = head.get("nil")
    reading.nil = nil is not None and (nil.value is True or fold(plain(nil.value)) in {fold(y) for y in catalogue.codes.yes})
    forms = [form for form in catalogue.forms if code and form.code == code.upper()]
    if code and not forms:
        reading.wrong("head.form", head["form"], value=unit_names.quoted(code))
    if forms and period_code:
        place = head.get("scheme")
        scheme = nfc(plain(place.value)).upper() if place and place.value else forms[-1].scheme
        reading.period = catalogue.period.get((scheme, period_names.parse(head["period"].value) or ""))
        if reading.period is None:
            _unknown_period(reading, head["period"], scheme)
    if forms and reading.period:
        reading.form = _version(reading, forms[0].code, head, reading.period, catalogue)
    if reading.period:
        reading.days = _days(reading, head, reading.period, received or today(), catalogue)
    if sender and reading.period and reading.days:
        beside = [head["unit_name"].value] if "unit_name" in head else names
        found = reading.days.unit(sender, beside, catalogue)
        if isinstance(found, Reused):
            reading.wrong("head.code_reused", head["unit"], **found.words(reading.period.ends_on))
        elif found is None:
            _unknown_unit(reading, head["unit"], sender, catalogue)
        else:
            reading.sender = found
            place = head.get("unit_name")
            if place and (others := unit_names.of_others(place.value, found, catalogue, reading.period.ends_on)):
                reading.wrong("head.unit_name", place, code=found.code, unit_name=found.name, named=others)
    if scope:
        known = catalogue.codes.scope
        reading.scope = next((key for key, words in known.items() if fold(scope) in {fold(w) for w in (*words, key)}), None)
        if reading.scope is None:
            reading.wrong("head.scope", head["scope"], words=" / ".join(words[0] for words in known.values()))
    if mark := head.get("fingerprint"):
        _printed_from(reading, mark, catalogue)
    return reading


def _printed_from(reading: Reading, mark: Place, catalogue: Catalogue) -> None:
    """Hold a template's fingerprint against the form, and against what the form was before where it takes such templates."""
    if not (reading.form and reading.sender and reading.period):
        return
    given = fold(plain(mark.value))
    reading.is_template = True
    # the unit may have got another code since
    for version in catalogue.versions_of_unit(reading.sender.unit):
        if given == template_fingerprint(reading.form, version, reading.period):
            return
        for earlier in catalogue.earlier.get((reading.form.code, reading.form.version), ()):
            if given == template_fingerprint(earlier.form, version, reading.period):
                reading.earlier = earlier
                return
    reading.is_template = False
    reading.wrong("head.fingerprint", mark)


def _days(reading: Reading, head: dict[HeadKey, Place], period: Period, received: date, catalogue: Catalogue) -> Days:
    """The days of the report's codes. A template has those of its period's end, as they were known when it was issued: its
    fingerprint says which unit it is for."""
    place = head.get("codes_on")
    stated = stated_day(place.value) if place and place.value not in (None, "") else None
    if place and place.value not in (None, "") and stated is None:
        reading.wrong("head.codes_on", place, value=unit_names.quoted(place.value))
    if mark := head.get("fingerprint"):
        code = plain(head["unit"].value) if "unit" in head else ""
        stated = _issued(reading, code, fold(plain(mark.value)), period, catalogue)
    return Days(period.ends_on, received, stated)


def _issued(reading: Reading, code: str, given: str, period: Period, catalogue: Catalogue) -> date:
    """A day on which the unit that a template was issued to bore the code in its head: the period's end, or the nearest to it."""
    form, bearers = reading.form, catalogue.history.by_code.get(code, ())
    earlier = catalogue.earlier.get((form.code, form.version), ()) if form else ()
    for version in bearers if form else ():
        if any(given == template_fingerprint(f, version, period) for f in (form, *(e.form for e in earlier)) if f):
            return min(max(period.ends_on, version.valid_from), version.valid_to)
    return period.ends_on


def _unknown_period(reading: Reading, place: Place, scheme: str) -> None:
    if readings := period_names.readings(place.value):
        value = f"{place.value:%d/%m/%Y}" if isinstance(place.value, date) else plain(place.value)
        reading.wrong("head.period_unclear", place, value=value, readings=" / ".join(readings))
    else:
        written = plain(place.value)
        value = written if any(map(str.isdigit, written)) else "…"  # without a number it may be a name
        reading.wrong("head.period", place, value=value, scheme=unit_names.quoted(scheme))


def _unknown_unit(reading: Reading, place: Place, code: str, catalogue: Catalogue) -> None:
    assert reading.days
    named = unit_names.named(str(place.value), catalogue, reading.days.ends_on)
    if named:
        reading.wrong("head.name", place, codes=", ".join(sorted(unit.code for unit in named)))
    else:
        rule, words = reading.days.none(code, catalogue)
        reading.wrong(f"head.{rule}", place, **words)


def _span(form: Form) -> tuple[str, str]:
    """From when to when a form version is in force, in both languages."""
    first, last = f"{form.valid_from:%d/%m/%Y}", f"{form.valid_to:%d/%m/%Y}"
    if form.valid_to == FOREVER:
        return f"từ {first}", f"from {first} on"
    return f"từ {first} đến {last}", f"from {first} to {last}"


def _version(reading: Reading, code: str, head: dict[HeadKey, Place], period: Period, catalogue: Catalogue) -> Form | None:
    versions, place = catalogue.versions_of(code, period), head.get("version")
    if (place is None or place.value in (None, "")) and versions:
        return versions[0]
    for form in versions:
        if place and str(form.version) == plain(place.value).removesuffix(".0"):  # as a program writes a number
            return form
    if not versions:
        forms = [form for form in catalogue.forms if form.code == code]
        dates = {"period": period.code, "starts": f"{period.starts_on:%d/%m/%Y}", "ends": f"{period.ends_on:%d/%m/%Y}"}
        spans_vi, spans_en = (", ".join(words) for words in zip(*map(_span, forms), strict=True))
        reading.wrong("head.in_force", head["period"], form=code, spans_vi=spans_vi, spans_en=spans_en, **dates)
        return None
    # of a template of a version before, the fingerprint tells whether it is one that the form takes
    for form in versions if place and "fingerprint" in head else ():
        if place and any(str(e.form.version) == plain(place.value) for e in catalogue.earlier.get((code, form.version), ())):
            return form
    known = ", ".join(str(f.version) for f in versions)
    value = unit_names.quoted(plain(place.value)) if place else ""
    reading.wrong("head.version", place, value=value, period=period.code, form=code, known=known)
    return None
