"""A small warehouse filled by hand, for the tests of the gate, publishing and the pages: no dbt, so it is there in a second.

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
from tonghop.release.layers import LAYERS
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
      - {code: punished, vi: Kỷ luật, en: Disciplined, unit: người, aggregation: flow, restricted: true}
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
"""
UNITS = """unit,valid_from,valid_to,code,name,level,parent,synthetic,source
p,2020-01-01,,P,Tỉnh thử,province,,true,
d,2020-01-01,,D,Thành phố thử,district,p,true,
w,2020-01-01,,W,Phường Hùng Vương,grassroots,d,true,
c1,2020-01-01,,C1,Chi bộ 1,cell,w,true,
c2,2020-01-01,,C2,Chi bộ 2,cell,w,true,
"""
OPEN = 2147483647


def period(connection: psycopg.Connection[Any], code: str) -> int:
    return connection.execute(
        "select period_id from catalogue.period where scheme = 'CALENDAR' and code = %s", [code]
    ).fetchone()[0]


def build(settings: Settings, folder: Path) -> None:
    """The catalogue, three submissions, release 1 published and release 2 open."""
    write_catalogue(folder)
    with connect(settings) as connection:
        synced = sync(load_catalogue(folder), connection)
        january, february = period(connection, "2025-M01"), period(connection, "2025-M02")
        file(connection, synced, "w", january, {"c1": (3, 2, 5, 0), "c2": (4, 4, 8, 1)})
        open_release(connection, 1)
        fill(connection, 1, january)
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = 1")
        connection.execute("update ctl.current_release set release_id = 1")
        file(connection, synced, "w", february, {"c1": (3, 3, 6, 0), "c2": (5, 4, 9, 0)})
        file(connection, synced, "w", february, {"w": (8, 7, 15, 0)}, scope="rollup")
        open_release(connection, 2)
        fill(connection, 2, february)
        wide_view(connection)
        layers_built(connection, 2)


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


def open_release(connection: psycopg.Connection[Any], release_id: int) -> None:
    connection.execute(
        """
        insert into ctl.release (release_id, status, cutoff_seq, catalogue_id)
        values (%s, 'candidate', (select max(seq) from intake.ledger), (select max(catalogue_id) from catalogue.version))""",
        [release_id],
    )


def layers_built(connection: psycopg.Connection[Any], release_id: int) -> None:
    """As the build steps would leave it."""
    for layer in LAYERS:
        connection.execute(
            "insert into build.layer_built (layer, release_id, models) values (%s, %s, 'by hand')", [layer, release_id]
        )


def fill(connection: psycopg.Connection[Any], release_id: int, period_id: int) -> None:
    """What the models would open in the marts for one new period; the dimensions with the first release."""
    given = {"r": release_id, "p": period_id, "open": OPEN}
    if release_id == 1:
        for statement in DIMENSIONS:
            connection.execute(statement, given)
    for statement in FACTS:
        connection.execute(statement, given)


DIMENSIONS = [
    """
    insert into marts.dim_org_unit
    select v.unit_id, v.valid_from, v.valid_to, v.code, v.name, v.sort_key, v.level, l.rank, l.published, v.parent_id,
        v.synthetic, %(r)s, %(open)s
    from catalogue.unit_version v join catalogue.level l using (catalogue_id, level)""",
    """
    insert into marts.bridge_org_tree
    with recursive tree as (
        select unit_id as ancestor_id, unit_id, 0 as depth from catalogue.unit_version
        union all
        select v.parent_id, t.unit_id, t.depth + 1 from tree t join catalogue.unit_version v on v.unit_id = t.ancestor_id
        where v.parent_id is not null)
    select *, '2020-01-01', '9999-12-31', %(r)s, %(open)s from tree""",
    """
    insert into marts.dim_tree values (20200101, '2020-01-01', '9999-12-31', true, %(r)s, %(open)s)""",
    """
    insert into marts.bridge_restated
    select unit_id, valid_from, valid_to, unit_id, 1, true, 'same', valid_from, valid_to, %(r)s, %(open)s
    from catalogue.unit_version""",
    """
    insert into marts.dim_period
    select period_id, code, scheme, period_type, starts_on, ends_on, extract(year from ends_on), %(r)s, %(open)s
        from catalogue.period""",
    """
    insert into marts.dim_indicator
    select i.indicator_id, i.table_code, i.field_code, i.table_code || '.' || i.field_code, f.label_vi, f.label_en,
        f.value_type, f.measure_unit,
        f.aggregation, f.restricted, %(r)s, %(open)s from catalogue.indicator i join catalogue.field f using (indicator_id)""",
    """
    insert into marts.dim_form_row
    select r.row_id, r.table_code, r.row_code, t.label_vi, t.label_en, %(r)s, %(open)s
    from catalogue.form_row r join catalogue.form_table_row t using (row_id)""",
    """
    insert into marts.dim_form
    select t.table_code, t.form_version, t.form_code, f.name_vi, f.name_en, t.name_vi, t.name_en, f.scheme,
        f.valid_from, f.valid_to, %(r)s, %(open)s
    from catalogue.form_table t join catalogue.form f using (catalogue_id, form_code, form_version)""",
]
FACTS = [
    """
    insert into marts.dim_submission
    select receipt_id, sha256, unit_id, form_code, form_version, period_id, scope, is_nil, received_at, cells, status,
        null, %(r)s, %(open)s
    from intake.receipt where period_id = %(p)s""",
    """
    insert into marts.fct_observation
    select unit_id, period_id, row_id, indicator_id, scope, receipt_id, state, value, sheet, cell, %(r)s, %(open)s
    from intake.cell where period_id = %(p)s""",
    """
    insert into marts.fct_rollup
    select coalesce(s.unit_id, c.unit_id), %(p)s, coalesce(s.row_id, c.row_id), coalesce(s.indicator_id,
        c.indicator_id), s.value, c.value,
        coalesce(s.reported, 0), 2, %(r)s, %(open)s
    from (select b.ancestor_id as unit_id, f.row_id, f.indicator_id, sum(f.value) as value, count(distinct f.unit_id) as reported
          from marts.fct_observation f join marts.bridge_org_tree b on b.unit_id = f.unit_id
          where f.scope = 'own' and f.period_id = %(p)s group by 1, 2, 3) s
    full join (select * from marts.fct_observation where scope = 'rollup' and period_id = %(p)s) c using (unit_id,
        row_id, indicator_id)""",
    """
    insert into marts.fct_restated
    select unit_id, period_id, row_id, indicator_id, value, 0, units_reported, units_due, 0, 0, %(r)s, %(open)s
    from marts.fct_rollup join marts.dim_org_unit u using (unit_id)
    where period_id = %(p)s and value is not null and u.published""",
    "update marts.fct_year set release_to = %(r)s where release_to = %(open)s",
    """
    insert into marts.fct_year
    select f.unit_id, y.year_id, f.row_id, f.indicator_id, 1, count(*), 12, max(f.period_id),
        sum(f.units_reported) filter (where is_added), sum(f.units_due) filter (where is_added), f.tree, 'M',
        sum(f.value) filter (where is_added), 0, %(r)s, %(open)s
    from (select 'reported' as tree, unit_id, period_id, row_id, indicator_id, value, units_reported, units_due
          from marts.fct_rollup
          union all
          select 'today', unit_id, period_id, row_id, indicator_id, value, units_reported, units_due from marts.fct_restated) f
    join catalogue.period_in_year y using (period_id) join marts.dim_indicator i using (indicator_id)
    cross join lateral (select i.aggregation = 'flow' or f.period_id = %(p)s as is_added) x
    where f.value is not null group by f.tree, f.unit_id, y.year_id, f.row_id, f.indicator_id""",
    """
    insert into marts.fct_rate
    select unit_id, %(p)s, row_id, 'share_female', basis, n, d, n / d, %(r)s, %(open)s
    from (select unit_id, row_id, 'summed' as basis, max(value) filter (where field_code = 'female') as n,
                 max(value) filter (where field_code = 'members') as d
          from marts.fct_rollup join catalogue.indicator using (indicator_id) where period_id = %(p)s group by 1, 2
          union all
          select unit_id, row_id, 'claimed', max(claimed) filter (where field_code = 'female'),
              max(claimed) filter (where field_code = 'members')
          from marts.fct_rollup join catalogue.indicator using (indicator_id) where period_id = %(p)s group by 1, 2) x
    where d is not null""",
    """
    insert into marts.fct_reporting
    select u.unit_id, o.period_id, o.table_code, o.due_on, now(), true, true, false, 1, %(r)s, %(open)s
    from catalogue.obligation o join catalogue.unit_version u using (level) where o.period_id = %(p)s""",
    """
    insert into marts.fct_completeness
    select b.ancestor_id, f.period_id, f.table_code, max(f.due_on), count(*), count(*), count(*), 0, 0, 0, %(r)s, %(open)s
    from marts.fct_reporting f join marts.bridge_org_tree b using (unit_id)
    join marts.dim_org_unit u on u.unit_id = b.ancestor_id and u.published
    where f.period_id = %(p)s group by 1, 2, 3""",
]


def wide_view(connection: psycopg.Connection[Any]) -> None:
    connection.execute("""
        create or replace view bi.t1 as
        select u.code as unit_code, p.code as period_code,
            max(r.value) filter (where i.field_code = 'male') as male,
                max(r.value) filter (where i.field_code = 'female') as female,
            max(r.value) filter (where i.field_code = 'members') as members
        from bi.fct_rollup r join bi.dim_org_unit u using (unit_id) join bi.dim_period p using (period_id)
            join bi.dim_indicator i using (indicator_id)
        group by 1, 2;
        grant select on bi.t1 to tonghop_reader, tonghop_auditor""")
