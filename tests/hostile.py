"""Files that mean harm, each with what must become of it. Made here; none is longer than it needs to be."""

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Mapping

from books import STAFF, book

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.reading.bounds import MAX_PARTS
from tonghop.reading.plain_sheet import MAX_MERGES
from tonghop.reading.xlsx import MAX_SHEETS

WARD, PERIOD = "08719", "2018-Y"
SHEET, BOOK, STRINGS, CORE = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "docProps/core.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
Part = bytes | Callable[[bytes], bytes]
Outcome = tuple[str, set[str]]
ACCEPTED: Outcome = ("accepted", set())

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><l>&j;</l>"
)
HEAD = {"form": "F8", "version": 1, "sender": WARD, "period": PERIOD, "scheme": "CALENDAR", "scope": "own"}
CSV_HEAD = "form,version,sender,period,scheme,scope,table,unit,row,field,value\r\n"


def changed(content: bytes, parts: Mapping[str, Part]) -> bytes:
    """A workbook with parts replaced (bytes, or what a function makes of the old ones) or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            new = parts.get(name, source.read(name))
            target.writestr(name, new(source.read(name)) if callable(new) else new)
        for name in parts.keys() - set(source.namelist()):
            new = parts[name]
            assert isinstance(new, bytes)
            target.writestr(name, new)
    return out.getvalue()


def forged(content: bytes, name: str, size: int) -> bytes:
    """The same archive, whose headers both say that a part has another size."""
    raw = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo(name)
        struct.pack_into("<I", raw, info.header_offset + 22, size)
        at = archive.start_dir
    while raw[at + 46 : at + 46 + len(name)] != name.encode():
        at += 46 + sum(struct.unpack_from("<3H", raw, at + 28))
    struct.pack_into("<I", raw, at + 24, size)
    return bytes(raw)


def before(mark: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Puts something before the first mark of a part."""
    return lambda old: old.replace(mark, new + mark, 1)


def as_json(table: object = "F8A", values: str | None = None, **head: object) -> bytes:
    """A report as JSON; `values` as raw text."""
    document = json.dumps(HEAD | head | {"rows": [{"table": table, "unit": WARD, "row": "", "values": {}}]})
    return document.replace('"values": {}', f'"values": {{{json.dumps(STAFF)[1:-1] if values is None else values}}}').encode()


def as_csv(values: Mapping[str, object], table: str = "F8A") -> bytes:
    """A report as CSV."""
    lines = [f"F8,1,{WARD},{PERIOD},CALENDAR,own,{table},{WARD},,{name},{value}\r\n" for name, value in values.items()]
    return (CSV_HEAD + "".join(lines)).encode()


def files(catalogue: Catalogue, settings: Settings) -> dict[str, tuple[bytes, Outcome]]:
    """Name to content and expected (status, rules)."""
    good = book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)])
    zeros = b"0" * (settings.max_unpacked_bytes + 1)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb.xml", zeros)
    many = settings.max_cells + 1
    merges = b'<mergeCells count="1000000">' + b'<mergeCell ref="A1:B2"/>' * 1_000_000 + b"</mergeCells>"
    assert MAX_MERGES < 1_000_000
    twin = io.BytesIO(good)
    with zipfile.ZipFile(twin, "a") as archive:
        archive.writestr(SHEET.upper(), b"<worksheet/>")

    wrong = {"table": "F8A", "unit": WARD, "row": "", "values": dict.fromkeys(STAFF, "khoảng 1,234.5 tỷ đồng")}

    def bounds(parts: Mapping[str, Part]) -> tuple[bytes, Outcome]:
        return changed(good, parts), ("quarantined", {"file.bounds"})

    def unsafe(content: bytes) -> tuple[bytes, Outcome]:
        return content, ("quarantined", {"file.unsafe"})

    def macro(content: bytes) -> tuple[bytes, Outcome]:
        return content, ("quarantined", {"file.macro"})

    def damaged(content: bytes) -> tuple[bytes, Outcome]:
        return content, ("quarantined", {"file.damaged"})

    def no_json(content: bytes) -> tuple[bytes, Outcome]:
        return content, ("quarantined", {"file.json"})

    return {
        "bomb.xlsx": bounds({"xl/media/image1.png": zeros}),
        "bomb-in-a-sheet.xlsx": bounds({SHEET: zeros}),
        "bombs-by-the-dozen.xlsx": bounds({f"xl/{n}.xml": zeros[: len(zeros) // 11] for n in range(12)}),
        "bomb-within-a-bomb.xlsx": (changed(good, {"xl/embeddings/inner.zip": inner.getvalue()}), ACCEPTED),
        "bomb-that-says-it-is-small.xlsx": unsafe(forged(changed(good, {STRINGS: zeros}), STRINGS, 100)),
        "small-that-says-it-is-large.xlsx": damaged(forged(good, SHEET, 1_000_000)),
        "larger-than-4-gb.xlsx": (forged(good, SHEET, 0xFFFFFFF0), ("quarantined", {"file.bounds"})),
        "laughs-in-a-sheet.xlsx": unsafe(changed(good, {SHEET: LAUGHS})),
        "laughs-in-the-strings.xlsx": unsafe(changed(good, {STRINGS: LAUGHS})),
        "laughs-in-the-properties.xlsx": unsafe(changed(good, {CORE: LAUGHS})),
        "laughs-in-the-relations.xlsx": unsafe(changed(good, {RELATIONS: LAUGHS})),
        "laughs-in-utf-16.xlsx": unsafe(changed(good, {SHEET: LAUGHS.decode().encode("utf-16")})),
        "an-entity-that-reads-a-file.xlsx": unsafe(
            changed(good, {SHEET: lambda old: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + old})
        ),
        "a-million-merges.xlsx": bounds({SHEET: before(b"<pageMargins", merges)}),
        "a-giant-dimension.xlsx": (
            changed(good, {SHEET: lambda old: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', old)}),
            ACCEPTED,
        ),
        "a-cell-far-away.xlsx": bounds(
            {SHEET: before(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')}
        ),
        "a-cell-far-away-on-a-sheet-that-lies-elsewhere.xlsx": bounds(
            {
                RELATIONS: lambda old: old.replace(b"worksheets/sheet1.xml", b"elsewhere/sheet1.xml"),
                "xl/elsewhere/sheet1.xml": b"<worksheet><sheetData><row r='9'/><row r='1048576'>"
                b"<c r='XFD1048576'><v>1</v></c></row></sheetData></worksheet>",
            }
        ),
        "a-cell-farther-than-far.xlsx": bounds(
            {SHEET: before(b"</sheetData>", b'<row r="30"><c r="C' + b"9" * 400 + b'"/></row>')}
        ),
        "a-column-farther-than-far.xlsx": bounds({SHEET: before(b"</sheetData>", b'<row r="30"><c r="AAAAA30"/></row>')}),
        "a-cell-far-away-behind-other-words.xlsx": bounds(
            {
                SHEET: before(
                    b"</sheetData>", b'<row r="30000"><c x="' + b">" * 500 + b'" y=\' r="A1"\' r="XFD30000"><v>1</v></c></row>'
                )
            }
        ),
        "a-cell-with-two-places.xlsx": damaged(
            changed(good, {SHEET: before(b"</sheetData>", b"<row r='30'><c r='B30' r='A30'/></row>")})
        ),
        "two-cells-in-one-place.xlsx": damaged(changed(good, {SHEET: before(b"</row>", b'<c r="A1"><v>1</v></c>')})),
        "two-rows-in-one-place.xlsx": damaged(changed(good, {SHEET: before(b"</sheetData>", b'<row r="1"><c r="Z1"/></row>')})),
        "a-cell-in-another-row.xlsx": damaged(
            changed(good, {SHEET: before(b"</sheetData>", b'<row r="30"><c r="A31"><v>1</v></c></row>')})
        ),
        "a-row-that-only-some-programs-see.xlsx": damaged(
            changed(
                good,
                {
                    SHEET: before(
                        b"</sheetData>",
                        b'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
                        b'<mc:Fallback><row r="30"><c r="A30"><v>1</v></c></row></mc:Fallback></mc:AlternateContent>',
                    )
                },
            )
        ),
        "in-a-code-of-its-own.xlsx": unsafe(changed(good, {SHEET: lambda old: b'<?xml version="1.0" encoding="cp037"?>' + old})),
        "cells-without-a-place.xlsx": (changed(good, {SHEET: lambda old: re.sub(rb'<c r="[A-Z]+\d+"', b"<c", old)}), ACCEPTED),
        "too-many-cells-without-a-place.xlsx": bounds({SHEET: before(b"</sheetData>", b"<row>" + b"<c/>" * many + b"</row>")}),
        "too-many-rows.xlsx": bounds({SHEET: before(b"</sheetData>", b"<row/>" * many)}),
        "too-many-sheets.xlsx": bounds({BOOK: before(b"</sheets>", b'<sheet name="x" sheetId="9" r:id="rId1"/>' * MAX_SHEETS)}),
        "too-many-parts.xlsx": bounds({f"xl/{n}.xml": b"<x/>" for n in range(MAX_PARTS)}),
        "too-many-strings.xlsx": bounds(
            {
                STRINGS: b"<sst>" + b"<si><t>x</t></si>" * many + b"</sst>",
                RELATIONS: before(
                    b"</Relationships>", b'<Relationship Id="s" Type="x/sharedStrings" Target="sharedStrings.xml"/>'
                ),
            }
        ),
        "a-sheet-name-without-end.xlsx": unsafe(
            changed(good, {BOOK: lambda old: old.replace(b'name="F8A"', b'name="' + b"F" * 10_000 + b'"')})
        ),
        "nul.xlsx": unsafe(changed(good, {SHEET: before(b"</sheetData>", b"\0")})),
        "up-and-out.xlsx": unsafe(changed(good, {"xl/../../../../tmp/owned.xml": b"<x/>"})),
        "from-the-root.xlsx": unsafe(changed(good, {"/etc/owned.xml": b"<x/>"})),
        "two-of-one-name.xlsx": unsafe(twin.getvalue()),
        "macros.xlsm": macro(changed(good, {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"})),
        "macros-in-disguise.xlsx": macro(changed(good, {"xl/elsewhere/VBAproject.BIN": b"\xd0\xcf\x11\xe0"})),
        "macros.xls": macro(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + "_VBA_PROJECT".encode("utf-16-le") + bytes(500)),
        "nothing.xlsx": (b"", ("quarantined", {"file.nothing"})),
        "nothing.csv": (b"\n", ("quarantined", {"file.nothing"})),
        "nothing.json": (b" ", ("quarantined", {"file.nothing"})),
        "picture.xlsx": (b"\x89PNG\r\n\x1a\n" + bytes(100), ("quarantined", {"file.document"})),
        "old-and-torn.xls": damaged(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000)),
        "nul.csv": (as_csv({"tong": "1\0"}), ("quarantined", {"file.encoding"})),
        "one-endless-field.csv": damaged(as_csv({"tong": "9" * 1_000_000})),
        "too-many-lines.csv": ((CSV_HEAD + "\r\n".join(["F8,,,,,,,,,,"] * many)).encode(), ("quarantined", {"file.bounds"})),
        "a-number-without-end.csv": (as_csv(STAFF | {"tong": "9" * 130_000}), ("returned", {"cell.number"})),
        "a-number-without-end.json": (as_json(values='"tong": "' + "9" * 200_000 + '"'), ("returned", {"cell.number"})),
        "an-exponent-without-end.json": no_json(as_json(values='"tong": 1e999999999')),
        "formulas.csv": (as_csv({'=HYPERLINK("http://x")': 1, "tong": "=1+1"}).replace(b'"', b'""'), ("returned", None)),
        "nul-and-half-characters.json": (as_json("=F8A\u0000\ud800\u001b[31m"), ("returned", {"table.unknown"})),
        "deep.json": no_json(b'{"rows":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"),
        "deep-in-the-head.json": (as_json(unit=1).replace(b'"F8"', b"[" * 900 + b"]" * 900), ("returned", {"head.form"})),
        "twice.json": (as_json(values=json.dumps(STAFF)[1:-1] + ', "tong": 21'), ("returned", {"file.twice"})),
        "nan.json": no_json(as_json(values='"tong": NaN')),
        "infinity.json": no_json(as_json(values='"tong": -Infinity')),
        "a-number-of-many-digits.json": no_json(as_json(values='"tong": ' + "9" * 5_000)),
        # as many wrong figures as a report may have
        "slow.json": (
            json.dumps(HEAD | {"rows": [wrong] * (settings.max_cells // len(STAFF))}).encode(),
            ("quarantined", {"file.time"}),
        ),
        "hungry.json": (b"[" + b"[]," * 6_000_000 + b"[]]", ("quarantined", {"file.memory"})),
    }
