"""What a sender is told: findings in two languages, and the answer to a file."""

import unicodedata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

PART_KIND = {"cell": "cell", "total": "identity"}


class Place(NamedTuple):
    """A raw value and where it stands."""

    value: Any
    sheet: str
    cell: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which rule, where, and what to do about it, in both languages."""

    rule: str
    kind: str
    sheet: str | None
    cell: str | None
    message_vi: str
    message_en: str
    unit: str | None = None
    # of a rule of the catalogue; rules change by dates, and a finding tells which version it failed
    rule_version: int | None = None
    # the number of the waiver that lets the report pass all the same
    waiver: int | None = None

    @property
    def returns(self) -> bool:
        """Whether the report goes back: what does not hold between reports, or a threshold, never sends one back."""
        return self.kind in ("template", "cell", "identity") and self.waiver is None


class Unreadable(Exception):
    """The file cannot be read safely; carries the finding."""

    def __init__(self, rule: str, place: Place | None = None, **words: Any):
        self.finding = finding(rule, place, **words)
        super().__init__(self.finding.message_en)


@dataclass(frozen=True)
class Answer:
    """What became of one file."""

    file: str
    receipt: str | None
    sha256: str
    status: str
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    findings: list[Finding] = field(default_factory=list)
    # the workbook that goes back, where there is one
    book: str | None = None
    # the rules that only the warehouse decides, where it was not asked
    on_receipt: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer's public shape, one object a file."""
        keys = ("rule", "rule_version", "kind", "sheet", "cell", "message_vi", "message_en")
        return {key: getattr(self, key) for key in ("file", "receipt", "sha256", "form", "unit", "period", "status")} | {
            "findings": [{key: getattr(f, key) for key in keys} | {"waiver": f.waiver and waiver_code(f.waiver)}
                         for f in self.findings],
            "checked_on_receipt": list(self.on_receipt), "returned_file": self.book}

    def as_text(self) -> str:
        """The answer as a clerk reads it: Vietnamese first."""
        status_vi, status_en = STATUS[self.status]
        lines = [f"{self.file}: {status_vi} / {status_en}" + (f" — biên nhận / receipt {self.receipt}" if self.receipt else "")]
        for number, f in enumerate(self.findings, start=1):
            where = f"[{f.sheet}!{f.cell}] " if f.sheet and f.cell else ""
            lines += [f"  {number}. {where}{f.message_vi}", f"     {' ' * len(where)}{f.message_en} ({f.rule})"]
            if f.waiver:
                lines.append(f"     {' ' * len(where)}Được miễn / waived: {waiver_code(f.waiver)}")
        if self.on_receipt:
            lines.append(f"  Đối chiếu khi nhận / checked on receipt: {', '.join(self.on_receipt)}")
        if self.book:
            lines.append(f"  Tệp trả lại / returned file: {self.book}")
        return "\n".join(lines) + "\n"


STATUS = {
    "accepted": ("đã nhận", "accepted"),
    "returned": ("trả lại để sửa", "returned"),
    "quarantined": ("không đọc được an toàn", "quarantined"),
    "duplicate": ("đã gửi trước đây", "duplicate"),
    "withdrawn": ("đã rút", "withdrawn"),
    "pending": ("đang chờ", "pending"),
}


@cache
def _messages() -> dict[str, dict[str, str]]:
    messages: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "messages.yaml").read_text("utf-8"))
    return messages


def finding(rule: str, place: Place | None, unit: str | None = None, **words: Any) -> Finding:
    """A finding of a built-in rule: its message from messages.yaml, the words filled in."""
    message = _messages()[rule]
    words = {"value": _short(place.value) if place else ""} | words
    kind = PART_KIND.get(rule.partition(".")[0], "template")
    sheet, cell = (printable(place.sheet), printable(place.cell)) if place else (None, None)
    return Finding(rule, kind, sheet, cell, message["vi"].format(**words), message["en"].format(**words), unit)


def _short(value: Any) -> str:
    # a finding shows a little of what stands in a cell, never a paragraph that someone pasted there
    text = printable(" ".join(str(value).split()))
    return text if len(text) <= 40 else text[:39] + "…"


def printable(text: str) -> str:
    """A sender's text without what a terminal would obey, a reader would not see, or a database would not hold."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in text)


def harmless(text: str) -> str:
    """A sender's text as a spreadsheet's cell: one that begins like a formula gets an apostrophe, so that it is text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) else text


def receipt_code(receipt_id: int) -> str:
    """A receipt's number as people write it."""
    return f"R{receipt_id:06d}"


def waiver_code(waiver_id: int) -> str:
    """A waiver's number as people write it."""
    return f"W{waiver_id:06d}"


def receipt_number(code: str) -> int | None:
    """The number of a receipt's code; None where it is none."""
    digits = code.strip().upper().removeprefix("R")
    return int(digits) if digits.isascii() and digits.isdigit() else None
