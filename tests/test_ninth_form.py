"""README's own example: a form that is only data goes from a workbook to the marts and a view of its own."""

import re
import shutil
from decimal import Decimal
from typing import get_args

import psycopg
from books import book

from tonghop import build, catalogue, gate, load, publish, report, server
from tonghop.receive import receive_inbox
from tonghop.settings import PROJECT, Settings


def test_a_ninth_form_given_as_data_only_goes_from_workbook_to_mart(settings: Settings) -> None:
    readme = (PROJECT / "README.md").read_text("utf-8")
    form, = (block for block in re.findall(r"```yaml\n(.*?)```", readme, re.S) if "F9" in block)
    spell, = re.findall(r"`(hung-vuong,F9,[\d,-]+)`", readme)
    lines, = re.findall(r"```csv\n(.*?)```", readme, re.S)
    folder = settings.home / "catalogue"
    shutil.copytree(PROJECT / "catalogue", folder)
    (folder / "forms" / "F9.v1.yaml").write_text(re.sub(r"(?m)^ {3}", "", form), "utf-8")
    with (folder / "reporting.csv").open("a", encoding="utf-8") as file:
        file.write(spell + "\n")
    nine = settings.model_copy(update={"catalogue": folder})

    settings.inbox.mkdir(parents=True)
    ward = "08719"
    (settings.inbox / "a.csv").write_text(re.sub(r"(?m)^ {3}", "", lines), "utf-8")
    files = catalogue.load(folder)
    for name, alive in (("b", 81), ("c", 63)):
        row = (ward, {"trong_moi": 80, "con_song": alive})
        (settings.inbox / f"{name}.xlsx").write_bytes(book(files, "F9", ward, "2021-Y", [row]))
    receive_inbox(nine)
    answers = {answer.file: (answer.status, [f.rule for f in answer.findings]) for answer in load.load_pending(nine)}
    assert answers == {"a.csv": ("accepted", []), "b.xlsx": ("returned", ["F9.1"]), "c.xlsx": ("accepted", [])}

    release = build.open_candidate(nine)
    assert release == 1
    for layer in get_args(build.Layer):
        build.run(nine, layer)
    gate.check(nine, release)
    publish.publish(nine, release)

    with psycopg.connect(server.bi_url(nine)) as reader:
        rows = reader.execute("""
            select unit_code, trong_moi, con_song from bi.f9 where unit_level = 'grassroots' order by 1""").fetchall()
        assert rows == [("08719", 80, 63), ("08737", 120, 97)]
        rate = reader.execute("""
            select numerator, denominator from bi.fct_rate r join bi.dim_org_unit u using (unit_id)
            where rate_code = 'F9.alive' and u.code = '26'""").fetchall()
        assert rate == [(Decimal(160), Decimal(200))]
    answer = report.ask(nine, "form", {"table": "F9", "unit": "08737", "period": "2021-Y"})
    assert answer["own"].tolist() == [120, 97]
