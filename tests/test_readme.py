"""README's own commands, and its example: a form that is only data goes from a workbook to the marts and a view of its own."""

import re
import shlex
import shutil
from decimal import Decimal
from pathlib import Path

import commands
import psycopg
import pytest
from books import book

import samples
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.intake import load
from tonghop.intake.receive import receive_inbox
from tonghop.queries import questions
from tonghop.release import candidate, gate, publish, run
from tonghop.warehouse.connect import bi_url

README = (PROJECT / "README.md").read_text("utf-8")


def test_every_command_works_as_written_on_what_the_samples_leave(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PROJECT / "catalogue", tmp_path / "catalogue")
    (tmp_path / "2026-07-01.csv").write_text(
        "event,on,kind,unit,successor,weight,code,name,level,parent,synthetic,source\n"
        "Đổi tên,2026-07-01,renamed,phu-tho-25,,,,Đảng bộ tỉnh Phú Thọ (tên mới),,,,made up for this test\n",
        "utf-8",
    )
    here = settings.model_copy(update={"catalogue": tmp_path / "catalogue"})
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        result = commands.run(here, *arguments)
        return result.exit_code, f"{result.output}{result.exception or ''}"

    files = samples.write(load_catalogue(tmp_path / "catalogue"), tmp_path / "samples")
    for first, expected in (("submit", *map(str, files)), 1), (("release",), 0):  # some files are made to be returned
        code, said = run(*first)
        assert code == expected, said
    (accepted,) = (str(file) for file, sample in zip(files, samples.REPORTS, strict=True) if file.name.startswith("012"))
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith(".venv/bin/tonghop ")]
    assert len(lines) > 15
    for line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        code, said = run(*(accepted if argument == "FILE..." else argument for argument in arguments))
        assert (line, code) == (line, 0), said


def test_a_ninth_form_given_as_data_only_goes_from_workbook_to_mart(settings: Settings) -> None:
    (form,) = (block for block in re.findall(r"```yaml\n(.*?)```", README, re.S) if "F9" in block)
    (spell,) = re.findall(r"`(hung-vuong,F9,[\d,-]+)`", README)
    (lines,) = re.findall(r"```csv\n(.*?)```", README, re.S)
    folder = settings.home / "catalogue"
    shutil.copytree(PROJECT / "catalogue", folder)
    (folder / "forms" / "F9.v1.yaml").write_text(re.sub(r"(?m)^ {3}", "", form), "utf-8")
    with (folder / "reporting.csv").open("a", encoding="utf-8") as file:
        file.write(spell + "\n")
    nine = settings.model_copy(update={"catalogue": folder})

    settings.inbox.mkdir(parents=True)
    ward = "08719"
    (settings.inbox / "a.csv").write_text(re.sub(r"(?m)^ {3}", "", lines), "utf-8")
    files = load_catalogue(folder)
    for name, alive in (("b", 81), ("c", 63)):
        row = (ward, {"trong_moi": 80, "con_song": alive})
        (settings.inbox / f"{name}.xlsx").write_bytes(book(files, "F9", ward, "2021-Y", [row]))
    receive_inbox(nine)
    answers = {answer.file: (answer.status, [f.rule for f in answer.findings]) for answer in load.load_pending(nine)}
    assert answers == {"a.csv": ("accepted", []), "b.xlsx": ("returned", ["F9.1"]), "c.xlsx": ("accepted", [])}

    release = candidate.open_candidate(nine)
    assert release == 1
    run.step(nine, release, "build")
    gate.judge(nine, release)
    publish.publish(nine, release)

    with psycopg.connect(bi_url(nine)) as reader:
        rows = reader.execute("""
            select unit_code, trong_moi, con_song from bi.f9_year
            where units_reported + units_unowed > 0 order by 1""").fetchall()
        assert rows == [("08719", 80, 63), ("08737", 120, 97)]
        parts = "select sum(con_song), sum(trong_moi) from bi.f9_year where province_code = '26'"
        assert reader.execute(parts).fetchall() == [(Decimal(160), Decimal(200))]
    answer = questions.ask(nine, "form", {"table": "F9", "unit": "08737", "period": "2021-Y"})
    assert answer["own"].tolist() == [120, 97]
