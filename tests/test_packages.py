"""What a file is, how its package is put together, and what its cells show: each gets its exact answer."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from books import STAFF, book
from hostile import changed
from openpyxl import load_workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import DataBarRule, IconSetRule, Rule
from openpyxl.styles import Color, Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.worksheet.worksheet import Worksheet

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.intake.answer import Answer
from tonghop.reading import xls, xlsb, zipped
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check
from tonghop.xlsx import comments
from tonghop.xlsx.xml_edit import MAIN

DATA = Path(__file__).parent / "data"
SETTINGS = Settings(home=PROJECT / "nowhere")
WARD, SHEET, STYLES, BOOK = "08719", "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"
ODS, XLSB = (DATA / "reading" / "kind.ods").read_bytes(), (DATA / "packages" / "plain.xlsb").read_bytes()


def good(catalogue: Catalogue, change: Callable[[Worksheet], Any] | None = None) -> bytes:
    """The staff report of a ward: its figures stand in D9 to L9."""
    content = book(catalogue, "F8A", WARD, "2018-Y", [(WARD, STAFF)])
    if change is None:
        return content
    workbook = load_workbook(io.BytesIO(content))
    change(workbook["F8A"])
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def answer(name: str, content: bytes, catalogue: Catalogue) -> tuple[str, list[tuple[str, str | None, str | None]]]:
    """Status, and the rule, sheet and cell of each finding."""
    report = read(name, content, catalogue)
    return report.status, [(f.rule, f.sheet, f.cell) for f in report.findings]


def read(name: str, content: bytes, catalogue: Catalogue) -> Report:
    return read_and_check(name, content, catalogue, SETTINGS)


def cell(name: str, new: bytes) -> Callable[[bytes], bytes]:
    """Replaces a cell of a sheet."""
    return lambda old: re.sub(rb'<c r="%s"[^>]*>.*?</c>' % name.encode(), new, old)


# --- what a file is ----------------------------------------------------------------------------------------------

HTML = b"<html><head><meta charset=utf-8></head><body><table><tr><td>1</td></tr></table></body></html>"
XML_2003 = b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook/>'


def _package(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return out.getvalue()


def _compound(*streams: str) -> bytes:
    """A compound file that has no more than a directory of streams."""
    head = bytearray(512)
    head[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<H", head, 30, 9)
    struct.pack_into("<I", head, 48, 1)
    struct.pack_into("<2I", head, 56, 4096, 0xFFFFFFFE)
    struct.pack_into("<2I", head, 68, 0xFFFFFFFE, 0)
    struct.pack_into("<109I", head, 76, 0, *[0xFFFFFFFF] * 108)
    directory = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2) + bytes(62)
        for name in ("Root Entry", *streams)
    )
    table = struct.pack("<2I", 0xFFFFFFFD, 0xFFFFFFFE).ljust(512, b"\xff")
    return bytes(head) + table + directory.ljust(512, b"\0")


@pytest.mark.parametrize(
    ("name", "content", "rule", "says"),
    [
        ("a.xlsx", b"", "file.nothing", "trống"),
        ("a.csv", b"", "file.nothing", "trống"),
        ("a.xls", HTML, "file.resave", "Lưu thành"),
        ("a.xls", b"\xef\xbb\xbf\r\n" + HTML.upper(), "file.resave", "HTML"),
        ("a.xls", HTML.decode().encode("utf-16"), "file.resave", "HTML"),
        ("a.xls", XML_2003, "file.resave", "XML 2003"),
        ("a.xls", b"MIME-Version: 1.0\r\n", "file.resave", "MHTML"),
        ("a.xlsx", b"bieu,ky\r\n1,2\r\n", "file.text", ".csv"),
        ("a.docx", _package("[Content_Types].xml", "word/document.xml"), "file.document", "Word"),
        ("a.xlsx", _package("[Content_Types].xml", "ppt/presentation.xml"), "file.document", "PowerPoint"),
        ("a.xlsx", b"%PDF-1.7", "file.document", "PDF"),
        ("a.xls", b"\xff\xd8\xff\xe0", "file.document", "hình ảnh"),
        ("a.xlsx", _compound("EncryptionInfo", "EncryptedPackage"), "file.password", "mật khẩu"),
        ("a.xls", _compound("WordDocument"), "file.document", "Word"),
        ("a.xls", _compound("Book"), "file.resave", "Excel 5.0/95"),
        ("a.numbers", _package("Index/Document.iwa", "Index/Tables/Tile.iwa"), "file.numbers", "Xuất sang"),
        ("a.rar", b"Rar!\x1a\x07", "file.archive", ".zip"),
        ("a.dat", bytes(range(256)), "file.kind", ".ods"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_called_what_it_is(catalogue: Catalogue, name: str, content: bytes, rule: str, says: str) -> None:
    (finding,) = read(name, content, catalogue).findings
    assert finding.rule == rule
    assert says in finding.message_vi
    # the name that the file has already is no advice
    assert not (rule == "file.resave" and ".xls," in finding.message_vi)


# --- what cells show ---------------------------------------------------------------------------------------------


def _white(sheet: Worksheet) -> None:
    sheet["D9"].font = Font(color="FFFFFFFF")


def _white_of_the_theme(sheet: Worksheet) -> None:
    sheet["D9"].font = Font(color=Color(theme=0))


def _nearly_white(sheet: Worksheet) -> None:
    sheet["D9"].font = Font(color=Color(theme=1, tint=0.95))


def _indexed_white(sheet: Worksheet) -> None:
    sheet["D9"].font = Font(color=Color(indexed=9))


def _blue_on_blue(sheet: Worksheet) -> None:
    sheet["D9"].font, sheet["D9"].fill = Font(color="FF0070C0"), PatternFill("solid", fgColor="FF0072C6")


def _black_on_black(sheet: Worksheet) -> None:
    sheet["D9"].fill = PatternFill("solid", fgColor="FF000000")


def _struck(sheet: Worksheet) -> None:
    sheet["D9"].font = Font(strike=True)


def _covered(sheet: Worksheet) -> None:
    sheet.merge_cells("C9:D9")
    sheet["C9"] = "Phường Ngô Quyền"


def _tiny(sheet: Worksheet) -> None:
    sheet["D9"].font = Font(sz=1)


def _white_by_its_number_format(sheet: Worksheet) -> None:
    sheet["D9"].number_format = "[White]0"


UNSEEN = [
    _white_by_its_number_format,
    _tiny,
    _white,
    _white_of_the_theme,
    _nearly_white,
    _indexed_white,
    _blue_on_blue,
    _black_on_black,
]


@pytest.mark.parametrize(("change", "rule"), [*((change, "cell.unseen") for change in UNSEEN), (_struck, "cell.struck")])
def test_a_figure_that_is_not_seen_as_one_is_returned(
    catalogue: Catalogue, change: Callable[[Worksheet], Any], rule: str
) -> None:
    assert answer("a.xlsx", good(catalogue, change), catalogue) == ("returned", [(rule, "F8A", "D9")])


@pytest.mark.parametrize(
    ("look", "rule"),
    [
        (b"<strike/>", "cell.struck"),
        (b'<vertAlign val="superscript"/>', "cell.raised"),
        (b'<color rgb="FFFFFFFF"/>', "cell.unseen"),
        (b'<color theme="0"/>', "cell.unseen"),
        (b'<sz val="1"/>', "cell.unseen"),
        (b'<sz val="9"/>', None),
        (b'<b/><color rgb="FFFF0000"/><strike val="0"/>', None),
    ],
)
@pytest.mark.parametrize("shared", [True, False])
def test_a_stretch_of_a_text_that_is_no_part_of_its_figure_is_returned(
    catalogue: Catalogue, look: bytes, rule: str | None, shared: bool
) -> None:
    runs = b"<r><t>8</t></r><r><rPr>%s</rPr><t></t></r>" % look
    parts: dict[str, Any] = {SHEET: cell("D9", b'<c r="D9" t="inlineStr"><is>%s</is></c>' % runs)}
    if shared:
        relation = b'<Relationship Id="s" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
        parts = {
            SHEET: cell("D9", b'<c r="D9" t="s"><v>0</v></c>'),
            "xl/sharedStrings.xml": b'<sst xmlns="%s"><si>%s</si></sst>' % (MAIN, runs),
            "xl/_rels/workbook.xml.rels": lambda old: old.replace(b"</Relationships>", relation),
        }
    wanted = ("returned", [(rule, "F8A", "D9")]) if rule else ("accepted", [])
    assert answer("a.xlsx", changed(good(catalogue), parts), catalogue) == wanted


def test_a_white_figure_on_a_dark_ground_is_seen(catalogue: Catalogue) -> None:
    def change(sheet: Worksheet) -> None:
        _white(sheet)
        sheet["D9"].fill = PatternFill("solid", fgColor="FF1F4E79")

    assert answer("a.xlsx", good(catalogue, change), catalogue) == ("accepted", [])


@pytest.mark.parametrize("at", ["B9", "C9"])
def test_an_office_whose_name_is_struck_out_is_asked_about(catalogue: Catalogue, at: str) -> None:
    def change(sheet: Worksheet) -> None:
        sheet[at].font = Font(strike=True)

    assert answer("a.xlsx", good(catalogue, change), catalogue) == ("returned", [("cell.struck", "F8A", at)])


@pytest.mark.parametrize("number", [b"&#56;", b"8&#x2E;0", b"<![CDATA[8]]>", b" 8 "])
def test_a_number_is_the_same_however_its_digits_are_spelt(catalogue: Catalogue, number: bytes) -> None:
    content = good(catalogue)
    assert (
        answer("a.xlsx", changed(content, {SHEET: cell("D9", b'<c r="D9"><v>%s</v></c>' % number)}), catalogue)[0] == "accepted"
    )
    longer = changed(content, {SHEET: cell("D9", b'<c r="D9"><v>8&#48;</v></c>')})
    assert answer("a.xlsx", longer, catalogue) == ("returned", [("F8.1a", "F8A", "D9")])


@pytest.mark.parametrize("area", [b"D9:E9", b"E9:D9", b"$D$9:$E$9", b"d9:e9", b"D9&#58;E9"])
def test_a_merged_range_is_the_same_however_it_is_written(catalogue: Catalogue, area: bytes) -> None:
    merged = b'</sheetData><mergeCells><mergeCell ref="%s"/></mergeCells>' % area
    content = changed(good(catalogue), {SHEET: lambda old: old.replace(b"</sheetData>", merged)})
    assert ("cell.merged", "F8A", "D9") in answer("a.xlsx", content, catalogue)[1]


def test_a_figure_under_a_merged_cell_is_returned(catalogue: Catalogue) -> None:
    merged = good(catalogue, _covered)
    # openpyxl drops what a merged cell covers, other programs keep it
    content = changed(merged, {SHEET: cell("D9", b""), BOOK: lambda old: old})
    content = changed(content, {SHEET: lambda old: re.sub(rb'<c r="D9"[^>]*/>', b"", old)})
    content = changed(content, {SHEET: lambda old: old.replace(b'<c r="E9"', b'<c r="D9"><v>8</v></c><c r="E9"', 1)})
    assert ("cell.unseen", "F8A", "D9") in answer("a.xlsx", content, catalogue)[1]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (b'<row r="9"', b'<row r="9" ht="0" customHeight="1"', ("row.hidden", "F8A", "B9")),
        (b'<row r="9"', b'<row r="9" ht="0.75" customHeight="1"', ("row.hidden", "F8A", "B9")),
        (b'<row r="9"', b'<row r="9" ht="3" customHeight="1"', ("row.hidden", "F8A", "B9")),
        (b"<sheetData>", b'<cols><col min="5" max="5" width="0.83"/></cols><sheetData>', ("column.hidden", "F8A", "E7")),
        (b'<row r="9"', b'<row r="9" hidden="true"', ("row.hidden", "F8A", "B9")),
        (
            b"<sheetData>",
            b'<cols><col min="5" max="5" width="0" customWidth="1"/></cols><sheetData>',
            ("column.hidden", "F8A", "E7"),
        ),
        (b"<sheetData>", b'<cols><col min="5" max="5" width="0.2"/></cols><sheetData>', ("column.hidden", "F8A", "E7")),
        (b"<sheetData>", b"<cols><col min='5' max='5' hidden = '1'/></cols><sheetData>", ("column.hidden", "F8A", "E7")),
    ],
)
def test_figures_hidden_by_size_are_returned(catalogue: Catalogue, old: bytes, new: bytes, finding: tuple[str, str, str]) -> None:
    content = changed(good(catalogue), {SHEET: lambda xml: xml.replace(old, new, 1)})
    status, found = answer("a.xlsx", content, catalogue)
    assert status == "returned"
    assert finding in found


def test_a_sheet_that_hides_the_rows_nobody_wrote_shows_those_that_are_there(catalogue: Catalogue) -> None:
    hides = {SHEET: lambda xml: re.sub(rb"<sheetFormatPr[^>]*/>", b'<sheetFormatPr defaultRowHeight="15" zeroHeight="1"/>', xml)}
    assert answer("a.xlsx", changed(good(catalogue), hides), catalogue) == ("accepted", [])
    low = {SHEET: lambda xml: re.sub(rb"<sheetFormatPr[^>]*/>", b'<sheetFormatPr defaultRowHeight="1" zeroHeight="1"/>', xml)}
    assert ("row.hidden", "F8A", "B9") in answer("a.xlsx", changed(good(catalogue), low), catalogue)[1]


@pytest.mark.parametrize(
    "error",
    ["#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#GETTING_DATA", "#BUSY!", "#UNKNOWN!", "#PYTHON!", "#N/A"],
)
def test_every_error_is_told_at_its_cell(catalogue: Catalogue, error: str) -> None:
    content = changed(good(catalogue), {SHEET: cell("D9", b'<c r="D9" t="e"><v>%s</v></c>' % error.encode())})
    report = read("a.xlsx", content, catalogue)
    assert [(f.rule, f.sheet, f.cell) for f in report.findings] == [("cell.error", "F8A", "D9")]
    assert error in report.findings[0].message_vi


CALCULATE = {BOOK: lambda old: re.sub(rb"<calcPr[^>]*/>", b'<calcPr fullCalcOnLoad="1"/>', old)}
SAVED = {BOOK: lambda old: re.sub(rb"<calcPr[^>]*/>", b'<calcPr calcId="191029"/>', old)}


@pytest.mark.parametrize(
    ("formula", "book_says", "answered"),
    [
        (b"<f>4+4</f><v>8</v>", SAVED, ("accepted", [])),
        (b"<f>4+4</f><v>8</v>", CALCULATE, ("accepted", [])),
        (b"<f>4-4</f><v>0</v>", CALCULATE, ("quarantined", [("file.formula", "F8A", "J9")])),
        (b"<f>4-4</f><v>0</v>", SAVED, ("accepted", [])),
        (b"<f>4-4</f>", SAVED, ("quarantined", [("file.formula", "F8A", "J9")])),
        (b"<f>4-4</f><v></v>", SAVED, ("quarantined", [("file.formula", "F8A", "J9")])),
        (b"<f>4-4</f><v/>", SAVED, ("quarantined", [("file.formula", "F8A", "J9")])),
        (b"<f>4-4</f><v></v>", CALCULATE, ("quarantined", [("file.formula", "F8A", "J9")])),
        (b'<f t="shared" si="0"/><v/>', SAVED, ("quarantined", [("file.formula", "F8A", "J9")])),
    ],
)  # fmt: skip
def test_a_formula_that_was_never_computed_is_no_figure(
    catalogue: Catalogue, formula: bytes, book_says: dict[str, Callable[[bytes], bytes]], answered: object
) -> None:
    content = good(catalogue)
    if b"8</v>" in formula:
        edited, answered_cell = cell("D9", b'<c r="D9">%s</c>' % formula), answered
    else:
        edited, answered_cell = cell("J9", b'<c r="J9">%s</c>' % formula), answered
    assert answer("a.xlsx", changed(content, {SHEET: edited, **book_says}), catalogue) == answered_cell


@pytest.mark.parametrize("row", [b"<row ", b"<row  "])  # plain, and not
def test_an_empty_text_is_a_result_unless_the_workbook_is_yet_to_be_computed(catalogue: Catalogue, row: bytes) -> None:
    empty = cell("J9", b'<c r="J9" t="str"><f>K9</f><v></v></c>')

    def edit(old: bytes) -> bytes:
        new = empty(old)
        assert isinstance(new, bytes)
        return new.replace(b"<row ", row)

    for book_says, rule, at in ((CALCULATE, "file.formula", "J9"), (SAVED, "cell.blank", "J9")):
        found = answer("a.xlsx", changed(good(catalogue), {SHEET: edit, **book_says}), catalogue)[1]
        assert found == [(rule, "F8A", at)]


def test_a_formula_without_a_value_outside_the_figures_does_not_count(catalogue: Catalogue) -> None:
    beside = changed(
        good(catalogue),
        {SHEET: lambda old: old.replace(b"</sheetData>", b'<row r="40"><c r="T40"><f>1</f></c></row></sheetData>')},
    )
    assert answer("a.xlsx", beside, catalogue)[0] == "accepted"


# --- what formulas give now, and what conditional formats do -----------------------------------------------------


def _given(formula: str, kept: object, book_says: dict[str, Any] = SAVED, **other: str) -> Callable[[Catalogue], bytes]:
    """A report whose G9 (staff in all: 8 + 12 + 1) has a formula with what a program kept for it."""

    def made(catalogue: Catalogue) -> bytes:
        def sheet(xml: bytes) -> bytes:
            xml = cell("G9", f'<c r="G9"><f>{formula}</f><v>{kept}</v></c>'.encode())(xml)
            for at, new in other.items():
                xml = cell(at, f'<c r="{at}">{new}</c>'.encode())(xml)
            return xml

        return changed(good(catalogue), {SHEET: sheet, **book_says})

    return made


@pytest.mark.parametrize(
    ("made", "found", "says"),
    [
        (_given("SUM(D9:F9)", 22), ["cell.stale G9"], "tính ra 21, nhưng tệp lưu 22"),
        (_given("D9+E9+F9", 22, CALCULATE), ["cell.stale G9"], "tính ra 21, nhưng tệp lưu 22"),
        (_given("$D9+SUM($E$9,F9)", 22), ["cell.stale G9"], "21"),
        (_given("SUM(D9:F9)-2*(H9-2)", 22), ["cell.stale G9"], "21"),
        (_given("SUM(D9:F9)", 21), [], ""),
        (_given("SUM(D9:F9)", "2.1E1", CALCULATE), [], ""),
        (_given("SUM(D9:F9)+L9", 21, CALCULATE, L9="<f>J9-J9</f><v>0</v>"), ["file.formula L9"], ""),
        (_given("SUM(D9:F9)", 22, K9="<f>H9-1</f><v>2</v>"), ["cell.stale G9", "cell.stale K9"], "tính ra 1, nhưng tệp lưu 2"),
        # what is not understood is taken as it is kept, and so is what Excel computed
        (_given("VLOOKUP(D9,D9:F9,1)", 21), [], ""),
        (_given("SUM(D9:F9)+F8B!A1", 21), [], ""),
        (_given("SUM(G9:G9)", 21), [], ""),
        (_given("SUM(D9:F9)", 22, {**SAVED, "xl/_rels/workbook.xml.rels": lambda old: old.replace(
            b"</Relationships>", b'<Relationship Id="c" Type="x/calcChain" Target="calcChain.xml"/></Relationships>')}),
         ["F8.1a G9", "F8.1b G9"], ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("row", [b"<row ", b"<row  "])  # plain, and not
def test_a_kept_value_that_its_formula_does_not_give_is_returned(
    catalogue: Catalogue, made: Callable[[Catalogue], bytes], found: list[str], says: str, row: bytes
) -> None:
    content = changed(made(catalogue), {SHEET: lambda old: old.replace(b"<row ", row)})
    report = read("a.xlsx", content, catalogue)
    assert sorted(f"{f.rule} {f.cell}" for f in report.findings) == found
    assert says in " ".join(f.message_vi for f in report.findings)


def test_a_shared_formula_and_a_total_are_computed_too(catalogue: Catalogue) -> None:
    cells = b'<c r="G9"><f t="shared" ref="G9:G10" si="0">SUM(D9:F9)</f><v>21</v></c>'
    total = b'<row r="10"><c r="C10" t="inlineStr"><is><t>Tong</t></is></c>'
    total = (
        total.replace(b"Tong", "Tổng".encode()) + b'<c r="F10"><v>1</v></c><c r="G10"><f t="shared" si="0"/><v>21</v></c></row>'
    )

    def sheet(xml: bytes) -> bytes:
        return re.sub(rb'<row r="10".*?</row>', total, cell("G9", cells)(xml))

    report = read("a.xlsx", changed(good(catalogue), {SHEET: sheet, **SAVED}), catalogue)
    assert [(f.rule, f.cell) for f in report.findings] == [("cell.stale", "G10")]


def _format(sheet: Worksheet, cells: str, rule: Rule, look: DifferentialStyle | None = None) -> None:
    rule.dxf = look
    sheet.conditional_formatting.add(cells, rule)


_WHITE, _RED = DifferentialStyle(font=Font(color="FFFFFFFF")), DifferentialStyle(font=Font(color="FFFF0000"))
_NOTHING = DifferentialStyle(numFmt=NumberFormat(numFmtId=200, formatCode=";;;"))
_DARK = DifferentialStyle(fill=PatternFill(bgColor="FF000000"))
_STRUCK = DifferentialStyle(font=Font(strike=True))


def _when(formula: str) -> Rule:
    return Rule(type="expression", formula=[formula])


def _if(sign: str, *values: str) -> Rule:
    return Rule(type="cellIs", operator=sign, formula=list(values))


@pytest.mark.parametrize(
    ("rule", "look", "found"),
    [
        (_when("TRUE"), _WHITE, "cell.unseen"),
        (_when("TRUE"), _DARK, "cell.unseen"),
        (_when("TRUE"), _STRUCK, "cell.struck"),
        (_when("TRUE"), _NOTHING, "cell.shown"),
        (_when("TRUE"), _RED, None),
        (_when("$E9>10"), _WHITE, "cell.unseen"),
        (_when("$E9>20"), _WHITE, None),
        (_when('$B9=""'), _WHITE, None),
        (_when('AND($B9<>"",D9=8)'), _WHITE, "cell.unseen"),
        (_when("ISERROR(D9)"), _WHITE, None),
        (_when("WEEKDAY(D9)=1"), _WHITE, "cell.unseen"),  # not known: it may hold
        (_if("equal", "0"), _WHITE, None),
        (_if("equal", "8"), _NOTHING, "cell.shown"),
        (_if("between", "5", "9"), _WHITE, "cell.unseen"),
        (_if("greaterThan", "$E9"), _WHITE, None),
        (Rule(type="containsErrors", formula=["ISERROR(D9)"]), _WHITE, None),
        (Rule(type="top10", rank=1), _WHITE, "cell.unseen"),
        (DataBarRule("min", None, "max", None, color="FF638EC6", showValue=False), None, "cell.unseen"),
        (DataBarRule("min", None, "max", None, color="FF638EC6"), None, None),
        (IconSetRule("3Arrows", "percent", [0, 33, 67], showValue=False), None, "cell.unseen"),
    ],
)
def test_a_conditional_format_that_hides_a_figure_is_seen(
    catalogue: Catalogue, rule: Rule, look: DifferentialStyle | None, found: str | None
) -> None:
    content = good(catalogue, lambda sheet: _format(sheet, "D9", rule, look))
    assert answer("a.xlsx", content, catalogue) == ("returned" if found else "accepted", [(found, "F8A", "D9")] if found else [])


def test_a_conditional_format_that_hides_zeros_hides_nothing(catalogue: Catalogue) -> None:
    content = good(catalogue, lambda sheet: _format(sheet, "D9:L9", _if("equal", "0"), _WHITE))
    assert answer("a.xlsx", content, catalogue) == ("accepted", [])


def test_conditional_formats_that_nobody_looks_at_are_named(catalogue: Catalogue) -> None:
    newer = (
        b'<extLst><ext xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" uri="{78C0D931}">'
        b"<x14:conditionalFormattings><x14:conditionalFormatting><x14:cfRule><x14:dxf><font/></x14:dxf></x14:cfRule>"
        b"</x14:conditionalFormatting></x14:conditionalFormattings></ext></extLst></worksheet>"
    )
    newest = changed(good(catalogue), {SHEET: lambda xml: xml.replace(b"</worksheet>", newer)})
    binary = changed(XLSB, {"xl/worksheets/sheet1.bin": lambda old: _record(461, bytes(12)) + old})
    open_ = _ods(lambda text: text.replace("</table:table>", "<calcext:conditional-format/></table:table>", 1))
    for name, content in (("a.xlsx", newest), ("a.xlsb", binary), ("a.ods", open_)):
        report = read(name, content, catalogue)
        assert (report.status, report.read.conditional) == ("accepted", ("F8A",)), name
    assert read("a.xlsx", good(catalogue), catalogue).read.conditional == ()


# --- OpenDocument ------------------------------------------------------------------------------------------------


def _beside(kind: str, xml: str) -> Callable[[Catalogue], bytes]:
    """A report whose sheet refers to a part beside it."""
    relation = f'<Relationship Id="rId9" Type="http://x/{kind}" Target="../beside.xml"/>'
    rels = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relation}</Relationships>'
    parts = {"xl/worksheets/_rels/sheet1.xml.rels": rels.encode(), "xl/beside.xml": xml.encode()}
    return lambda catalogue: changed(good(catalogue), parts)


@pytest.mark.parametrize(
    ("kind", "made", "named"),
    [
        ("xlsx", lambda catalogue: good(catalogue, lambda sheet: setattr(sheet["D9"], "comment", Comment("9?", "x"))), True),
        ("xlsx", _beside("drawing", "<xdr:txBody><a:p><a:t>nghìn người</a:t></a:p></xdr:txBody>"), True),
        ("xlsx", _beside("drawing", "<xdr:pic/><a:t> </a:t>"), False),
        ("xlsx", _beside("comments", f"<x:commentList><x:comment ref='D9'>{comments.SIGN}8</x:comment></x:commentList>"), False),
        ("ods", lambda catalogue: _ods(_first_figure(_NOTED)), True),
        ("ods", lambda catalogue: _ods(_below("<table:shapes><draw:custom-shape/></table:shapes>")), False),
        ("ods", lambda catalogue: ODS, False),
        ("xlsb", lambda catalogue: XLSB, False),
    ],
)
def test_text_boxes_and_notes_on_cells_are_named(
    catalogue: Catalogue, kind: str, made: Callable[[Catalogue], bytes], named: bool
) -> None:
    report = read(f"a.{kind}", made(catalogue), catalogue)
    assert (report.status, report.read.asides) == ("accepted", ("F8A",) if named else ())
    words = "text boxes and notes on cells, not read: F8A\n"
    assert (words in Answer.to(report, "a", "0").as_text()) == named


def _ods(change: Callable[[str], str]) -> bytes:
    return changed(ODS, {"content.xml": lambda old: change(old.decode()).encode()})


def _in_row(change: Callable[[str], str]) -> Callable[[str], str]:
    """Changes the row of figures: the one that holds the ward's code below the head."""

    def changed_(text: str) -> str:
        rows = [row for row in re.findall(r"<table:table-row.*?</table:table-row>", text, re.S) if "08719" in row]
        return text.replace(rows[-1], change(rows[-1]))

    return changed_


_NUMBER = re.compile(r'office:value-type="float"( office:value="8").*?<text:p>8</text:p>')
_FAR = (
    '<table:table-row table:number-rows-repeated="%d">'
    '<table:table-cell table:number-columns-repeated="16384"%s/></table:table-row>'
)


_NOTED = 'office:value-type="float"\\1><office:annotation><text:p>9?</text:p></office:annotation><text:p>8</text:p>'


def _first_figure(new: str) -> Callable[[str], str]:
    return _in_row(lambda row: _NUMBER.sub(new, row, count=1))


def _written_in(properties: str) -> Callable[[str], str]:
    style = f'<style:style style:name="Up" style:family="text"><style:text-properties {properties}/></style:style>'
    text = 'office:value-type="string"><text:p><text:span text:style-name="Up">8</text:span></text:p>'
    return lambda xml: _first_figure(text)(xml.replace("</office:automatic-styles>", f"{style}</office:automatic-styles>"))


def _shown_as(visibility: str) -> Callable[[str], str]:
    new = f'<table:table-row table:visibility="{visibility}"'
    return _in_row(lambda row: row.replace("<table:table-row", new, 1))


def _below(new: str) -> Callable[[str], str]:
    return lambda text: text.replace("</table:table>", f"{new}</table:table>", 1)


ODS_CASES: list[tuple[Callable[[str], str], str, str | None]] = [
    (lambda text: text, "accepted", None),
    (_shown_as("collapse"), "returned", "row.hidden"),
    (_shown_as("filter"), "returned", "row.hidden"),
    (_first_figure('calcext:value-type="error" office:value-type="string"><text:p>#REF!</text:p>'), "returned", "cell.error"),
    (_first_figure('office:value-type="percentage" office:value="1"><text:p>100%</text:p>'), "returned", "cell.percent"),
    (_first_figure('office:value-type="float" office:value="8"><text:p>tám</text:p>'), "returned", "cell.shown"),
    (
        lambda text: _in_row(
            lambda row: _NUMBER.sub(
                'office:value-type="string"><text:p>8<text:span text:style-name="Up">1</text:span></text:p>', row, count=1
            )
        )(
            text.replace(
                "</office:automatic-styles>",
                '<style:style style:name="Up" style:family="text"><style:text-properties style:text-position="super 58%"/>'
                "</style:style></office:automatic-styles>",
            )
        ),
        "returned",
        "cell.raised",
    ),
    (_written_in('fo:font-size="1pt"'), "returned", "cell.unseen"),
    (_written_in('fo:font-size="80%"'), "accepted", None),
    (_first_figure('table:formula="of:=4+4">'), "quarantined", "file.formula"),
    (_below(_FAR % (1_048_576, ' office:value-type="float" office:value="1"')), "quarantined", "file.bounds"),
    (_below(_FAR % (900_000, "")), "accepted", None),
    (lambda text: "<!DOCTYPE x>" + text, "quarantined", "file.unsafe"),
    (lambda text: text[:-40], "quarantined", "file.damaged"),
]


@pytest.mark.parametrize(("change", "status", "rule"), ODS_CASES)
def test_an_ods_gets_every_look_that_an_xlsx_gets(
    catalogue: Catalogue, change: Callable[[str], str], status: str, rule: str | None
) -> None:
    content = _ods(change)
    got, found = answer("a.ods", content, catalogue)
    assert (got, rule in {r for r, *_ in found} if rule else not found) == (status, True)


def test_an_ods_behind_a_password_or_with_macros_is_refused_as_such(catalogue: Catalogue) -> None:
    locked = changed(ODS, {"META-INF/manifest.xml": lambda old: old.replace(b"/>", b"><manifest:encryption-data/></x>", 1)})
    assert answer("a.ods", locked, catalogue)[1] == [("file.password", None, None)]
    assert answer("a.ods", changed(ODS, {"Basic/script-lc.xml": b"<x/>"}), catalogue)[1] == [("file.macro", None, None)]


# --- .xlsb -------------------------------------------------------------------------------------------------------


def _records(part: bytes, change: Callable[[int, bytearray], None]) -> bytes:
    """A part of a binary workbook with its records changed in place."""
    out, at = bytearray(part), 0
    while at < len(part):
        start, kind = at, part[at] & 0x7F
        at += 1
        if part[start] & 0x80:
            kind |= (part[at] & 0x7F) << 7
            at += 1
        length, shift = 0, 0
        while True:
            length |= (part[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not part[at - 1] & 0x80:
                break
        body = bytearray(part[at : at + length])
        change(kind, body)
        out[at : at + length] = body
        at += length
    return bytes(out)


def _hide_the_row_of_figures(kind: int, body: bytearray) -> None:
    if kind == 0 and struct.unpack_from("<I", body)[0] == 8:
        body[11] |= 0x10


def _flatten_the_row_of_figures(kind: int, body: bytearray) -> None:
    if kind == 0 and struct.unpack_from("<I", body)[0] == 8:
        struct.pack_into("<H", body, 8, 0)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda kind, body: None, ("accepted", [])),
        (_hide_the_row_of_figures, ("returned", [("row.hidden", "F8A", "B9")])),
        (_flatten_the_row_of_figures, ("returned", [("row.hidden", "F8A", "B9")])),
    ],
)
def test_an_xlsb_gets_every_look_that_an_xlsx_gets(
    catalogue: Catalogue, change: Callable[[int, bytearray], None], found: object
) -> None:
    content = changed(XLSB, {"xl/worksheets/sheet1.bin": lambda old: _records(old, change)})
    assert answer("a.xlsb", content, catalogue) == found


def _record(kind: int, body: bytes) -> bytes:
    of_kind = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length = len(body)
    return of_kind + (bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])) + body


def _written(part: bytes, change: Callable[[int, bytes], tuple[int, bytes]]) -> bytes:
    """A part of a binary workbook with its records written anew."""
    return b"".join(_record(*change(kind, body)) for kind, body in xlsb.records(part))


def _in_cell(column: int, kind: int, value: bytes) -> Callable[[bytes], bytes]:
    """Puts another record in a cell of the row of figures."""
    rows: list[int] = []

    def change(old: int, body: bytes) -> tuple[int, bytes]:
        if old == 0:
            rows.append(int.from_bytes(body[:4], "little"))
        here = 0 < old < 12 and rows[-1] == 8 and int.from_bytes(body[:4], "little") == column
        return (kind, body[:8] + value) if here else (old, body)

    return lambda part: _written(part, change)


def _wide_text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _second_font(at: int, value: int) -> Callable[[bytes], bytes]:
    fonts: list[int] = []

    def change(kind: int, body: bytes) -> tuple[int, bytes]:
        if kind == xlsb.FONT:
            fonts.append(kind)
            if len(fonts) == 2:
                return kind, body[:at] + struct.pack("<H", value) + body[at + 2 :]
        return kind, body

    return lambda part: _written(part, change)


# height in twentieths of a point, strike-through, and above the line
LOOKS = [(0, 20, "cell.unseen"), (2, 8, "cell.struck"), (6, 1, "cell.raised"), (0, 200, None)]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("at", "value", "rule"), LOOKS)
def test_a_stretch_of_a_text_in_an_xlsb_is_seen(
    catalogue: Catalogue, at: int, value: int, rule: str | None, shared: bool
) -> None:
    rich = b"\1" + _wide_text("81") + struct.pack("<I2H", 1, 1, 1)
    count = sum(
        kind == xlsb.SHARED_TEXT for kind, _ in xlsb.records(zipfile.ZipFile(io.BytesIO(XLSB)).read("xl/sharedStrings.bin"))
    )
    put = _in_cell(3, xlsb.SHARED, struct.pack("<I", count)) if shared else _in_cell(3, xlsb.RICH, rich)
    end = _record(160, b"")
    content = changed(
        XLSB,
        {
            "xl/styles.bin": _second_font(at, value),
            "xl/sharedStrings.bin": lambda old: old.replace(end, _record(xlsb.SHARED_TEXT, rich) + end),
            "xl/worksheets/sheet1.bin": put,
        },
    )
    report = read("a.xlsb", content, catalogue)
    assert [(f.rule, f.cell) for f in report.findings if f.cell == "D9"][:1] == [(rule or "F8.1a", "D9")]


@pytest.mark.parametrize(("recalculates", "rule"), [(True, "file.formula"), (False, "cell.blank")])
def test_an_empty_text_of_a_formula_in_an_xlsb_is_one_in_an_xlsx(catalogue: Catalogue, recalculates: bool, rule: str) -> None:
    def calculate(kind: int, body: bytes) -> tuple[int, bytes]:
        return kind, body[:24] + bytes([body[24] | recalculates]) + body[25:] if kind == xlsb.CALCULATION else body

    parts = {
        "xl/workbook.bin": lambda old: _written(old, calculate),
        "xl/worksheets/sheet1.bin": _in_cell(3, xlsb.F_TEXT, _wide_text("") + bytes(10)),
    }
    assert ("F8A", "D9") in [(sheet, at) for r, sheet, at in answer("a.xlsb", changed(XLSB, parts), catalogue)[1] if r == rule]


# --- .xls --------------------------------------------------------------------------------------------------------


ARIAL = struct.pack("<5H4B", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + b"\5\0Arial"


def _xls(font: bytes = ARIAL, text: bytes = b"", own: bool = False, total: bytes = b"", shared: bytes = b"") -> bytes:
    """The staff report of a ward as an .xls of no more records than there must be.

    D9 may have a text with runs in the second font, and G9 a formula: its value, flags and tokens; and one that cells share.
    """
    workbook = load_workbook(io.BytesIO(book(load_catalogue(PROJECT / "catalogue"), "F8A", WARD, "2018-Y", [(WARD, STAFF)])))

    def record(kind: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack("<2H", kind, len(body)) + body

    def plain(value: str) -> bytes:
        return struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")

    texts, cells = [plain("") if own or not text else text], b""
    for row in workbook["F8A"].iter_rows():
        for cell_ in row:
            place = struct.pack("<3H", cell_.row - 1, cell_.column - 1, 0)
            if cell_.coordinate == "G9" and total:
                cells += record(xls.FORMULA, place, total) + (record(xls.SHARED_FORMULA, shared) if shared else b"")
            elif cell_.coordinate == "D9" and text:
                cells += record(0xD6, place, text) if own else record(0xFD, place, struct.pack("<I", 0))
            elif isinstance(cell_.value, str):
                cells += record(0xFD, place, struct.pack("<I", len(texts)))
                texts.append(plain(cell_.value))
            elif cell_.value is not None:
                cells += record(0x203, place, struct.pack("<d", cell_.value))
    # the shared texts go on in a second record
    half = len(texts) // 2
    shared = record(0xFC, struct.pack("<2I", len(texts), len(texts)), *texts[:half]) + record(0x3C, *texts[half:])
    begin = struct.pack("<4H2I", 0x600, 5, 0, 0, 0, 0)
    styles = record(0x31, ARIAL) + record(0x31, font) + record(0xE0, struct.pack("<2H", 0, 0) + bytes(16))
    name = b"\3\0F8A"
    length = len(record(0x809, begin) + styles + shared) + len(record(0x85, bytes(6), name)) + 4
    globals_ = record(0x809, begin) + styles + record(0x85, struct.pack("<IH", length, 0), name) + shared + record(0x0A)
    stream = globals_ + record(0x809, struct.pack("<4H2I", 0x600, 0x10, 0, 0, 0, 0)) + cells + record(0x0A)
    return _compound_of(stream.ljust(4096, b"\0"))


def _compound_of(stream: bytes) -> bytes:
    """A compound file with the stream `Workbook`."""
    sectors = -(-len(stream) // 512)
    head = bytearray(512)
    head[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<5H", head, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<2I", head, 44, 1, 1)
    struct.pack_into("<2I", head, 56, 4096, 0xFFFFFFFE)
    struct.pack_into("<3I", head, 64, 0, 0xFFFFFFFE, 0)
    struct.pack_into("<109I", head, 76, 0, *[0xFFFFFFFF] * 108)
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    entries = b""
    for name, kind, child, start, size in (("Root Entry", 5, 1, 0xFFFFFFFE, 0), ("Workbook", 2, 0xFFFFFFFF, 2, len(stream))):
        letters = name.encode("utf-16-le")
        entries += letters.ljust(64, b"\0") + struct.pack("<H2B3I", len(letters) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        entries += bytes(36) + struct.pack("<3I", start, size, 0)
    fat = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    assert len(fat) == 512
    return bytes(head) + fat + entries.ljust(512, b"\0") + stream.ljust(512 * sectors, b"\0")


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("at", "value", "rule"), [*LOOKS, (4, 9, "cell.unseen")])
def test_a_stretch_of_a_text_in_an_xls_is_seen(catalogue: Catalogue, at: int, value: int, rule: str | None, own: bool) -> None:
    at = 8 if rule == "cell.raised" else at
    font = bytearray(ARIAL)
    struct.pack_into("<H", font, at, value)
    letters, runs = "81".encode("utf-16-le"), struct.pack("<2H", 1, 1)
    text = (
        struct.pack("<HB", 2, 1) + letters + struct.pack("<H", 1) + runs if own else struct.pack("<HBH", 2, 9, 1) + letters + runs
    )
    report = read("a.xls", _xls(bytes(font), text, own), catalogue)
    assert [(f.rule, f.cell) for f in report.findings if f.cell == "D9"][:1] == [(rule or "F8.1a", "D9")], report.findings


# --- formulas of other kinds of file -----------------------------------------------------------------------------


def _ods_formula(formula: str, kept: float) -> bytes:
    """The staff report of a ward, of which G9 (8 + 12 + 1 in all) has a formula, and what a program kept for it."""
    new = f'table:formula="{formula}" office:value-type="float" office:value="{kept}"><text:p>{kept}</text:p>'
    return _ods(_in_row(lambda row: re.sub(r'office:value-type="float" office:value="21".*?<text:p>21</text:p>', new, row)))


def _references(wide: bool, *names: str, relative: bool = False) -> bytes:
    """The token of a cell or of a range."""
    places = [(int(name[1:]) - 1, ord(name[0]) - 65) for name in names]
    kind = {1: 0x44, 2: 0x25}[len(names)] + 8 * relative
    rows, columns = [row for row, _ in places], [column | 0xC000 * relative for _, column in places]
    return struct.pack(f"<B{len(names)}{'I' if wide else 'H'}{len(names)}H", kind, *rows, *columns)


def _tokens(wide: bool) -> dict[str, bytes]:
    def at(*names: str) -> bytes:
        return _references(wide, *names)

    total = b"\x19\x10\0\0"
    return {
        "SUM(D9:F9)": at("D9", "F9") + total,
        "D9+E9+F9": at("D9") + at("E9") + b"\x03" + at("F9") + b"\x03",
        "SUM(D9,E9,F9)": at("D9") + at("E9") + at("F9") + b"\x42\x03\x04\0",
        "-(1-D9)+E9*1+F9+0.5+0.5": b"\x1e\1\0" + at("D9") + b"\x04\x15\x13" + at("E9") + b"\x1e\1\0\x05\x03" + at("F9")
        + b"\x03\x1f" + struct.pack("<d", 0.5) + b"\x03\x1f" + struct.pack("<d", 0.5) + b"\x03",
        "MAX(D9:F9)+9": at("D9", "F9") + b"\x42\x01\x07\0" + b"\x1e\x09\0\x03",
        "cut off": at("D9", "F9")[:-1],
        "of nothing": b"\x03",
    }  # fmt: skip


def _binary(kind: str, formula: str, kept: float) -> bytes:
    tokens = _tokens(kind == "xlsb")[formula]
    if kind == "xls":
        return _xls(total=struct.pack("<d6xH", kept, len(tokens)) + tokens)
    body = struct.pack("<dHI", kept, 0, len(tokens)) + tokens + bytes(4)
    return changed(XLSB, {"xl/worksheets/sheet1.bin": _in_cell(6, xlsb.F_REAL, body)})


UNDERSTOOD = {
    "ods": [f"of:={f}" for f in ("SUM([.D9:.F9])", "[.D9]+[.$E$9]+[.F9]", "SUM([.D9];[.E9:.F9])", "SUM([.D9:.F9])-2*([.H9]-2)")],
    "xls": [*_tokens(wide=False)][:4],
    "xlsb": [*_tokens(wide=True)][:4],
}
NOT_UNDERSTOOD = {
    "ods": [f"of:={f}" for f in ("MAX([.D9:.F9])+9", "SUM([$F8B.D9:.F9])", "SUM([.G9:.G9])", "[.#REF!]")],
    "xls": ["MAX(D9:F9)+9", "of nothing"],
    "xlsb": [*_tokens(wide=True)][4:],
}


def _keeping(kind: str, formula: str, kept: float) -> bytes:
    content = _ods_formula(formula, kept) if kind == "ods" else _binary(kind, formula, kept)
    assert content
    return content


def _each(formulas: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(kind, formula) for kind, each in formulas.items() for formula in each]


@pytest.mark.parametrize(("kind", "formula"), _each(UNDERSTOOD))
def test_a_kept_value_that_its_formula_does_not_give_is_returned_in_every_kind_of_file(
    catalogue: Catalogue, kind: str, formula: str
) -> None:
    right = read(f"a.{kind}", _keeping(kind, formula, 21), catalogue)
    assert (right.status, right.findings, right.read.kept) == ("accepted", [], ())
    for kept in (22, 0):
        report = read(f"a.{kind}", _keeping(kind, formula, kept), catalogue)
        stale = [f for f in report.findings if f.rule == "cell.stale"]
        assert [f.cell for f in stale] == ["G9"] or (kind, kept) == ("xls", 0), report.findings
        assert report.status != "accepted"
        assert all("tính ra 21" in f.message_vi for f in stale)


@pytest.mark.parametrize(("kind", "formula"), _each(NOT_UNDERSTOOD))
def test_a_formula_that_is_not_computed_is_taken_as_it_is_kept_and_named(catalogue: Catalogue, kind: str, formula: str) -> None:
    report = read(f"a.{kind}", _keeping(kind, formula, 21), catalogue)
    assert (report.status, [(c.sheet, c.cells) for c in report.read.kept]) == ("accepted", [("F8A", "G9")])
    assert "không tính lại / formulas taken as the file keeps them: F8A!G9\n" in Answer.to(report, "a", "0").as_text()


@pytest.mark.parametrize(("kept", "status"), [(21, "accepted"), (22, "returned")])
def test_a_formula_that_cells_of_an_xls_share_is_computed(catalogue: Catalogue, kept: int, status: str) -> None:
    tokens = struct.pack("<B4H", 0x2D, 0, 0, 0xC0FD, 0xC0FF) + b"\x19\x10\0\0"  # the sum of the three cells left of each
    shared = struct.pack("<2H4BH", 8, 8, 6, 10, 0, 2, len(tokens)) + tokens
    report = read("a.xls", _xls(total=struct.pack("<d6xHB2H", kept, 5, 1, 8, 6), shared=shared), catalogue)
    assert (report.status, report.read.kept) == (status, ())


@pytest.mark.parametrize(("kept", "status"), [(21, "accepted"), (22, "returned")])
def test_a_formula_that_cells_of_an_xlsb_share_is_computed(catalogue: Catalogue, kept: int, status: str) -> None:
    tokens = struct.pack("<B2I2H", 0x2D, 0, 0, 0xFFFD, 0xFFFF) + b"\x19\x10\0\0"
    shared = _record(xlsb.SHARED_FORMULA, struct.pack("<5I", 8, 8, 6, 10, len(tokens)) + tokens + bytes(4))
    cell_ = struct.pack("<dHIBIII", kept, 0, 5, 1, 8, 4, 6)
    put = _in_cell(6, xlsb.F_REAL, cell_)
    content = changed(XLSB, {"xl/worksheets/sheet1.bin": lambda old: put(old).replace(cell_, cell_ + shared, 1)})
    report = read("a.xlsb", content, catalogue)
    assert (report.status, report.read.kept) == (status, ())


@pytest.mark.parametrize("name", ["sheetjs.xls", "sheetjs.xlsb"])
def test_a_workbook_of_sheetjs_is_read_like_any_other(catalogue: Catalogue, name: str) -> None:
    """It calls the root of an .xls otherwise than Excel does, and in an .xlsb a cell that follows another has no column."""
    report = read(name, (DATA / "packages" / name).read_bytes(), catalogue)
    assert (report.status, report.findings) == ("accepted", [])
    figures = [[line.figures, line.unit] for line in report.lines]
    assert figures == [
        [[8, 12, 1, 21, 2, 18, 0, 1, 0], "ngo-quyen"],
        [[5, 5, 0, 10, 1, 9, 0, 0, 0], "vinh-yen-cs01"],
        [[3, 2, 0, 5, 1, 4, 0, 0, 0], "vinh-yen-cs02"],
    ]


def test_an_xlsb_that_is_cut_off_is_damaged(catalogue: Catalogue) -> None:
    content = changed(XLSB, {"xl/worksheets/sheet1.bin": lambda old: old[: len(old) // 2]})
    assert answer("a.xlsb", content, catalogue)[1] == [("file.damaged", None, None)]


# --- archives ----------------------------------------------------------------------------------------------------


def test_a_name_in_an_archive_is_utf_8_whether_it_says_so_or_not() -> None:
    out, name = io.BytesIO(), "Biểu 8 – phường.csv"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"x")
    said = out.getvalue()
    # the flag stands in both headers
    unsaid = said.replace(b"PK\x03\x04\x14\0\0\x08", b"PK\x03\x04\x14\0\0\0")
    unsaid = unsaid.replace(b"PK\x01\x02\x14\x03\x14\0\0\x08", b"PK\x01\x02\x14\x03\x14\0\0\0")
    assert said != unsaid
    assert [*zipped.members(said, SETTINGS)] == [*zipped.members(unsaid, SETTINGS)] == [(name, b"x")]


def test_a_workbook_of_any_kind_is_no_bundle(catalogue: Catalogue) -> None:
    assert [zipped.is_bundle(content) for content in (good(catalogue), ODS, XLSB)] == [False] * 3
