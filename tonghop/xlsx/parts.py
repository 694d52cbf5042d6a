"""The parts of a workbook and how they refer to each other."""

import io
import posixpath
import re
import zipfile
from functools import lru_cache
from html import unescape
from xml.etree import ElementTree

from tonghop.xlsx.xml_edit import ATTRIBUTE, ATTRIBUTES, MAIN, NotKept, append, attributes, prefix

RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
TYPES = "[Content_Types].xml"


def relations_of(part: str) -> str:
    folder, name = posixpath.split(part)
    return f"{folder}/_rels/{name}.rels"


def local_name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def sheets(parts: dict[str, bytes]) -> list[tuple[str, str]]:
    """(sheet name, part) of every worksheet."""
    return _sheets(parts["xl/_rels/workbook.xml.rels"], parts["xl/workbook.xml"])


@lru_cache(maxsize=1)  # templates of one form come one after the other
def _sheets(relations: bytes, workbook: bytes) -> list[tuple[str, str]]:
    targets = {
        e.get("Id"): e.get("Target", "") for e in ElementTree.fromstring(relations) if e.get("Type", "").endswith("/worksheet")
    }
    found = []
    for sheet in (e for e in ElementTree.fromstring(workbook).iter() if local_name(e) == "sheet"):
        key = next((value for name, value in sheet.items() if name.rpartition("}")[2] == "id"), None)
        if key in targets:
            target = targets[key]
            found.append((sheet.get("name", ""), target[1:] if target.startswith("/") else f"xl/{target}"))
    return found


class Package:
    """The parts of a workbook, the edited ones as they will be. Raises NotKept where it cannot be edited as text."""

    def __init__(self, content: bytes):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            self.infos = archive.infolist()
            self.parts = {info.filename: archive.read(info) for info in self.infos}
        if any(name.lower().startswith("_xmlsignatures/") for name in self.parts):
            raise NotKept("signed")
        if b'"%s"' % MAIN not in self.parts.get("xl/workbook.xml", b"") or "xl/styles.xml" not in self.parts:
            raise NotKept("built")
        self.sheets = dict(sheets(self.parts))

    def edit(self, name: str) -> bytes:
        """A part that is about to be edited as text."""
        xml = self.parts[name]
        if b"<!" in xml or xml.count(b"<?") > 1 or xml.startswith((b"\xfe\xff", b"\xff\xfe")):
            raise NotKept("built")
        return xml

    def close(self) -> bytes:
        """The workbook as a file."""
        out = io.BytesIO()
        known = {info.filename: info for info in self.infos}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in self.parts.items():
                old = known.get(name)
                info = zipfile.ZipInfo(name, old.date_time if old else (1980, 1, 1, 0, 0, 0))
                archive.writestr(info, part, zipfile.ZIP_DEFLATED)
        return out.getvalue()

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Id -> (type's last word, part) of what a part refers to inside the workbook."""
        folder = posixpath.dirname(part)
        found = {}
        for tag in re.findall(rb"<(?:\w+:)?Relationship%s/?>" % ATTRIBUTES, self.parts.get(relations_of(part), b"")):
            a = {name: unescape(value.decode()) for name, value in attributes(tag).items()}
            if a.get(b"TargetMode") != "External":
                target = a.get(b"Target", "")
                path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                found[a.get(b"Id", "")] = (a.get(b"Type", "").rpartition("/")[2], path)
        return found

    def relate(self, part: str, kind: str, target: str) -> str:
        """Add a relation; returns its id."""
        name = relations_of(part)
        if name not in self.parts:
            self.parts[name] = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
        xml = self.edit(name)
        taken = {value for tag in re.findall(ATTRIBUTE, xml) for value in tag[1:]}
        number = next(n for n in range(1, len(taken) + 2) if b"rId%d" % n not in taken)
        one = b'<%sRelationship Id="rId%d" Type="%s" Target="/%s"/>' % (
            prefix(xml),
            number,
            (RELATION + kind).encode(),
            target.encode(),
        )
        self.parts[name] = append(xml, b"Relationships", one)
        return f"rId{number}"

    def add(self, name: str, content_type: str, xml: bytes) -> str:
        """Add a part of a name that is free (%d becomes a number); returns the name."""
        taken = {part.lower() for part in self.parts}
        name = next(free for n in range(1, len(taken) + 2) if (free := name.replace("%d", str(n))).lower() not in taken)
        types = self.edit(TYPES)
        self.parts[TYPES] = append(
            types,
            b"Types",
            b'<%sOverride PartName="/%s" ContentType="%s"/>' % (prefix(types), name.encode(), content_type.encode()),
        )
        self.parts[name] = xml
        return name
