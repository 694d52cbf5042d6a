"""A sender's workbook with notes on it: the parts that carry the notes are edited as text, every other part stays byte for byte.

A library that reads a workbook and writes it again loses what it does not know: charts, pictures, cached values, extensions.
Here a cell gets a style of its own (its old one, with another fill), a comment, and the workbook a first sheet; nothing else is
said anew. What an earlier return left in the same file is taken out first.

Only for workbooks that bounds.py has let through; run it in a worker.
"""

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from html import unescape
from xml.sax.saxutils import escape

from tonghop import sheetxml
from tonghop.bounds import column_number

PAGE = "Kết quả kiểm tra"
# how our own comments begin, also after another program has saved them
SIGN = "Tonghop – số "
AUTHOR = "Tonghop"
# no style of Excel's own has this colour, so that a fill of it is known for ours
FILL = b"FFFFB3B5"

_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_TYPES = "[Content_Types].xml"
# what a sheet holds after its link to the comments' shapes
_AFTER_DRAWING = {b"legacyDrawingHF", b"drawingHF", b"picture", b"oleObjects", b"controls", b"webPublishItems", b"tableParts",
                  b"extLst", b"AlternateContent"}
_ATTRIBUTES = rb"""((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*"""
_ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TAG = re.compile(rb"<(/?)(?:[\w.-]+:)?([\w.-]+)" + _ATTRIBUTES + rb"(/?)>")
_ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])")
_WIDE, _LINES = 38, 12  # letters in a line of a comment, and lines that it shows without scrolling


class NotKept(Exception):
    """The workbook cannot be given back whole; `reason` is a key of returned.yaml."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Note:
    """What is said at a cell; the cell is filled where `wrong`."""

    sheet: str
    cell: str
    text: str
    wrong: bool


@dataclass(frozen=True)
class Text:
    """A cell of the page. `to` is the (sheet, cell) that it leads to; `style` a key of _LOOKS."""

    text: str
    style: str = "text"
    to: tuple[str, str] | None = None


Page = list[list[Text | None]]


def noted(content: bytes, notes: list[Note], page: Page) -> bytes:
    """The workbook with the notes at their cells and the page as its first sheet. Raises NotKept."""
    book = _Book(content)
    book.clean()
    by_sheet: dict[str, list[Note]] = {}
    for note in notes:
        by_sheet.setdefault(note.sheet, []).append(note)
    for sheet, mine in by_sheet.items():
        if sheet in book.sheets:
            book.note(book.sheets[sheet], mine)
    book.put(page)
    return book.close()


def alone(page: Page) -> bytes:
    """A workbook of the page only."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _BARE.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return noted(out.getvalue(), [], page)


# --- XML as text -------------------------------------------------------------------------------------------------

def _text(text: str) -> bytes:
    legal = "".join(c if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000" else "\ufffd"
                    for c in text)
    # a spreadsheet would take _x0041_ for an A
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", escape(legal, {'"': "&quot;"})).encode()


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(tag)}


def _with(tag: bytes, **values: bytes) -> bytes:
    """An opening tag with attributes set."""
    for name, value in values.items():
        found = re.search(rb"""\s%s\s*=\s*(?:"[^"]*"|'[^']*')""" % name.encode(), tag)
        new = b' %s="%s"' % (name.encode(), value)
        if found:
            tag = tag[:found.start()] + new + tag[found.end():]
        else:
            end = len(tag) - (2 if tag.endswith(b"/>") else 1)
            tag = tag[:end].rstrip() + new + tag[end:]
    return tag


def _prefix(xml: bytes) -> bytes:
    """The prefix of a part's root element, with its colon."""
    root = re.search(rb"<(?!\?)([\w.-]+:)?", xml)
    return root[1] or b"" if root else b""


def _children(xml: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """(name, from, to) of the elements that stand side by side in a stretch."""
    found, depth, opened = [], 0, start
    for tag in _TAG.finditer(xml, start, end):
        closing, name, _, empty = tag.groups()
        if not closing and not depth:
            opened = tag.start()
        depth += -1 if closing else 0 if empty else 1
        if not depth:
            found.append((name, opened, tag.end()))
    return found


def _element(xml: bytes, name: bytes) -> tuple[int, int, int, int] | None:
    """Where the first element of a name begins, its content begins, ends, and it ends."""
    opening = re.search(rb"<(?:[\w.-]+:)?%s%s(/?)>" % (name, _ATTRIBUTES), xml)
    if opening is None:
        return None
    if opening[2]:
        return opening.start(), opening.end(), opening.end(), opening.end()
    closing = re.compile(rb"</(?:[\w.-]+:)?%s\s*>" % name).search(xml, opening.end())
    if closing is None:
        raise NotKept("built")
    return opening.start(), opening.end(), closing.start(), closing.end()


def _append(xml: bytes, name: bytes, children: bytes, count: int | None = None) -> bytes:
    """A part with children added at the end of the first element of a name."""
    place = _element(xml, name)
    if place is None:
        raise NotKept("built")
    start, inner, inner_end, end = place
    tag, closing = xml[start:inner], xml[inner_end:end]
    if tag.endswith(b"/>"):
        tag, closing = tag[:-2] + b">", b"</%s>" % tag[1:].split(b" ")[0].rstrip(b"/>")
    if count is not None and b"count=" in tag:
        tag = _with(tag, count=b"%d" % count)
    return xml[:start] + tag + xml[inner:inner_end] + children + closing + xml[end:]


def _splice(xml: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    out, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        out += [xml[at:start], new]
        at = end
    return b"".join([*out, xml[at:]])


def _split(cell: str) -> tuple[int, int]:
    """(row, column) of a cell's name, from 1."""
    letters = cell.rstrip("0123456789")
    return int(cell[len(letters):]), column_number(letters)


# --- the workbook ------------------------------------------------------------------------------------------------

class _Book:
    """The parts of a workbook, the edited ones as they will be."""

    def __init__(self, content: bytes):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            self.infos = archive.infolist()
            self.parts = {info.filename: archive.read(info) for info in self.infos}
        if any(name.lower().startswith("_xmlsignatures/") for name in self.parts):
            raise NotKept("signed")
        if b'"%s"' % _MAIN not in self.parts.get("xl/workbook.xml", b"") or "xl/styles.xml" not in self.parts:
            raise NotKept("built")
        self.sheets = dict(sheetxml.sheets(self.parts))
        self.styles = _Styles(self.edit("xl/styles.xml"))

    def edit(self, name: str) -> bytes:
        """A part that is about to be edited as text."""
        xml = self.parts[name]
        if b"<!" in xml or xml.count(b"<?") > 1 or xml.startswith((b"\xfe\xff", b"\xff\xfe")):
            raise NotKept("built")
        return xml

    def close(self) -> bytes:
        self.parts["xl/styles.xml"] = self.styles.xml()
        out = io.BytesIO()
        known = {info.filename: info for info in self.infos}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in self.parts.items():
                old = known.get(name)
                info = zipfile.ZipInfo(name, old.date_time if old else (1980, 1, 1, 0, 0, 0))
                archive.writestr(info, part, zipfile.ZIP_DEFLATED)
        return out.getvalue()

    # --- relations and types ---

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Id -> (type's last word, part) of what a part refers to inside the workbook."""
        folder = posixpath.dirname(part)
        found = {}
        for tag in re.findall(rb"<(?:\w+:)?Relationship%s/?>" % _ATTRIBUTES, self.parts.get(_relations_of(part), b"")):
            a = {name: unescape(value.decode()) for name, value in _attributes(tag).items()}
            if a.get(b"TargetMode") != "External":
                target = a.get(b"Target", "")
                path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                found[a.get(b"Id", "")] = (a.get(b"Type", "").rpartition("/")[2], path)
        return found

    def relate(self, part: str, kind: str, target: str) -> str:
        """Add a relation; returns its id."""
        name = _relations_of(part)
        if name not in self.parts:
            self.parts[name] = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
        xml = self.edit(name)
        taken = {value for tag in re.findall(_ATTRIBUTE, xml) for value in tag[1:]}
        number = next(n for n in range(1, len(taken) + 2) if b"rId%d" % n not in taken)
        one = b'<%sRelationship Id="rId%d" Type="%s" Target="/%s"/>' % (
            _prefix(xml), number, (_RELATION + kind).encode(), target.encode())
        self.parts[name] = _append(xml, b"Relationships", one)
        return f"rId{number}"

    def add(self, name: str, content_type: str, xml: bytes) -> str:
        """Add a part of a name that is free (a number stands for %d); returns the name."""
        taken = {part.lower() for part in self.parts}
        name = next(free for n in range(1, len(taken) + 2) if (free := name.replace("%d", str(n))).lower() not in taken)
        types = self.edit(_TYPES)
        self.parts[_TYPES] = _append(types, b"Types", b'<%sOverride PartName="/%s" ContentType="%s"/>' % (
            _prefix(types), name.encode(), content_type.encode()))
        self.parts[name] = xml
        return name

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
                for _, start, end in _children(xml, *(_element(xml, b"commentList") or (0, 0, 0, 0))[1:3]):
                    rest = _unsigned(xml[start:end])
                    if rest is None:
                        gone.add(_attributes(xml[start:xml.index(b">", start)]).get(b"ref", b"").decode())
                    edits.append((start, end, rest or b""))
                self.parts[name] = _splice(xml, edits)
                for vml in [target for kind, target in related.values() if kind == "vmlDrawing"]:
                    shapes = re.finditer(rb"<(\w+):shape\s.*?</\1:shape>", self.parts[vml], re.DOTALL)
                    self.parts[vml] = _splice(self.parts[vml], [(*shape.span(), b"") for shape in shapes
                                                                if _shape_place(shape[0]) in gone])

    # --- notes ---

    def note(self, part: str, notes: list[Note]) -> None:
        """Fill and comment the cells of a sheet."""
        xml = self.edit(part)
        body = _element(xml, b"sheetData")
        if body is None:
            raise NotKept("built")
        anchors = _anchors(xml[body[3]:])
        texts: dict[str, list[str]] = {}
        wrong: dict[tuple[int, int], None] = {}
        for note in notes:
            cell = anchors.get(note.cell, note.cell)
            texts.setdefault(cell, []).append(note.text)
            if note.wrong:
                wrong[_split(cell)] = None
        xml = _filled(xml, body, sorted(wrong), self.styles)
        self.parts[part] = xml
        related = self.relations(part)
        comments = next((target for kind, target in related.values() if kind == "comments"), None)
        if comments is None:
            comments = self.add("xl/comments%d.xml", _TYPE + "comments+xml",
                                b'<comments xmlns="%s"><authors/><commentList/></comments>' % _MAIN)
            self.relate(part, "comments", comments)
        new = self._comment(comments, texts)
        if new:
            self._shapes(part, new)

    def _comment(self, name: str, texts: dict[str, list[str]]) -> dict[str, list[str]]:
        """Write the comments; returns those at cells that had none."""
        xml = self.edit(name)
        p = _prefix(xml)
        place = _element(xml, b"authors")
        if place is None:
            raise NotKept("built")
        authors = re.findall(rb"<(?:\w+:)?author\s*(?:/>|>([^<]*)<)", xml[place[1]:place[2]])
        edits, old = [], set()
        for _, start, end in _children(xml, *(_element(xml, b"commentList") or (0, 0, 0, 0))[1:3]):
            a = _attributes(xml[start:xml.index(b">", start)])
            ref = a.get(b"ref", b"").decode()
            if ref in texts:
                author = int(a.get(b"authorId", b"0"))
                at = xml.rfind(b"</%stext>" % p, start, end)
                # a conversation has its text elsewhere
                if at < 0 or author >= len(authors) or authors[author].startswith(b"tc="):
                    raise NotKept("thread")
                old.add(ref)
                edits.append((at, at, _runs(p, ["", *texts[ref]])))
        xml = _splice(xml, edits)
        new = {cell: lines for cell, lines in texts.items() if cell not in old}
        if new:
            xml = _append(xml, b"authors", b"<%sauthor>%s</%sauthor>" % (p, AUTHOR.encode(), p))
            xml = _append(xml, b"commentList", b"".join(
                b'<%scomment ref="%s" authorId="%d"><%stext>%s</%stext></%scomment>' % (
                    p, cell.encode(), len(authors), p, _runs(p, lines), p, p) for cell, lines in new.items()))
        self.parts[name] = xml
        return new

    def _shapes(self, part: str, new: dict[str, list[str]]) -> None:
        """The boxes in which comments are shown."""
        xml, related = self.parts[part], self.relations(part)
        body = _element(xml, b"sheetData")
        assert body
        tail = _children(xml, body[3], len(xml))
        link = next((xml[start:end] for name, start, end in tail if name == b"legacyDrawing"), None)
        if link is not None:
            key = next((value for name, value in _attributes(link).items() if name.endswith(b":id")), b"").decode()
            vml = related.get(key, ("", ""))[1]
        else:
            used = [int(n) for name, old in self.parts.items() if name.lower().endswith(".vml")
                    for n in re.findall(rb'idmap[^>]*\bdata="(\d{1,6})', old)]
            vml = self.add("xl/drawings/vmlDrawing%d.vml", "application/vnd.openxmlformats-officedocument.vmlDrawing",
                           _VML % (max(used, default=0) + 1))
            key = self.relate(part, "vmlDrawing", vml)
            at = next((start for name, start, _ in tail if name in _AFTER_DRAWING), xml.rindex(b"</"))
            self.parts[part] = xml[:at] + b'<%slegacyDrawing xmlns:r="%s" r:id="%s"/>' % (
                _prefix(xml), _RELATION.rstrip("/").encode(), key.encode()) + xml[at:]
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

    def put(self, page: Page) -> None:
        """Make the page the first sheet, in place of the one that an earlier return left."""
        xml = self.styles.page(page)
        old = self.sheets.get(PAGE)
        if old is not None:
            texts = (self.parts[old], self.parts.get("xl/sharedStrings.xml", b""))
            if not any(_text(SIGN.split(" ")[0]) in text for text in texts):
                raise NotKept("name")
            self.parts[old] = xml
            self.parts.pop(_relations_of(old), None)
        book = self.edit("xl/workbook.xml")
        if old is None:
            name = self.add("xl/worksheets/ketqua%d.xml", _TYPE + "worksheet+xml", xml)
            key = self.relate("xl/workbook.xml", "worksheet", name)
            place = _element(book, b"sheets")
            prefix = re.search(rb'<(?:\w+:)?sheet\s[^>]*?\b([\w.-]+):id\s*=', book)
            if place is None:
                raise NotKept("built")
            free = max([int(n) for n in re.findall(rb'\bsheetId\s*=\s*["\'](\d{1,9})', book)], default=0) + 1
            one = b'<%ssheet name="%s" sheetId="%d" %s:id="%s"/>' % (
                _prefix(book), _text(PAGE), free, prefix[1] if prefix else b"r", key.encode())
            book = book[:place[1]] + one + book[place[1]:]
            book = re.sub(rb'(\slocalSheetId\s*=\s*["\'])(\d{1,6})', lambda m: m[1] + b"%d" % (int(m[2]) + 1), book)
        # the workbook opens on the page, and on it alone: sheets selected together are edited together
        book = re.sub(rb'(<(?:\w+:)?workbookView\b[^>]*?)\s(?:activeTab|firstSheet)\s*=\s*["\']\d+["\']', rb"\1", book)
        self.parts["xl/workbook.xml"] = re.sub(
            rb'(<(?:\w+:)?workbookView\b[^>]*?)\s(?:activeTab|firstSheet)\s*=\s*["\']\d+["\']', rb"\1", book)
        for sheet in set(self.sheets.values()) - {old}:
            content = self.parts[sheet]
            body = _element(content, b"sheetViews")
            if body and b"tabSelected" in content[body[0]:body[3]]:
                views = re.sub(rb'\stabSelected\s*=\s*["\']\w+["\']', b"", content[body[0]:body[3]])
                self.parts[sheet] = content[:body[0]] + views + content[body[3]:]


def _relations_of(part: str) -> str:
    folder, name = posixpath.split(part)
    return f"{folder}/_rels/{name}.rels"


# --- cells -------------------------------------------------------------------------------------------------------

def _anchors(tail: bytes) -> dict[str, str]:
    """Cells at the left or top edge of a merged range -> its first cell; those further in hold nothing that is read."""
    found: dict[str, str] = {}
    for first, last in re.findall(rb'<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*["\']([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})', tail):
        (top, left), (bottom, right) = _split(first.decode()), _split(last.decode())
        letters = first.decode().rstrip("0123456789")
        if left <= right and bottom - top < 1000:
            found |= {f"{letters}{row}": first.decode() for row in range(top + 1, bottom + 1)}
    return found


def _filled(xml: bytes, body: tuple[int, int, int, int], cells: list[tuple[int, int]], styles: "_Styles") -> bytes:
    """A sheet with cells (row, column) filled, in order; one that is not there is put where it belongs."""
    wanted: dict[int, list[int]] = {}
    for row, column in cells:
        wanted.setdefault(row, []).append(column)
    p = _prefix(xml)
    columns = _column_styles(xml[:body[0]])
    edits: list[tuple[int, int, bytes]] = []
    row, starts = 0, [m.start() for m in _ROW.finditer(xml, body[1], body[2])]
    for start, end in zip(starts, [*starts[1:], body[2]], strict=True):
        tag = _TAG.match(xml, start)
        if tag is None:
            raise NotKept("built")
        given = _attributes(tag[3])
        row = int(given.get(b"r", row + 1))
        for missing in [r for r in wanted if r < row]:
            edits.append((start, start, _new_row(p, missing, wanted.pop(missing), columns, styles)))
        if row in wanted:
            base = int(given.get(b"s", 0)) if given.get(b"customFormat") in (b"1", b"true") else None
            edits += _in_row(xml, (tag.start(), tag.end(), end), p, row, wanted.pop(row), base, columns, styles)
    last = b"".join(_new_row(p, r, wanted[r], columns, styles) for r in sorted(wanted))
    if body[1] == body[2] and xml[:body[1]].endswith(b"/>"):
        edits.append((body[0], body[1], b"<%ssheetData>%s</%ssheetData>" % (p, last, p)))
    else:
        edits.append((body[2], body[2], last))
    return _splice(xml, edits)


def _in_row(xml: bytes, place: tuple[int, int, int], p: bytes, row: int, wanted: list[int], base: int | None,
            columns: dict[int, int], styles: "_Styles") -> list[tuple[int, int, bytes]]:
    edits, column, (start, inner, end) = [], 0, place
    if xml[start:inner].endswith(b"/>"):
        cells = b"".join(_new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles) for c in wanted)
        return [(start, inner, xml[start:inner - 2] + b">" + cells + b"</%srow>" % p)]
    for opening in _CELL.finditer(xml, inner, end):
        tag = _TAG.match(xml, opening.start())
        if tag is None:
            raise NotKept("built")
        given = _attributes(tag[3])
        column = _split(given[b"r"].decode())[1] if b"r" in given else column + 1
        while wanted and wanted[0] < column:
            c = wanted.pop(0)
            new = _new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles)
            edits.append((tag.start(), tag.start(), new))
        if wanted and wanted[0] == column:
            wanted.pop(0)
            edits.append((tag.start(), tag.end(), _with(tag[0], s=b"%d" % styles.filled(int(given.get(b"s", 0))))))
    at = xml.rindex(b"</", inner, end)
    rest = b"".join(_new_cell(p, row, c, columns.get(c, 0) if base is None else base, styles) for c in wanted)
    return [*edits, (at, at, rest)]


def _new_row(p: bytes, row: int, wanted: list[int], columns: dict[int, int], styles: "_Styles") -> bytes:
    cells = b"".join(_new_cell(p, row, c, columns.get(c, 0), styles) for c in wanted)
    return b'<%srow r="%d">%s</%srow>' % (p, row, cells, p)


def _new_cell(p: bytes, row: int, column: int, base: int, styles: "_Styles") -> bytes:
    return b'<%sc r="%s%d" s="%d"/>' % (p, _letters(column).encode(), row, styles.filled(base))


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _column_styles(head: bytes) -> dict[int, int]:
    styles: dict[int, int] = {}
    for tag in re.findall(rb"<(?:\w+:)?col%s/?>" % _ATTRIBUTES, head):
        a = _attributes(tag)
        if b"style" in a:
            styles |= dict.fromkeys(range(int(a[b"min"]), min(int(a[b"max"]), 16384) + 1), int(a[b"style"]))
    return styles


# --- comments ----------------------------------------------------------------------------------------------------

def _runs(p: bytes, lines: list[str]) -> bytes:
    """Our text in a comment, which may follow the sender's."""
    text = "\n".join(lines)
    return (b'<%sr><%srPr><%ssz val="10"/><%srFont val="Times New Roman"/></%srPr>' % (p, p, p, p, p)
            + b'<%st xml:space="preserve">%s</%st></%sr>' % (p, _text(text), p, p))


def _unsigned(comment: bytes) -> bytes | None:
    """A comment without our text; None where nothing else was in it."""
    at = comment.find(SIGN.encode())
    if at < 0:
        return comment
    run = max(comment.rfind(b"<%sr>" % _prefix(comment), 0, at), comment.rfind(b"<%sr " % _prefix(comment), 0, at))
    opening = max(comment.rfind(b"<%st>" % _prefix(comment), 0, at), comment.rfind(b"<%st " % _prefix(comment), 0, at))
    before = comment[comment.index(b">", opening) + 1:at] if opening >= 0 else b""
    end = comment.rfind(b"</%stext>" % _prefix(comment))
    if before.strip():  # another program has made one run of both
        close = b"</%st>" % _prefix(comment) + (b"</%sr>" % _prefix(comment) if run >= 0 else b"")
        return comment[:at].rstrip() + close + comment[end:]
    rest = comment[:run] + comment[end:] if run >= 0 else b""
    return rest if b"".join(re.findall(rb">([^<]*)</(?:\w+:)?t>", rest)).strip() else None


def _shape_place(shape: bytes) -> str:
    row, column = (re.search(rb"<\w+:%s>\s*(\d{1,7})" % name, shape) for name in (b"Row", b"Column"))
    return f"{_letters(int(column[1]) + 1)}{int(row[1]) + 1}" if row and column else ""


def _shape(number: int, cell: str, lines: list[str]) -> bytes:
    row, column = _split(cell)
    high = min(sum(-(-len(line) // _WIDE) for text in lines for line in text.split("\n")) + 1, _LINES)
    anchor = f"{column}, 12, {max(row - 2, 0)}, 8, {column + 4}, 12, {max(row - 2, 0) + high}, 4"
    return (f'<v:shape id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;width:220pt;height:{high * 14}pt;'
            'z-index:1;visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/>'
            '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
            '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
            f'<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
            f'<x:AutoFill>False</x:AutoFill><x:Row>{row - 1}</x:Row><x:Column>{column - 1}</x:Column></x:ClientData>'
            '</v:shape>').encode()


_SHAPE_TYPE = (b'<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
               b'<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>')
_VML_SPACES = (b'xmlns:v="urn:schemas-microsoft-com:vml"', b'xmlns:o="urn:schemas-microsoft-com:office:office"',
               b'xmlns:x="urn:schemas-microsoft-com:office:excel"')
_VML = (b"<xml " + b" ".join(_VML_SPACES)
        + b'><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="%d"/></o:shapelayout></xml>')


# --- styles and the page -----------------------------------------------------------------------------------------

# font, fill, border, alignment of the page's cells, and what stands in the style besides
_FONTS = (b'<sz val="11"/>', b'<b/><sz val="11"/>', b'<b/><sz val="15"/>', b'<u/><sz val="11"/><color rgb="FF0563C1"/>',
          b'<i/><sz val="11"/>')
_LOOKS = {"text": (0, 0, 0, b'vertical="top"'), "title": (2, 0, 0, b'vertical="center"'), "note": (4, 0, 0, b'vertical="top"'),
          "head": (1, 1, 1, b'horizontal="center" vertical="center" wrapText="1"'),
          "cell": (0, 0, 1, b'vertical="top" wrapText="1"'),
          "number": (0, 0, 1, b'horizontal="center" vertical="top"'), "link": (3, 0, 1, b'horizontal="center" vertical="top"')}
WIDTHS = (6, 12, 9, 60, 60, 46)


class _Styles:
    """The styles of a workbook; new ones are added behind the old, whose numbers stay."""

    def __init__(self, xml: bytes):
        self._xml, self._p = _unfilled(xml), _prefix(xml)
        self.added: dict[bytes, list[bytes]] = {b"fonts": [], b"fills": [], b"borders": [], b"cellXfs": []}
        self._old = {name: self._section(name) for name in self.added}
        self._filled: dict[int, int] = {}

    def _section(self, name: bytes) -> list[bytes]:
        place = _element(self._xml, name)
        if place is None:
            raise NotKept("built")
        return [self._xml[start:end] for _, start, end in _children(self._xml, place[1], place[2])]

    def _add(self, name: bytes, element: bytes) -> int:
        if element not in self.added[name]:
            self.added[name].append(element)
        return len(self._old[name]) + self.added[name].index(element)

    def filled(self, style: int) -> int:
        """The style that is like another but for our fill, which keeps the old colour where no eye sees it."""
        if style not in self._filled:
            p, styles, fills = self._p, self._old[b"cellXfs"], self._old[b"fills"]
            xf = styles[style] if style < len(styles) else b'<%sxf numFmtId="0" fontId="0" borderId="0"/>' % p
            tag = re.match(rb"<[^>]*>", xf)
            assert tag
            number = int(_attributes(tag[0]).get(b"fillId", 0))
            old = fills[number] if number < len(fills) else b""
            colour = re.search(rb"<(?:\w+:)?fgColor%s/?>" % _ATTRIBUTES, old) if b'"solid"' in old else None
            behind = colour[1].strip() if colour else b'indexed="64"'
            fill = self._add(b"fills", b'<%sfill><%spatternFill patternType="solid"><%sfgColor rgb="%s"/><%sbgColor %s/>'
                                       b"</%spatternFill></%sfill>" % (p, p, p, FILL, p, behind, p, p))
            new = _with(tag[0], fillId=b"%d" % fill, applyFill=b"1") + xf[tag.end():]
            self._filled[style] = self._add(b"cellXfs", new)
        return self._filled[style]

    def page(self, page: Page) -> bytes:
        """The XML of the page, its styles added."""
        p = self._p
        fonts = [self._add(b"fonts", re.sub(rb"<(/?)", rb"<\1" + p, b'<font>%s<name val="Times New Roman"/></font>' % look))
                 for look in _FONTS]
        side = b"".join(b'<%s%s style="thin"><%scolor rgb="FFBFBFBF"/></%s%s>' % (p, s, p, p, s)
                        for s in (b"left", b"right", b"top", b"bottom"))
        border = self._add(b"borders", b"<%sborder>%s<%sdiagonal/></%sborder>" % (p, side, p, p))
        fill = self._add(b"fills", b'<%sfill><%spatternFill patternType="solid"><%sfgColor rgb="FFE7ECF3"/></%spatternFill>'
                                   b"</%sfill>" % (p, p, p, p, p))
        # quotePrefix: what begins like a formula stays text when somebody edits it
        style = {name: self._add(b"cellXfs", b'<%sxf numFmtId="0" fontId="%d" fillId="%d" borderId="%d" xfId="0" quotePrefix="1" '
                                             b'applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1">'
                                             b"<%salignment %s/></%sxf>" % (p, fonts[f], fill * g, border * b, p, alignment, p))
                 for name, (f, g, b, alignment) in _LOOKS.items()}
        rows, links = [], []
        for r, row in enumerate(page, start=1):
            cells = []
            for c, cell in enumerate(row, start=1):
                if cell is None:
                    continue
                place = f"{_letters(c)}{r}"
                cells.append(b'<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>' % (
                    place.encode(), style[cell.style], _text(cell.text)))
                if cell.to:
                    name = cell.to[0].replace("'", "''")
                    links.append(b'<hyperlink ref="%s" location="%s" display="%s"/>' % (
                        place.encode(), _text(f"'{name}'!{cell.to[1]}"), _text(cell.text)))
            height = b' ht="%d" customHeight="1"' % (15 * _lines(row) + 5)
            rows.append(b'<row r="%d"%s>%s</row>' % (r, height, b"".join(cells)))
        widths = b"".join(b'<col min="%d" max="%d" width="%d" customWidth="1"/>' % (n, n, w) for n, w in enumerate(WIDTHS, 1))
        return (b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="%s"><sheetPr><tabColor rgb="%s"/>'
                b'<pageSetUpPr fitToPage="1"/></sheetPr><sheetViews><sheetView showGridLines="0" tabSelected="1" '
                b'workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>%s</cols><sheetData>%s</sheetData>'
                % (_MAIN, FILL, widths, b"".join(rows))
                + (b"<hyperlinks>%s</hyperlinks>" % b"".join(links) if links else b"")
                + b'<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/></worksheet>')

    def xml(self) -> bytes:
        """The part with everything that was added."""
        xml = self._xml
        for name, new in self.added.items():
            if new:
                xml = _append(xml, name, b"".join(new), len(self._old[name]) + len(new))
        return xml


def _lines(row: list[Text | None]) -> int:
    """How many lines the tallest cell of a row of the page takes."""
    return max((sum(-(-len(line) // width) for line in cell.text.split("\n")) for cell, width in zip(row, WIDTHS, strict=False)
                if cell and cell.style in ("cell", "head")), default=1)


def _unfilled(xml: bytes) -> bytes:
    """Styles in which our own fill of an earlier return is again what was behind it."""
    place = _element(xml, b"fills")
    if place is None:
        raise NotKept("built")
    edits, p = [], _prefix(xml)
    for _, start, end in _children(xml, place[1], place[2]):
        colours = {name: text.strip() for name, text in re.findall(
            rb"<(?:\w+:)?(fgColor|bgColor)%s/?>" % _ATTRIBUTES, xml[start:end])}
        if b'"%s"' % FILL in colours.get(b"fgColor", b"").upper():
            behind = colours.get(b"bgColor", b"")
            plain = b'"64"' in behind or not behind or FILL in behind.upper()
            new = b'patternType="none"/>' if plain else b'patternType="solid"><%sfgColor %s/></%spatternFill>' % (p, behind, p)
            edits.append((start, end, b"<%sfill><%spatternFill %s</%sfill>" % (p, p, new, p)))
    return _splice(xml, edits)


_BARE = {
    _TYPES: '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}styles+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                   f'<Relationship Id="rId1" Type="{_RELATION}officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN.decode()}" xmlns:r="{_RELATION.rstrip("/")}"><sheets></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                                  f'<Relationship Id="rId1" Type="{_RELATION}styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN.decode()}"><fonts count="1"><font><sz val="11"/><name val="Times New Roman"/>'
                     '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill '
                     'patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/>'
                     '</border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'
                     '</cellStyleXfs><cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
                     '</styleSheet>'}
