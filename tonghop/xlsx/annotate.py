"""A sender's workbook with notes on it: the parts that carry the notes are edited as text, every other part stays byte for byte.

A library that reads a workbook and writes it again loses what it does not know: charts, pictures, cached values, extensions.
Here a cell gets a mark (a conditional format, `colours`) and a comment, and the workbook gets a first sheet; no other byte
changes, and no cell's own look does. What an earlier return left in the same file is taken out first.

Only for workbooks that bounds.py has let through; run it in a worker.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from typing import Literal

from tonghop.xlsx import colours, comments
from tonghop.xlsx.findings_sheet import SheetRows, drawn
from tonghop.xlsx.parts import RELATION, TYPE, TYPES, Package, relations_of
from tonghop.xlsx.styles import StylesPart
from tonghop.xlsx.xml_edit import (
    MAIN,
    NotKept,
    element,
    escaped,
    prefix,
    split,
)

PAGE = "Kết quả kiểm tra"


@dataclass(frozen=True)
class Note:
    """A comment for a cell, and the mark that the cell gets, if any."""

    sheet: str
    cell: str
    text: str
    mark: Literal["wrong", "beside"] | None


def noted(content: bytes, notes: list[Note], page: SheetRows) -> bytes:
    """The workbook with comments at cells and the findings as its first sheet. Raises NotKept where it would lose something."""
    book = _Annotated(content)
    comments.remove_ours(book)
    for part in book.sheets.values():
        if colours.SIGN in book.parts[part]:
            book.parts[part] = colours.remove_ours(book.edit(part))
    by_sheet: dict[str, list[Note]] = {}
    for note in notes:
        by_sheet.setdefault(note.sheet, []).append(note)
    for sheet, mine in by_sheet.items():
        if sheet in book.sheets:
            book.note(book.sheets[sheet], mine)
    book.put(page)
    return book.close()


def page_alone(page: SheetRows) -> bytes:
    """A workbook of the page only."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _BARE.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return noted(out.getvalue(), [], page)


class _Annotated(Package):
    """A workbook that gets notes and a findings sheet."""

    def __init__(self, content: bytes):
        super().__init__(content)
        self.styles = StylesPart(self.edit("xl/styles.xml"))

    def close(self) -> bytes:
        self.parts["xl/styles.xml"] = self.styles.xml()
        return super().close()

    def note(self, part: str, notes: list[Note]) -> None:
        """Mark and comment the cells of a sheet."""
        xml = self.edit(part)
        anchors = _anchors(xml)
        texts: dict[str, list[str]] = {}
        found: dict[str, dict[str, None]] = {"wrong": {}, "beside": {}}
        for note in notes:
            cell = anchors.get(note.cell, note.cell)
            texts.setdefault(cell, []).append(note.text)
            if note.mark:
                found[note.mark][cell] = None
        self.parts[part] = colours.add(xml, {name: list(cells) for name, cells in found.items()}, self.styles)
        comments.add(self, part, texts)

    def put(self, page: SheetRows) -> None:
        """Make the findings the first sheet, in place of the one that an earlier return left."""
        xml = drawn(page, self.styles.of_findings())
        old = self.sheets.get(PAGE)
        if old is not None:
            texts = (self.parts[old], self.parts.get("xl/sharedStrings.xml", b""))
            if not any(escaped(comments.SIGN.split(" ")[0]) in text for text in texts):
                raise NotKept("name")
            self.parts[old] = xml
            self.parts.pop(relations_of(old), None)
        book = self.edit("xl/workbook.xml")
        if old is None:
            name = self.add("xl/worksheets/ketqua%d.xml", TYPE + "worksheet+xml", xml)
            key = self.relate("xl/workbook.xml", "worksheet", name)
            place = element(book, b"sheets")
            linked = re.search(rb"<(?:\w+:)?sheet\s[^>]*?\b([\w.-]+):id\s*=", book)
            if place is None:
                raise NotKept("built")
            free = max([int(n) for n in re.findall(rb'\bsheetId\s*=\s*["\'](\d{1,9})', book)], default=0) + 1
            one = b'<%ssheet name="%s" sheetId="%d" %s:id="%s"/>' % (
                prefix(book),
                escaped(PAGE),
                free,
                linked[1] if linked else b"r",
                key.encode(),
            )
            book = book[: place[1]] + one + book[place[1] :]
            book = re.sub(rb'(\slocalSheetId\s*=\s*["\'])(\d{1,6})', lambda m: m[1] + b"%d" % (int(m[2]) + 1), book)
        # the workbook opens on the page, and on it alone: sheets selected together are edited together
        book = re.sub(rb'(<(?:\w+:)?workbookView\b[^>]*?)\s(?:activeTab|firstSheet)\s*=\s*["\']\d+["\']', rb"\1", book)
        self.parts["xl/workbook.xml"] = re.sub(
            rb'(<(?:\w+:)?workbookView\b[^>]*?)\s(?:activeTab|firstSheet)\s*=\s*["\']\d+["\']', rb"\1", book
        )
        for sheet in set(self.sheets.values()) - {old}:
            content = self.parts[sheet]
            body = element(content, b"sheetViews")
            if body and b"tabSelected" in content[body[0] : body[3]]:
                views = re.sub(rb'\stabSelected\s*=\s*["\']\w+["\']', b"", content[body[0] : body[3]])
                self.parts[sheet] = content[: body[0]] + views + content[body[3] :]


def _anchors(xml: bytes) -> dict[str, str]:
    """Cells at the left or top edge of a merged range -> its first cell; those further in hold nothing that is read."""
    found: dict[str, str] = {}
    for first, last in re.findall(rb'<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*["\']([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})', xml):
        (top, left), (bottom, right) = split(first.decode()), split(last.decode())
        letters = first.decode().rstrip("0123456789")
        if left <= right and bottom - top < 1000:
            found |= {f"{letters}{row}": first.decode() for row in range(top + 1, bottom + 1)}
    return found


_BARE = {
    TYPES: '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{TYPE}styles+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{RELATION}officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN.decode()}" xmlns:r="{RELATION.rstrip("/")}"><sheets></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{RELATION}styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN.decode()}"><fonts count="1"><font><sz val="11"/><name val="Times New Roman"/>'
    '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill '
    'patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/>'
    '</border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
    '</cellStyleXfs><cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    "</styleSheet>",
}
