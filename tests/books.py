"""Small real workbooks for tests: a head, one table, rows, and whatever the test wants to be wrong."""

import io
from collections.abc import Sequence
from typing import Any, Literal

from openpyxl import Workbook

from tonghop.catalogue.forms import ALL_ROWS, Form
from tonghop.catalogue.model import Catalogue

Rows = Sequence[tuple[Any, ...]]


def book(
    catalogue: Catalogue,
    table: str,
    unit: str,
    period: str,
    rows: Rows,
    *,
    version: int | None = None,
    scope: Literal["own", "rollup"] = "own",
    head: dict[str, Any] | None = None,
    total: Sequence[Any] | None = None,
    money: str | None = None,
) -> bytes:
    """A workbook of one form table. A row is (unit code, {field: value}) or (unit code, row label, {field: value})."""
    form = next(f for f in catalogue.forms if table in f.table and version in (None, f.version))
    spec = form.table[table]
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = table
    labels = {key: words[0] for key, words in catalogue.codes.header.items()}
    top = {
        "form": form.code,
        "version": form.version,
        "unit": unit,
        "period": period,
        "scheme": form.scheme,
        "scope": catalogue.codes.scope[scope][0],
    }
    top |= ({"money": money} if money else {}) | (head or {})
    for key, value in top.items():
        sheet.append([labels[key], value])  # type: ignore[index]
    fixed = spec.rows != (ALL_ROWS,)
    words = catalogue.codes.columns
    leading = [words["ordinal"][0], words["unit_code"][0], words["unit_name"][0], *([words["row"][0]] if fixed else [])]
    header = [*leading, *(f.vi for f in spec.fields)]
    sheet.append(header)
    sheet.append([f"({n})" for n in range(1, len(header) + 1)])
    for number, (code, *label, values) in enumerate(rows, start=1):
        sheet.append([number, code, "–", *label, *(values.get(f.code) for f in spec.fields)])
    if total is not None:
        sheet.append([None, None, words_total(catalogue), *([None] if fixed else []), *total])
    sheet.append([None, None, "TM. BAN THƯỜNG VỤ"])
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def words_total(catalogue: Catalogue) -> str:
    """What a total row is called."""
    return catalogue.codes.total[0]


def form(catalogue: Catalogue, code: str, version: int = 1) -> Form:
    """A form of the catalogue."""
    return next(f for f in catalogue.forms if (f.code, f.version) == (code, version))


# eight officials, twelve civil servants and one contract: 21, by qualification 2 + 18 + 0 + 1 + 0
STAFF = {
    "can_bo": 8,
    "cong_chuc": 12,
    "hop_dong": 1,
    "tong": 21,
    "thac_sy_tro_len": 2,
    "dai_hoc": 18,
    "cao_dang": 0,
    "trung_cap": 1,
    "khac": 0,
}
