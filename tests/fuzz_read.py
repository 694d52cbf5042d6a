"""Fuzzing: whatever is done to a real file, the pool gives a report with a status and findings, in bounded memory and time.

    python -m tests.fuzz_read --minutes 10 [--seed 1]

Hypothesis draws the mutations of a sample file and, where one breaks the invariant, shrinks them. Figures: docs/fuzzing.md.
"""

import argparse
import io
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from samples import write
from tests.respell import WAYS, respelt
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.intake.pool import Pool

# what breaks parsers: borders of numbers, marks of the formats, text that is more than it seems
TOKENS = [
    b"",
    b"\0",
    b"<",
    b">",
    b"&",
    b"&amp;",
    b"&#0;",
    b"&#x1F600;",
    b'"',
    b"'",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"<!DOCTYPE x>",
    b"<c/>",
    b"<c ",
    b"<row/>",
    b'<row r="1048576"/>',
    b'<c r="XFD1048576"><v>1</v></c>',
    b'<c r="A0"><v>1</v></c>',
    b' t="s"',
    b' t="e"',
    b' t="d"',
    b' t="b"',
    b' t="inlineStr"',
    b' s="4294967295"',
    b"<v>99999999999</v>",
    b"<v>-1</v>",
    b"<v>1e308</v>",
    b"<v>NaN</v>",
    b"<f>1+1</f>",
    b"<f/>",
    b'<mergeCell ref="A1:XFD1048576"/>',
    b'<mergeCell ref="B2:A1"/>',
    b"</sheetData>",
    b"0",
    b"-0",
    b"1e999",
    b"NaN",
    b"[",
    b"{",
    b"}",
    b",",
    b"\r\n",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\u0000",
    b"\\ud800",
    b"=1+1",
    "ệ".encode(),
    "e\u0323\u0302".encode(),
    b"9" * 400,
    b"(" * 400,
    b"PK\x05\x06",
    b"PK\x01\x02",
    b"\xd0\xcf\x11\xe0",
]
# how far into the file, what to do there, how many bytes of the old to take, what to put
edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from(["put", "cut", "copy", "flip"]),
        st.integers(0, 300),
        st.one_of(st.sampled_from(TOKENS), st.binary(max_size=20)),
    ),
    min_size=1,
    max_size=8,
)


# of the kinds of workbook that the samples lack
KINDS = [
    Path(__file__).parent / "data" / name
    for name in (
        "reading/kind.ods",
        "packages/plain.xlsb",
        "packages/sheetjs.xls",
        "packages/sheetjs.xlsb",
        "traps/xls_plain.xls",
        "traps/error_ref.xlsx",
        "reading/rless_error.xlsx",
    )
]


def is_zip(content: bytes) -> bool:
    """Whether the content is a workbook of parts."""
    return zipfile.is_zipfile(io.BytesIO(content))


def edit(content: bytes, changes: list[tuple[float, str, int, bytes]]) -> bytes:
    """The content after a list of edits."""
    raw = bytearray(content)
    for where, what, length, new in changes:
        at = int(where * len(raw))
        if what == "put":
            raw[at:at] = new
        elif what == "cut":
            raw[at : at + length] = new
        elif what == "copy":
            raw[at:at] = raw[at : at + length] * 3
        elif at < len(raw):
            raw[at] ^= 1 << length % 8
    return bytes(raw)


def edit_part(content: bytes, number: int, changes: list[tuple[float, str, int, bytes]]) -> bytes:
    """The same for one part of a workbook, whose archive stays whole."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        names = source.namelist()
        for name in names:
            part = source.read(name)
            target.writestr(name, edit(part, changes) if name == names[number % len(names)] else part)
    return out.getvalue()


def fuzz(seconds: float, number: int, catalogue: Catalogue, folder: Path) -> Counter[str]:
    """Mutate sample files for so many seconds. Returns how often each status and rule came out; raises at the first failure."""
    bounds = Settings(home=folder, readers=1)
    paths = [*write(catalogue, folder / "samples"), *KINDS]
    samples = {path.name: path.read_bytes() for path in paths}
    samples = {name: content for name, content in samples.items() if not name.endswith(".xlsx") or is_zip(content)}
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    target = folder / "mutant"

    with Pool(catalogue, bounds) as pool:

        @given(st.sampled_from(sorted(samples)), st.none() | st.integers(0, 30), edits, st.none() | st.sampled_from(sorted(WAYS)))
        @settings(
            max_examples=50,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        def once(name: str, part: int | None, changes: list[tuple[float, str, int, bytes]], way: str | None) -> None:
            whole = part is None or not is_zip(samples[name])
            # one in another spelling goes through the parser, one in Excel's own past it
            original = respelt(samples[name], way) if way and is_zip(samples[name]) else samples[name]
            mutant = edit(original, changes) if whole else edit_part(original, part or 0, changes)
            target.write_bytes(mutant)
            start = time.monotonic()
            (report,) = pool.reports([(name, target)])
            took = time.monotonic() - start
            rules = {finding.rule for finding in report.findings}
            assert report.status in ("accepted", "returned", "quarantined")
            assert rules or report.status == "accepted"
            # a crash, a lost worker or a slow file is contained, but each is a fault of ours to mend
            assert not rules & {"file.crash", "file.memory", "file.time"}, rules
            texts = [text for f in report.findings for text in (f.sheet, f.cell, f.text("vi"), f.text("en")) if text]
            # what the database takes: no NUL, no half character
            assert all("\0" not in text and text.encode() and len(text) < 5_000 for text in texts)
            seen.update(["files", report.status, f"from {took // 0.25 * 250:.0f} ms", *rules])

        while time.monotonic() < end:
            seed(number)(once)()
            number += 1
    return seen


def main() -> None:
    """Fuzz by hand."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given_ = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = fuzz(given_.minutes * 60, given_.seed, load_catalogue(PROJECT / "catalogue"), Path(folder))
    for what, count in seen.most_common():
        print(f"{count:8} {what}")


if __name__ == "__main__":
    main()
