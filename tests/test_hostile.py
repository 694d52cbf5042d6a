"""Files that mean harm: each gets a receipt and its answer, and a good file beside them is accepted in the same run."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile
import psutil
import pytest
from books import STAFF, book
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.workbook.defined_name import DefinedName

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.intake import load, retention
from tonghop.intake.pool import Pool, PoolError
from tonghop.intake.receive import original, receive, receive_inbox
from tonghop.queries.verify import verify
from tonghop.reading import bounds, plain_sheet, sheet_xml, styles_xml, xlsx
from tonghop.reading.parser import parsed
from tonghop.reading.understand import read_and_check
from tonghop.release import candidate
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect, database_url
from tonghop.xlsx.xml_edit import MAIN, letters

WARD, PERIOD = hostile.WARD, hostile.PERIOD
HOSTILE = hostile.files(load_catalogue(PROJECT / "catalogue"), Settings(home=Path(tempfile.gettempdir())))


def good(catalogue: Catalogue, **changes: Any) -> bytes:
    return book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | changes)])


def put(settings: Settings, name: str, content: bytes) -> Path:
    settings.inbox.mkdir(parents=True, exist_ok=True)
    (settings.inbox / name).write_bytes(content)
    return settings.inbox / name


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query.encode()).fetchall()


def statuses(settings: Settings) -> dict[str, str]:
    receive_inbox(settings)
    return {answer.file: answer.status for answer in load.load_pending(settings)}


@pytest.fixture(scope="module")
def taken_in(
    new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue
) -> Settings:
    """A warehouse that took in all the hostile files in one run, with good ones before and after them."""
    settings = new_warehouse(tmp_path_factory.mktemp("hostile") / "home").model_copy(update={"worker_seconds": 6})
    for name, (content, _) in HOSTILE.items():
        put(settings, name, content)
    put(settings, "!first.xlsx", good(catalogue))
    put(settings, "~last.xlsx", good(catalogue, dai_hoc=17, khac=1))
    receive_inbox(settings)
    load.load_pending(settings)
    return settings


def test_the_parser_gets_one_archive_that_can_be_read_in_one_way_only() -> None:
    parts = {"xl/workbook.xml": b"<a/>", "xl/số liệu.xml": b"<b/>", "xl/empty.xml": b""}
    given = bounds.archive(parts)
    with zipfile.ZipFile(io.BytesIO(given)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == parts
        # without a gap between the parts, or before the end, in which something could stand
        sizes = [30 + len(info.filename.encode()) + info.file_size for info in archive.infolist()]
        assert [info.header_offset for info in archive.infolist()] == [sum(sizes[:n]) for n in range(len(sizes))]
        assert archive.start_dir == sum(sizes)


ORDINARY = (
    b'<row r="5" spans="1:27"><c r="B5" s="6"/><c r="C5" t="s"><v>0</v></c><c r="ZA5"><v>2</v></c></row>',
    b'<row r="6" ht="15.75" hidden="false"><c r="A6"><f>SUM(B1:C2)</f><v>3</v></c></row>',
    b'<row r="7"><c r="A7" t="str"><f aca="false">B1</f><v></v></c><c r="B7" t="b"><v>1</v></c></row>',
    b'<row r="8"><c r="A8" t="inlineStr"><is><t xml:space="preserve"> a</t></is></c><c r="B8" s="1"><v>1</v></c></row>',
    b'<row r="9"/>',
    b'<row r="29"><c r="A29"><v>.5</v></c><c r="B29"><v>0.1</v></c><c r="C29"><v>007</v></c></row>',
    b'<row r="30"><c r="B30" s="3"><v>-1.5E2</v></c><c r="C30" s="1"/></row>',
    b'<row r="31"><c r="B31" t="str"><v>12</v></c><c r="C31" t="str"><v>&lt;b&gt; &amp;amp; &quot;&apos;</v></c></row>',
    b'<row r="32"><c r="B32" s="3" t="s"><v>1</v></c><c r="C32" t="s"><v>2</v></c><c r="D32" t="b"><v>0</v></c></row>',
    b'<row r="33"><c r="A33"><f>A1</f><v>0</v></c><c r="B33"><f>A2</f><v>-0.00</v></c><c r="C33"><v>0</v></c></row>',
)
ODD = (
    b'<row r="99999"><c r="A99999"><v>1</v></c></row>',
    b'<row r="1048576"/>',
    b'<row r="10"><c r="AAA10"><v>1</v></c></row>',
    b"<row r='11'><c r='A11'><v>1</v></c></row>",
    b'<row r="12"><c r="a12"><v>1</v></c></row>',
    b'<x:row xmlns:x="other" r="13"/>',
    b'<row s="5" r="14"/>',
    b'<row r="15"><c r=" A15"><v>1</v></c></row>',
    b"<row><c><v>1</v></c></row>",
    b'<row r="16"><c r="A16"/><c r="A16"/></row>',
    b'<row r="17"><c r="B17"/><c r="A17"><v>1</v></c></row>',
    b'<row r="18"><c r="A19"><v>1</v></c></row>',
    b'<row r="20"><c r="A20"><f>1</f></c></row>',
    b'<row r="21"><c r="A21"><f>1</f><v></v></c></row>',
    b'<row r="22"><c r="A22"><f/><v/></c></row>',
    b'<row r="23"><c r="B23" t="e"><v>#REF!</v></c></row>',
    b"<row r='24'><c r='B24' t='e'><v>#SPILL!</v></c></row>",
    b'<row r="25" hidden="1"><c r="A25"><v>1</v></c></row>',
    b'<row r="26" ht="0"><c r="A26"><v>1</v></c></row>',
    b'<row r="4"/>',
    b'<row r="34"><c r="A34" s="2"><v>45000</v></c></row>',
    b'<row r="34"><c r="A34" s="2"/><c r="B34" s="2" t="s"><v>0</v></c></row>',
    b'<row r="34"><c r="A34" t="s"><v>3</v></c></row>',
    b'<row r="34"><c r="A34" t="s"><v>-1</v></c></row>',
    b'<row r="34"><c r="A34" t="b"><v>2</v></c></row>',
    b'<row r="34"><c r="A34"><v>1.2.3</v></c></row>',
    b'<row r="34"><c r="A34"><v>1e999</v></c></row>',
    b'<row r="34"><c r="A34" t="str"><v>&#65;&#13;_x0041_</v></c></row>',
    b'<row r="34"><c r="A34" t="str"><v>\xff</v></c></row>',
    b'<row r="34"><c r="A34"><v>1</v></c></row><row r="34"/>',
    b'<row r="34"><c r="A34"><f>SUM(B1:C2)&#65;</f><v>3</v></c></row>',
    b'<row r="34"><c r="A34"><f t="shared" ref="A34:B34" si="0">B1+1</f><v>3</v></c></row>',
    b'<row r="34"/></row>',
    b'<row r="34"><c r="A34"><v>1</v></c></row><c r="A35"/>',
)


@pytest.mark.parametrize("odd", [b"", *ODD])
@pytest.mark.parametrize("recalculates", [False, True])
def test_a_sheet_that_is_plain_holds_what_a_parser_finds_in_it(odd: bytes, recalculates: bool) -> None:
    texts, most = ["a", "b & <c>", ""], 69_498
    styles = styles_xml.Styles(
        {1: "0%", 2: "dd/mm/yyyy"},
        {3: "cell.struck"},
        styles_xml.as_xml({164: "dd/mm/yyyy"}, [0, 9, 164, *[0] * 5]),
        styles_xml.Colours((), None),
        {},
        frozenset({2}),
    )
    reader = plain_sheet.Reader(texts, styles, recalculates, may_be_stale=True, max_cells=most)
    context = sheet_xml.Context(styles, {}, recalculates, may_be_stale=True, max_cells=most)
    # an empty text is no result while a workbook is yet to be computed
    ordinary = [row for row in ORDINARY if not (recalculates and b"<v></v>" in row)]
    for rows in ((odd, *ordinary), (*ordinary, odd)):
        xml = b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (MAIN, b"".join(rows))
        plain = reader.sheet("a", xml)
        assert plain or odd
        if plain is not None:
            given, look = sheet_xml.sheet(xml, context)
            (sheet,) = parsed(xlsx.written({"a": given}, styles.xml, sheet_xml.written_strings(texts)))
            assert (plain[0].grid, plain[1]) == (sheet.grid, look)


def test_a_number_that_the_parser_takes_for_a_date_is_not_read_as_plain() -> None:
    codes = dict(
        enumerate(("h", "[h]:mm", "AM/PM", "d/m", "YYYY", "[$-42A]dd", "0.0;s", "[ss]", "#,##0", "0.000", '0" km"'), start=164)
    )
    numbers = [*range(60), *codes]
    cells = "".join(f'<c r="{letters(n + 1)}1" s="{n}"><v>1.5</v></c>' for n in range(len(numbers)))
    xml = b'<worksheet xmlns="%s"><sheetData><row r="1">%s</row></sheetData></worksheet>' % (MAIN, cells.encode())
    (sheet,) = parsed(xlsx.written({"a": xml}, styles_xml.as_xml(codes, numbers)))
    dates = {n for n, value in enumerate(sheet.grid[0]) if not isinstance(value, float)}
    dated = styles_xml.styles(styles_xml.as_xml(codes, numbers), None).dated
    assert dates <= dated
    assert {"h", "AM/PM", "[ss]"} <= {codes.get(numbers[n]) for n in dates}
    assert not {0, 3, 9, 172, 173} & {numbers[n] for n in dated}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered_for_what_it_is(taken_in: Settings, name: str) -> None:
    ((receipt, status),) = rows(taken_in, f"select receipt_id, status from intake.receipt where file_name = '{name}'")
    rules = {rule for (rule,) in rows(taken_in, f"select rule from intake.finding where receipt_id = {receipt}")}
    expected, expected_rules = HOSTILE[name][1]
    assert (status, rules) == (expected, rules if expected_rules is None else expected_rules)
    assert rules or status == "accepted"
    assert (taken_in.answers / f"R{receipt:06d}.txt").exists()


def test_good_files_beside_hostile_ones_are_accepted(taken_in: Settings) -> None:
    found = rows(taken_in, "select status from intake.receipt where file_name in ('!first.xlsx', '~last.xlsx')")
    assert found == [("accepted",)] * 2
    assert rows(taken_in, "select count(*) from intake.receipt where status = 'pending'") == [(0,)]
    assert not any(taken_in.inbox.iterdir())
    assert not [(v.name, v.wrong) for v in verify(taken_in) if v.wrong]


def test_what_is_said_of_hostile_files_holds_nothing_that_a_terminal_or_a_spreadsheet_obeys(taken_in: Settings) -> None:
    said = rows(taken_in, "select sheet, cell, message_vi, message_en from intake.finding")
    texts = [text for row in said for text in row if text]
    texts += [path.read_text("utf-8") for path in taken_in.answers.glob("*.txt")]
    assert not [text for text in texts if not text.replace("\n", "").replace("\xa0", "").isprintable()]
    assert not [
        line
        for text in texts
        for line in text.splitlines()
        if line.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
    ]
    assert max(map(len, texts)) < 30_000


# --- the inbox ---------------------------------------------------------------------------------------------------


def test_what_is_no_file_stays_in_the_inbox_and_holds_nothing_up(
    settings: Settings, catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    secret = settings.home / "secret.csv"
    secret.write_text("secret")
    put(settings, "good.xlsx", good(catalogue))
    (settings.inbox / "link.csv").symlink_to(secret)
    (settings.inbox / "nowhere.csv").symlink_to("/nowhere")
    (settings.inbox / "folder").symlink_to("/etc")
    os.mkfifo(settings.inbox / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(settings.inbox / "s.csv"))
        assert statuses(settings) == {"good.xlsx": "accepted"}
    assert {path.name for path in settings.inbox.iterdir()} == {"link.csv", "nowhere.csv", "folder", "pipe.csv", "s.csv"}
    assert {name for name in ("link.csv", "nowhere.csv", "pipe.csv", "s.csv") if name in caplog.text} == {
        "link.csv",
        "nowhere.csv",
        "pipe.csv",
        "s.csv",
    }


def test_a_device_is_no_file(settings: Settings) -> None:
    # devices of the machine itself: only root makes others, so they are handed in where they stand
    told: list[OSError] = []
    with connect(settings) as connection:
        assert receive(settings, connection, [Path("/dev/zero"), Path("/dev/tty")], told.append) == []
    assert [Path(error.filename).name for error in told] == ["zero", "tty"]


def test_an_unreadable_file_stays_and_the_next_is_taken(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "a-unreadable.xlsx", good(catalogue, can_bo=9)).chmod(0)
    put(settings, "b-good.xlsx", good(catalogue))
    # root reads everything, so another reads here, in a process of its own, in a folder that others may pass
    home = Path(tempfile.mkdtemp(prefix="tonghop-test-"))
    try:
        shutil.copytree(settings.inbox, home / "inbox", copy_function=shutil.move)
        if os.geteuid() == 0:
            for path in (home, *home.rglob("*")):
                os.chown(path, 65534, 65534)
        elsewhere = Settings(home=home, database_url=settings.database_url, airflow_database_url=settings.airflow_database_url)
        child = os.fork()
        if child == 0:
            try:
                os.environ["HOME"] = str(home)
                if os.geteuid() == 0:
                    os.setuid(65534)
                os._exit(len(receive_inbox(elsewhere)))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(99)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        assert [path.name for path in (home / "inbox").iterdir()] == ["a-unreadable.xlsx"]
    finally:
        shutil.rmtree(home)


def test_a_file_that_vanishes_or_changes_while_it_is_received_harms_nothing(settings: Settings, catalogue: Catalogue) -> None:
    stop = threading.Event()

    def flicker() -> None:
        while not stop.is_set():
            path = put(settings, "flickering.csv", os.urandom(2_000_000))
            time.sleep(0.001)
            path.unlink(missing_ok=True)

    settings.inbox.mkdir(parents=True)
    thread = threading.Thread(target=flicker)
    thread.start()
    try:
        for _ in range(50):
            receive_inbox(settings)
    finally:
        stop.set()
        thread.join()
    put(settings, "good.xlsx", good(catalogue))
    assert statuses(settings)["good.xlsx"] == "accepted"
    # whatever was received of it is whole: the store holds what the receipts say
    assert not [(v.name, v.wrong) for v in verify(settings) if v.wrong]


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe.csv",
        b"a\nb.csv",
        b"\x1b[31mred.csv",
        "‮fdp.csv".encode(),
        b"=cmd|calc.csv",
        b"%2e%2e%2fx.csv",
        "ệ".encode() * 60 + b".csv",
    ],
)
def test_a_file_may_be_called_anything(settings: Settings, name: bytes) -> None:
    settings.inbox.mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(settings.inbox) + b"/" + name)).write_bytes(b"nothing")
    (status,) = statuses(settings).values()
    assert status == "quarantined"
    ((kept,),) = rows(settings, "select file_name from intake.receipt")
    assert kept.isprintable()


# --- the workers -------------------------------------------------------------------------------------------------


@pytest.fixture
def limits(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, readers=1)


def only(results: Iterator[Any]) -> Any:
    (result,) = results
    return result


def workers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "tonghop.intake.worker" in p.cmdline()]


def test_the_pool_gives_the_report_that_reading_here_gives(limits: Settings, catalogue: Catalogue, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("good.xlsx", "bad.xlsx", "good.json", "good.csv", "torn.xlsx")]
    for path, content in zip(
        paths,
        (good(catalogue), good(catalogue, tong=99), hostile.as_json(), hostile.as_csv(STAFF), good(catalogue)[:900]),
        strict=True,
    ):
        path.write_bytes(content)
    with Pool(catalogue, limits) as pool:
        got = list(pool.reports((path.name, path) for path in paths))
    assert got == [read_and_check(path.name, path.read_bytes(), catalogue, limits) for path in paths]
    assert [r.status for r in got] == ["accepted", "returned", "accepted", "accepted", "quarantined"]
    assert not workers()


@pytest.mark.parametrize(
    ("how", "rule"), [(signal.SIGSEGV, "file.crash"), (signal.SIGKILL, "file.memory"), (signal.SIGABRT, "file.memory")]
)
def test_a_worker_that_dies_costs_its_file_only(
    limits: Settings, catalogue: Catalogue, tmp_path: Path, how: signal.Signals, rule: str
) -> None:
    slow, fine = tmp_path / "slow.json", tmp_path / "fine.xlsx"
    slow.write_bytes(HOSTILE["slow.json"][0])
    fine.write_bytes(good(catalogue))

    def strike() -> None:
        while not (found := workers()) or found[0].cpu_times().user < 3:  # well into the file
            time.sleep(0.05)
        found[0].send_signal(how)

    # on a busy machine the limit must not come before the strike
    with Pool(catalogue, limits.model_copy(update={"worker_seconds": 120})) as pool:
        striker = threading.Thread(target=strike, daemon=True)
        striker.start()
        died = only(pool.reports([("slow.json", slow)]))
        striker.join()
        assert (died.status, [f.rule for f in died.findings]) == ("quarantined", [rule])
        assert only(pool.reports([("fine.xlsx", fine)])).status == "accepted"


def test_a_worker_that_dies_of_what_came_before_is_not_the_fault_of_its_next_file(
    limits: Settings, catalogue: Catalogue, tmp_path: Path
) -> None:
    fine = tmp_path / "fine.xlsx"
    fine.write_bytes(good(catalogue))
    with Pool(catalogue, limits) as pool:
        assert only(pool.reports([("fine.xlsx", fine)])).status == "accepted"
        workers()[0].kill()
        assert only(pool.reports([("fine.xlsx", fine)])).status == "accepted"


def test_a_report_that_nobody_takes_for_long_is_not_late(limits: Settings, catalogue: Catalogue, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.xlsx" for n in range(6)]
    for n, path in enumerate(files):
        path.write_bytes(good(catalogue, dai_hoc=17, khac=n))
    with Pool(catalogue, limits.model_copy(update={"worker_seconds": 1})) as pool:
        coming = pool.reports((path.name, path) for path in files)
        got, reading = [next(coming)], {worker.pid for worker in workers()}
        time.sleep(3)  # as a database may take that is given a batch
        got += coming
        assert {worker.pid for worker in workers()} == reading
    assert got == [read_and_check(path.name, path.read_bytes(), catalogue, limits) for path in files]


def test_reports_that_are_no_longer_wanted_do_not_come_as_those_of_other_files(
    limits: Settings, catalogue: Catalogue, tmp_path: Path
) -> None:
    wanted, unwanted = tmp_path / "wanted.json", tmp_path / "unwanted.xlsx"
    wanted.write_bytes(hostile.as_json())
    unwanted.write_bytes(good(catalogue, tong=99))
    with Pool(catalogue, limits) as pool:
        coming = pool.reports(("unwanted.xlsx", unwanted) for _ in range(9))
        assert next(coming).status == "returned"
        coming.close()
        assert [r.status for r in pool.reports([("wanted.json", wanted)] * 5)] == ["accepted"] * 5
    assert not workers()


def test_a_worker_is_replaced_after_so_many_files(limits: Settings, catalogue: Catalogue, tmp_path: Path) -> None:
    fine = tmp_path / "fine.json"
    fine.write_bytes(hostile.as_json())
    seen = set()
    with Pool(catalogue, limits.model_copy(update={"worker_files": 3})) as pool:
        for _ in range(7):
            assert only(pool.reports([("fine.json", fine)])).status == "accepted"
            seen |= {process.pid for process in workers()}
    assert len(seen) == 3


def test_a_worker_knows_no_database_and_can_open_nothing(
    settings: Settings, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGHOP_DATABASE_URL", database_url(settings))
    fine = tmp_path / "fine.xlsx"
    fine.write_bytes(good(catalogue))
    with connect(settings), Pool(catalogue, settings.model_copy(update={"readers": 1})) as pool:
        assert only(pool.reports([("fine.xlsx", fine)])).status == "accepted"
        (worker,) = workers()
        assert not worker.net_connections()
        known = Path(f"/proc/{worker.pid}/environ").read_bytes() + Path(f"/proc/{worker.pid}/cmdline").read_bytes()
        assert b"postgres" not in known
        assert b"TONGHOP" not in known
        opened = {int(fd.name): os.readlink(fd) for fd in Path(f"/proc/{worker.pid}/fd").iterdir()}
        assert {target for target in opened.values() if not target.startswith("pipe:")} == {"/dev/null"}
        # and it gets no other; what else it cannot do: test_confined.py
        limits = Path(f"/proc/{worker.pid}/limits").read_text().splitlines()
        (files,) = [line.split() for line in limits if line.startswith("Max open")]
        assert int(files[3]) == int(files[4]) == 0 < len(opened)


def test_a_worker_that_cannot_start_is_a_fault_and_no_file_is_blamed(
    limits: Settings, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = tmp_path / "fine.xlsx"
    fine.write_bytes(good(catalogue))
    monkeypatch.setattr("sys.executable", "/bin/false")
    with Pool(catalogue, limits) as pool, pytest.raises(PoolError, match="did not start"):
        only(pool.reports([("fine.xlsx", fine)]))


@pytest.mark.parametrize(
    ("sent", "rule"),
    [
        ("os.write(out, HEAD.pack(1, 99_999_999, 0)); os.write(out, b'[' * 9_999)", "file.time"),
        ("os.write(out, HEAD.pack(1, 4, 1 << 40))", "file.memory"),
        ("os.write(out, HEAD.pack(99, 1, 0) + b'7')", "file.memory"),
        ("os.write(out, pickle.dumps(('read', {'x': 1})))", "file.memory"),
        ("worker.send(os.fdopen(out, 'wb'), 'read', 7)", "file.crash"),
        ("worker.send(os.fdopen(out, 'wb'), 'read', {'x': 1})", "file.crash"),
        ("worker.send(os.fdopen(out, 'wb'), 'book', None, b'x')", "file.crash"),
        ("os.write(out, HEAD.pack(1, 9_999, 0) + b'[' * 9_999)", "file.memory"),
        ("os.write(out, HEAD.pack(1, 4, 0) + b'1e99')", "file.memory"),
        ("worker.send(os.fdopen(out, 'wb'), 'read', [[]] * 7_000_000)", "file.memory"),
    ],
    ids=[
        "without end",
        "longer than it can hold",
        "of an unknown kind",
        "a pickle",
        "a number",
        "no report",
        "a workbook",
        "nested without end",
        "a number with decimals",
        "more values than a report has",
    ],
)
def test_whatever_a_worker_sends_that_a_file_took_over_costs_that_file_alone(
    limits: Settings, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: str, rule: str
) -> None:
    for name in ("fine.xlsx", "evil.xlsx"):
        (tmp_path / name).write_bytes(good(catalogue))
    python = tmp_path / "python"
    python.write_text(f"""#!{sys.executable}
import os, pickle, struct, time
from tonghop.intake import worker
HEAD = struct.Struct("<BQQ")
read, fdopen = worker.read_and_check, os.fdopen
def taken_over(name, *rest):
    if name == "evil.xlsx":
        {sent}
        time.sleep(60)
    return read(name, *rest)
def opened(descriptor, *rest):
    global out
    out = descriptor
    return fdopen(descriptor, *rest)
worker.read_and_check, os.fdopen = taken_over, opened
worker._serve()
""")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with Pool(catalogue, limits.model_copy(update={"worker_seconds": 3})) as pool:
        reports = list(pool.reports([(name, tmp_path / name) for name in ("evil.xlsx", "fine.xlsx")]))
    assert [[f.rule for f in report.findings] for report in reports] == [[rule], []]


def test_no_link_in_a_workbook_is_followed(settings: Settings, catalogue: Catalogue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"http://127.0.0.1:{listener.getsockname()[1]}/x.xlsx".encode()
        relation = (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
            b'Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath" '
            b'Target="%s" TargetMode="External"/></Relationships>' % target
        )
        put(
            settings,
            "linked.xlsx",
            hostile.changed(
                good(catalogue),
                {
                    "xl/externalLinks/externalLink1.xml": b'<externalLink><externalBook r:id="rId1"/></externalLink>',
                    "xl/externalLinks/_rels/externalLink1.xml.rels": relation,
                    "xl/worksheets/_rels/sheet1.xml.rels": relation,
                },
            ),
        )
        assert statuses(settings) == {"linked.xlsx": "accepted"}
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


# --- what is never read, and what is not kept --------------------------------------------------------------------


def marked(catalogue: Catalogue) -> tuple[bytes, list[str]]:
    """A good workbook with a mark of its own in every place that is not a declared cell."""
    workbook: Workbook = load_workbook(io.BytesIO(good(catalogue)))
    sheet = workbook["F8A"]
    marks: list[str] = []

    def mark(where: str) -> str:
        marks.append(f"Mark-{where}-{len(marks)}")
        return marks[-1]

    properties = workbook.properties
    properties.creator, properties.lastModifiedBy, properties.title = mark("creator"), mark("modifier"), mark("title")
    properties.subject, properties.description, properties.keywords = mark("subject"), mark("description"), mark("keywords")
    last = next(cell for row in sheet.iter_rows() for cell in row if cell.value == STAFF["tong"])
    last.comment = Comment(mark("comment"), mark("commenter"))
    for state in ("hidden", "veryHidden"):
        hidden = workbook.create_sheet(mark("name")[:31])
        hidden["A1"] = mark(state)
        hidden.sheet_state = state
    workbook.create_sheet("Ghi chú")["B2"] = mark("note")
    workbook.defined_names["nguoi_ky"] = DefinedName("nguoi_ky", attr_text=f'"{mark("defined")}"')
    sheet.append([])
    for text in (f"Nơi nhận: {mark('recipient')}", "TM. BAN THƯỜNG VỤ", "(Ký, ghi rõ họ tên)", mark("signature")):
        sheet.append([None, None, text])
    sheet["Z1"] = mark("aside")
    sheet.oddHeader.center.text, sheet.oddFooter.center.text = mark("header"), mark("footer")
    out = io.BytesIO()
    workbook.save(out)
    content = hostile.changed(out.getvalue(), {"docProps/custom.xml": f"<p>{mark('custom')}</p>".encode()})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist()).decode("utf-8", "replace")
    assert all(text in whole for text in marks)
    return content, marks


@pytest.mark.parametrize("changes", [{}, {"tong": 99}, {"tong": "nhiều"}])
def test_only_declared_cells_are_read(
    settings: Settings, catalogue: Catalogue, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    caplog.set_level(0)
    content, marks = marked(catalogue)
    if changes:
        workbook = load_workbook(io.BytesIO(content))
        next(cell for row in workbook["F8A"].iter_rows() for cell in row if cell.value == STAFF["tong"]).value = changes["tong"]
        out = io.BytesIO()
        workbook.save(out)
        content = out.getvalue()
    put(settings, "signed.xlsx", content)
    assert statuses(settings) == {"signed.xlsx": "returned" if changes else "accepted"}
    dump = subprocess.run([embedded.BINARIES / "pg_dump", "--data-only", database_url(settings)], capture_output=True, check=True)
    assert b"signed.xlsx" in dump.stdout
    kept = [dump.stdout.decode(), caplog.text]
    kept += [
        path.read_text("utf-8", "replace")
        for path in settings.home.rglob("*")
        if path.is_file() and settings.originals not in path.parents and path.suffix != ".xlsx"
    ]
    assert not [mark for mark in marks if any(mark in text for text in kept)]


def test_an_original_leaves_the_store_when_its_retention_is_over_and_verify_accepts_that(
    settings: Settings, catalogue: Catalogue
) -> None:
    content = good(catalogue)
    put(settings, "old.xlsx", content)
    put(settings, "refused.csv", b"x")
    statuses(settings)
    old = settings.model_copy(update={"keep_originals_days": 30})
    assert retention.expire(old) == []
    with connect(settings) as connection:
        connection.execute("alter table intake.receipt disable trigger keep")
        connection.execute("update intake.receipt set received_at = received_at - interval '31 days'")
    put(settings, "new.xlsx", good(catalogue, dai_hoc=17, khac=1))
    statuses(settings)
    shas = dict(rows(settings, "select receipt_id, sha256 from intake.receipt"))
    assert retention.expire(old) == [1, 2]
    assert [original(settings, shas[n]).exists() for n in (1, 2, 3)] == [False, False, True]
    assert retention.expire(old) == []
    assert rows(settings, "select receipt_id, reason from intake.ledger where act = 'expired' order by 1") == [
        (1, "kept for 30 days"),
        (2, "kept for 30 days"),
    ]
    # figures, receipts and the fingerprint stay; a copy that turns up is known, and is not kept either
    assert rows(settings, "select count(*) from intake.cell where receipt_id = 1") == [(len(STAFF),)]
    put(settings, "copy.xlsx", content)
    assert statuses(settings) == {}
    retention.expire(old)
    assert not original(settings, shas[1]).exists()
    assert not [(v.name, v.wrong) for v in verify(settings) if v.wrong]


def test_what_is_pending_is_kept_and_an_expiry_calls_for_no_release(settings: Settings, catalogue: Catalogue) -> None:
    put(settings, "waiting.xlsx", good(catalogue))
    receive_inbox(settings)
    with connect(settings) as connection:
        connection.execute("alter table intake.receipt disable trigger keep")
        connection.execute("update intake.receipt set received_at = received_at - interval '9 years'")
    old = settings.model_copy(update={"keep_originals_days": 30})
    assert retention.expire(old) == []
    assert [answer.status for answer in load.load_pending(settings)] == ["accepted"]
    with connect(settings) as connection:
        connection.execute(
            "insert into ctl.release (release_id, status, cutoff_seq, catalogue_id) "
            "select 1, 'candidate', (select max(seq) from intake.ledger), max(catalogue_id) "
            "from catalogue.version"
        )
    assert retention.expire(old) == [1]
    assert not candidate.awaited(settings)
