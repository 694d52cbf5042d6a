"""The answer to a sender: what became of one file, and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tonghop.base.codes import waiver_code
from tonghop.base.findings import Finding
from tonghop.reading.report import CellsPassed, Read, Report


@dataclass(frozen=True)
class Answer:
    """What became of one file."""

    file: str
    receipt: str | None
    sha256: str
    status: str
    form: str | None = None
    unit: str | None = None
    period: str | None = None
    # of the unit that the report is booked to: codes are given anew to others
    unit_name: str | None = None
    findings: list[Finding] = field(default_factory=list)
    # the workbook that goes back, where there is one
    book: str | None = None
    # the receipt of the later report that counts in its place
    superseded_by: str | None = None
    # the rules that only the warehouse decides, where it was not asked
    on_receipt: tuple[str, ...] = ()
    read: Read = field(default_factory=Read)

    @classmethod
    def to(cls, report: Report, name: str, sha256: str, receipt: str | None = None) -> "Answer":
        """The answer to a file of this name and fingerprint, whose report is given."""
        return cls(
            name,
            receipt,
            sha256,
            report.status,
            report.form.code if report.form else None,
            report.sender.code if report.sender else None,
            report.period.code if report.period else None,
            report.sender.name if report.sender else None,
            report.findings,
            read=report.read,
        )

    def as_json(self) -> dict[str, Any]:
        """The answer's public shape, one object a file."""
        keys = ("rule", "rule_version", "kind", "sheet", "cell", "message_vi", "message_en", "figures_vi", "figures_en")
        own = ("file", "receipt", "sha256", "form", "unit", "unit_name", "period", "status", "superseded_by")
        return {key: getattr(self, key) for key in own} | {
            "findings": [
                {key: getattr(f, key) for key in keys} | {"cells": list(f.cells), "waiver": f.waiver and waiver_code(f.waiver)}
                for f in self.findings
            ],
            "checked_on_receipt": list(self.on_receipt),
            "returned_file": self.book,
            "read": self.read.as_json(),
        }

    def as_text(self) -> str:
        """The answer as a clerk reads it: Vietnamese first."""
        status_vi, status_en = STATUS[self.status]
        lines = [f"{self.file}: {status_vi} / {status_en}" + (f" — biên nhận / receipt {self.receipt}" if self.receipt else "")]
        if self.unit:
            lines.append(f"  Đơn vị / unit: {self.unit} {self.unit_name}; {self.form}, {self.period}")
        if self.superseded_by:
            lines.append(f"  Đã được thay bằng biên nhận / superseded by receipt: {self.superseded_by}")
        for number, f in enumerate(self.findings, start=1):
            where = f"[{f.sheet}!{f.cell}] " if f.sheet and f.cell else ""
            lines += [f"  {number}. {where}{f.text('vi')}", f"     {' ' * len(where)}{f.text('en')} ({f.rule})"]
            if f.waiver:
                lines.append(f"     {' ' * len(where)}Được miễn / waived: {waiver_code(f.waiver)}")
        if not any(f.returns for f in self.findings):
            lines += _what_was_read(self)
        if self.on_receipt:
            lines.append(f"  Đối chiếu khi nhận / checked on receipt: {', '.join(self.on_receipt)}")
        if self.book:
            lines.append(f"  Tệp trả lại / returned file: {self.book}")
        return "\n".join(lines) + "\n"


def _what_was_read(answer: Answer) -> list[str]:
    """What was read of an accepted report, what was seen and not read, and whether the report was due."""
    read = answer.read
    lines = [
        f"  Đã đọc / read: {t.sheet}, bảng / table {t.table}: {t.rows} dòng, {t.cells} ô / rows {t.rows}, cells {t.cells}"
        for t in read.tables
    ]
    columns = [f"{c.sheet}!{c.column}" + (f" ({c.label})" if c.label else "") for c in read.columns]

    def at(places: Iterable[CellsPassed]) -> list[str]:
        return [f"{c.sheet}!{c.cells}" for c in places]

    for words, names in (
        ("Trang không đọc / sheets not read", read.sheets),
        ("Cột không đọc / columns not read", columns),
        ("Ô ngoài các dòng của bảng, không đọc / cells outside the table's rows, not read", at(read.cells)),
        ("Biểu mẫu cũ không có, để trống / not on the earlier template, left blank", read.lacking),
        ("Định dạng có điều kiện không xét đến / conditional formats not looked at", read.conditional),
        ("Hộp văn bản, ghi chú trên ô không đọc / text boxes and notes on cells, not read", read.asides),
        ("Dấu gạch đọc là 0 / dashes read as 0", at(read.dashes)),
        ("Dòng thiếu số thứ tự, vẫn đọc là dòng của bảng / rows without a number, read as the table's", at(read.unnumbered)),
        ("Công thức lấy theo số tệp đã lưu, không tính lại / formulas taken as the file keeps them", at(read.kept)),
    ):
        lines += [f"  {words}: {'; '.join(names)}"] if names else []
    if read.owed is not None:
        who, owes = ("Đơn vị trong báo cáo", "a unit") if read.owed else ("Không đơn vị nào trong báo cáo", "no unit")
        lines.append(
            f"  {who} phải nộp biểu {answer.form} cho kỳ {answer.period}"
            f" / {owes} in the report owes form {answer.form} for {answer.period}"
        )
    return lines


STATUS = {
    "accepted": ("đã nhận", "accepted"),
    "returned": ("trả lại để sửa", "returned"),
    "quarantined": ("không đọc được an toàn", "quarantined"),
    "duplicate": ("đã gửi trước đây", "duplicate"),
    "withdrawn": ("đã rút", "withdrawn"),
    "pending": ("đang chờ", "pending"),
}
