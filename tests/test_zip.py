"""A .zip of reports: each member has its own receipt, whatever becomes of the others; an unsafe one is answered whole."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from books import STAFF, book
from commands import run
from hostile import as_csv

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.intake import load
from tonghop.intake.before_sending import precheck
from tonghop.intake.receive import receive_inbox
from tonghop.intake.submit import submit
from tonghop.queries.verify import verify
from tonghop.warehouse.connect import connect

WARD, PERIOD = "08719", "2018-Y"


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.mkdir("thư mục")
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.fixture
def members(catalogue: Catalogue) -> dict[str, bytes]:
    def staff(**changes: Any) -> bytes:
        return book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | changes)])

    return {"thư mục/F8.xlsx": staff(), "bad.xlsx": staff(tong=99), "torn.xlsx": staff()[:900], "F8.csv": as_csv(STAFF)}


def test_each_member_has_its_own_receipt_and_a_bad_one_holds_nothing_up(
    settings: Settings, members: dict[str, bytes], tmp_path: Path
) -> None:
    settings.inbox.mkdir(parents=True)
    (settings.inbox / "tháng 12.zip").write_bytes(zipped(members))
    receive_inbox(settings)
    wanted = {
        "tháng 12.zip/thư mục/F8.xlsx": "accepted",
        "tháng 12.zip/bad.xlsx": "returned",
        "tháng 12.zip/torn.xlsx": "quarantined",
        "tháng 12.zip/F8.csv": "accepted",
    }
    assert {answer.file: answer.status for answer in load.load_pending(settings)} == wanted
    with connect(settings) as connection:
        sizes = dict(connection.execute("select file_name, bytes from intake.receipt").fetchall())
    assert sizes == {f"tháng 12.zip/{name}": len(content) for name, content in members.items()}
    assert not list(settings.inbox.iterdir())
    assert not [(v.name, v.wrong) for v in verify(settings) if v.wrong]
    # and once more, in another archive
    again = tmp_path / "again.zip"
    again.write_bytes(zipped(members, zipfile.ZIP_STORED))
    assert [answer.status for answer in submit(settings, [again])] == ["duplicate"] * 4


def test_a_check_before_sending_answers_for_each_member(settings: Settings, members: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(members))
    answers = precheck(settings, [path])
    assert [(a.file, a.status) for a in answers] == [
        ("a.zip/thư mục/F8.xlsx", "accepted"),
        ("a.zip/bad.xlsx", "returned"),
        ("a.zip/torn.xlsx", "quarantined"),
        ("a.zip/F8.csv", "accepted"),
    ]


def _encrypted(content: bytes) -> bytes:
    raw = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            raw[info.header_offset + 6] |= 1
        at = archive.start_dir
    while raw[at : at + 4] == b"PK\1\2":
        raw[at + 8] |= 1
        at += 46 + sum(int.from_bytes(raw[at + n : at + n + 2], "little") for n in (28, 30, 32))
    return bytes(raw)


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("nested", [["file.zip"], []]),
        ("out", [["file.unsafe"]]),
        ("many", [["file.bounds"]]),
        ("bomb", [["file.bounds"]]),
        ("encrypted", [["file.zip_password"]]),
        ("packed otherwise", [["file.zip_damaged"]]),
        ("torn", [["file.zip_damaged"]]),
        # the last workbook in it is a whole archive, and would be read in its stead
        ("torn behind a workbook", [["file.zip_damaged"]]),
        ("nothing but litter", [["file.zip_empty"]]),
        ("appended to a workbook", [["file.damaged"]]),
        ("with more behind it", [["file.zip_damaged"]]),
    ],
)
def test_an_archive_that_is_not_safe_is_answered_whole(
    settings: Settings, members: dict[str, bytes], tmp_path: Path, kind: str, rules: list[list[str]]
) -> None:
    one = {"F8.csv": members["F8.csv"]}
    contents = {
        "nested": lambda: zipped({"inner.zip": zipped({"x.csv": b"x\n"})} | one),
        "out": lambda: zipped({"../F8.csv": members["F8.csv"]}),
        "many": lambda: zipped({f"{n}.csv": b"" for n in range(1_001)}),
        "bomb": lambda: zipped({"F8.csv": bytes(settings.max_unpacked_bytes + 1)}),
        "nothing but litter": lambda: zipped({"__MACOSX/._F8.csv": b"x", "Thumbs.db": b"x"}),
        "encrypted": lambda: _encrypted(zipped(one)),
        "packed otherwise": lambda: zipped(one, zipfile.ZIP_LZMA),
        "torn": lambda: zipped(one)[:-30],
        "torn behind a workbook": lambda: zipped(one | {"F8.xlsx": members["thư mục/F8.xlsx"]}, zipfile.ZIP_STORED)[:-30],
        "appended to a workbook": lambda: members["bad.xlsx"] + members["thư mục/F8.xlsx"],
        "with more behind it": lambda: zipped(one) + zipped(one)[:-30],
    }
    path = tmp_path / "a.zip"
    path.write_bytes(contents[kind]())
    assert [[f.rule for f in answer.findings] for answer in precheck(settings, [path])] == rules
    done = run(settings, "submit", str(path))
    assert done.exit_code == 1
    assert all(rule in done.output for found in rules for rule in found)
    assert not [(v.name, v.wrong) for v in verify(settings) if v.wrong]


def test_what_an_operating_system_lays_into_an_archive_gets_no_receipt_and_is_named(
    settings: Settings, members: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    litter = ["__MACOSX/thư mục/._F8.xlsx", ".DS_Store", "thư mục/Thumbs.db", "thư mục/DESKTOP.INI", "thư mục/~$F8.xlsx"]
    path.write_bytes(zipped(dict.fromkeys(litter, b"x") | {"F8.csv": members["F8.csv"]}))
    for command in ("check", "submit"):
        done = run(settings, command, str(path))
        assert (done.exit_code, done.stdout.count("a.zip/")) == (0, 1), done.output
        assert f"passed over: {', '.join(f'a.zip/{name}' for name in litter)}" in done.stderr.replace("\n", "")
    with connect(settings) as connection:
        assert connection.execute("select file_name from intake.receipt").fetchall() == [("a.zip/F8.csv",)]


def test_a_folder_may_be_called_as_a_workbooks_part_and_a_name_may_have_a_colon(
    settings: Settings, members: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    for name in ("Word/F8.xlsx", "XL/F8.xlsx", "lúc 10:30.xlsx"):
        path.write_bytes(zipped({name: members["thư mục/F8.xlsx"]}))
        assert [(a.file, a.status) for a in precheck(settings, [path])] == [(f"a.zip/{name}", "accepted")]


def test_a_name_within_an_archive_cannot_write_to_the_terminal(
    settings: Settings, members: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"\x1b[2J\u202eF8.csv": members["F8.csv"]}))
    names = [answer.file for answer in (*precheck(settings, [path]), *submit(settings, [path]))]
    assert names == ["a.zip/\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}F8.csv"] * 2
