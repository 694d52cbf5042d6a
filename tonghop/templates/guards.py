"""What guides the hand in a table of a template: what may be typed in a cell, and the colours of what fails or waits."""

from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from tonghop.templates.formulas import BLANK, FAILS, NOTHING
from tonghop.templates.looks import COLOURS
from tonghop.templates.plan import previous

if TYPE_CHECKING:
    from tonghop.templates.sheet import TableSheet


def validate(of: "TableSheet") -> None:
    """What may be typed in a column, and a word where it opens with last period's close."""
    codes, opens = of.catalogue.codes, of.template.form.openings(of.table.code)
    zero, absent = codes.zero[0], codes.not_applicable[0]
    before = [p.code for p in previous(of.catalogue, of.template.period)][:1]
    for field in of.table.fields:
        column = of.column[field.code]
        cell = xl_rowcol_to_cell(of.top, column)
        mark = f'OR({cell}="{zero}",{cell}="{absent}")'
        kinds: dict[str, dict[str, Any]] = {
            "count": {
                "validate": "custom",
                "value": f"=IF(ISNUMBER({cell}),AND({cell}>=0,{cell}=INT({cell})),{mark})",
                "error_message": f"Ghi số nguyên từ 0, {zero} hoặc {absent}. / A whole number, {zero} or {absent}.",
            },
            # a number of more than 15 digits is text, or the spreadsheet would change it
            "amount": {
                "validate": "custom",
                "value": f"=IF(ISNUMBER({cell}),TRUE,OR(LEN({cell})>15,{mark}))",
                "error_message": f"Ghi một con số, {zero} hoặc {absent}; hơn 15 chữ số thì gõ dấu nháy đơn ở đầu. / "
                f"A number, {zero} or {absent}; an apostrophe before one of more than 15 digits.",
            },
            "flag": {"validate": "list", "source": ["0", "1"], "error_message": "Ghi 0 hoặc 1. / 0 or 1."},
            "code": {
                "validate": "list",
                "source": [*(labels[0] for labels in field.codes.values()), absent],
                "error_message": "Chọn trong danh sách. / Choose from the list.",
            },
        }
        options = kinds[field.type]
        if field.code in opens:
            closing_ = next(f for f in of.table.fields if f.code == opens[field.code])
            word = (
                f"Là «{closing_.vi}» của kỳ trước ({', '.join(before) or NOTHING}). Số có sẵn là số đã công bố; "
                "sai thì sửa lại, trống thì ghi."
            )
            options = options | {"input_title": "Số đầu kỳ / Opening figure", "input_message": word[:255]}
        of.sheet.data_validation(of.top, column, of.bottom, column, options | {"error_title": "Chưa đúng / Not valid"})


def colour(of: "TableSheet") -> None:
    """Red where a rule fails, amber where one waits for a blank: in the checks, and in the cells that they read."""
    first, last = of.verdict, of.verdict + len(of.rules)
    if not of.rules:
        return
    corner = xl_rowcol_to_cell(of.top, first + 1)
    states_of_line = ":".join(xl_rowcol_to_cell(of.top, column, col_abs=True) for column in (first + 1, last))
    of.sheet.conditional_format(
        of.top,
        first,
        of.bottom,
        first,
        {"type": "formula", "criteria": f'=COUNTIF({states_of_line},"{FAILS}")>0', "format": of.style.alarm("red")},
    )
    for colour, word in COLOURS:
        of.sheet.conditional_format(
            of.top,
            first + 1,
            of.bottom,
            last,
            {"type": "formula", "criteria": f'={corner}="{word}"', "format": of.style.alarm(colour)},
        )
    for field in of.table.fields:
        column = of.column[field.code]
        states = [
            xl_rowcol_to_cell(of.top, first + 1 + n, col_abs=True)
            for n, rule in enumerate(of.rules)
            if field.code in rule.fields and rule.failure == FAILS
        ]
        if states:
            fails = ",".join(f'{state}="{FAILS}"' for state in states)
            waits = ",".join(f'{state}="{BLANK}"' for state in states)
            blank = f'{xl_rowcol_to_cell(of.top, column)}=""'
            for alarm, criteria in (
                (of.style.alarm("red"), f"=OR({fails})"),
                (of.style.alarm("amber"), f"=AND({blank},OR({waits}))"),
            ):
                of.sheet.conditional_format(
                    of.top, column, of.bottom, column, {"type": "formula", "criteria": criteria, "format": alarm}
                )
