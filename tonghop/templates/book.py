"""A template as an .xlsx that explains itself: one sheet a table, a sheet of what must hold, a sheet of guidance.

Every formula is written with its value, so a template can be read before a spreadsheet has opened it. Only input cells are open.
"""

import io
from datetime import datetime
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any

import xlsxwriter
import yaml
from xlsxwriter.utility import xl_range_abs

from tonghop.catalogue.model import Catalogue
from tonghop.reading.layout import GUIDE_SHEET
from tonghop.templates.formulas import BELOW, BLANK, FAILS, HOLDS, NOTHING
from tonghop.templates.looks import CHECKS, COLOURS, CellFormats
from tonghop.templates.paper import finish
from tonghop.templates.plan import Prefills, Template, previous
from tonghop.templates.sheet import TableSheet

GUIDE = GUIDE_SHEET
# a file's bytes depend on what it is for alone
_EPOCH = datetime(2000, 1, 1)
_FIRST_RULE = 6  # the line, from zero, of the first rule on the sheet of checks
_KINDS = {
    "count": "số nguyên, từ 0 / whole number",
    "amount": "số tiền / amount",
    "flag": "0 hoặc 1 / 0 or 1",
    "code": "chọn trong danh sách / from the list",
}
_BOX = {"border": 1, "text_wrap": True}
_HEADING = {"bold": True, "bg_color": "#E7ECF3", "align": "center", **_BOX}


def workbook(catalogue: Catalogue, template: Template, figures: Prefills | None = None) -> bytes:
    """The bytes of a template's .xlsx, with the figures given already filled in; the same input gives the same bytes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"title": f"{template.form.code} {template.period.code}", "author": "", "created": _EPOCH})
    style = CellFormats(book)
    sheets = [
        TableSheet(book, style, catalogue, template, table, units, figures or {}, first=number == 0)
        for number, (table, units) in enumerate(template.sheets)
    ]
    line = _FIRST_RULE
    for sheet in sheets:
        for rule in sheet.rules:
            sheet.line[rule.rule.check.rule] = line
            line += 1
    for sheet in sheets:
        sheet.write()
    _checks(book.add_worksheet(CHECKS), style, template, sheets)
    _guide(book.add_worksheet(GUIDE), style, catalogue, template)
    book.close()
    return out.getvalue()


def _checks(page: Any, style: CellFormats, template: Template, sheets: list[TableSheet]) -> None:
    """Every rule that the report alone decides, with its state; then the rules that other reports decide."""
    for column, width in enumerate((11, 8, 62, 62, 20, 11)):
        page.set_column(column, column, width)
    page.write_string(0, 0, f"{CHECKS} / Checks", style(bold=True, font_size=14))
    page.write_string(
        3,
        0,
        f"{FAILS}: phải sửa / must be mended.  {BLANK}: còn ô trống, không phát sinh thì ghi 0 / a cell is "
        f"blank, write 0 where there was none.  {BELOW}: chỉ theo dõi, không trả lại / measured, never returned.",
        style(italic=True),
    )
    _headings(
        page,
        style,
        _FIRST_RULE - 1,
        "Quy tắc\nRule",
        "Bảng\nTable",
        "Điều phải đúng",
        "What must hold",
        "Kết quả\nResult",
        "Số dòng\nRows",
    )
    row, wrong = _FIRST_RULE - 1, 0
    for sheet in sheets:
        for rule in sheet.rules:
            row += 1
            states, area = sheet.states(rule), sheet.area(rule)
            shown = {HOLDS: HOLDS, BLANK: f"{BLANK} / blank", rule.failure: f"{rule.failure} / not OK"}
            formula, value = f'"{NOTHING}"', NOTHING
            for state, text in shown.items():  # the worst state comes last and is shown
                formula = f'IF(COUNTIF({area},"{state}")>0,"{text}",{formula})'
                value = text if state in states else value
            wrong += value.startswith(FAILS)
            _rule(page, style, row, rule.rule.check)
            page.write_formula(row, 4, f"={formula}", style(align="center", bold=True, **_BOX), value)
            page.write_formula(
                row, 5, f'=COUNTIF({area},"{rule.failure}")', style(align="center", **_BOX), states.count(rule.failure)
            )
    last = max(row, _FIRST_RULE)
    failing = f'COUNTIF({xl_range_abs(_FIRST_RULE, 4, last, 4)},"{FAILS}*")'
    page.write_string(2, 0, "Số quy tắc sai / Rules that fail", style(bold=True))
    page.write_formula(2, 3, f"={failing}", style(bold=True, align="left"), wrong)
    page.conditional_format(2, 0, 2, 3, {"type": "formula", "criteria": f"={failing}>0", "format": style.alarm("red")})
    for colour, word in COLOURS:
        page.conditional_format(
            _FIRST_RULE,
            0,
            last,
            5,
            {"type": "formula", "criteria": f'=LEFT($E{_FIRST_RULE + 1},{len(word)})="{word}"', "format": style.alarm(colour)},
        )
    concerned = {sheet.table.code: sheet for sheet in sheets}
    later = {
        r.check.rule: r.check
        for r in template.form.rules
        if not r.on_arrival and r.check.table in concerned and concerned[r.check.table].concerns(r)
    }
    if later:
        page.write_string(
            last + 2, 0, "Đối chiếu khi nhận báo cáo, không trả lại / Compared on receipt, never returned", style(bold=True)
        )
    for number, check in enumerate(later.values(), start=last + 3):
        _rule(page, style, number, check)
    finish(page)


def _rule(page: Any, style: CellFormats, row: int, check: Any) -> None:
    for column, text in enumerate((check.rule, check.table, check.message.vi, check.message.en)):
        page.write_string(row, column, text, style(**_BOX))
    page.set_row(row, 15 * max(len(wrap(check.message.vi, 74)), len(wrap(check.message.en, 74))) + 3)


def _headings(page: Any, style: CellFormats, row: int, *texts: str) -> None:
    for column, text in enumerate(texts):
        page.write_string(row, column, text, style(**_HEADING))
    page.set_row(row, 32)


def _guide(page: Any, style: CellFormats, catalogue: Catalogue, template: Template) -> None:
    """What to do, and every column in words."""
    for column, width in enumerate((8, 8, 66, 66, 18, 34)):
        page.set_column(column, column, width)
    page.write_string(0, 0, f"{GUIDE} / Guidance", style(bold=True, font_size=14))
    row = 2
    for number, (vi, en) in enumerate(_advice(catalogue, template), start=1):
        page.write_number(row, 0, number, style(align="center", valign="top"))
        page.merge_range(row, 1, row, 2, vi, style(text_wrap=True, valign="top"))
        page.merge_range(row, 3, row, 5, en, style(text_wrap=True, valign="top", italic=True))
        page.set_row(row, 15 * max(len(wrap(vi, 85)), len(wrap(en, 135))) + 3)
        row += 1
    _headings(page, style, row + 1, "Bảng\nTable", "Cột\nColumn", "Tên cột", "Meaning", "Đếm theo\nCounted in", "Ghi\nWrite")
    row += 2
    for table, _ in template.sheets:
        for number, field in enumerate(table.fields, start=1):
            # a bare label here would look to the reader like a table's header
            texts = (table.code, f"({number})", f"{number}. {field.vi}", f"{number}. {field.en}", field.unit, _KINDS[field.type])
            for column, text in enumerate(texts):
                page.write_string(row, column, text, style(**_BOX))
            row += 1
    finish(page)


@cache
def _guidance() -> list[dict[str, str]]:
    guidance: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "guidance.yaml").read_text("utf-8"))
    return guidance


def _advice(catalogue: Catalogue, template: Template) -> list[tuple[str, str]]:
    form, unit, period, codes = template.form, template.unit, template.period, catalogue.codes
    above = catalogue.version(unit.parent, period.ends_on) if unit.parent else None
    before = previous(catalogue, period)
    words = {
        "form": form.code,
        "form_vi": form.name.vi,
        "form_en": form.name.en,
        "unit": unit.name,
        "period": period.code,
        "starts": f"{period.starts_on:%d/%m/%Y}",
        "ends": f"{period.ends_on:%d/%m/%Y}",
        "due": f"{catalogue.due(form, unit.level, period):%d/%m/%Y}",
        "checks": CHECKS,
        "parent_vi": above.name if above else "cơ quan tổng hợp",
        "parent_en": above.name if above else "the consolidating office",
        "zero": codes.zero[0],
        "absent": codes.not_applicable[0],
        "nil": codes.yes[0],
        "nil_vi": codes.header["nil"][0],
        "before": before[0].code if before else NOTHING,
    }
    opens = any(form.openings(table.code) for table, _ in template.sheets)
    return [(line["vi"].format(**words), line["en"].format(**words)) for line in _guidance() if opens or "when" not in line]
