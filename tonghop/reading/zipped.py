"""A .zip of reports: its members within bounds, each to be received as a file of its own. An archive within it is not opened.

Read where files are received, before any worker: by Python's own reader of archives, which asks the headers and inflates no more
than they say; what is in the members is for the workers.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings

MAX_MEMBERS = 1_000
ZIP = b"PK\x03\x04"
_END, _ENCRYPTED, _UTF8 = b"PK\x05\x06", 1, 1 << 11
# what operating systems and open workbooks lay beside the files of a folder; nobody means to hand it in
_LITTER = re.compile(
    r"(.*/)?(__macosx/.*|\.ds_store|\._[^/]*|thumbs\.db|desktop\.ini|~\$[^/]*|\.~lock\.[^/]*#)", re.IGNORECASE | re.DOTALL
)
# a member's header: its length of name, and whether a package of a spreadsheet or document begins with such a member
_HEADER = re.compile(rb"PK\x03\x04.{22}(..)..", re.DOTALL)
_PACKAGED = (b"[content_types].xml", b"mimetype", b"meta-inf/", b"_rels/", b"docprops/", b"xl/", b"word/", b"ppt/")


def is_bundle(content: bytes) -> bool:
    """Whether the bytes are an archive of files, and not one that is itself a workbook or another document."""
    if content[:4] != ZIP or content.count(_END) == 0:
        return False
    try:
        names = [name.lower().replace("\\", "/") for name in opened(content).namelist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False
    whole = ("[content_types].xml", "mimetype", "meta-inf/manifest.xml")
    # a clerk's folder may be called Word, too
    return any(not name.endswith("/") for name in names) and not any(
        name in whole
        or name.endswith(".iwa")
        or (name.startswith(("xl/", "word/", "_rels/")) and name.endswith((".xml", ".rels")))
        for name in names
    )


def is_litter(path: str) -> bool:
    """Whether a file, by its name within a folder or an archive, is a program's own: .DS_Store, Thumbs.db, ~$F8.xlsx."""
    return bool(_LITTER.fullmatch(path.replace("\\", "/")))


def passed_over(content: bytes) -> list[str]:
    """The members of a bundle that are a program's own."""
    return [path for entry in opened(content).infolist() if not entry.is_dir() and is_litter(path := _name(entry))]


def _is_torn(content: bytes) -> bool:
    """Whether the bytes begin a bundle that cannot be opened, by the names in the headers of its members."""
    try:
        opened(content)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        found = _HEADER.match(content)
        name = content[found.end() : found.end() + int.from_bytes(found[1], "little")] if found else b""
        return bool(name) and not name.lower().replace(b"\\", b"/").startswith(_PACKAGED)
    return False


def opened(content: bytes) -> zipfile.ZipFile:
    """The archive that begins where the bytes begin.

    Raises what zipfile raises, and BadZipFile where another one is found further on: a member that is itself an archive, of one
    that was cut off behind it, or what was appended to an archive. Whatever stands before it would be passed over.
    """
    archive = zipfile.ZipFile(io.BytesIO(content))
    if min((entry.header_offset for entry in archive.infolist()), default=0):
        raise zipfile.BadZipFile("bytes before the archive")
    return archive


def members(content: bytes, settings: Settings) -> Iterator[tuple[str, bytes]]:
    """The name and bytes of each file in a bundle, in its order.

    Raises Unreadable, before the first where it can, for more or larger members than a sender can need, for names that lead
    elsewhere, and where the archive is damaged or encrypted.
    """
    try:
        archive = opened(content)
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and not is_litter(_name(entry))]
        if not entries:
            raise Unreadable("file.zip_empty")
        sizes = [entry.file_size for entry in entries]
        if len(entries) > MAX_MEMBERS or sum(sizes) > settings.max_unpacked_bytes:
            raise Unreadable("file.bounds")
        paths = [_name(entry).replace("\\", "/") for entry in entries]
        if any(path.startswith("/") or path[1:2] == ":" or ".." in path.split("/") for path in paths):
            raise Unreadable("file.unsafe", detail="zip")
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unreadable("file.zip_password")
        at = content.rindex(_END)
        if at + 22 + int.from_bytes(content[at + 20 : at + 22], "little") != len(content):
            raise zipfile.BadZipFile("bytes behind the archive")
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise NotImplementedError("another way to pack")
        for path, entry in zip(paths, entries, strict=True):
            yield path, archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable("file.zip_damaged") from error


def untaken(content: bytes, settings: Settings) -> Unreadable | None:
    """Why an archive of reports, or what is left of one, was not taken apart by whoever received it; None for what is none."""
    if _is_torn(content):
        return Unreadable("file.zip_damaged")
    if not is_bundle(content):
        return None
    try:
        for _ in members(content, settings):
            pass
    except Unreadable as unreadable:
        return unreadable
    return Unreadable("file.zip")  # it lies within another


def _name(entry: zipfile.ZipInfo) -> str:
    """A member's name as it was meant: UTF-8 where it says so or is, else in the alphabet of MS-DOS, which zips began with."""
    if entry.flag_bits & _UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename
