"""What goes back: the sender's own workbook, whole, with the findings in it; or a workbook of findings."""

import io
import re
import subprocess
import zipfile
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from books import STAFF, book
from hostile import changed
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Color, GradientFill, PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from python_calamine import CalamineWorkbook

import samples
from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake import delivery, load, returned
from tonghop.intake.answer import Answer
from tonghop.intake.receive import receive_inbox
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check
from tonghop.xlsx.annotate import PAGE
from tonghop.xlsx.styles import BESIDE, WRONG
from tonghop.xlsx.xml_edit import NotKept

WARD, PERIOD = "08719", "2018-Y"
MARK = WRONG.decode()
TOUCHED = re.compile(
    r"\[Content_Types\]\.xml|xl/workbook\.xml|xl/styles\.xml|xl/worksheets/sheet\d+\.xml|.*\.rels|xl/comments.*|.*\.vml"
)


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("limits"))


def back(content: bytes, catalogue: Catalogue, limits: Settings) -> tuple[bytes, Report]:
    """What a returned workbook comes back as, and what was found in it."""
    found = read_and_check("F8.xlsx", content, catalogue, limits)
    assert found.status == "returned"
    return returned.marked(content, Answer.to(found, "F8.xlsx", "", "R000012")), found


def staff(catalogue: Catalogue, **changes: Any) -> bytes:
    return book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | changes)])


def edited(content: bytes, edit: Any) -> bytes:
    workbook = load_workbook(io.BytesIO(content))
    edit(workbook)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def figures(content: bytes) -> dict[str, Any]:
    """What python-calamine reads of every sheet but ours."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names if name != PAGE}


def fill(cell: Any) -> str:
    return str(cell.fill.fgColor.rgb) if cell.fill.patternType == "solid" else ""


def marks(sheet: Any) -> dict[str, str]:
    """Cells that are marked, with the colour that is seen."""
    ours = [
        (rule.priority, rule.dxf.fill.bgColor.rgb, cell.coordinate)
        for area in sheet.conditional_formatting
        for rule in area.rules
        if rule.formula == ['"Tonghop"="Tonghop"']
        for part in area.sqref.ranges
        for row in sheet[part.coord if ":" in part.coord else f"{part.coord}:{part.coord}"]
        for cell in row
    ]
    return {cell: colour for _, colour, cell in sorted(ours, reverse=True)}


def formats(sheet: Any) -> dict[str, list[Any]]:
    """The conditional formats of a sheet that are not ours, in the order in which they hold."""
    return {
        str(area.sqref): [rule.formula for rule in area.rules]
        for area in sorted(sheet.conditional_formatting, key=lambda area: area.rules[0].priority)
        if area.rules[0].formula != ['"Tonghop"="Tonghop"']
    }


def assert_whole(before: bytes, after: bytes, found: Report) -> None:
    """Everything of the sender's is there, but for comments at what was found and the fill of what sends the report back."""
    wrong = {(f.sheet, f.cell) for f in found.findings if f.returns}
    concerned = {(f.sheet, cell) for f in found.findings if f.returns for cell in f.cells}
    old_parts, new_parts = parts(before), parts(after)
    assert {name for name in old_parts if new_parts.get(name) != old_parts[name]} <= set(filter(TOUCHED.fullmatch, old_parts))
    assert list(new_parts)[: len(old_parts)] == list(old_parts)
    assert figures(after) == figures(before)
    old, new = opened(before), opened(after)
    assert new.sheetnames == [PAGE, *old.sheetnames]
    assert new.active.title == PAGE
    assert [s.title for s in new if s.sheet_view.tabSelected] == [PAGE]
    assert list(new.defined_names) == list(old.defined_names)
    for sheet in old:
        copy = new[sheet.title]
        assert copy.merged_cells.ranges == sheet.merged_cells.ranges
        assert {k: (d.width, d.hidden) for k, d in copy.column_dimensions.items()} == {
            k: (d.width, d.hidden) for k, d in sheet.column_dimensions.items()
        }
        assert {k: d.height for k, d in copy.row_dimensions.items()} == {k: d.height for k, d in sheet.row_dimensions.items()}
        assert copy.freeze_panes == sheet.freeze_panes
        assert copy.print_title_rows == sheet.print_title_rows
        assert copy.protection.sheet == sheet.protection.sheet
        assert repr(copy.data_validations) == repr(sheet.data_validations)
        assert list(formats(copy).items()) == list(formats(sheet).items())
        assert marks(copy) == {cell: BESIDE.decode() for name, cell in concerned if name == sheet.title} | {
            cell: MARK for name, cell in wrong if name == sheet.title
        }
        assert len(copy._charts) == len(sheet._charts)
        for row in sheet.iter_rows():
            for cell in row:
                twin = copy[cell.coordinate]
                assert (twin.value, twin.data_type, twin.number_format) == (cell.value, cell.data_type, cell.number_format)
                assert _look(twin) == _look(cell)
                assert repr(twin.fill) == repr(cell.fill)
                if (sheet.title, cell.coordinate) in places(found):
                    assert "Tonghop – số " in twin.comment.text
                else:
                    assert (twin.comment and twin.comment.text) == (cell.comment and cell.comment.text)


def _look(cell: Any) -> list[str]:
    return [repr(part) for part in (cell.font, cell.border, cell.alignment, cell.protection)]


def places(found: Report) -> set[tuple[str, str]]:
    return {(f.sheet, cell) for f in found.findings if f.sheet and f.cell for cell in (f.cell, *f.cells)}


def test_every_returned_sample_comes_back_whole_and_reads_as_before(catalogue: Catalogue, limits: Settings) -> None:
    seen = 0
    for sample in samples.REPORTS:
        content = samples.file(catalogue, sample)
        if sample.suffix != "xlsx" or sample.damaged:
            continue
        # a report without a fault is given one, in its last row of figures
        found = read_and_check("x.xlsx", content, catalogue, limits)
        if found.status == "accepted":
            last = next((c for c in reversed(found.cells) if c.state == "value"), None)
            if last is None:
                continue
            content = edited(content, lambda w, c=last: w[c.sheet].__setitem__(c.cell, "không rõ"))
        after, found = back(content, catalogue, limits)
        assert_whole(content, after, found)
        again = read_and_check("x.xlsx", after, catalogue, limits)
        assert (again.findings, again.cells) == (found.findings, found.cells)
        seen += 1
    assert seen > 20


def test_the_first_sheet_lists_what_is_wrong_in_order_and_leads_to_each_cell(catalogue: Catalogue, limits: Settings) -> None:
    after, found = back(staff(catalogue, can_bo="hơn 4.000", khac=-1), catalogue, limits)
    page = opened(after)[PAGE]
    rows = [row for row in page.iter_rows(min_row=6) if row[0].value]
    assert [(row[0].value, row[1].value, row[2].value, row[3].value) for row in rows] == [
        (str(n), f.sheet, f.cell, f.text("vi", "\n")) for n, f in enumerate(found.findings, start=1)
    ]
    assert [row[2].hyperlink.location for row in rows] == [f"'{f.sheet}'!{f.cell}" for f in found.findings]
    assert all(row[5].value for row in rows)
    comment = opened(after)["F8A"]["D9"].comment.text
    assert comment.startswith("Tonghop – số 1: ")
    assert found.findings[0].message_vi in comment


def _mend(content: bytes, cell: str, value: Any) -> bytes:
    return edited(content, lambda w: w["F8A"].__setitem__(cell, value))


def test_mended_in_the_returned_workbook_the_report_is_accepted(catalogue: Catalogue, limits: Settings) -> None:
    after, _ = back(staff(catalogue, can_bo="hơn 4.000"), catalogue, limits)
    mended = read_and_check("F8.xlsx", _mend(after, "D9", 8), catalogue, limits)
    assert (mended.status, mended.findings, len(mended.cells)) == ("accepted", [], len(STAFF))
    assert {cell.sheet for cell in mended.cells} == {"F8A"}


@pytest.mark.parametrize("saved_by_another_program", [False, True])
def test_a_second_return_takes_the_marks_of_the_first_out(
    catalogue: Catalogue, limits: Settings, saved_by_another_program: bool
) -> None:
    def prepare(w: Workbook) -> None:
        w["F8A"]["D9"].fill = PatternFill("solid", fgColor="FFFFF2CC")
        w["F8A"]["L9"].comment = Comment("Của chúng tôi", "người gửi")

    original = edited(staff(catalogue, can_bo="hơn 4.000", khac="?"), prepare)
    once, _ = back(original, catalogue, limits)
    assert opened(once)["F8A"]["L9"].comment.text.startswith("Của chúng tôi")
    assert "Tonghop – số 2" in opened(once)["F8A"]["L9"].comment.text
    if saved_by_another_program:
        mended = _mend(once, "D9", 8)
    else:
        wrong = re.search(rb'<c r="D9"[^>]*>.*?</c>', parts(once)["xl/worksheets/sheet1.xml"])
        assert wrong
        right = re.sub(rb'\st="\w+"', b"", re.sub(rb">.*</c>", b"><v>8</v></c>", wrong[0]))
        mended = changed(once, {"xl/worksheets/sheet1.xml": lambda old: old.replace(wrong[0], right)})
    twice, found = back(mended, catalogue, limits)
    sheet = opened(twice)["F8A"]
    assert places(found) == {("F8A", "L9")}
    assert opened(twice).sheetnames == [PAGE, "F8A"]
    assert (fill(sheet["D9"]), sheet["D9"].comment) == ("FFFFF2CC", None)
    assert marks(sheet) == {"L9": MARK}
    assert sheet["L9"].comment.text.count("Tonghop – số") == 1
    assert sheet["L9"].comment.text.startswith("Của chúng tôi\nTonghop – số 1")
    assert [row[2].value for row in opened(twice)[PAGE].iter_rows(min_row=6) if row[0].value] == ["L9"]
    last = read_and_check("F8.xlsx", _mend(twice, "L9", 0), catalogue, limits)
    assert last.status == "accepted"


def by_libreoffice(content: bytes, folder: Path, kind: str = "xlsx") -> bytes:
    """What LibreOffice Calc saves a workbook as."""
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / "x.xlsx").write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    told = ["soffice", profile, "--headless", "--convert-to", kind, "--outdir", str(folder), str(folder / "in" / "x.xlsx")]
    subprocess.run(told, check=True, capture_output=True)
    return (folder / f"x.{kind}").read_bytes()


def test_the_clerks_own_fills_come_back_after_any_number_of_rounds_through_any_program(
    catalogue: Catalogue, limits: Settings, tmp_path: Path
) -> None:
    def prepare(w: Workbook) -> None:
        sheet = w["F8A"]
        sheet["D9"].fill = PatternFill("solid", fgColor="FFFFF2CC")
        sheet["E9"].fill = PatternFill("lightUp", fgColor="FF00B050", bgColor="FFFFFF00")
        sheet["F9"].fill = PatternFill("solid", fgColor=Color(theme=4, tint=0.4))
        sheet["G9"].fill = GradientFill(stop=("FF00B050", "FFFFFF00"))
        sheet["K9"].fill = PatternFill("gray125")
        sheet.conditional_formatting.add("D9:L9", CellIsRule("lessThan", ["0"], fill=PatternFill(bgColor="FF00FF00")))

    def looks(content: bytes) -> dict[str, str]:
        # LibreOffice writes any colour of its palette as the one behind a solid fill, which is not seen
        fills = {cell.coordinate: cell.fill for cell in opened(content)["F8A"][9]}
        return {place: repr(f.fgColor) if f.fill_type == "solid" else repr(f) for place, f in fills.items()}

    # what the programs themselves make of the clerk's workbook is no concern of ours
    content = edited(staff(catalogue, tong=22), prepare)
    beside = content
    programs = (lambda c: by_libreoffice(c, tmp_path), lambda c: edited(c, lambda _: None), lambda c: by_libreoffice(c, tmp_path))
    for program in programs:
        content, _ = back(content, catalogue, limits)
        assert marks(opened(content)["F8A"]) == {f"{c}9": MARK if c == "G" else BESIDE.decode() for c in "DEFGHIJKL"}
        assert looks(content) == looks(beside)
        content, beside = program(content), program(beside)
    mended = _mend(content, "G9", 21)
    last, _ = back(_mend(mended, "L9", "?"), catalogue, limits)
    sheet = opened(last)["F8A"]
    assert marks(sheet) == {"L9": MARK}
    assert looks(last) == looks(_mend(beside, "L9", "?"))
    assert [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment] == ["L9"]
    assert len(formats(sheet)) == 1
    right = read_and_check("F8.xlsx", by_libreoffice(_mend(last, "L9", 0), tmp_path), catalogue, limits)
    assert (right.status, right.findings) == ("accepted", [])


def test_charts_pictures_names_rules_formulas_and_what_they_gave_stay(catalogue: Catalogue, limits: Settings) -> None:
    def edit(w: Workbook) -> None:
        sheet = w["F8A"]
        chart = BarChart()
        chart.add_data(Reference(sheet, min_col=4, max_col=6, min_row=9))
        sheet.add_chart(chart, "D20")
        sheet.add_data_validation(DataValidation("whole", operator="greaterThanOrEqual", formula1="0", sqref="D9:L9"))
        sheet.conditional_formatting.add("D9:L9", CellIsRule("lessThan", ["0"], fill=PatternFill(bgColor="FFFF0000")))
        sheet.merge_cells("A14:C14")
        sheet.print_title_rows = "7:8"
        sheet.protection.sheet = True
        sheet["D15"] = "=SUM(D9:F9)"
        sheet["C9"].comment = Comment("Ghi chú riêng", "người gửi")
        other = w.create_sheet("Sổ tay")
        other["A1"] = "của riêng đơn vị"
        other.print_title_rows = "1:1"
        w.defined_names["Vùng"] = DefinedName("Vùng", attr_text="F8A!$D$9")
        w.active = 1

    content = edited(staff(catalogue, can_bo=-8), edit)
    content = changed(
        content,
        {
            "xl/worksheets/sheet1.xml": lambda old: re.sub(rb"(<f>SUM\(D9:F9\)</f>)<v\s*/?>(</v>)?", rb"\1<v>5</v>", old),
            "xl/media/image1.png": b"\x89PNG",
        },
    )
    assert b"<v>5</v>" in parts(content)["xl/worksheets/sheet1.xml"]
    after, found = back(content, catalogue, limits)
    assert_whole(content, after, found)
    assert load_workbook(io.BytesIO(after), data_only=True)["F8A"]["D15"].value == 5
    assert "riêng đơn vị" not in repr(found)


def test_a_cell_or_row_that_is_not_written_is_marked_where_it_belongs(catalogue: Catalogue, limits: Settings) -> None:
    content = staff(catalogue, khac=None, dai_hoc=19)
    bare = changed(content, {"xl/worksheets/sheet1.xml": lambda old: re.sub(rb'<c r="L9"[^>]*/>', b"", old)})
    assert b'"L9"' not in parts(bare)["xl/worksheets/sheet1.xml"]
    after, found = back(bare, catalogue, limits)
    assert places(found) == {("F8A", "L9")}
    assert marks(opened(after)["F8A"]) == {"L9": MARK}
    assert figures(after) == figures(bare)


def test_names_without_a_place_of_their_own_and_other_prefixes_are_followed(catalogue: Catalogue, limits: Settings) -> None:
    def prefixed(old: bytes) -> bytes:
        old = re.sub(rb"<(/?)(?=[A-Za-z])", rb"<\1x:", old).replace(b"xmlns=", b"xmlns:x=")
        return re.sub(rb'(<x:(?:c|row)\b[^>]*?)\sr="[A-Z]*\d+"', rb"\1", old)

    content = staff(catalogue, can_bo=-8)
    odd = changed(content, dict.fromkeys(["xl/worksheets/sheet1.xml", "xl/styles.xml"], prefixed))
    after, found = back(odd, catalogue, limits)
    assert places(found) == {("F8A", "D9")}
    assert figures(after) == figures(odd)
    assert marks(opened(after)["F8A"]) == {"D9": MARK}


@pytest.mark.parametrize(
    ("parts_", "reason"),
    [
        ({"_xmlsignatures/sig1.xml": b"<Signature/>"}, "signed"),
        ({"xl/worksheets/sheet1.xml": lambda old: old.replace(b"<sheetData>", b"<!-- x --><sheetData>")}, "built"),
    ],
)
def test_what_cannot_be_kept_whole_gives_a_workbook_of_findings_with_the_reason(
    catalogue: Catalogue, limits: Settings, parts_: dict[str, Any], reason: str
) -> None:
    content = changed(staff(catalogue, can_bo=-8), parts_)
    found = read_and_check("F8.xlsx", content, catalogue, limits)
    assert found.status == "returned"
    answer = Answer.to(found, "F8.xlsx", "", "R000012")
    with pytest.raises(NotKept) as kept:
        returned.marked(content, answer)
    assert kept.value.reason == reason
    page = opened(returned.listed(answer, reason))[PAGE]
    texts = [str(cell.value) for row in page.iter_rows() for cell in row if cell.value]
    assert any(returned._words()["kept"][reason]["vi"] in text for text in texts)
    assert found.findings[0].message_vi in texts


def test_a_conversation_at_a_wrong_cell_and_a_sheet_of_our_name_are_not_written_over(
    catalogue: Catalogue, limits: Settings
) -> None:
    def talk(w: Workbook) -> None:
        w["F8A"]["D9"].comment = Comment("[Threaded comment]", "tc={8}")

    def name(w: Workbook) -> None:
        w.create_sheet(PAGE)["A1"] = "của riêng đơn vị"

    for edit, reason in ((talk, "thread"), (name, "name")):
        with pytest.raises(NotKept, match=reason):
            back(edited(staff(catalogue, can_bo=-8), edit), catalogue, limits)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1"])
def test_no_text_of_a_sender_becomes_a_formula(catalogue: Catalogue, limits: Settings, start: str) -> None:
    def edit(w: Workbook) -> None:
        w["F8A"].title = "=1+1" if start == "=1+1" else f"{start.strip()}'x"
        cell = w.active["D9"]
        cell.value, cell.data_type = f'{start} & <b>"', "s"

    after, found = back(edited(staff(catalogue), edit), catalogue, limits)
    alone = returned.listed(Answer.to(found, f"{start}.xlsx", ""), "kind")
    for workbook in (opened(after), opened(alone)):
        cells = [cell for row in workbook[PAGE].iter_rows() for cell in row if cell.value]
        assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
        assert all(cell.quotePrefix for cell in cells)
    sheet, cell = next(iter(places(found)))
    link = next(row[2].hyperlink for row in opened(after)[PAGE].iter_rows(min_row=6) if row[0].value)
    assert link.location == "'" + sheet.replace("'", "''") + "'!" + cell
    assert link.target is None


def test_libreoffice_opens_it_and_shows_page_colour_and_comment(catalogue: Catalogue, limits: Settings, tmp_path: Path) -> None:
    after, _ = back(staff(catalogue, can_bo="hơn 4.000"), catalogue, limits)
    flat = by_libreoffice(after, tmp_path, "fods").decode()
    assert flat.count("<office:annotation ") == 1
    assert "Tonghop – số 1: «hơn 4.000»" in re.sub(r"<[^>]*>", "", flat)
    assert MARK[2:].lower() in flat
    assert "#'F8A'.D9" in unescape(flat).replace("$", "")


def test_every_sender_whose_report_was_not_accepted_gets_a_workbook_and_nobody_else(
    settings: Settings, catalogue: Catalogue
) -> None:
    bad = staff(catalogue, can_bo=-8)
    lines = ["form,version,sender,period,scheme,scope,table,unit,row,field,value"]
    lines += [f"F8,1,{WARD},{PERIOD},CALENDAR,own,F8A,{WARD},,{name},{value}" for name, value in (STAFF | {"tong": 5}).items()]
    settings.inbox.mkdir(parents=True)
    sent = {"1.xlsx": bad, "2.csv": "\r\n".join(lines).encode(), "3.xlsx": bad[:900], "4.xlsx": staff(catalogue)}
    for name, content in sent.items():
        (settings.inbox / name).write_bytes(content)
    receive_inbox(settings)
    load.load_pending(settings)
    books = {path.name: opened(path.read_bytes()) for path in sorted(settings.answers.glob("*.xlsx"))}
    assert {name: book.sheetnames for name, book in books.items()} == {
        "R000001.xlsx": [PAGE, "F8A"],
        "R000002.xlsx": [PAGE],
        "R000003.xlsx": [PAGE],
    }
    told = {name: str(book[PAGE]["A4"].value) for name, book in books.items()}
    kept = returned._words()["kept"]
    assert kept["kind"]["vi"] in told["R000002.xlsx"]
    assert kept["unread"]["vi"] in told["R000003.xlsx"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in settings.answers.iterdir())
    answers = delivery.answers_of(settings, [1, 4])
    assert [answers[n].as_json()["returned_file"] for n in (1, 4)] == [str(settings.answers / "R000001.xlsx"), None]
    # mended where it came back, and sent in again
    mended = _mend((settings.answers / "R000001.xlsx").read_bytes(), "D9", 8)
    (settings.inbox / "1-mended.xlsx").write_bytes(mended)
    receive_inbox(settings)
    assert [answer.status for answer in load.load_pending(settings)] == ["accepted"]
