"""Findings: what is wrong with a report, in Vietnamese and English, and texts of senders made safe to show."""

import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")
PART_KIND = {"cell": "cell", "total": "identity"}


class Place(NamedTuple):
    """A raw value, and the sheet and cell that it comes from."""

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
    # the version of a rule of the catalogue: rules change by dates
    rule_version: int | None = None
    # the number of the waiver that lets the report pass nevertheless
    waiver: int | None = None
    # what the figures say that break a rule of the catalogue; for the sender alone, where the message may be for all. Its
    # wording does not make a finding another one: nothing is decided again by a replay because of it
    figures_vi: str = field(default="", compare=False)
    figures_en: str = field(default="", compare=False)
    # every cell of the sheet that the finding is about, `cell` first
    cells: tuple[str, ...] = field(default=(), compare=False)

    def text(self, language: Language, between: str = " ") -> str:
        """What the sender reads: the message, and what the figures say."""
        message, figures = (self.message_vi, self.figures_vi) if language == "vi" else (self.message_en, self.figures_en)
        return f"{message}{between}{figures}" if figures else message

    @property
    def returns(self) -> bool:
        """Whether the report goes back. A failed comparison with other reports or a missed threshold never sends one back."""
        return self.kind in ("template", "cell", "identity") and self.waiver is None


class Unreadable(Exception):
    """The file cannot be read safely; `finding` says why."""

    def __init__(self, rule: str, place: Place | None = None, **words: Any):
        self.finding = finding(rule, place, **words)
        super().__init__(self.finding.message_en)


@cache
def _messages() -> dict[str, dict[str, str]]:
    messages: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "messages.yaml").read_text("utf-8"))
    return messages


def finding(rule: str, place: Place | None, unit: str | None = None, **words: Any) -> Finding:
    """A finding of a built-in rule: its message from messages.yaml, the words filled in, numbers as each language writes them."""
    words = {"value": _short(place.value) if place else ""} | words
    kind = PART_KIND.get(rule.partition(".")[0], "template")
    sheet, cell = (printable(place.sheet), printable(place.cell)) if place else (None, None)
    vi, en = (
        phrase(rule, language).format(**{k: number_in(language, w) if isinstance(w, Decimal) else w for k, w in words.items()})
        for language in LANGUAGES
    )
    return Finding(rule, kind, sheet, cell, vi, en, unit)


def is_built_in(rule: str) -> bool:
    """Whether a rule is one of messages.yaml, which the catalogue does not hold."""
    return rule in _messages() and not rule.startswith("figures.")


def phrase(key: str, language: Language) -> str:
    """A text of messages.yaml, its words not filled in."""
    return _messages()[key][language]


def number_in(language: Language, number: Decimal) -> str:
    """A number as it is written in a language: 1.234,5 in Vietnamese, 1,234.5 in English."""
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.translate(_MARKS) if language == "vi" else text


_MARKS = str.maketrans(",.", ".,")


def _short(value: Any) -> str:
    # a finding shows a little of a cell's text, never a paragraph that someone pasted there
    text = printable(" ".join(str(value).split()))
    return text if len(text) <= 40 else text[:39] + "…"


def printable(text: str) -> str:
    """A sender's text without what a terminal would obey, a reader would not see, or a database would not hold."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in text)
