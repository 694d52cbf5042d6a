"""The reports that the reference organisations would have filed, written as files from the catalogue.

facts      what the source documents say, to be held against figures
model      what a sample report is
reports    who filed what: the figures
workbook   a report as an Excel workbook
"""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

from samples.model import Report, Value
from samples.reports import REPORTS
from samples.workbook import workbook
from tonghop.catalogue.model import Catalogue

__all__ = ["REPORTS", "Report", "file", "write"]


def write(catalogue: Catalogue, folder: Path) -> list[Path]:
    """Write every sample report into a folder, in the order in which they were sent, which is also that of their names.

    The same catalogue gives the same bytes, so writing them again makes no new report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, report in enumerate(REPORTS, start=1):
        path = folder / f"{number:03d}_{report.file_name}"
        path.write_bytes(file(catalogue, report))
        paths.append(path)
    return paths


def file(catalogue: Catalogue, report: Report) -> bytes:
    """A report as its file's bytes."""
    raw = {"xlsx": workbook, "csv": _csv, "json": _json}[report.suffix](catalogue, report)
    return raw[: len(raw) // 2] if report.damaged else raw


def _csv(catalogue: Catalogue, report: Report) -> bytes:
    sender, scheme = report.sender_of(catalogue).code, report.form_of(catalogue).scheme
    head = [report.form, report.version, sender, report.period, scheme, report.scope]
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(["form", "version", "sender", "period", "scheme", "scope", "table", "unit", "row", "field", "value"])
    if report.nil:
        lines.writerow([*head, "", "", "", "", "nil"])
    for (table, unit, row), values in report.cells.items():
        code = report.version_of(catalogue, unit).code
        lines.writerows([*head, table, code, row, name, "" if value is None else value] for name, value in values.items())
    return out.getvalue().encode("utf-8-sig")


def _json(catalogue: Catalogue, report: Report) -> bytes:
    def plain(value: Value) -> int | float | str | None:
        return float(value) if isinstance(value, Decimal) else value

    document = {
        "form": report.form,
        "version": report.version,
        "sender": report.sender_of(catalogue).code,
        "period": report.period,
        "scheme": report.form_of(catalogue).scheme,
        "scope": report.scope,
        "nil": report.nil,
        **({"money": report.money} if report.money else {}),
        "rows": [
            {
                "table": table,
                "unit": report.version_of(catalogue, unit).code,
                "row": row,
                "values": {name: plain(value) for name, value in values.items()},
            }
            for (table, unit, row), values in report.cells.items()
        ],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
