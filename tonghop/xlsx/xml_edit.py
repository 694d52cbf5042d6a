"""XML as text: enough to add to a part of a workbook without writing the rest of it again.

For parts without comments, processing instructions and CDATA, in which every `<` opens a tag.
"""

import re
from xml.sax.saxutils import escape

MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ATTRIBUTES = rb"""((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*"""
ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
TAG = re.compile(rb"<(/?)(?:[\w.-]+:)?([\w.-]+)" + ATTRIBUTES + rb"(/?)>")


class NotKept(Exception):
    """The workbook cannot be given back whole; `reason` is a key of returned.yaml."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


def escaped(text: str) -> bytes:
    legal = "".join(
        c if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000" else "\ufffd" for c in text
    )
    # a spreadsheet would take _x0041_ for an A
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", escape(legal, {'"': "&quot;"})).encode()


def attributes(tag: bytes) -> dict[bytes, bytes]:
    return {name: double or single for name, double, single in ATTRIBUTE.findall(tag)}


def with_attributes(tag: bytes, **values: bytes) -> bytes:
    """An opening tag with attributes set."""
    for name, value in values.items():
        found = re.search(rb"""\s%s\s*=\s*(?:"[^"]*"|'[^']*')""" % name.encode(), tag)
        new = b' %s="%s"' % (name.encode(), value)
        if found:
            tag = tag[: found.start()] + new + tag[found.end() :]
        else:
            end = len(tag) - (2 if tag.endswith(b"/>") else 1)
            tag = tag[:end].rstrip() + new + tag[end:]
    return tag


def prefix(xml: bytes) -> bytes:
    """The prefix of a part's root element, with its colon."""
    root = re.search(rb"<(?!\?)([\w.-]+:)?", xml)
    return root[1] or b"" if root else b""


def children(xml: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """(name, from, to) of the elements that stand side by side in a stretch."""
    found, depth, opened = [], 0, start
    for tag in TAG.finditer(xml, start, end):
        closing, name, _, empty = tag.groups()
        if not closing and not depth:
            opened = tag.start()
        depth += -1 if closing else 0 if empty else 1
        if not depth:
            found.append((name, opened, tag.end()))
    return found


def element(xml: bytes, name: bytes) -> tuple[int, int, int, int] | None:
    """Where the first element of a name begins, its content begins, ends, and it ends."""
    opening = re.search(rb"<(?:[\w.-]+:)?%s%s(/?)>" % (name, ATTRIBUTES), xml)
    if opening is None:
        return None
    if opening[2]:
        return opening.start(), opening.end(), opening.end(), opening.end()
    closing = re.compile(rb"</(?:[\w.-]+:)?%s\s*>" % name).search(xml, opening.end())
    if closing is None:
        raise NotKept("built")
    return opening.start(), opening.end(), closing.start(), closing.end()


def append(xml: bytes, name: bytes, children: bytes, count: int | None = None) -> bytes:
    """A part with children added at the end of the first element of a name."""
    place = element(xml, name)
    if place is None:
        raise NotKept("built")
    start, inner, inner_end, end = place
    tag, closing = xml[start:inner], xml[inner_end:end]
    if tag.endswith(b"/>"):
        tag, closing = tag[:-2] + b">", b"</%s>" % tag[1:].split(b" ")[0].rstrip(b"/>")
    if count is not None and b"count=" in tag:
        tag = with_attributes(tag, count=b"%d" % count)
    return xml[:start] + tag + xml[inner:inner_end] + children + closing + xml[end:]


def splice(xml: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    out, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        out += [xml[at:start], new]
        at = end
    return b"".join([*out, xml[at:]])


def split(cell: str) -> tuple[int, int]:
    """(row, column) of a cell's name, from 1."""
    letters = cell.rstrip("0123456789")
    return int(cell[len(letters) :]), column_number(letters)


def column_number(letters: str) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def letters(column: int) -> str:
    """The other way round: 1 is A, 27 is AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
