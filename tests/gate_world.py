"""A small warehouse for the tests of the gate, publishing and the pages: filed by hand, built by dbt.

One form (T1 = T: male + female = members, discipline withheld), a province over a district over a ward with two cells.
Release 1 is published with January; release 2 is the candidate with January and February.
"""

import shutil
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import Synced, sync
from tonghop.release import run
from tonghop.release.candidate import open_candidate
from tonghop.warehouse.connect import connect

FORM = """
code: T
version: 1
name: {vi: Biểu thử, en: Trial form}
scheme: CALENDAR
valid_from: 2020-01-01
tables:
  - code: T1
    vi: Đảng viên
    en: Members
    levels: [cell]
    owed: [M]
    fields:
      - {code: male, vi: Nam, en: Male, unit: người, aggregation: stock}
      - {code: female, vi: Nữ, en: Female, unit: người, aggregation: stock}
      - {code: members, vi: Tổng số đảng viên, en: Members, unit: người, aggregation: stock}
      - {code: punished, vi: Kỷ luật, en: Disciplined, unit: người, aggregation: flow, shown_from: never}
checks:
  - rule: T.1
    kind: identity
    table: T1
    terms: {members: 1, male: -1, female: -1}
    op: "="
    message: {vi: Tổng số phải bằng nam cộng nữ, en: Members are male plus female}
rates:
  - code: share_female
    table: T1
    name: {vi: Tỷ lệ nữ, en: Share of women}
    numerator: {female: 1}
    denominator: {members: 1}
  - code: share_punished
    table: T1
    name: {vi: Tỷ lệ kỷ luật, en: Share of disciplined}
    numerator: {punished: 1}
    denominator: {members: 1}
    shown_from: never
"""
UNITS = """unit,valid_from,valid_to,code,name,level,parent,synthetic,source
p,2020-01-01,,P,Tỉnh thử,province,,true,
d,2020-01-01,,D,Thành phố thử,district,p,true,
w,2020-01-01,,W,Phường Hùng Vương,grassroots,d,true,
c1,2020-01-01,,C1,Chi bộ 1,cell,w,true,
c2,2020-01-01,,C2,Chi bộ 2,cell,w,true,
"""


def period(connection: psycopg.Connection[Any], code: str) -> int:
    return connection.execute(
        "select period_id from catalogue.period where scheme = 'CALENDAR' and code = %s", [code]
    ).fetchone()[0]


def build(settings: Settings) -> None:
    """Files the catalogue and three submissions; release 1 is published, release 2 is open."""
    write_catalogue(settings.catalogue)
    with connect(settings) as connection:
        synced = sync(load_catalogue(settings.catalogue), connection)
        january, february = period(connection, "2025-M01"), period(connection, "2025-M02")
        file(connection, synced, "w", january, {"c1": (3, 2, 5, 0), "c2": (4, 4, 8, 1)})
    open_release(settings)
    with connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = 1")
        connection.execute("update ctl.current_release set release_id = 1")
        file(connection, synced, "w", february, {"c1": (3, 3, 6, 0), "c2": (5, 4, 9, 0)})
        file(connection, synced, "w", february, {"w": (8, 7, 15, 0)}, scope="rollup")
    open_release(settings)


def open_release(settings: Settings) -> None:
    """A candidate on all that was filed, built by dbt."""
    release = open_candidate(settings)
    assert release
    run.step(settings, release, "build")


def write_catalogue(folder: Path) -> None:
    for part in ("forms", "units"):
        (folder / part).mkdir(parents=True)
    for name in ("levels.yaml", "calendar.yaml", "codes.yaml"):
        shutil.copy(PROJECT / "catalogue" / name, folder)
    (folder / "forms" / "T.v1.yaml").write_text(FORM)
    (folder / "units" / "units.csv").write_text(UNITS)
    (folder / "reporting.csv").write_text(
        "unit,form,valid_from,valid_to\n" + "".join(f"{c},T,2025-01-01,2025-02-28\n" for c in ("c1", "c2"))
    )


def file(
    connection: psycopg.Connection[Any],
    synced: Synced,
    sender: str,
    period_id: int,
    figures: dict[str, tuple[int, int, int, int]],
    scope: str = "own",
) -> int:
    """An accepted report, as the loader would leave it."""
    number = connection.execute("select count(*) + 1 from intake.receipt").fetchone()[0]
    cells = 4 * len(figures)
    receipt: int = connection.execute(
        """
        insert into intake.receipt (sha256, file_name, bytes, status, form_code, form_version, unit_id, period_id, scope, is_nil,
            catalogue_id, cells, cells_sha256)
        values (%s, %s, 1000, 'accepted', 'T', 1, %s, %s, %s, false, %s, %s, 'x') returning receipt_id""",
        [f"{number:064x}", f"report {number}.xlsx", synced.unit[sender], period_id, scope, synced.catalogue_id, cells],
    ).fetchone()[0]
    indicators = [synced.indicator["T1", field] for field in ("male", "female", "members", "punished")]
    connection.execute(
        "insert into intake.header (receipt_id, header, sheet, indicators, columns) values (%s, 1, 'T1', %s, '{C,D,E,F}')",
        [receipt, indicators],
    )
    with connection.cursor().copy(
        "copy intake.line (receipt_id, header, unit_id, period_id, row_id, scope, place, figures) from stdin"
    ) as out:
        for line, (unit, values) in enumerate(figures.items(), start=4):
            row_id = synced.row["T1", "all"]
            out.write_row((receipt, 1, synced.unit[unit], period_id, row_id, scope, str(line), list(values)))
    connection.execute("insert into intake.ledger (act, receipt_id) values ('received', %s)", [receipt])
    connection.execute(
        "insert into intake.ledger (act, receipt_id, cells, cells_sha256) values ('accepted', %s, %s, 'x')", [receipt, cells]
    )
    return receipt
