"""What docs/connect.md says of pandas and psql works as written, and gives the figures that it names."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from psycopg.conninfo import conninfo_to_dict

from tonghop.base.settings import PROJECT, Settings
from tonghop.warehouse.connect import bi_url
from tonghop.warehouse.embedded import BINARIES

PAGE = (PROJECT / "docs" / "connect.md").read_text("utf-8")


def block(language: str, tool: str) -> str:
    (text,) = re.findall(rf"^## {tool}\n.*?```{language}\n(.*?)```", PAGE, re.S | re.M)
    return str(text)


def test_pandas_and_the_workbook_that_it_writes(
    samples_released: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = bi_url(samples_released).replace("://", "+psycopg://")
    code, replaced = re.subn(r'"postgresql\+psycopg://[^"]+"', repr(url), block("python", "pandas"))
    assert replaced == 1
    names: dict[str, Any] = {}
    exec(compile(code, "connect.md", "exec"), names)
    names["engine"].dispose()  # or a copy of the samples would be refused
    assert names["by_year"].loc[[2018, 2020]].astype(float).to_numpy().tolist() == [[925, 3, 5], [412, 5, 5]]

    sheet = pd.read_excel("members.xlsx")
    assert sheet["period_end"].dt.strftime("%Y-%m-%d").tolist() == ["2018-06-30", "2020-06-30", "2021-06-30"]
    assert sheet["members"].dropna().tolist() == [925, 412]


def test_psql(samples_released: Settings, tmp_path: Path) -> None:
    here = conninfo_to_dict(bi_url(samples_released))
    (tmp_path / ".tonghop" / "secrets").mkdir(parents=True)
    (tmp_path / ".tonghop" / "secrets" / "bi").write_text(str(here["password"]))
    command = (
        block("sh", "psql")
        .replace("-p 5433", f"-p {here['port']}")
        .replace("tonghop_bi tonghop ", f"tonghop_bi {here['dbname']} ")
    )
    said = subprocess.run(
        ["sh", "-c", command.replace(" -c ", " -At -c ")],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{BINARIES}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["Đảng bộ Tỉnh Mẫu (minh hoạ)|412|2020-H1", "Đảng bộ tỉnh Nam Định|925|2018-H1"]
