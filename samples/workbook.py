"""A report as the Excel workbook that an office would have filled in: one sheet a table, laid out to be printed and signed."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from samples.model import Report, Value
from tonghop.catalogue.forms import ALL_ROWS, Field_, Form, Table
from tonghop.catalogue.model import Catalogue
from tonghop.templates.formulas import column_caption

# headings over neighbouring columns: a matter of layout, so it stands with the layout
GROUPS: dict[str, dict[str, str]] = {
    # table: heading: the fields under it, those that the form version has
    "F1": {
        "Tổ chức đảng": "tccsd_total dang_bo_co_so chi_bo_co_so dang_bo_bo_phan chi_bo_truc_thuoc chi_bo_tdp chi_bo_khac",
        "Đảng viên tăng trong kỳ": "dv_ket_nap dv_chuyen_den dv_phuc_hoi dv_tang_sap_xep",
        "Đảng viên giảm trong kỳ": "dv_chuyen_di dv_tu_tran dv_xin_ra dv_xoa_ten dv_khai_tru dv_giam_sap_xep",
        "Trong đó": "dv_chinh_thuc dv_du_bi dv_nu dv_mien_sinh_hoat",
    },
    "F2": {
        "Số buổi họp": "hop_ke_hoach hop_thuong_ky hop_chuyen_de hop_gop",
        "Đảng viên dự sinh hoạt": "dv_tong dv_mien dv_phai_du dv_du dv_vang_ly_do dv_vang_khong_ly_do",
        "Nội dung, chất lượng": "so_phut cap_uy_cap_tren_du co_noi_dung_ct05 co_nghi_quyet xep_loai_buoi",
    },
    "F3A": {"Kết quả xếp loại": "tsvm tsvm_tieu_bieu yeu_kem htxs htt htt_tro_len ht khong_ht"},
    "F3B": {"Kết quả xếp loại": "htxs htt_rieng htt_tro_len ht khong_ht"},
    "F4": {"Tham gia, cam kết": "dv_trieu_tap dv_tham_gia dv_dang_ky_cam_ket dv_duoc_danh_gia_cuoi_nam"},
    "F5": {
        "Kiểm điểm": "tap_the_phai_kd tap_the_da_kd tap_the_chua_kd",
        "Gợi ý kiểm điểm sâu": "goi_y_kd_sau goi_y_phuong goi_y_xa goi_y_khac da_kd_sau",
        "Báo cáo riêng": "bc_rieng_phai_nop bc_rieng_da_nop",
        "Hạn chế, khuyết điểm": "hc_dau_ky hc_moi hc_khac_phuc_xong hc_cuoi_ky hc_qua_han",
    },
    "F8A": {"Trong đó": "can_bo cong_chuc hop_dong", "Trình độ": "thac_sy_tro_len dai_hoc cao_dang trung_cap khac"},
    "F8B": {
        "Văn bản ban hành": "nq_chuyen_de de_an chi_thi ke_hoach khac tong",
        "Triển khai nghị quyết cấp trên": "nq_cap_tren_nhan co_ke_hoach da_so_ket",
    },
    "F8C": {"Chỉ tiêu": "chi_tieu_giao chi_tieu_dat chi_tieu_vuot"},
}
LEGEND = 'Cách ghi: để trống: chưa có số liệu; 0 hoặc "-": không phát sinh; x: không áp dụng.'
SYNTHETIC = "Số liệu minh hoạ / synthetic: trừ các con số nêu trong samples/seed_facts.csv, mọi số liệu ở đây đều là giả định."

_FONT = "Times New Roman"
_thin = Side(style="thin")
_BORDER = Border(left=_thin, right=_thin, top=_thin, bottom=_thin)
_HEAD = PatternFill("solid", fgColor="E7ECF3")
_BAND = PatternFill("solid", fgColor="F4F4F4")
_CENTRE = Alignment(horizontal="center", vertical="center", wrap_text=True)
_LEFT = Alignment(horizontal="left", vertical="center", wrap_text=True)
_LINE = Alignment(horizontal="left", vertical="center")
_NUMBERS = Alignment(horizontal="center", vertical="center", shrink_to_fit=True)
_RIGHT = Alignment(horizontal="right", vertical="center")
# a file's bytes depend on the report alone, so that writing it again makes no new report
_EPOCH = datetime(2000, 1, 1)


def workbook(catalogue: Catalogue, report: Report) -> bytes:
    """The bytes of an .xlsx for a report; the same report gives the same bytes."""
    book = Workbook()
    book.remove(book.active)
    form = report.form_of(catalogue)
    wanted = {table for table, _, _ in report.cells} or {form.tables[0].code}
    for table in form.tables:
        if table.code in wanted:
            _Sheet(book.create_sheet(table.code), catalogue, report, form, table).fill()
    book.properties.creator = "samples"
    book.properties.created = _EPOCH
    raw = io.BytesIO()
    book.save(raw)
    return _settle(raw.getvalue())


def _settle(raw: bytes) -> bytes:
    """The same workbook without the moment at which it was written."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", part)
            target.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return out.getvalue()


class _Sheet:
    """One table on one sheet, written from the top down."""

    def __init__(self, sheet: Worksheet, catalogue: Catalogue, report: Report, form: Form, table: Table) -> None:
        self.sheet, self.catalogue, self.report, self.form, self.table = sheet, catalogue, report, form, table
        self.row = 0
        columns = catalogue.codes.columns
        self.lead = [columns["ordinal"][0], columns["unit_code"][0], columns["unit_name"][0]]
        if table.rows != (ALL_ROWS,):
            self.lead.append(columns["row"][0])
        self.width = max(len(self.lead) + len(table.fields), 9)
        # characters in a column of figures: a wide table has to fit on the page
        self.narrow = 11 if len(table.fields) < 12 else 9

    def fill(self) -> None:
        self._letterhead()
        self._declaration()
        self._columns()
        self._body()
        self._signature()
        self._print()

    # --- the parts, in the order in which they stand -------------------------------------------------------------

    def _letterhead(self) -> None:
        sender = self.report.sender_of(self.catalogue)
        above = self.catalogue.above(sender.unit, self.report.period_of(self.catalogue).ends_on)[1:2]
        parent = self.report.version_of(self.catalogue, above[0]).name.upper() if above else ""
        half = max(self.width // 2, 4)
        party, kind = "ĐẢNG CỘNG SẢN VIỆT NAM", f"Mẫu {self.form.code}"
        for left, right, heavy in ((parent, party, 2), (sender.name.upper(), kind, 1)):
            self.row += 1
            self._merged(left, 1, half, font=Font(_FONT, 11, bold=heavy == 1), alignment=_CENTRE)
            self._merged(right, half + 1, self.width, font=Font(_FONT, 11, bold=heavy == 2), alignment=_CENTRE)
        self.row += 2
        self._merged(self.table.vi.upper(), 1, self.width, font=Font(_FONT, 14, bold=True), alignment=_CENTRE)
        self.sheet.row_dimensions[self.row].height = 24
        self.row += 1

    def _declaration(self) -> None:
        codes, report = self.catalogue.codes, self.report
        lines: list[tuple[str, str | int]] = [
            (codes.header["form"][0], self.form.code),
            (codes.header["version"][0], self.form.version),
            (codes.header["unit"][0], report.sender_of(self.catalogue).code),
            (codes.header["period"][0], report.period),
            (codes.header["scheme"][0], self.form.scheme),
            (codes.header["scope"][0], codes.scope[report.scope][0]),
        ]
        if report.money and any(field.type == "amount" for field in self.table.fields):
            lines.append((codes.header["money"][0], report.money))
        if report.nil:
            lines.append((codes.header["nil"][0], codes.yes[0]))
        for label, value in lines:
            self.row += 1
            self._merged(f"{label}:", 1, 3, font=Font(_FONT, 11), alignment=_RIGHT)
            self._merged(value, 4, 6, font=Font(_FONT, 11, bold=True), alignment=_LINE)
            self.sheet.cell(self.row, 4).number_format = "@" if isinstance(value, str) else "0"
        for line in (LEGEND, SYNTHETIC):
            self.row += 1
            self._merged(line, 1, self.width, font=Font(_FONT, 10, italic=True), alignment=_LEFT)
            self.sheet.row_dimensions[self.row].height = 15
        self.row += 1

    def _columns(self) -> None:
        order = [field.code for field in self.table.fields]
        groups = {
            heading: [order.index(name) for name in names.split() if name in order]
            for heading, names in GROUPS.get(self.table.code, {}).items()
        }
        top, leaf = self.row + 1, self.row + (2 if groups else 1)
        for column, label in enumerate(self.lead, start=1):
            self._head(label, top, leaf, column, column)
        first = len(self.lead) + 1
        for column, field in enumerate(self.table.fields, start=first):
            grouped = any(column - first in places for places in groups.values())
            self._head(field.vi, leaf if grouped else top, leaf, column, column)
        for heading, places in groups.items():
            self._head(heading, top, top, first + min(places), first + max(places))
        self.sheet.row_dimensions[top].height = 22
        lines = max(-(-len(field.vi) // (self.narrow - 2)) for field in self.table.fields)
        self.sheet.row_dimensions[leaf].height = 14 * max(3, lines)
        self.row = leaf + 1
        for column in range(1, first + len(order)):
            text = f"({'ABCD'[column - 1]})" if column < first else column_caption(self.form, self.table, column - first)
            self._cell(column, text, Font(_FONT, 8, italic=True), _NUMBERS, fill=_BAND)
        self.sheet.freeze_panes = self.sheet.cell(self.row + 1, first)

    def _body(self) -> None:
        lines = [(unit, row) for table, unit, row in self.report.cells if table == self.table.code]
        labels = {row.code: row.vi for row in self.table.rows}
        for number, (unit, row) in enumerate(lines, start=1):
            if unit in self.report.sections:
                self._section(self.report.sections[unit])
            self.row += 1
            self.sheet.row_dimensions[self.row].height = 17
            version = self.report.version_of(self.catalogue, unit)
            lead: list[str | int] = [number, version.code, version.name, labels[row]]
            for column, value in enumerate(lead[: len(self.lead)], start=1):
                self._cell(column, value, Font(_FONT, 11), _CENTRE if column < 3 else _LEFT)
            self.sheet.cell(self.row, 2).number_format = "@"
            values = self.report.cells[self.table.code, unit, row]
            for column, field in enumerate(self.table.fields, start=len(self.lead) + 1):
                self._value(column, field, values.get(field.code))
        if len(lines) > 1 and self.table.rows == (ALL_ROWS,):
            self._total([self.report.cells[self.table.code, unit, row] for unit, row in lines])

    def _section(self, title: str) -> None:
        self.row += 1
        number, _, text = title.partition(". ")
        for column in range(1, len(self.lead) + len(self.table.fields) + 1):
            alignment = _CENTRE if column == 1 else _LINE
            self._cell(column, {1: number, 3: text}.get(column), Font(_FONT, 11, bold=True), alignment, fill=_BAND)

    def _total(self, lines: Sequence[dict[str, Value]]) -> None:
        self.row += 1
        bold = Font(_FONT, 11, bold=True)
        self._merged(self.catalogue.codes.total[0], 1, len(self.lead), font=bold, alignment=_CENTRE, border=_BORDER)
        for column, field in enumerate(self.table.fields, start=len(self.lead) + 1):
            numbers = [value for line in lines if isinstance(value := line.get(field.code), int | Decimal)]
            self._cell(
                column,
                "x" if field.codes else sum(numbers) if numbers else None,
                bold,
                _CENTRE if field.codes else _RIGHT,
                number_format="#,##0",
            )

    def _signature(self) -> None:
        self.row += 2
        middle = self.width - max(self.width // 3, 3)
        for line in ("......, ngày ... tháng ... năm ...", "TM. BAN THƯỜNG VỤ", "(Ký, ghi rõ họ tên)"):
            font = Font(_FONT, 11, bold=line.isupper(), italic=not line.isupper())
            self._merged(line, middle + 1, self.width, font=font, alignment=_CENTRE)
            self.row += 1

    def _print(self) -> None:
        sheet = self.sheet
        for column in range(1, self.width + 1):
            wide = {1: 5, 2: 11, 3: 34, 4: 22 if len(self.lead) > 3 else self.narrow}.get(column, self.narrow)
            sheet.column_dimensions[get_column_letter(column)].width = wide
        sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        sheet.print_options.horizontalCentered = True
        margins = sheet.page_margins
        margins.left = margins.right = margins.top = margins.bottom = 0.4
        sheet.oddFooter.center.text = "&P/&N"
        sheet.sheet_view.showGridLines = False

    # --- single cells --------------------------------------------------------------------------------------------

    def _value(self, column: int, field: Field_, value: Value) -> None:
        if field.codes and isinstance(value, str) and value in field.codes:
            value = field.codes[value][0]
        self._cell(
            column,
            value,
            Font(_FONT, 11),
            _CENTRE if isinstance(value, str) else _RIGHT,
            number_format="#,##0.###" if isinstance(value, Decimal) else "#,##0",
        )

    def _head(self, text: str, top: int, bottom: int, left: int, right: int) -> None:
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                self.sheet.cell(row, column).border = _BORDER
                self.sheet.cell(row, column).fill = _HEAD
        cell = self.sheet.cell(top, left, text)
        cell.font, cell.alignment = Font(_FONT, 10, bold=True), _CENTRE
        if (top, left) != (bottom, right):
            self.sheet.merge_cells(start_row=top, start_column=left, end_row=bottom, end_column=right)

    def _cell(
        self,
        column: int,
        value: object,
        font: Font,
        alignment: Alignment,
        *,
        number_format: str = "General",
        fill: PatternFill | None = None,
    ) -> None:
        cell = self.sheet.cell(self.row, column, value)
        cell.font, cell.alignment, cell.border, cell.number_format = font, alignment, _BORDER, number_format
        if fill:
            cell.fill = fill

    def _merged(
        self, text: str | int, left: int, right: int, *, font: Font, alignment: Alignment, border: Border | None = None
    ) -> None:
        cell = self.sheet.cell(self.row, left, text)
        cell.font, cell.alignment = font, alignment
        for column in range(left, right + 1):
            if border:
                self.sheet.cell(self.row, column).border = border
        if right > left:
            self.sheet.merge_cells(start_row=self.row, start_column=left, end_row=self.row, end_column=right)
