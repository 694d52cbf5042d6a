"""One table of a template on its sheet: the head as the reader looks for it, the header, a line for each unit, totals, checks.

The checks are no part of the form. They are written above the table's header or to the right of it, where the reader looks for
nothing.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import count, zip_longest
from textwrap import wrap
from typing import Any

from xlsxwriter.utility import xl_range, xl_range_abs, xl_rowcol_to_cell

from tonghop.catalogue.evaluate import total
from tonghop.catalogue.forms import ALL_ROWS, Field_, HeadKey, Row, Rule, Table
from tonghop.catalogue.model import Catalogue, template_fingerprint
from tonghop.catalogue.units import UnitVersion
from tonghop.reading import layout
from tonghop.reading.numbers import comma, parse_number
from tonghop.templates import guards, paper
from tonghop.templates.formulas import BLANK, FAILS, HOLDS, NOTHING, Amount, RuleFormula, column_caption
from tonghop.templates.looks import CHECKS, CellFormats
from tonghop.templates.plan import Prefill, Prefills, Template


class TableSheet:
    """One table on one sheet, written from the top down; rows and columns count from zero."""

    def __init__(
        self,
        book: Any,
        style: CellFormats,
        catalogue: Catalogue,
        template: Template,
        table: Table,
        units: Sequence[UnitVersion],
        figures: Prefills,
        *,
        first: bool,
    ) -> None:
        """`first`: whether it is the workbook's first sheet, where a nil return is declared."""
        self.style, self.catalogue, self.template, self.table, self.units = style, catalogue, template, table, units
        self.figures, self.first = figures, first
        self.unit_of_money = next(iter(catalogue.codes.money.values()))  # what the head names until the sender chooses another
        self.sheet = book.add_worksheet(table.code)
        self.fixed = table.rows != (ALL_ROWS,)
        self.lines: list[tuple[UnitVersion, Row]] = [(unit, row) for unit in units for row in table.rows]
        self.rules = [
            RuleFormula.of(rule, table, catalogue.codes)
            for rule in template.form.rules
            if rule.on_arrival and rule.check.table == table.code and self.concerns(rule)
        ]
        self.line: dict[str, int] = {}  # the line of each rule on the sheet of checks
        self.lead = 4 if self.fixed else 3
        self.leading = (5, 12, 34, 26)[: self.lead]
        self.width = self.lead + len(table.fields)
        self.narrow = min(18, max(9, 96 // len(table.fields)))
        # on paper: how many columns of figures are on a page, and where the first page ends; texts that are for one page only
        # keep off the leading columns where these come again on the next one
        self.pages, self.on_page = paper.pages(len(table.fields))
        self.page = self.lead + self.on_page
        self.texts = 0 if self.page == self.width else self.lead
        self.column = {field.code: n for n, field in enumerate(table.fields, start=self.lead)}
        self.verdict = self.width + 1  # a blank column separates the form from the checks
        # beyond the checks, hidden: four helper columns for each amount that a rule reads
        amounts = dict.fromkeys(code for rule in self.rules for code, f in rule.fields.items() if f.type == "amount")
        self.helper = {code: n for n, code in zip(count(self.verdict + 1 + len(self.rules), 4), amounts, strict=False)}
        self.top = self.bottom = self.numbers = 0  # the first and the last line of figures, and the line of column numbers
        self.money = self.factor = ""  # the cell that names the unit of money, and the one that says how much that is

    def concerns(self, rule: Rule) -> bool:
        """Whether a rule is in force here and about any of the units."""
        levels = rule.check.levels
        return rule.check.in_force(self.template.period) and (not levels or any(u.is_at(levels) for u in self.units))

    @cached_property
    def given(self) -> list[dict[str, float | str]]:
        """What the cells of each line have from the start, by field."""
        figures, code = self.figures, self.table.code
        return [
            {f.code: _in_cell(figures[key]) for f in self.table.fields if (key := (code, unit.unit, row.code, f.code)) in figures}
            for unit, row in self.lines
        ]

    def states(self, rule: RuleFormula) -> list[str]:
        """What a rule shows in each line from the start; empty where it does not concern the line's unit."""
        levels = rule.rule.check.levels
        return [
            rule.state(given, self.unit_of_money) if not levels or unit.is_at(levels) else ""
            for (unit, _), given in zip(self.lines, self.given, strict=True)
        ]

    def area(self, rule: RuleFormula) -> str:
        """The cells beside the table that show a rule's states, as another sheet refers to them."""
        column = self.verdict + 1 + self.rules.index(rule)
        return f"'{self.table.code}'!{xl_range_abs(self.top, column, self.bottom, column)}"

    @cached_property
    def _head(self) -> list[tuple[HeadKey, str | int]]:
        codes, t = self.catalogue.codes, self.template
        lines: list[tuple[HeadKey, str | int]] = [
            ("form", t.form.code),
            ("version", t.form.version),
            ("unit", t.unit.code),
            ("fingerprint", template_fingerprint(t.form, t.unit, t.period)),
            ("period", t.period.code),
            ("scheme", t.form.scheme),
            ("scope", codes.scope[t.scope][0]),
        ]
        if any(field.type == "amount" for field in self.table.fields):
            lines.insert(4, ("money", next(iter(codes.money))))
        if self.first:
            lines.append(("nil", ""))
        return lines

    @property
    def _paired(self) -> bool:
        """Whether the sheet is wide enough for two labels of the head beside each other."""
        return len(self.table.fields) > 8

    # --- the parts, from the top down -------------------------------------------------------------

    def write(self) -> None:
        """Write the whole sheet."""
        self._columns()
        row = self._declaration(self._title(0))
        self.top = self._header(row + 1)
        self.bottom = self.top + len(self.lines) - 1
        for row, line in enumerate(self.lines, start=self.top):
            self._line(row, *line)
        if len(self.lines) > 1 and not self.fixed:
            self._total(self.bottom + 1)
        guards.validate(self)
        guards.colour(self)
        self._set_up()

    def _columns(self) -> None:
        for column, width in enumerate(self.leading):
            self.sheet.set_column(column, column, width)
        self.sheet.set_column(self.lead, self.width - 1, self.narrow)
        self.sheet.set_column(self.width, self.width, 2)
        self.sheet.set_column(self.verdict, self.verdict, 60)
        self.sheet.set_column(self.verdict + 1, self.verdict + max(len(self.rules), 1), 10)
        for first in self.helper.values():
            self.sheet.set_column(first, first + 3, 10, None, {"hidden": True})

    def _title(self, row: int) -> int:
        t = self.template
        half = self.lead if self.texts else min(max(self.width // 2, 4), self.width - 2)
        above = self.catalogue.version(t.unit.parent, t.period.ends_on) if t.unit.parent else None
        due = self.catalogue.due(t.form, t.unit.level, t.period)
        pairs = (
            (above.name.upper() if above else "", f"Mẫu biểu {t.form.code}, phiên bản {t.form.version}"),
            (t.unit.name.upper(), f"Hạn nộp / Due: {due:%d/%m/%Y}"),
        )
        for left, right in pairs:
            bold = left == t.unit.name.upper()
            style = self.style(align="center", bold=bold, shrink=bool(self.texts))
            self.sheet.merge_range(row, 0, row, half - 1, left, style)
            self.sheet.merge_range(row, half, row, self.page - 1, right, self.style(align="center"))
            row += 1
        titles: tuple[tuple[int, str, dict[str, Any]], ...] = (
            (0, self.table.vi.upper(), {"bold": True, "font_size": 14}),
            (1, self.table.en, {"italic": True}),
        )
        for first in range(self.lead, self.width, self.on_page):
            begins = self.texts if first == self.lead else first
            last = min(first + self.on_page, self.width) - 1
            again = ("", "") if first == self.lead else (" (tiếp theo)", " (continued)")
            for offset, text, look in titles:
                style = self.style(align="center", **look)
                self.sheet.merge_range(row + offset, begins, row + offset, last, text + again[offset], style)
        self.sheet.set_row(row, 24)
        return row + 2

    def _declaration(self, row: int) -> int:
        head = self._head
        middle = -(-len(head) // 2) if self._paired else len(head)
        for left, right in zip_longest(head[:middle], head[middle:]):
            self._declare(row, (0, 2, self.lead), *left)
            if right:
                at = self.lead + 2
                self._declare(row, (at, at + 3, at + 6), *right)
            row += 1
        zero, absent = self.catalogue.codes.zero[0], self.catalogue.codes.not_applicable[0]
        legend = (
            f"Để trống: chưa có số liệu; 0 hoặc {zero}: không phát sinh; {absent}: không áp dụng. / "
            f"Blank: no figure yet; 0 or {zero}: none; {absent}: not applicable."
        )
        look = self.style(italic=True, font_size=10, text_wrap=True)
        self.sheet.merge_range(row, self.texts, row, self.page - 1, legend, look)
        self.sheet.set_row(row, 15 * len(wrap(legend, (0 if self.texts else 50) + self.narrow * self.on_page)))
        return row + 1

    def _declare(self, row: int, at: tuple[int, int, int], key: HeadKey, value: str | int) -> None:
        """One label of the head with its value, as the reader looks for them, and the label in English beyond; `at` says in
        which column each begins."""
        left, first, beyond = at
        label_vi, *_, label_en = self.catalogue.codes.header[key]
        is_input = key in ("money", "nil")
        if key == "money":
            self.money = xl_rowcol_to_cell(row, first, row_abs=True, col_abs=True)
        self.sheet.merge_range(row, left, row, first - 1, f"{label_vi}:", self.style(align="right"))
        style = self.style(
            bold=True,
            num_format="@" if isinstance(value, str) else "0",
            align="left",
            **({"locked": False, "border": 1, "bg_color": "#FFFFFF"} if is_input else {}),
        )
        if beyond - first > 1:
            self.sheet.merge_range(row, first, row, beyond - 1, "", style)
        if isinstance(value, str):
            self.sheet.write_string(row, first, value, style) if value else self.sheet.write_blank(row, first, None, style)
        else:
            self.sheet.write_number(row, first, value, style)
        if is_input:
            source = [self.catalogue.codes.yes[0]] if key == "nil" else list(self.catalogue.codes.money)
            self.sheet.data_validation(
                row,
                first,
                row,
                first,
                {
                    "validate": "list",
                    "source": source,
                    "input_title": label_en[:32],
                    "input_message": "Chọn trong danh sách; có số liệu thì để trống."
                    if key == "nil"
                    else "Chọn đơn vị của các cột tiền.",
                },
            )
        if key != "nil":  # an empty value is followed by nothing that could be taken for one
            self.sheet.write_string(row, beyond, f"({label_en})", self.style(italic=True, font_size=9, font_color="#7F7F7F"))

    def _header(self, row: int) -> int:
        """Vietnamese and English names and column numbers; beside them the codes of the checks.

        Those are a row higher, since a text in the header's own rows would be a column of the form.
        """
        words = self.catalogue.codes.columns
        keys = ("ordinal", "unit_code", "unit_name", "row")[: self.lead]
        names = [(words[key][0], words[key][-1]) for key in keys] + [(f.vi, f.en) for f in self.table.fields]  # type: ignore[index]
        widths = [5, 12, 34, 26][: self.lead] + [self.narrow] * len(self.table.fields)
        head = {"align": "center", "text_wrap": True, "bg_color": "#E7ECF3", "border": 1}
        for offset, (bold, size) in enumerate(((True, 10), (False, 9))):
            for column, texts in enumerate(names):
                self.sheet.write_string(
                    row + offset, column, texts[offset], self.style(bold=bold, italic=not bold, font_size=size, **head)
                )
            lines = max(len(wrap(texts[offset], width - 1)) for texts, width in zip(names, widths, strict=True))
            self.sheet.set_row(row + offset, 13.5 * lines + 3)
        numbers = [f"({letter})" for letter in "ABCD"[: self.lead]]
        numbers += [column_caption(self.template.form, self.table, place) for place in range(len(self.table.fields))]
        small = self.style(font_size=8, italic=True, align="center", text_wrap=True, border=1, bg_color="#F4F4F4")
        self.sheet.set_row(row + 2, 11 * max(-(-len(number) // (self.narrow + 2)) for number in numbers) + 3)
        for column, number in enumerate(numbers):
            self.sheet.write_string(row + 2, column, number, small)
        band = self.style(bold=True, bg_color="#FFF7E0", border=1, align="center")
        self.sheet.write_string(row - 1, self.verdict, layout.CHECKS, band)
        for column, rule in enumerate(self.rules, start=self.verdict + 1):
            self.sheet.write_string(row - 1, column, rule.rule.check.rule, band)
        for offset in range(3):
            for column in range(self.verdict, self.verdict + 1 + len(self.rules)):
                self.sheet.write_blank(row + offset, column, None, self.style(bg_color="#FFF7E0"))
        for column in list(self.helper.values())[:1]:
            self._factor(row - 1, column)
        self.numbers = row + 2
        return row + 3

    def _factor(self, row: int, column: int) -> None:
        """How many of the smallest unit of money the unit named at the head is; 0 where it is unknown."""
        self.factor = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
        parts = ",".join(f'{factor:f}*({self.money}="{name}")' for name, factor in self.catalogue.codes.money.items())
        self.sheet.write_formula(row, column, f"=SUM({parts})", None, float(self.unit_of_money))

    def _line(self, row: int, unit: UnitVersion, fixed: Row) -> None:
        """One unit's line with the state of each rule."""
        locked = {"border": 1, "bg_color": "#F4F4F4"}
        given = self.given[row - self.top]
        self.sheet.write_number(row, 0, row - self.top + 1, self.style(align="center", **locked))
        self.sheet.write_string(row, 1, unit.code, self.style(align="center", num_format="@", **locked))
        self.sheet.write_string(row, 2, unit.name, self.style(text_wrap=True, **locked))
        if self.fixed:
            self.sheet.write_string(row, 3, fixed.vi, self.style(text_wrap=True, **locked))
        self.sheet.set_row(row, 16 * max(len(wrap(unit.name, 32)), len(wrap(fixed.vi, 24)) if self.fixed else 1) + 2)
        closed = self._closed(unit)
        for field in self.table.fields:
            access: dict[str, Any] = {"bg_color": "#D9D9D9"} if field.code in closed else {"locked": False}
            align = "center" if field.type == "code" else "right"
            style = self.style(border=1, num_format=_number_format(field), align=align, **access)
            _put(self.sheet, row, self.column[field.code], given.get(field.code), style)
        cells = {code: xl_rowcol_to_cell(row, column, col_abs=True) for code, column in self.column.items()}
        amounts = {code: self._amount(row, code, cells[code]) for code in self.helper}
        states: dict[int, str] = {}
        for column, rule in enumerate(self.rules, start=self.verdict + 1):
            levels = rule.rule.check.levels
            if not levels or unit.is_at(levels):
                states[column] = rule.state(given, self.unit_of_money)
                formula = rule.text(cells, amounts, self.factor)
                self.sheet.write_formula(row, column, formula, self.style(align="center", font_size=9), states[column])
        if states:
            self._verdict(row, states)

    def _amount(self, row: int, code: str, cell: str) -> Amount:
        """Write the helper cells of an amount."""
        columns = range(self.helper[code], self.helper[code] + 4)
        amount = Amount(*(xl_rowcol_to_cell(row, column, col_abs=True) for column in columns))
        values = amount.values(self.given[row - self.top].get(code), self.unit_of_money)
        for column, formula, value in zip(columns, amount.formulas(cell, self.factor), values, strict=True):
            self.sheet.write_formula(row, column, formula, None, value)
        return amount

    def _verdict(self, row: int, states: dict[int, str]) -> None:
        """One cell that says of the line: the first rule that fails, in words; that something is blank; or that all is well."""
        rules = {column: self.rules[column - self.verdict - 1].rule.check for column in states}
        failing = {column: check for column, check in rules.items() if check.kind == "identity"}
        states_area = xl_range(row, self.verdict + 1, row, self.verdict + len(self.rules))
        blank = "Còn ô trống; không phát sinh thì ghi 0 / a cell is blank"
        formula = f'IF(COUNTIF({states_area},"{HOLDS}")>0,"{HOLDS}","{NOTHING}")'
        formula = f'IF(COUNTIF({states_area},"{BLANK}")>0,"{blank}",{formula})'
        have = set(states.values())
        value = blank if BLANK in have else HOLDS if HOLDS in have else NOTHING
        for column, check in reversed(failing.items()):
            message = f"'{CHECKS}'!$C${self.line[check.rule] + 1}"
            formula = f'IF({xl_rowcol_to_cell(row, column)}="{FAILS}",{message},{formula})'
            value = check.message.vi if states[column] == FAILS else value
        self.sheet.write_formula(row, self.verdict, f"={formula}", self.style(font_size=9, text_wrap=True, border=1), value)

    def _closed(self, unit: UnitVersion) -> set[str]:
        """Fields that the form's own rules have this unit leave blank: a single one that may not exceed nothing."""
        checks = (s.rule.check for s in self.rules)
        return {
            next(iter(c.terms))
            for c in checks
            if c.kind == "identity"
            and c.op == "<="
            and not c.bound
            and len(c.terms) == 1
            and next(iter(c.terms.values())) > 0
            and (not c.levels or unit.is_at(c.levels))
        }

    def _total(self, row: int) -> None:
        bold = {"bold": True, "border": 1, "bg_color": "#F4F4F4"}
        self.sheet.merge_range(row, 0, row, self.lead - 1, self.catalogue.codes.total[0], self.style(align="center", **bold))
        for field in self.table.fields:
            column = self.column[field.code]
            if field.type == "code":
                self.sheet.write_string(row, column, self.catalogue.codes.not_applicable[0], self.style(align="center", **bold))
                continue
            numbers = [number for given in self.given if (number := parse_number(given.get(field.code))) is not None]
            area = xl_range(self.top, column, self.bottom, column)
            style = self.style(align="right", num_format=_number_format(field), **bold)
            value = float(total(numbers)) if numbers else NOTHING
            self.sheet.write_formula(row, column, f'=IF(COUNT({area})=0,"{NOTHING}",SUM({area}))', style, value)

    def _set_up(self) -> None:
        paper.finish(self.sheet)
        last = self.bottom + (len(self.lines) > 1 and not self.fixed) + 2
        # the right half of the last page, and at least so wide as its texts
        half = max(self.on_page // 2, -(-36 // self.narrow))
        last = paper.signature(self.sheet, self.style, last, (max(self.width - half, self.lead - 1), self.width - 1))
        self.sheet.print_area(0, 0, last, self.width - 1)
        self.sheet.repeat_rows(self.numbers - 2, self.numbers)
        if self.texts:
            paper.side_by_side(self.sheet, self.lead, self.pages)
        else:
            self.sheet.center_horizontally()
        # few lines fit on a screen with the head above them; for many the header stays in sight
        self.sheet.freeze_panes(self.top if len(self.lines) > 12 else 0, self.lead)


def _number_format(field: Field_) -> str:
    return "#,##0.00##" if field.type == "amount" else "#,##0"


def _put(sheet: Any, row: int, column: int, value: float | str | None, style: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, style)
    else:
        sheet.write_number(row, column, value, style)


def _in_cell(value: Prefill) -> float | str:
    """What a cell has of a value: a number, or text where the number would lose digits."""
    number = None if isinstance(value, str) else parse_number(value)
    if number is None:
        return str(value)
    return float(number) if parse_number(float(number)) == number else comma(number)
