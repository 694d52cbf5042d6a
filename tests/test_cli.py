"""The command line as a person or a script meets it: words, JSON and exit codes."""

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from books import STAFF, book
from commands import run
from rich.cells import cell_len
from rich.console import Console

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.cli import output

KEYS = {"file", "receipt", "sha256", "form", "unit", "period", "status", "findings"}
FINDING = {"rule", "kind", "sheet", "cell", "message_vi", "message_en"}


def tonghop(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"TONGHOP_HOME": str(settings.home)}
    if settings.database_url:
        # both, or the command starts a server of its own for the other one
        own |= {"TONGHOP_DATABASE_URL": settings.database_url, "TONGHOP_AIRFLOW_DATABASE_URL": str(settings.airflow_database_url)}
    return subprocess.run(
        [str(Path(sys.executable).with_name("tonghop")), *arguments],
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def files(tmp_path: Path, catalogue: Catalogue) -> dict[str, Path]:
    contents = {"good.xlsx": STAFF, "bad.xlsx": STAFF | {"tong": 99}}
    for name, values in contents.items():
        (tmp_path / name).write_bytes(book(catalogue, "F8A", "08719", "2018-Y", [("08719", values)]))
    (tmp_path / "torn.xlsx").write_bytes((tmp_path / "good.xlsx").read_bytes()[:300])
    return {name: tmp_path / name for name in (*contents, "torn.xlsx")}


def test_check_answers_an_object_a_file_and_stores_nothing(tmp_path: Path, files: dict[str, Path]) -> None:
    nowhere = Settings(home=tmp_path / "home")
    done = tonghop(nowhere, "check", "--json", *map(str, files.values()))
    answers = lines(done.stdout)
    assert done.returncode == 1
    assert [(a["file"], a["status"], a["receipt"]) for a in answers] == [
        ("good.xlsx", "accepted", None),
        ("bad.xlsx", "returned", None),
        ("torn.xlsx", "quarantined", None),
    ]
    assert all(a.keys() >= KEYS for a in answers)
    assert all(f.keys() >= FINDING for a in answers for f in a["findings"])
    assert not (nowhere.home / "postgres").exists()
    assert tonghop(nowhere, "check", str(files["good.xlsx"])).returncode == 0


def test_submit_gives_receipts_and_says_what_was_sent_before(settings: Settings, files: dict[str, Path]) -> None:
    done = tonghop(settings, "submit", "--json", str(files["good.xlsx"]))
    assert done.returncode == 0, done.stderr
    (first,) = lines(done.stdout)
    assert (first["status"], first["receipt"], first["form"], first["unit"], first["period"]) == (
        "accepted",
        "R000001",
        "F8",
        "08719",
        "2018-Y",
    )
    again = tonghop(settings, "submit", "--json", str(files["good.xlsx"]), str(files["bad.xlsx"]))
    assert again.returncode == 1
    assert [(a["status"], a["receipt"]) for a in lines(again.stdout)] == [("duplicate", "R000001"), ("returned", "R000002")]
    assert tonghop(settings, "submit", str(files["bad.xlsx"])).returncode == 1, "sent twice it is no better"
    listed = json.loads(tonghop(settings, "receipts", "--json").stdout)
    assert [(r["receipt"], r["status"]) for r in listed] == [("R000001", "accepted"), ("R000002", "returned")]
    assert tonghop(settings, "verify").returncode == 0


def test_what_is_handed_in_together_ends_with_how_many_got_which_answer(settings: Settings, files: dict[str, Path]) -> None:
    folder = files["good.xlsx"].parent / "folder"
    folder.mkdir()
    for path in files.values():
        path.rename(folder / path.name)
    done = run(settings, "submit", str(folder))
    last = "3 tệp: 1 đã nhận, 1 trả lại để sửa, 1 không đọc được an toàn / "
    assert done.output.splitlines()[-1] == last + "3 files: 1 accepted, 1 returned, 1 quarantined"
    again = run(settings, "submit", str(folder), "--json")
    assert [line[0] for line in again.output.splitlines() if line.strip()] == ["{"] * 3


@pytest.mark.parametrize("command", ["check", "submit"])
def test_a_folder_is_handed_in_but_for_what_would_stay_in_the_inbox_which_is_named(
    settings: Settings, files: dict[str, Path], command: str
) -> None:
    folder = files["good.xlsx"].parent / "folder"
    (folder / "sub").mkdir(parents=True)
    files["good.xlsx"].rename(folder / "sub" / "good.xlsx")
    for name in ("half.csv.part", ".DS_Store", "Thumbs.db", "~$good.xlsx"):
        (folder / name).write_bytes(b"form,version,")
    (folder / "link.xlsx").symlink_to(folder / "sub" / "good.xlsx")
    (folder / "elsewhere").symlink_to(files["bad.xlsx"].parent)
    os.mkfifo(folder / "pipe.csv")
    done = run(settings, command, "--json", str(folder))
    assert [(a["file"], a["status"]) for a in lines("".join(x for x in done.stdout.splitlines(True) if x.startswith("{")))] == [
        ("good.xlsx", "accepted")
    ]
    litter = f"passed over: {folder / '.DS_Store'}, {folder / 'Thumbs.db'}, {folder / '~$good.xlsx'}"
    assert litter in done.stderr.replace("\n", "")
    for name in ("half.csv.part", "link.xlsx", "elsewhere", "pipe.csv"):
        assert f"không nhận / not taken: {folder / name}: " in done.stderr
    assert done.exit_code == 1


def test_a_file_that_cannot_be_received_holds_up_no_other(settings: Settings, files: dict[str, Path]) -> None:
    link = files["good.xlsx"].with_name("link.xlsx")
    link.symlink_to(files["bad.xlsx"])
    done = run(settings, "submit", str(link), str(files["good.xlsx"]))
    assert f"không nhận / not taken: {link}: " in done.stderr
    assert "good.xlsx: đã nhận / accepted" in done.stdout
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submit"], "thiếu 'PATHS...'"),
        (["nothing"], "không có lệnh này"),
        (["owed", "--nothing"], "không có tùy chọn --nothing"),
        (["owed", "--period"], "tùy chọn --period cần một giá trị"),
        (["withdraw", "x", "--reason", "y"], "giá trị của RECEIPTS không dùng được"),
        (["replay"], "lệnh gọi chưa đúng cách. Xem"),
        (["replay", "--rule", "F99.1"], "lệnh gọi chưa đúng cách. Xem"),
        (["replay", "--form", "F99"], "lệnh gọi chưa đúng cách. Xem"),
        # else nothing is found, as if all were well
        (["receipts", "--status", "acepted"], "giá trị của '--status' không dùng được"),
        (["forms", "in-flight", "F99"], "lệnh gọi chưa đúng cách. Xem"),
        (["failing", "keys_are_whole", "--limit", "-1"], "giá trị của '--limit' không dùng được"),
        (["owed", "--period", " "], "giá trị của '--period' không dùng được"),
        (["template", "F8", "--unit", "08719"], "thiếu"),
    ],
)
def test_wrong_usage_is_told_in_vietnamese_and_english(settings: Settings, arguments: list[str], words: str) -> None:
    done = run(settings, *arguments)
    assert (done.exit_code, f"Lỗi: {words}" in done.output, "Error: " in done.output) == (2, True, True), done.output


def test_a_period_is_named_as_in_a_report(settings: Settings, tmp_path: Path) -> None:
    out = str(tmp_path / "F8.xlsx")
    for named in ("2018-Y", "năm 2018", "cả năm 2018"):
        assert run(settings, "template", "F8", "--unit", "08719", "--period", named, "-o", out).exit_code == 0
    unclear = run(settings, "owed", "--period", "2018")
    assert (unclear.exit_code, "2018-Y, 2018-H1" in unclear.output) == (2, True)
    assert run(settings, "gap", "356", "6 tháng đầu năm 2018").output == run(settings, "gap", "356", "2018-H1").output


def test_wrong_usage_is_2_and_a_system_fault_is_3_without_a_traceback(
    settings: Settings, tmp_path: Path, files: dict[str, Path]
) -> None:
    for arguments in (
        ["submit"],
        ["submit", str(tmp_path / "none.xlsx")],
        ["nothing"],
        ["withdraw", "x", "--reason", "y"],
        ["withdraw", "R000099", "--reason", "y"],
        ["report", "unknown"],
        ["report", "form", "table=F1"],
    ):
        assert tonghop(settings, *arguments).returncode == 2, arguments
    misspelt = tonghop(settings, "receipts", TONGHOP_INBOXX="/tmp")
    assert (misspelt.returncode, "TONGHOP_INBOXX" in misspelt.stderr) == (2, True)
    homeless = tonghop(settings, "receipts", TONGHOP_HOME="/dev/null/home")
    assert (homeless.returncode, "TONGHOP_HOME" in homeless.stderr, "Traceback" in homeless.stderr) == (3, True, False)
    unreachable = tonghop(
        settings,
        "submit",
        str(files["good.xlsx"]),
        TONGHOP_DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none",
        TONGHOP_AIRFLOW_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
    )
    assert unreachable.returncode == 3
    assert "Traceback" not in unreachable.stdout + unreachable.stderr
    assert "secret" not in unreachable.stderr
    log = (settings.home / "logs" / "tonghop.log").read_text("utf-8")
    assert "Traceback" in log
    assert "nobody:secret" not in log


@pytest.mark.parametrize("figure", ["1234567890.1", "123456123456789.012", "1000000000000000.000001", "0.5", "97", "-0.25"])
def test_a_figure_is_printed_to_its_last_digit_in_words_and_in_json(figure: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"unit": "08737", "name": "Phường " * 40, **{f"figure {n}": Decimal(figure) for n in range(4)}}]
    output.print_rows(rows, True)
    printed = json.loads(capsys.readouterr().out, parse_float=Decimal)[0]["figure 0"]
    assert Decimal(printed) == Decimal(figure)
    output.print_rows(rows, False)
    assert capsys.readouterr().out.count(figure) == 4


@pytest.mark.parametrize(("figure", "shown"), [("1234567890.1000000000", "1234567890.1"), ("3E+6", "3000000"), ("70.00", "70")])
def test_a_figure_is_printed_in_digits_without_zeros_at_its_end(
    figure: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_rows([{"value": Decimal(figure)}], False)
    assert capsys.readouterr().out.splitlines()[3].strip("│ ") == shown


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """Its width."""
    monkeypatch.setattr(output, "out", Console(highlight=False, width=request.param))
    return int(request.param)


NAMES = ["Đảng bộ Khối các cơ quan và doanh nghiệp tỉnh (minh hoạ)", "Chi bộ [khu phố 3] :warning: thị trấn Liễu Đề"]


@pytest.mark.parametrize("terminal", [60, 80, 100], indirect=True)
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("figures", [1, 4, 12])
def test_nothing_of_a_table_is_cut_however_narrow_the_terminal(
    terminal: int, rows: int, figures: int, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"metric": "F3A.htxs_htt_share", "name": "", "unit": "008719.04", "reported": "17/2318"}
    columns |= {f"sum of {n}": Decimal("1234567.0625") for n in range(figures)}
    table = [columns | {"name": NAMES[n]} for n in range(rows)]
    output.print_rows(table, False)
    words = {word for row in table for value in row.values() for word in str(value).split()}
    assert printed_whole(words, capsys.readouterr().out, terminal)


def printed_whole(words: set[str], printed: str, width: int) -> bool:
    lines = printed.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert words <= set(re.split(r"[\s│]+", printed)), printed
    return True
