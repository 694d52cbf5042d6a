"""The parts of a workbook and how they refer to each other."""

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from urllib.parse import unquote
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


@dataclass(frozen=True)
class SheetPart:
    """A worksheet of a workbook's index: its name, its part, and whether it is shown."""

    name: str
    part: str
    visible: bool = True


@dataclass(frozen=True)
class Index:
    """What a workbook says that it consists of, each part by the name that its relations give it."""

    workbook: str
    sheets: tuple[SheetPart, ...] = ()
    # by the last word of their type: sharedStrings, styles, theme ...
    others: dict[str, str] = field(default_factory=dict)
    since_1904: bool = False
    # whether its formulas are computed when it is opened next: what their cells hold until then is no result
    recalculates: bool = False
    # whether what its formulas gave may be older than its cells: no spreadsheet that computes them by itself wrote it last
    may_be_stale: bool = True


def index(parts: dict[str, bytes]) -> Index:
    """The index of a workbook, found by following the relations from the package's root, as a spreadsheet does.

    The parts are called by their `plain_name`. Raises ParseError and ValueError where the relations cannot be followed, KeyError
    where a part is missing.
    """
    workbook = main_part(parts)
    return _index(workbook, parts[workbook], parts[relations_of(workbook)])


def main_part(parts: dict[str, bytes]) -> str:
    """The part that the package's root names as the document. The parts are called by their `plain_name`."""
    root = _relations(parts["_rels/.rels"], "") if "_rels/.rels" in parts else {}
    return part_called(parts, next((part for kind, part in root.values() if kind == "officeDocument"), "xl/workbook.xml"))


def related(parts: dict[str, bytes], part: str) -> dict[str, tuple[str, str]]:
    """Id -> (type's last word, part's plain name) of what a part refers to inside the package."""
    return _relations(parts[relations_of(part)], posixpath.dirname(part))


def plain_name(name: str) -> str:
    """A part's name as spreadsheets compare it: in any case, with the separator of Windows or the right one."""
    return name.replace("\\", "/").lower()


def part_called(parts: dict[str, bytes], name: str) -> str:
    """The plain name of the part that a relation calls so."""
    return name if name in parts else unquote(name)


@lru_cache(maxsize=4)
def _relations(xml: bytes, folder: str) -> dict[str, tuple[str, str]]:
    """Id -> (type's last word, part's plain name) of what lies inside the package."""
    relations = {}
    for e in ElementTree.fromstring(xml):
        if e.get("TargetMode") != "External":
            target = plain_name(e.get("Target", ""))
            path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            relations[e.get("Id", "")] = e.get("Type", "").rpartition("/")[2], path
    return relations


@lru_cache(maxsize=1)  # templates of one form come one after the other
def _index(name: str, workbook: bytes, relations: bytes) -> Index:
    targets, root = _relations(relations, posixpath.dirname(name)), ElementTree.fromstring(workbook)
    if local_name(root) != "workbook":
        raise ValueError("no workbook")
    sections = {local_name(section): section for section in root}
    sheets, listed = [], list(sections.get("sheets", ()))
    # one that lies elsewhere would be shown by some programs and not by others
    if len(listed) < sum(local_name(e) == "sheet" for e in root.iter()):
        raise ValueError("sheets in two places")
    for sheet in listed:
        kind, part = targets[next(value for key, value in sheet.items() if key.startswith("{") and key.endswith("}id"))]
        if kind == "worksheet":
            sheets.append(SheetPart(sheet.get("name", ""), part, sheet.get("state", "visible") == "visible"))
    calculation = sections["calcPr"].attrib if "calcPr" in sections else {}
    return Index(
        name,
        tuple(sheets),
        {kind: part for kind, part in targets.values() if kind not in ("worksheet", "chartsheet")},
        "workbookPr" in sections and is_true(sections["workbookPr"].get("date1904")),
        recalculates := is_true(calculation.get("fullCalcOnLoad")) or calculation.get("calcCompleted") in ("0", "false"),
        recalculates or calculation.get("calcMode") == "manual" or all(kind != "calcChain" for kind, _ in targets.values()),
    )


def is_true(value: str | None) -> bool:
    """Whether an attribute says yes."""
    return value is not None and value.strip() in ("1", "true")


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
        names = {plain_name(name): name for name in self.parts}
        plain = {name: self.parts[real] for name, real in names.items()}
        self.sheets = {sheet.name: names[part_called(plain, sheet.part)] for sheet in index(plain).sheets}

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
