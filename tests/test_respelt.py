"""A workbook gets the same answer however its XML is spelt and its package put together."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import hostile
import pytest
from respell import WAYS, repacked, respelt

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.reading.report import Report
from tonghop.reading.understand import read_and_check

FOLDERS = [Path(__file__).parent / "data" / name for name in ("traps", "reading")]
SETTINGS = Settings(home=Path(tempfile.gettempdir()))
# what these do is in the spelling itself
_BY_SPELLING = {"bomb-that-says-it-is-small.xlsx", "small-that-says-it-is-large.xlsx", "larger-than-4-gb.xlsx"}


def _files() -> Iterator[tuple[str, bytes]]:
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.xlsx")):
            yield path.name, path.read_bytes()
    for name, (content, _) in hostile.files(load_catalogue(PROJECT / "catalogue"), SETTINGS).items():
        if name.endswith(".xlsx") and name not in _BY_SPELLING and zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                # the large ones would only take long: what they are refused for is counted before anything is read
                small = sum(part.file_size for part in archive.infolist()) < 1_000_000
            if small:
                yield name, content


FILES = dict(_files())


def said(name: str, content: bytes, catalogue: Catalogue) -> tuple[object, ...]:
    """What a reader says of a workbook: status, rules with their cells, figures with theirs."""
    report: Report = read_and_check(name, content, catalogue, SETTINGS)
    return report.status, [(f.rule, f.sheet, f.cell, f.message_vi) for f in report.findings], report.cells


def differs(catalogue: Catalogue, name: str, ways: list[str]) -> list[str]:
    """Those of the spellings in which a file gets another answer than it got as it is."""
    wanted = said(name, FILES[name], catalogue)
    return [way for way in ways if said(name, respelt(FILES[name], way), catalogue) != wanted]


@pytest.mark.parametrize(("number", "name"), list(enumerate(FILES)))
def test_an_answer_does_not_depend_on_how_the_xml_is_spelt(catalogue: Catalogue, number: int, name: str) -> None:
    # each spelling comes to two files in thirteen; the trial tries every one on every file
    ways = list(WAYS)
    assert differs(catalogue, name, [ways[(number + n) % len(ways)] for n in (0, 5)]) == []


@pytest.mark.trials
@pytest.mark.parametrize("name", FILES)
def test_an_answer_does_not_depend_on_any_spelling(catalogue: Catalogue, name: str) -> None:
    assert differs(catalogue, name, list(WAYS)) == []


@pytest.mark.parametrize("way", ["moved", "backslashes", "upper", "absolute"])
def test_an_answer_does_not_depend_on_what_the_parts_are_called(catalogue: Catalogue, way: str) -> None:
    for name in ("excel_plain_grouping.xlsx", "error_na.xlsx", "sections_wrong_subtotal.xlsx"):
        assert said(name, repacked(FILES[name], way), catalogue) == said(name, FILES[name], catalogue)
