"""Writes a workbook's XML again in other ways that mean the same: what the reader says of it may not change.

Each way is one that some program has, or that the standards allow; `respelt` makes the whole workbook over in it.
"""

import io
import re
import zipfile
from collections.abc import Callable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_TEXTS = {"v", "t", "f"}


class Spelling:
    """One way of writing XML; the default is Excel's own."""

    prefix = ""
    main = MAIN
    quote = '"'
    equals = "="
    between = ""
    first = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    encoding = "utf-8"
    backwards = False

    def text(self, text: str) -> str:
        """A text between tags."""
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def value(self, text: str) -> str:
        """An attribute's value."""
        return self.text(text).replace('"', "&quot;").replace("'", "&#39;").replace("\n", "&#10;")

    def change(self, root: Element) -> None:
        """Change the tree of a part before it is written."""

    def write(self, root: Element) -> bytes:
        """A part."""
        names = {self.main: self.prefix}
        for element in root.iter():
            for name in (element.tag, *element.attrib):
                uri = name[1:].partition("}")[0] if name.startswith("{") else None
                if uri is not None and "XML/1998/namespace" not in uri:
                    names.setdefault(uri, f"n{len(names)}")
        if not root.tag.startswith(f"{{{self.main}}}"):  # a part that is no spreadsheet: relations, content types, theme
            names |= {root.tag[1:].partition("}")[0]: self.prefix, self.main: "n0"}
        spaces = "".join(
            f" xmlns{':' * bool(prefix)}{prefix}{self.equals}{self.quote}{uri}{self.quote}" for uri, prefix in names.items()
        )
        return (self.first + self._element(root, names, spaces)).encode(self.encoding)

    def _element(self, element: Element, names: dict[str, str], spaces: str = "") -> str:
        def named(name: str, default: bool) -> str:
            if not name.startswith("{"):
                return name
            uri, _, local = name[1:].partition("}")
            prefix = "xml" if "XML/1998/namespace" in uri else names[uri]
            return f"{prefix}:{local}" if prefix and (default or prefix) else local

        said = [
            f" {named(name, False)}{self.equals}{self.quote}{self.value(value)}{self.quote}"
            for name, value in element.items()
            if not name.endswith("}Ignorable")
        ]
        tag = named(element.tag, True)
        opening = tag + spaces + "".join(reversed(said) if self.backwards else said)
        local = element.tag.rpartition("}")[2]
        if local in _TEXTS or not len(element):
            inner = self.text(element.text or "")
            return f"<{opening}>{inner}</{tag}>" if inner else f"<{opening}/>"
        inside = self.between + self.between.join(self._element(child, names) for child in element) + self.between
        return f"<{opening}>{inside}</{tag}>"


class Prefixed(Spelling):
    prefix = "x"


class Pretty(Spelling):
    between = "\r\n    "


class Quoted(Spelling):
    quote, equals = "'", " =\n"
    backwards = True


class Commented(Spelling):
    between = '<!-- <c r="D9"><v>99</v></c> --><?note <row r="9" hidden="1"?>'


class Cdata(Spelling):
    def text(self, text: str) -> str:
        return f"<![CDATA[{text}]]>" if text and "]]>" not in text else super().text(text)

    def value(self, text: str) -> str:
        return Spelling.text(self, text).replace('"', "&quot;").replace("\n", "&#10;")


class Referenced(Spelling):
    def text(self, text: str) -> str:
        return "".join(f"&#x{ord(c):X};" for c in text)

    def value(self, text: str) -> str:
        return "".join(f"&#{ord(c)};" for c in text)


class Utf16(Spelling):
    first, encoding = '<?xml version="1.0" encoding="UTF-16"?>', "utf-16"


class Marked(Spelling):
    first, encoding = "", "utf-8-sig"


class Strict(Spelling):
    main = STRICT

    def change(self, root: Element) -> None:
        for element in root.iter():
            element.tag = element.tag.replace(MAIN, STRICT)
            if kind := element.get("Type"):
                element.set(
                    "Type", kind.replace("schemas.openxmlformats.org/officeDocument/2006", "purl.oclc.org/ooxml/officeDocument")
                )


def _all(root: Element, *names: str) -> list[Element]:
    return [element for element in root.iter() if element.tag.rpartition("}")[2] in names]


class Backwards(Spelling):
    """Rows and cells from the last to the first."""

    def change(self, root: Element) -> None:
        for element in _all(root, "sheetData", "row"):
            if all(inner.get("r") for inner in element):
                element[:] = reversed(list(element))


class Placeless(Spelling):
    """Without names of rows and cells; those that are not there are written as empty ones."""

    def change(self, root: Element) -> None:
        for table in _all(root, "sheetData"):
            rows = [row for row in table if row.get("r", "").isdigit()]
            if len({row.get("r") for row in rows}) < len(table) or any(int(row.get("r", "")) > 500 for row in rows):
                continue
            wanted = {int(row.get("r", "")): row for row in rows}
            table[:] = [wanted.get(n, Element(f"{{{MAIN}}}row")) for n in range(1, max(wanted, default=0) + 1)]
            for row in table:
                self._cells(row)

    def _cells(self, row: Element) -> None:
        places = [re.fullmatch("([A-Z]{1,2})" + row.get("r", ""), cell.get("r", "")) for cell in row]
        if not all(places) or len({cell.get("r") for cell in row}) < len(row):
            return
        cells = {_column(place[1]): cell for place, cell in zip(places, row, strict=True) if place}
        row[:] = [cells.get(n, Element(f"{{{MAIN}}}c")) for n in range(1, max(cells, default=0) + 1)]
        for element in (row, *row):
            element.attrib.pop("r", None)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


class Rich(Spelling):
    """Texts in runs, with how they are pronounced."""

    def change(self, root: Element) -> None:
        for item in _all(root, "si", "is"):
            if len(item) == 1 and item[0].tag.endswith("}t"):
                text = item[0].text or ""
                item[:] = [self._run("r", text[: len(text) // 2]), self._run("r", text[len(text) // 2 :]), self._run("rPh", "7")]

    def _run(self, name: str, text: str) -> Element:
        run, inner = (
            Element(f"{{{MAIN}}}{name}"),
            Element(f"{{{MAIN}}}t", {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}),
        )
        inner.text = text
        run.append(inner)
        return run


WAYS: dict[str, Spelling] = {
    kind.__name__.lower(): kind()
    for kind in (
        Spelling, Prefixed, Pretty, Quoted, Commented, Cdata, Referenced, Utf16, Marked, Strict, Backwards, Placeless, Rich,
    )
}  # fmt: skip


def respelt(content: bytes, way: str) -> bytes:
    """A workbook in another spelling; parts that are no well-formed XML stay as they are."""
    spelling = WAYS[way]

    def part(name: str, xml: bytes) -> bytes:
        if (
            not name.lower().endswith((".xml", ".rels"))
            or b"<!" in xml.replace(b"\0", b"")
            or (way == "strict" and name.startswith("docProps/"))
        ):
            return xml
        try:
            root = ElementTree.fromstring(xml)
        except ElementTree.ParseError:
            return xml
        if not root.tag.startswith("{"):
            return xml
        spelling.change(root)
        return spelling.write(root)

    return _packed(content, lambda name: name, part)


def repacked(content: bytes, way: str) -> bytes:
    """A workbook whose parts are called otherwise, and whose relations say so."""
    moved = {"xl/sharedStrings.xml": "xl/texts/all.xml", "xl/workbook.xml": "xl/workbook2.xml"}
    moved["xl/_rels/workbook.xml.rels"] = "xl/_rels/workbook2.xml.rels"

    def name(old: str) -> str:
        if way == "moved":
            return moved.get(old, old)
        return old.replace("/", "\\") if way == "backslashes" else old.upper() if way == "upper" else old

    def part(old: str, xml: bytes) -> bytes:
        if way == "moved" and (old.endswith(".rels") or old == "[Content_Types].xml"):
            return xml.replace(b"workbook.xml", b"workbook2.xml").replace(b"sharedStrings.xml", b"texts/all.xml")
        if way == "absolute" and old == "xl/_rels/workbook.xml.rels":
            return re.sub(rb'Target="(?:/xl/)?', b'Target="/xl/', xml)
        return xml

    return _packed(content, name, part)


def _packed(content: bytes, name: Callable[[str], str], part: Callable[[str, bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for old in source.namelist():
            target.writestr(zipfile.ZipInfo(name(old)), part(old, source.read(old)), zipfile.ZIP_DEFLATED)
    return out.getvalue()
