"""Read a file to a report's raw figures: what it says it is, and its cells with coordinates. Bounded, and nothing is guessed."""

from tonghop.base.findings import Unreadable
from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.reading.raw import Reading
from tonghop.reading.text_files import decoded, read_csv, read_json
from tonghop.reading.workbook import OLE, ZIP, read_workbook


def read(name: str, content: bytes, catalogue: Catalogue, settings: Settings) -> Reading:
    """Read one file's bytes.

    Raises Unreadable where that is not safe or not possible; everything else is a finding in the reading.
    """
    if len(content) > settings.max_file_bytes:
        raise Unreadable("file.size", limit=f"{settings.max_file_bytes:,}")
    if content[:4] == ZIP or content[:8] == OLE:
        return read_workbook(content, catalogue, settings)
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("csv", "json"):
        text = decoded(content)
        return read_csv(text, catalogue, settings) if suffix == "csv" else read_json(text, catalogue, settings)
    raise Unreadable("file.kind")
