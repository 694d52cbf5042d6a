"""What a file is that is no report as it stands, by what is in it, whatever its name says: the answer tells what to do."""

import re

from tonghop.base.findings import Unreadable

# what a text begins with that Excel opens under the name .xls: none is a workbook
_OPENED_BY_EXCEL = (
    (
        re.compile(r"(?is)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!doctype\s+html|<html|<table|<head|<meta|<body|<div)"),
        "HTML",
        "HTML",
    ),
    (re.compile(r"(?is)\s*<\?xml.*?(mso-application|urn:schemas-microsoft-com:office:spreadsheet)"), "XML 2003", "XML of 2003"),
    (re.compile(r"(?is)\s*<\?xml.*?<office:document\b"), "XML OpenDocument (.fods)", "flat OpenDocument XML (.fods)"),
    (re.compile(r"(?i)\s*mime-version:"), "trang web lưu trữ (MHTML)", "a saved web page (MHTML)"),
    (re.compile(r"ID;P"), "SYLK", "SYLK"),
)
_DOCUMENTS = (
    (b"%PDF-", "PDF", "a PDF"),
    (b"{\\rtf", "văn bản RTF", "an RTF document"),
    (b"\x89PNG", "hình ảnh", "a picture"),
    (b"\xff\xd8\xff", "hình ảnh", "a picture"),
    (b"GIF8", "hình ảnh", "a picture"),
    (b"BM", "hình ảnh", "a picture"),
    (b"II*\0", "hình ảnh", "a picture"),
    (b"MM\0*", "hình ảnh", "a picture"),
)
_ARCHIVES = (b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b")
_PACKAGES = (("word/", "Word", "a Word document"), ("ppt/", "PowerPoint", "a PowerPoint presentation"))
# streams of a compound file, by their names there
_STREAMS = (("WordDocument", "Word", "a Word document"), ("PowerPoint Document", "PowerPoint", "a PowerPoint presentation"))
_OLD_EXCEL = "Excel 5.0/95"


def of_bytes(name: str, content: bytes) -> Unreadable:
    """Why a file that is no workbook, CSV or JSON cannot be read."""
    for start, vi, en in _DOCUMENTS:
        if content.startswith(start):
            return Unreadable("file.document", what_vi=vi, what_en=en)
    if content.startswith(_ARCHIVES):
        return Unreadable("file.archive")
    if content.startswith((b"\x09\x00", b"\x09\x02", b"\x09\x04")):
        return resave("Excel 2.0-4.0", "Excel 2.0 to 4.0")
    text = _text(content[:4096])
    for pattern, vi, en in _OPENED_BY_EXCEL if text else ():
        if pattern.match(text or ""):
            return resave(vi, en)
    suffix = name.lower().rpartition(".")[2]
    if text and suffix in ("xls", "xlsx", "xlsm", "xlsb", "ods"):
        return Unreadable("file.text", suffix=suffix)
    return Unreadable("file.kind")


def of_package(names: set[str]) -> Unreadable:
    """Why an archive that is no workbook cannot be read, by the names of its parts."""
    for folder, vi, en in _PACKAGES:
        if any(name.startswith(folder) for name in names):
            return Unreadable("file.document", what_vi=vi, what_en=en)
    if any(name.lower().endswith(".iwa") for name in names):
        return Unreadable("file.numbers")
    return Unreadable("file.damaged", detail="xlsx")


def of_streams(names: set[str]) -> Unreadable:
    """Why a compound file without the stream of a workbook cannot be read, by the names of its streams."""
    if "EncryptedPackage" in names:
        return Unreadable("file.password")
    for stream, vi, en in _STREAMS:
        if stream in names:
            return Unreadable("file.document", what_vi=vi, what_en=en)
    if "Book" in names:
        return resave(_OLD_EXCEL, _OLD_EXCEL)
    return Unreadable("file.damaged", detail="xls")


def resave(vi: str, en: str) -> Unreadable:
    """What Excel opens and this does not read."""
    return Unreadable("file.resave", what_vi=vi, what_en=en)


def _text(start: bytes) -> str | None:
    """The beginning of a text; None of what is none."""
    for encoding in ("utf-16",) if start.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "latin-1"):
        try:
            text = start.decode(encoding, "strict" if encoding != "utf-8-sig" else "ignore")
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None
