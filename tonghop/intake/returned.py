"""What goes back to a sender whose report was not accepted: their own workbook with the findings in it, or the findings alone."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tonghop.base.findings import Finding
from tonghop.intake.answer import STATUS, Answer
from tonghop.xlsx.annotate import Note, noted, page_alone
from tonghop.xlsx.comments import SIGN
from tonghop.xlsx.findings_sheet import PageCell, SheetRows
from tonghop.xlsx.xml_edit import NotKept

SHOWN = 2_000  # findings that are listed; nobody mends more at a sitting


def marked(content: bytes, answer: Answer) -> bytes:
    """The sender's workbook with a colour and a comment at each wrong cell, and a first sheet that lists all findings.

    Raises NotKept where it cannot be given back whole. Run it in a worker: it takes the sender's bytes apart.
    """
    if content[:4] != b"PK\x03\x04":
        raise NotKept("kind")
    if answer.status == "quarantined":
        raise NotKept("unread")
    notes = [
        note
        for number, f in enumerate(answer.findings[:SHOWN], start=1)
        if f.sheet and f.cell
        for note in _notes(f.sheet, f.cell, f, f"{SIGN}{number}: ")
    ]
    return noted(content, notes, _page(answer))


def _notes(sheet: str, cell: str, f: Finding, sign: str) -> Iterator[Note]:
    """The comments at the cells of a finding: its text at the first, the figures at the others."""
    text = "\n".join((f.text("vi", "\n"), f"→ {_to_do(f)['vi']}"))
    yield Note(sheet, cell, sign + text, "wrong" if f.returns else None)
    for other in f.cells[1:]:
        yield Note(sheet, other, f"{sign}{f.figures_vi or f.message_vi}", "beside" if f.returns else None)


def listed(answer: Answer, reason: str) -> bytes:
    """A workbook of the findings only; `reason` is a key of `kept` in returned.yaml."""
    return page_alone(_page(answer, reason))


def _page(answer: Answer, reason: str | None = None) -> SheetRows:
    words, between = _words(), "\n"
    status_vi, status_en = STATUS[answer.status]
    what = " · ".join(filter(None, (answer.receipt, answer.form, answer.unit, answer.period)))
    page: SheetRows = [
        [PageCell(f"{words['title']['vi']} / {words['title']['en']}", "title")],
        [PageCell(f"{answer.file} – {status_vi} / {status_en}{' – ' if what else ''}{what}")],
        [PageCell("{vi} / {en}".format(**words["guide"]["alone" if reason else "marked"]), "note")],
        [PageCell("{vi} / {en}".format(**words["kept"][reason]), "note")] if reason else [],
        [PageCell(f"{head['vi']}\n{head['en']}", "head") for head in words["heads"]],
    ]
    for number, f in enumerate(answer.findings[:SHOWN], start=1):
        to = (f.sheet, f.cell) if f.sheet and f.cell and not reason else None
        where = "link" if to else "number"
        page.append(
            [
                PageCell(str(number), "number"),
                PageCell(f.sheet or "–", "cell"),
                PageCell(f.cell or "–", where, to),
                PageCell(f.text("vi", between), "cell"),
                PageCell(f"{f.text('en', between)} ({f.rule})", "cell"),
                PageCell("{vi}\n{en}".format(**_to_do(f)), "cell"),
            ]
        )
    if len(answer.findings) > SHOWN:
        page.append([PageCell("{vi} / {en}".format(**words["more"]).format(count=len(answer.findings) - SHOWN), "note")])
    return page


def _to_do(f: Finding) -> dict[str, str]:
    known = _words()["do"]
    if f.waiver:
        return dict(known["waived"])
    keys = (f.rule, f.rule.partition(".")[0], f.kind, "file")
    return dict(next(known[key] for key in keys if key in known))


@cache
def _words() -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "returned.yaml").read_text("utf-8"))
    return words
