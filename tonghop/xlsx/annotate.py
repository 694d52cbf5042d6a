"""A sender's workbook with notes on it: the parts that carry the notes are edited as text, every other part stays byte for byte.

A library that reads a workbook and writes it again loses what it does not know: charts, pictures, cached values, extensions.
Here a cell gets a style of its own (its old one, with another fill), a comment, and the workbook a first sheet; nothing else is
said anew. What an earlier return left in the same file is taken out first.

Only for workbooks that bounds.py has let through; run it in a worker.
"""

import io
import re
import zipfile
from dataclasses import dataclass

from tonghop.xlsx.findings_sheet import SheetRows, drawn
from tonghop.xlsx.parts import RELATION, TYPE, TYPES, Package, relations_of
from tonghop.xlsx.styles import StylesPart
from tonghop.xlsx.xml_edit import (
    ATTRIBUTES,
    MAIN,
    TAG,
    NotKept,
    append,
    attributes,
    children,
    element,
    escaped,
    letters,
    prefix,
    splice,
    split,
    with_attributes,
)

PAGE = "Kết quả kiểm tra"
# how our own comments begin, also after another program has saved them
SIGN = "Tonghop – số "
AUTHOR = "Tonghop"
# what a sheet holds after its link to the comments' shapes
_AFTER_DRAWING = {
    b"legacyDrawingHF",
    b"drawingHF",
    b"picture",
    b"oleObjects",
    b"controls",
    b"webPublishItems",
    b"tableParts",
    b"extLst",
    b"AlternateContent",
}
_ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])")
_WIDE, _LINES = 38, 12  # letters in a line of a comment, and lines that it shows without scrolling


@dataclass(frozen=True)
class Note:
    """What is said at a cell; the cell is filled where `wrong`."""

    sheet: str
    cell: str
    text: str
    wrong: bool


def noted(content: bytes, notes: list[Note], page: SheetRows) -> bytes:
    """The workbook with the notes at their cells and the page as its first sheet. Raises NotKept."""
    book = _Annotated(content)
    book.clean()
    by_sheet: dict[str, list[Note]] = {}
    for note in notes:
        by_sheet.setdefault(note.sheet, []).append(note)
    for sheet, mine in by_sheet.items():
        if sheet in book.sheets:
            book.note(book.sheets[sheet], mine)
    book.put(page)
    return book.close()


def alone(page: SheetRows) -> bytes:
    """A workbook of the page only."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _BARE.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return noted(out.getvalue(), [], page)


# --- the workbook ------------------------------------------------------------------------------------------------


class _Annotated(Package):
    """A workbook that gets notes and a findings sheet."""

    def __init__(self, content: bytes):
        super().__init__(content)
        self.styles = StylesPart(self.edit("xl/styles.xml"))

    def close(self) -> bytes:
        self.parts["xl/styles.xml"] = self.styles.xml()
        return super().close()

    # --- what an earlier return left ---

    def clean(self) -> None:
        """Take out our own comments; our fills went with the reading of the styles."""
        sign = SIGN.encode()
        for sheet in self.sheets.values():
            related = self.relations(sheet)
            signed = [target for kind, target in related.values() if kind == "comments" and sign in self.parts.get(target, b"")]
            for name in signed:
                gone: set[str] = set()
                edits = []
                xml = self.edit(name)
                for _, start, end in children(xml, *(element(xml, b"commentList") or (0, 0, 0, 0))[1:3]):
                    rest = _unsigned(xml[start:end])
                    if rest is None:
                        gone.add(attributes(xml[start : xml.index(b">", start)]).get(b"ref", b"").decode())
                    edits.append((start, end, rest or b""))
                self.parts[name] = splice(xml, edits)
                for vml in [target for kind, target in related.values() if kind == "vmlDrawing"]:
                    shapes = re.finditer(rb"<(\w+):shape\s.*?</\1:shape>", self.parts[vml], re.DOTALL)
                    self.parts[vml] = splice(
                        self.parts[vml], [(*shape.span(), b"") for shape in shapes if _shape_place(shape[0]) in gone]
                    )

    # --- notes ---

    def note(self, part: str, notes: list[Note]) -> None:
        """Fill and comment the cells of a sheet."""
        xml = self.edit(part)
        body = element(xml, b"sheetData")
        if body is None:
            raise NotKept("built")
        anchors = _anchors(xml[body[3] :])
        texts: dict[str, list[str]] = {}
        wrong: dict[tuple[int, int], None] = {}
        for note in notes:
            cell = anchors.get(note.cell, note.cell)
            texts.setdefault(cell, []).append(note.text)
            if note.wrong:
                wrong[split(cell)] = None
        xml = _filled(xml, body, sorted(wrong), self.styles)
        self.parts[part] = xml
        related = self.relations(part)
        comments = next((target for kind, target in related.values() if kind == "comments"), None)
        if comments is None:
            comments = self.add(
                "xl/comments%d.xml", TYPE + "comments+xml", b'<comments xmlns="%s"><authors/><commentList/></comments>' % MAIN
            )
            self.relate(part, "comments", comments)
        new = self._comment(comments, texts)
        if new:
            self._shapes(part, new)

    def _comment(self, name: str, texts: dict[str, list[str]]) -> dict[str, list[str]]:
        """Write the comments; returns those at cells that had none."""
        xml = self.edit(name)
        p = prefix(xml)
        place = element(xml, b"authors")
        if place is None:
            raise NotKept("built")
        authors = re.findall(rb"<(?:\w+:)?author\s*(?:/>|>([^<]*)<)", xml[place[1] : place[2]])
        edits, old = [], set()
        for _, start, end in children(xml, *(element(xml, b"commentList") or (0, 0, 0, 0))[1:3]):
            a = attributes(xml[start : xml.index(b">", start)])
            ref = a.get(b"ref", b"").decode()
            if ref in texts:
                author = int(a.get(b"authorId", b"0"))
                at = xml.rfind(b"</%stext>" % p, start, end)
                # a conversation has its text elsewhere
                if at < 0 or author >= len(authors) or authors[author].startswith(b"tc="):
                    raise NotKept("thread")
                old.add(ref)
                edits.append((at, at, _runs(p, ["", *texts[ref]])))
        xml = splice(xml, edits)
        new = {cell: lines for cell, lines in texts.items() if cell not in old}
        if new:
            xml = append(xml, b"authors", b"<%sauthor>%s</%sauthor>" % (p, AUTHOR.encode(), p))
            xml = append(
                xml,
                b"commentList",
                b"".join(
                    b'<%scomment ref="%s" authorId="%d"><%stext>%s</%stext></%scomment>'
                    % (p, cell.encode(), len(authors), p, _runs(p, lines), p, p)
                    for cell, lines in new.items()
                ),
            )
        self.parts[name] = xml
        return new

    def _shapes(self, part: str, new: dict[str, list[str]]) -> None:
        """The boxes in which comments are shown."""
        xml, related = self.parts[part], self.relations(part)
        body = element(xml, b"sheetData")
        assert body
        tail = children(xml, body[3], len(xml))
        link = next((xml[start:end] for name, start, end in tail if name == b"legacyDrawing"), None)
        if link is not None:
            key = next((value for name, value in attributes(link).items() if name.endswith(b":id")), b"").decode()
            vml = related.get(key, ("", ""))[1]
        else:
            used = [
                int(n)
                for name, old in self.parts.items()
                if name.lower().endswith(".vml")
                for n in re.findall(rb'idmap[^>]*\bdata="(\d{1,6})', old)
            ]
            vml = self.add(
                "xl/drawings/vmlDrawing%d.vml",
                "application/vnd.openxmlformats-officedocument.vmlDrawing",
                _VML % (max(used, default=0) + 1),
            )
            key = self.relate(part, "vmlDrawing", vml)
            at = next((start for name, start, _ in tail if name in _AFTER_DRAWING), xml.rindex(b"</"))
            self.parts[part] = (
                xml[:at]
                + b'<%slegacyDrawing xmlns:r="%s" r:id="%s"/>' % (prefix(xml), RELATION.rstrip("/").encode(), key.encode())
                + xml[at:]
            )
        old = self.parts.get(vml, b"")
        end = old.rfind(b"</xml>")
        if end < 0:
            raise NotKept("built")
        block = re.search(rb'idmap[^>]*\bdata="(\d{1,6})', old)
        last = max([int(n) for n in re.findall(rb"_x0000_s(\d{1,9})", old)], default=int(block[1]) * 1024 if block else 1024)
        shapes = [] if b'id="_x0000_t202"' in old else [_SHAPE_TYPE]
        shapes += [_shape(number, cell, lines) for number, (cell, lines) in enumerate(new.items(), start=last + 1)]
        own = b"".join(shapes)
        if any(space not in old for space in _VML_SPACES):  # declared under other prefixes
            own = re.sub(rb"<(v:shape(?:type)?)(?=\s)", rb"<\1 " + b" ".join(_VML_SPACES), own)
        self.parts[vml] = old[:end] + own + old[end:]

    # --- the page ---

    def put(self, page: SheetRows) -> None:
        """Make the page the first sheet, in place of the one that an earlier return left."""
        xml = drawn(page, self.styles.of_findings())
        old = self.sheets.get(PAGE)
        if old is not None:
            texts = (self.parts[old], self.parts.get("xl/sharedStrings.xml", b""))
            if not any(escaped(SIGN.split(" ")[0]) in text for text in texts):
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


# --- cells -------------------------------------------------------------------------------------------------------


def _anchors(tail: bytes) -> dict[str, str]:
    """Cells at the left or top edge of a merged range -> its first cell; those further in hold nothing that is read."""
    found: dict[str, str] = {}
    for first, last in re.findall(rb'<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*["\']([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})', tail):
        (top, left), (bottom, right) = split(first.decode()), split(last.decode())
        letters = first.decode().rstrip("0123456789")
        if left <= right and bottom - top < 1000:
            found |= {f"{letters}{row}": first.decode() for row in range(top + 1, bottom + 1)}
    return found


def _filled(xml: bytes, body: tuple[int, int, int, int], cells: list[tuple[int, int]], styles: "StylesPart") -> bytes:
    """A sheet with cells (row, column) filled, in order; one that is not there is put where it belongs."""
    wanted: dict[int, list[int]] = {}
    for row, column in cells:
        wanted.setdefault(row, []).append(column)
    p = prefix(xml)
    columns = _column_styles(xml[: body[0]])
    edits: list[tuple[int, int, bytes]] = []
    row, starts = 0, [m.start() for m in _ROW.finditer(xml, body[1], body[2])]
    for start, end in zip(starts, [*starts[1:], body[2]], strict=True):
        tag = TAG.match(xml, start)
        if tag is None:
            raise NotKept("built")
        given = attributes(tag[3])
        row = int(given.get(b"r", row + 1))
        for missing in [r for r in wanted if r < row]:
            edits.append((start, start, _new_row(p, missing, wanted.pop(missing), columns, styles)))
        if row in wanted:
            base = int(given.get(b"s", 0)) if given.get(b"customFormat") in (b"1", b"true") else None
            edits += _in_row(xml, (tag.start(), tag.end(), end), p, row, wanted.pop(row), base, columns, styles)
    last = b"".join(_new_row(p, r, wanted[r], columns, styles) for r in sorted(wanted))
    if body[1] == body[2] and xml[: body[1]].endswith(b"/>"):
        edits.append((body[0], body[1], b"<%ssheetData>%s</%ssheetData>" % (p, last, p)))
    else:
        edits.append((body[2], body[2], last))
    return splice(xml, edits)


def _in_row(
    xml: bytes,
    place: tuple[int, int, int],
    p: bytes,
    row: int,
    wanted: list[int],
    base: int | None,
    columns: dict[int, int],
    styles: "StylesPart",
) -> list[tuple[int, int, bytes]]:
    edits, column, (start, inner, end) = [], 0, place
    if xml[start:inner].endswith(b"/>"):
        cells = b"".join(_new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles) for c in wanted)
        return [(start, inner, xml[start : inner - 2] + b">" + cells + b"</%srow>" % p)]
    for opening in _CELL.finditer(xml, inner, end):
        tag = TAG.match(xml, opening.start())
        if tag is None:
            raise NotKept("built")
        given = attributes(tag[3])
        column = split(given[b"r"].decode())[1] if b"r" in given else column + 1
        while wanted and wanted[0] < column:
            c = wanted.pop(0)
            new = _new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles)
            edits.append((tag.start(), tag.start(), new))
        if wanted and wanted[0] == column:
            wanted.pop(0)
            edits.append((tag.start(), tag.end(), with_attributes(tag[0], s=b"%d" % styles.filled(int(given.get(b"s", 0))))))
    at = xml.rindex(b"</", inner, end)
    rest = b"".join(_new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles) for c in wanted)
    return [*edits, (at, at, rest)]


def _new_row(p: bytes, row: int, wanted: list[int], columns: dict[int, int], styles: "StylesPart") -> bytes:
    cells = b"".join(_new_cell(p, row, c, columns.get(c, 0), styles) for c in wanted)
    return b'<%srow r="%d">%s</%srow>' % (p, row, cells, p)


def _new_cell(p: bytes, row: int, column: int, base: int, styles: "StylesPart") -> bytes:
    return b'<%sc r="%s%d" s="%d"/>' % (p, letters(column).encode(), row, styles.filled(base))


def _column_styles(head: bytes) -> dict[int, int]:
    styles: dict[int, int] = {}
    for tag in re.findall(rb"<(?:\w+:)?col%s/?>" % ATTRIBUTES, head):
        a = attributes(tag)
        if b"style" in a:
            styles |= dict.fromkeys(range(int(a[b"min"]), min(int(a[b"max"]), 16384) + 1), int(a[b"style"]))
    return styles


# --- comments ----------------------------------------------------------------------------------------------------


def _runs(p: bytes, lines: list[str]) -> bytes:
    """Our text in a comment, which may follow the sender's."""
    text = "\n".join(lines)
    return b'<%sr><%srPr><%ssz val="10"/><%srFont val="Times New Roman"/></%srPr>' % (
        p,
        p,
        p,
        p,
        p,
    ) + b'<%st xml:space="preserve">%s</%st></%sr>' % (p, escaped(text), p, p)


def _unsigned(comment: bytes) -> bytes | None:
    """A comment without our text; None where nothing else was in it."""
    at = comment.find(SIGN.encode())
    if at < 0:
        return comment
    run = max(comment.rfind(b"<%sr>" % prefix(comment), 0, at), comment.rfind(b"<%sr " % prefix(comment), 0, at))
    opening = max(comment.rfind(b"<%st>" % prefix(comment), 0, at), comment.rfind(b"<%st " % prefix(comment), 0, at))
    before = comment[comment.index(b">", opening) + 1 : at] if opening >= 0 else b""
    end = comment.rfind(b"</%stext>" % prefix(comment))
    if before.strip():  # another program has made one run of both
        close = b"</%st>" % prefix(comment) + (b"</%sr>" % prefix(comment) if run >= 0 else b"")
        return comment[:at].rstrip() + close + comment[end:]
    rest = comment[:run] + comment[end:] if run >= 0 else b""
    return rest if b"".join(re.findall(rb">([^<]*)</(?:\w+:)?t>", rest)).strip() else None


def _shape_place(shape: bytes) -> str:
    row, column = (re.search(rb"<\w+:%s>\s*(\d{1,7})" % name, shape) for name in (b"Row", b"Column"))
    return f"{letters(int(column[1]) + 1)}{int(row[1]) + 1}" if row and column else ""


def _shape(number: int, cell: str, lines: list[str]) -> bytes:
    row, column = split(cell)
    high = min(sum(-(-len(line) // _WIDE) for text in lines for line in text.split("\n")) + 1, _LINES)
    anchor = f"{column}, 12, {max(row - 2, 0)}, 8, {column + 4}, 12, {max(row - 2, 0) + high}, 4"
    return (
        f'<v:shape id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;width:220pt;height:{high * 14}pt;'
        'z-index:1;visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/>'
        '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
        '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
        f'<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
        f"<x:AutoFill>False</x:AutoFill><x:Row>{row - 1}</x:Row><x:Column>{column - 1}</x:Column></x:ClientData>"
        "</v:shape>"
    ).encode()


_SHAPE_TYPE = (
    b'<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    b'<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_VML_SPACES = (
    b'xmlns:v="urn:schemas-microsoft-com:vml"',
    b'xmlns:o="urn:schemas-microsoft-com:office:office"',
    b'xmlns:x="urn:schemas-microsoft-com:office:excel"',
)
_VML = b"<xml " + b" ".join(_VML_SPACES) + b'><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="%d"/></o:shapelayout></xml>'
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
