"""Names of periods as people write them. What names one period gives its code; everything else gives what it might mean."""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from tonghop.base.text import fold

_CODE = re.compile(r"\d{4}-(m\d\d|q\d|h[12]|9m|y)|\d{4}-\d{4}-term")
# each gives the year as `y`; the others name the ordinal. A year follows "/", "-", "năm" or a space
_YEAR = r"(?:[/-]|,? ?năm | )(?P<y>\d{4})"
_NAMES = [
    (re.compile(pattern), code)
    for pattern, code in (
        (r"(?:tháng |t\.?|m)?(?P<m>0?[1-9]|1[0-2])/(?P<y>\d{4})", "{y}-M{m}"),
        (rf"(?:tháng |t\.?|m)(?P<m>0?[1-9]|1[0-2]){_YEAR}", "{y}-M{m}"),
        (rf"(?:quí |q\.?)(?P<q>[1-4]|iv|i{{1,3}}){_YEAR}", "{y}-Q{q}"),
        (rf"(?:6 ?t|6 ?tháng|6 tháng đầu|h1|nửa đầu){_YEAR}", "{y}-H1"),
        (rf"(?:6 tháng cuối|h2|nửa cuối){_YEAR}", "{y}-H2"),
        (rf"(?:9 ?t|9 ?tháng|9 tháng đầu|9m){_YEAR}", "{y}-9M"),
        (r"(?:cả )?năm (?P<y>\d{4})", "{y}-Y"),
        (r"nhiệm kì (?P<y>\d{4}) ?- ?(?P<to>\d{4})", "{y}-{to}-TERM"),
    )
]
# a name of a period within a text, and the day before it
_NAMED = re.compile(
    r"(?<!\w)(ngày \d{1,2} )?((?:tháng|quí|nửa|(?:cả )?năm|nhiệm kì|[69] ?tháng) [^,;()]*?\d{4}(?: ?- ?\d{4})?)(?!\d)"
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


def parse(value: Any) -> str | None:
    """The code of the period that a head cell names; None where it names none, or might name several."""
    return _code(fold(value)) if isinstance(value, str) else None


@lru_cache(maxsize=1_000)  # reports of one period come together
def _code(text: str) -> str | None:
    if _CODE.fullmatch(text):
        return text.upper()
    for pattern, code in _NAMES:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            parts["m"] = (parts.get("m") or "").zfill(2)
            parts["q"] = _ROMAN.get(parts.get("q") or "", parts.get("q"))
            return code.format(**parts)
    return None


def within(text: str) -> list[str]:
    """The codes of the periods that a folded text names among other words; not of a day, nor of the number of a document."""
    return [code for day, name in _NAMED.findall(text) if not day and (code := _code(name))]


def readings(value: Any) -> list[str]:
    """What a head cell that names no period might mean: periods round a date or in a year, or the dates of a bare number."""
    if isinstance(value, datetime | date):
        return _months(value.year, value.month, value.day)
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        if 1900 <= value <= 2100:
            return _of_year(int(value))
        if 20_000 <= value <= 80_000:  # a date whose format was lost, counted from 1900 or from 1904
            return [f"{date(*start) + timedelta(days=int(value)):%d/%m/%Y}" for start in ((1899, 12, 30), (1904, 1, 1))]
    text = fold(value) if isinstance(value, str) else ""
    if found := _DATE.fullmatch(text):
        day, month, year = map(int, found.groups())
        return _months(year, month, day)
    if re.fullmatch(r"(19|20)\d\d", text):
        return _of_year(int(text))
    return []


def _months(year: int, month: int, day: int) -> list[str]:
    """The month of dd/mm, and of mm/dd where that is a date as well."""
    return [f"{year}-M{m:02d}" for m in dict.fromkeys((month, day)) if 1 <= m <= 12]


def _of_year(year: int) -> list[str]:
    return [f"{year}-{kind}" for kind in ("Y", "H1", "H2", "9M")]
