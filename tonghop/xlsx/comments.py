"""Comments at cells and the boxes (VML shapes) in which they are shown: ours are added, and an earlier return's taken out."""

import re

from tonghop.xlsx.parts import RELATION, TYPE, Package, part_called, related, relations_of
from tonghop.xlsx.xml_edit import MAIN, NotKept, append, attributes, children, element, escaped, letters, prefix, splice, split

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
_WIDE, _LINES = 38, 12  # letters in a line of a comment, and lines that it shows without scrolling


def add(book: Package, sheet: str, texts: dict[str, list[str]]) -> None:
    """Write comments at the cells of a sheet (a part), after what their sender wrote there. Raises NotKept."""
    related = book.relations(sheet)
    comments = next((target for kind, target in related.values() if kind == "comments"), None)
    if comments is None:
        comments = book.add(
            "xl/comments%d.xml", TYPE + "comments+xml", b'<comments xmlns="%s"><authors/><commentList/></comments>' % MAIN
        )
        book.relate(sheet, "comments", comments)
    new = _write(book, comments, texts)
    if new:
        _draw(book, sheet, new)


def has_asides(parts: dict[str, bytes], sheet: str) -> bool:
    """Whether a sheet has text boxes, or notes on cells other than ours. The parts are called by their `plain_name`."""
    if relations_of(sheet) not in parts:
        return False
    for kind, part in related(parts, sheet).values():
        xml = parts.get(part_called(parts, part), b"") if kind in ("drawing", "comments") else b""
        if (kind == "drawing" and _WRITTEN.search(xml)) or (
            kind == "comments" and len(_COMMENT.findall(xml)) != xml.count(SIGN.encode())
        ):
            return True
    return False


# a text in a drawing, and a note on a cell
_WRITTEN, _COMMENT = re.compile(rb"<(?:\w+:)?t>[^<]*[^<\s]"), re.compile(rb"<(?:\w+:)?comment[\s>]")


def remove_ours(book: Package) -> None:
    """Take out the comments that an earlier return left, with their boxes."""
    sign = SIGN.encode()
    for sheet in book.sheets.values():
        related = book.relations(sheet)
        signed = [target for kind, target in related.values() if kind == "comments" and sign in book.parts.get(target, b"")]
        for name in signed:
            gone: set[str] = set()
            edits = []
            xml = book.edit(name)
            for _, start, end in children(xml, *(element(xml, b"commentList") or (0, 0, 0, 0))[1:3]):
                rest = _unsigned(xml[start:end])
                if rest is None:
                    gone.add(attributes(xml[start : xml.index(b">", start)]).get(b"ref", b"").decode())
                edits.append((start, end, rest or b""))
            book.parts[name] = splice(xml, edits)
            for vml in [target for kind, target in related.values() if kind == "vmlDrawing"]:
                shapes = re.finditer(rb"<(\w+):shape\s.*?</\1:shape>", book.parts[vml], re.DOTALL)
                book.parts[vml] = splice(
                    book.parts[vml], [(*shape.span(), b"") for shape in shapes if _shape_place(shape[0]) in gone]
                )


def _write(book: Package, name: str, texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Write the comments; returns those at cells that had none."""
    xml = book.edit(name)
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
    book.parts[name] = xml
    return new


def _draw(book: Package, part: str, new: dict[str, list[str]]) -> None:
    """The boxes in which comments are shown."""
    xml, related = book.parts[part], book.relations(part)
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
            for name, old in book.parts.items()
            if name.lower().endswith(".vml")
            for n in re.findall(rb'idmap[^>]*\bdata="(\d{1,6})', old)
        ]
        vml = book.add(
            "xl/drawings/vmlDrawing%d.vml",
            "application/vnd.openxmlformats-officedocument.vmlDrawing",
            _VML % (max(used, default=0) + 1),
        )
        key = book.relate(part, "vmlDrawing", vml)
        at = next((start for name, start, _ in tail if name in _AFTER_DRAWING), xml.rindex(b"</"))
        book.parts[part] = (
            xml[:at]
            + b'<%slegacyDrawing xmlns:r="%s" r:id="%s"/>' % (prefix(xml), RELATION.rstrip("/").encode(), key.encode())
            + xml[at:]
        )
    old = book.parts.get(vml, b"")
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
    book.parts[vml] = old[:end] + own + old[end:]


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
