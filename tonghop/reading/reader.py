"""Read a file to a report's raw figures: what it says it is, and its cells with coordinates. Bounded, and nothing is guessed."""

from datetime import date

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.reading import kinds, zipped
from tonghop.reading.bounds import OLE
from tonghop.reading.raw import Reading
from tonghop.reading.text_files import decoded, read_csv, read_json
from tonghop.reading.workbook import read_workbook


def read(name: str, content: bytes, catalogue: Catalogue, settings: Settings, received: date | None = None) -> Reading:
    """Read the bytes of one file that was received on a day, today by default.

    Raises Unreadable where that is not safe or not possible; everything else is a finding in the reading.
    """
    if not content.strip(b"\0"):  # zeros are what a copy that was cut off leaves
        raise Unreadable("file.nothing")
    if len(content) > settings.max_file_bytes:
        raise Unreadable("file.size", limit=f"{settings.max_file_bytes:,}")
    if content[:4] == zipped.ZIP or content[:8] == OLE:
        return read_workbook(content, catalogue, settings, received)
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("csv", "tsv", "txt", "json"):
        return (read_json if suffix == "json" else read_csv)(decoded(content), catalogue, settings, received)
    raise kinds.of_bytes(name, content)
