"""The speed of the marts on generated figures: the queries of the targets, warm; see README.md.

    python bench/marts.py [--communes 3321] [--indicators 20] [--months 60] [--home FOLDER] [--relations]

Units and dimensions come through dbt; figures then go straight into the marts, a month after the other and a release for each,
and a last release corrects every hundredth commune. With --home the filled warehouse is kept there and asked again. Prints p50
and p95 in milliseconds beside each target.
"""

import argparse
import csv
import gc
import math
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import yaml

from tonghop.base.settings import PROJECT, Settings
from tonghop.queries import figure, trace, trace_cell
from tonghop.release import candidate, dbt
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect
from tonghop.warehouse.migrate import ready
from tonghop.warehouse.roles import STAR

REPEATS = 30
PROVINCES = 34
YEARS = range(2021, 2026)
# newest first
MONTHS = [f"{year}-M{month:02d}" for year in reversed(YEARS) for month in range(12, 0, -1)]
FORM = "B"


def main() -> None:
    """Fill, ask, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--communes", type=int, default=3321)
    options.add_argument("--indicators", type=int, default=20)
    options.add_argument("--months", type=int, default=60)
    options.add_argument("--home", type=Path, help="where the filled warehouse is kept, and asked again if it is there")
    options.add_argument("--relations", action="store_true", help="instead of the questions: every relation that a tool can list")
    given = options.parse_args()
    with _warehouse(given.home, given.communes, given.indicators) as settings:
        with connect(settings) as connection:
            filled = connection.execute("select from ctl.current_release where release_id > 0").fetchone() is not None
        if not filled:
            fill(settings, given.months)
        if given.relations:
            relations(settings, given.months)
        else:
            ask(settings, given.indicators, given.months)


@contextmanager
def _warehouse(home: Path | None, communes: int, indicators: int) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as temporary:
        place = home or Path(temporary)
        settings = Settings(home=place, catalogue=place / "catalogue")
        write_catalogue(settings.catalogue, communes, indicators)
        ready(settings)
        try:
            yield settings
        finally:
            embedded.stop(settings)


def write_catalogue(folder: Path, communes: int, indicators: int) -> None:
    """The project's catalogue with one monthly form, one nation, 34 provinces and so many communes."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("forms", "units"):
        (folder / part).mkdir(parents=True)
    for name in ("levels.yaml", "codes.yaml"):
        shutil.copy(PROJECT / "catalogue" / name, folder)
    calendar = yaml.safe_load((PROJECT / "catalogue" / "calendar.yaml").read_text("utf-8"))
    (folder / "calendar.yaml").write_text(
        yaml.safe_dump(calendar | {"first_year": YEARS[0], "last_year": YEARS[-1]}, sort_keys=False), "utf-8"
    )
    units = [
        ("n", "nation", ""),
        *((f"p{n}", "province", "n") for n in range(1, PROVINCES + 1)),
        *((f"c{n}", "grassroots", f"p{1 + n % PROVINCES}") for n in range(1, communes + 1)),
    ]
    _csv(
        folder / "units" / "bench.csv",
        ["unit", "valid_from", "valid_to", "code", "name", "level", "parent", "synthetic", "source"],
        [[unit, "2010-01-01", "", unit.upper(), f"Đơn vị {unit}", level, parent, "true", ""] for unit, level, parent in units],
    )
    _csv(
        folder / "reporting.csv",
        ["unit", "form", "valid_from", "valid_to"],
        [[unit, FORM, f"{YEARS[0]}-01-01", ""] for unit, level, _ in units if level == "grassroots"],
    )
    fields = [
        {"code": f"i{n}", "vi": f"Chỉ tiêu {n}", "en": f"Figure {n}", "unit": "người", "aggregation": "flow"}
        for n in range(1, indicators + 1)
    ]
    form = {
        "code": FORM,
        "version": 1,
        "name": {"vi": "Biểu đo", "en": "Bench"},
        "scheme": "CALENDAR",
        "valid_from": "2010-01-01",
        "tables": [{"code": FORM, "vi": "Biểu đo", "en": "Bench", "levels": ["grassroots"], "owed": ["M"], "fields": fields}],
    }
    (folder / "forms" / "B.v1.yaml").write_text(yaml.safe_dump(form, allow_unicode=True), "utf-8")


def _csv(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


# --- the marts at size ------------------------------------------------------------------------------------------


def fill(settings: Settings, months: int) -> None:
    """Dimensions by dbt as release 1, a month of figures in each release after it, and corrections in a last one."""
    began = time.perf_counter()
    candidate.open_candidate(settings)
    for layer in ("staging", "intermediate", "marts"):
        dbt.build(settings, layer)
    with connect(settings) as connection:
        connection.autocommit = True
        for statement in _BEFORE:
            connection.execute(statement.encode())
        indexes = [row[0] for row in connection.execute(_INDEXES)]
        for (name,) in connection.execute(_INDEXES.replace("indexdef", "indexname")).fetchall():
            connection.execute(f"drop index marts.{name}".encode())
        last = months + 2
        for release, month in enumerate(reversed(MONTHS[:months]), start=2):
            for statement in (_RELEASE, *_MONTH, *([_YEAR] if month.endswith("12") or release == last - 1 else [])):
                connection.execute(statement, {"release": release, "last": last, "month": month})
            print(f"{month} in, {time.perf_counter() - began:.0f} s", flush=True)
        for statement in (_RELEASE, *_CORRECTIONS):
            connection.execute(statement, {"release": last})
        for definition in indexes:
            connection.execute(definition.replace(" ON ONLY ", " ON ").encode())
        connection.execute("update ctl.current_release set release_id = %s", [last])
        connection.execute("vacuum analyze")
        (facts,), (size,) = connection.execute(
            "select count(*) from marts.fct_observation union all select pg_database_size(current_database()) >> 20"
        ).fetchall()
    print(f"{facts:,} facts in {time.perf_counter() - began:.0f} s, {size:,} MB")


_BEFORE = (
    "set synchronous_commit = off",
    "set maintenance_work_mem = '1GB'",
    "set work_mem = '1GB'",
    "update ctl.release set status = 'published', published_at = now()",
    # what is owed comes with each month
    "truncate marts.fct_reporting, marts.fct_completeness, marts.fct_sheet",
    # every hundredth commune is corrected, and with it all above it
    """create table public.corrected as
       select b.ancestor_id as unit_id, count(*) as below from catalogue.unit u join marts.bridge_org_tree b using (unit_id)
       where u.unit_key ~ '^c[0-9]*00$' group by 1""",
)
_INDEXES = """select indexdef from pg_indexes where schemaname = 'marts'
    and tablename in ('fct_observation', 'fct_rollup', 'fct_restated', 'fct_year', 'fct_sheet')"""
_RELEASE = """insert into ctl.release (release_id, status, published_at, cutoff_seq, catalogue_id)
    values (%(release)s, 'published', now(), 0, (select max(catalogue_id) from catalogue.version))"""
_MONTH = (
    # figures as the commune's file holds them: receipts by commune, cells in a column
    """insert into intake.receipt (receipt_id, sha256, file_name, bytes, status, form_code, form_version, unit_id, period_id,
                                   scope, is_nil, catalogue_id, cells, cells_sha256)
       overriding system value
       select %(release)s * 100000 + u.unit_id, %(release)s || '/' || u.unit_id, u.unit_key || '.xlsx', 1, 'accepted', 'B', 1,
           u.unit_id, p.period_id, 'own', false, 1, 1, 'x'
       from catalogue.unit u, catalogue.period p where u.unit_key like 'c%%' and p.scheme = 'CALENDAR' and p.code = %(month)s""",
    """insert into marts.dim_submission
       select receipt_id, sha256, unit_id, form_code, form_version, period_id, scope, is_nil, received_at, cells, 'accepted',
           null, %(release)s, 2147483647
       from intake.receipt where receipt_id / 100000 = %(release)s""",
    """insert into marts.fct_observation
       select r.unit_id, r.period_id, w.row_id, i.indicator_id, 'own', r.receipt_id, 'value',
           (r.unit_id * 7 + i.indicator_id * 3 + r.period_id) %% 1000, 'B', 'C' || i.indicator_id, %(release)s,
           case when r.unit_id in (select unit_id from public.corrected) then %(last)s else 2147483647 end
       from intake.receipt r, catalogue.form_row w, catalogue.indicator i where r.receipt_id / 100000 = %(release)s
       order by r.receipt_id, i.indicator_id""",
    """insert into marts.fct_rollup
       select f.*, %(release)s,
           case when f.unit_id in (select unit_id from public.corrected) then %(last)s else 2147483647 end
       from (
           select unit_id, period_id, row_id, indicator_id, value, null::numeric, 1, 1 from marts.fct_observation
           where period_id = (select period_id from catalogue.period where scheme = 'CALENDAR' and code = %(month)s)
           union all
           select t.ancestor_id, o.period_id, o.row_id, o.indicator_id, sum(o.value), null, count(*), count(*)
           from marts.fct_observation o join marts.bridge_org_tree t on t.unit_id = o.unit_id and t.depth > 0
           where o.period_id = (select period_id from catalogue.period where scheme = 'CALENDAR' and code = %(month)s)
           group by 1, 2, 3, 4) f""",
    """insert into marts.fct_restated
       select unit_id, period_id, row_id, indicator_id, value, 0, units_reported, units_due, 0, 0, release_from, release_to
       from marts.fct_rollup
       where period_id = (select period_id from catalogue.period where scheme = 'CALENDAR' and code = %(month)s)""",
    # in time, each of them
    """insert into marts.fct_reporting (unit_id, period_id, table_code, due_on, received_at, is_received, is_on_time, is_nil,
                                        submission_id, release_from, release_to)
       select r.unit_id, r.period_id, 'B', p.ends_on + 17, r.received_at, true, true, false, r.receipt_id, %(release)s, 2147483647
       from intake.receipt r join catalogue.period p using (period_id) where r.receipt_id / 100000 = %(release)s""",
    """insert into marts.fct_completeness (unit_id, period_id, table_code, last_due_on, due, received, on_time, late, missing,
                                           nil, release_from, release_to)
       select t.ancestor_id, r.period_id, 'B', max(r.due_on), count(*), count(*), count(*), 0, 0, 0, %(release)s, 2147483647
       from marts.fct_reporting r join marts.bridge_org_tree t using (unit_id)
       where r.release_from = %(release)s group by 1, 2""",
    """insert into marts.fct_sheet (tree, table_code, period_id, unit_id, is_undivided, last_due_on, units_due, units_reported,
                                    units_unowed, units_on_time, units_nil, figures, withheld, release_from, release_to)
       select t.tree, 'B', o.period_id, o.unit_id, false, null, 1, 1, 0, 1, 0, o.figures, '{}', %(release)s, o.release_to
       from (
           select period_id, unit_id, jsonb_object_agg(row_id || '.' || indicator_id, value) as figures,
               min(release_to) as release_to
           from marts.fct_observation where release_from = %(release)s group by 1, 2) o
       cross join (values ('reported'), ('today')) t (tree)""",
)
# as the releases of the year's months wrote it, one after the other: each ends the sums of the one before
_YEAR = """
    insert into marts.fct_year
    select f.unit_id, y.year_id, f.row_id, f.indicator_id, 1, count(*) over months, y.periods_in_year,
        first_value(f.period_id) over months, f.period_id,
        sum(f.units_reported) over months, sum(f.units_due) over months, t.tree, 'M', sum(f.value) over months, 0,
        f.release_from, coalesce(lead(f.release_from) over months, f.release_to)
    from marts.fct_rollup f
    join catalogue.period_in_year y using (period_id)
    cross join (values ('reported'), ('today')) t (tree)
    where y.year_id = (select p.period_id from catalogue.period p
                       where p.scheme = 'CALENDAR' and p.code = left(%(month)s, 4) || '-Y')
    window months as (partition by f.unit_id, f.indicator_id, t.tree order by f.period_id)"""
_CORRECTIONS = (
    """insert into marts.fct_observation
       select unit_id, period_id, row_id, indicator_id, scope, submission_id, state, value + 1, sheet, cell,
           %(release)s, 2147483647
       from marts.fct_observation where release_to = %(release)s""",
    """insert into marts.fct_rollup
       select f.unit_id, period_id, row_id, indicator_id, value + c.below, claimed, units_reported, units_due,
           %(release)s, 2147483647
       from marts.fct_rollup f join public.corrected c using (unit_id) where release_to = %(release)s""",
    """insert into marts.fct_restated
       select f.unit_id, period_id, row_id, indicator_id, value + c.below, not_restatable, units_reported, units_due,
           units_restated, units_not_restatable, %(release)s, 2147483647
       from marts.fct_restated f join public.corrected c using (unit_id) where release_to = %(release)s""",
    """insert into marts.fct_sheet (tree, table_code, period_id, unit_id, is_undivided, last_due_on, units_due, units_reported,
                                    units_unowed, units_on_time, units_nil, figures, withheld, release_from, release_to)
       select tree, table_code, period_id, unit_id, is_undivided, last_due_on, units_due, units_reported, units_unowed,
           units_on_time, units_nil, (select jsonb_object_agg(key, value::numeric + 1) from jsonb_each_text(figures)), withheld,
           %(release)s, 2147483647
       from marts.fct_sheet where release_to = %(release)s""",
    """insert into marts.fct_year
       select f.unit_id, period_id, row_id, indicator_id, label_set, periods, periods_in_year, first_period_id,
           last_period_id, reports_received, reports_due, tree, period_type, value + periods * c.below, not_restatable,
           %(release)s, 2147483647
       from marts.fct_year f join public.corrected c using (unit_id) where release_to = %(release)s""",
    # the intake's cells of the newest month only: a cell is found by its receipt, however many there are
    """insert into intake.header (receipt_id, header, sheet, indicators, columns)
       select submission_id, unit_id, sheet, array_agg(indicator_id order by indicator_id), array_agg(cell order by indicator_id)
       from marts.fct_observation where release_from = %(release)s - 1
       group by 1, 2, 3""",
    """insert into intake.line (receipt_id, header, unit_id, period_id, row_id, scope, place, figures)
       select submission_id, unit_id, unit_id, period_id, row_id, scope, '', array_agg(value order by indicator_id)
       from marts.fct_observation where release_from = %(release)s - 1
       group by 1, 2, 3, 4, 5, 6""",
)


# few units are looked up, one by one; of many the planner must know that they are many
_FEW, _MANY = "= any(array({}))", "in ({})"
_BY_YEAR = """
    select f.unit_id, f.indicator_id, f.period_id / 100000, f.value from star.fct_year{release} f
    where f.tree = '{tree}' and f.period_type = 'M' and f.indicator_id <= 20 and f.unit_id %s"""
_BELOW = "select t.unit_id from star.bridge_org_tree{release} t where t.ancestor_id = {%s} and t.depth <= 2"
QUERIES: dict[str, tuple[float, str]] = {
    "province -> communes, five years, one indicator": (
        50,
        """
        select f.unit_id, f.period_id, f.value from star.{mart}{release} f
        where f.indicator_id = {indicator} and f.unit_id = any(array(
            select t.unit_id from star.bridge_org_tree{release} t
            where t.ancestor_id = {province} and t.depth = 1))""",
    ),
    "all units of all levels, one indicator, 60 months": (
        250,
        """
        select f.unit_id, f.period_id, f.value from star.{mart}{release} f where f.indicator_id = {indicator}""",
    ),
    "province, children and grandchildren, 20 indicators, by year": (1000, _BY_YEAR % _FEW.format(_BELOW % "province")),
    "nation, children and grandchildren, 20 indicators, by year": (1000, _BY_YEAR % _MANY.format(_BELOW % "nation")),
}
# the same added up from the months, which must give the same answer
_FROM_MONTHS = """
    select f.unit_id, f.indicator_id, f.period_id / 100000, sum(f.value) from star.{mart}{release} f
    where f.indicator_id <= 20 group by 1, 2, 3"""
FAMILIES = {
    "as reported": ("", "fct_rollup", "reported"),
    "today's tree": ("", "fct_restated", "today"),
    "as known on": ("_as_of({known})", "fct_rollup", "reported"),
}


@contextmanager
def _reader(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """As somebody logs in who was given the star."""
    with connect(settings, STAR) as connection:
        connection.autocommit = True
        connection.execute("set work_mem = '64MB'")  # as the BI login has it
        yield connection


_LISTED = """
    select c.relnamespace::regnamespace || '.' || c.relname from pg_class as c
    where c.relkind = 'v' and c.relnamespace::regnamespace::text in ('bi', 'star') order by 1"""
# with what each must be given: a release, a day or a unit
_CALLED = """
    select f.name || '(' || case f.takes when 'as_of' then %(release)s::text when 'on' then %(day)s else %(unit)s::text end || ')'
    from (
        select p.pronamespace::regnamespace || '.' || p.proname as name, substring(p.proname from '_(as_of|on|of)$') as takes
        from pg_proc as p where p.pronamespace::regnamespace::text in ('bi', 'star')
    ) as f
    where f.takes is not null order by 1"""


def relations(settings: Settings, months: int) -> None:
    """How long a tool waits for a preview and a count of every relation that it can list, and for the functions beside them."""
    gc.freeze()
    print("relation | preview of 1,000 ms | count ms | target | rows | count to star.fct_rollup")
    with _reader(settings) as connection:
        connection.execute("set statement_timeout = '60s'")
        base = _wait(connection, "select count(*) from star.fct_rollup")[0]
        day, known = "2024-06-30", months + 1
        (province,) = connection.execute("select unit_id from star.dim_org_unit where code = 'P1'").fetchone() or (0,)
        called = connection.execute(_CALLED, {"release": known, "day": f"'{day}'", "unit": province}).fetchall()
        for (relation,) in (*connection.execute(_LISTED).fetchall(), *called):
            preview, _ = _wait(connection, f"select * from {relation} limit 1000")
            count, rows = _wait(connection, f"select count(*) from {relation}")
            print(f"{relation} | {preview:.0f} | {count:.0f} | 5000 | {rows} | {count / base:.2f}", flush=True)
        for asked in (
            "select province_code, year, sum(i1), sum(units_reported), sum(units_due) from bi.b_month group by 1, 2",
            "select province_code, year, sum(i1) from bi.b_month_today group by 1, 2",
            f"select * from star.fct_restated_on('{day}') where unit_id = {province}",
            f"select * from star.fct_rate_on('{day}') where unit_id = {province}",
            f"select * from star.fct_year_on('{day}') where unit_id = {province} and indicator_id = 3",
            f"select * from star.coverage_on('{day}') where unit_id = {province} and indicator_id = 3",
        ):
            took, rows = _wait(connection, asked)
            print(f"{asked} | | {took:.0f} | | {rows} | {took / base:.2f}", flush=True)


def _wait(connection: psycopg.Connection[Any], query: str) -> tuple[float, Any]:
    """Milliseconds of the second run, and the first figure of its answer, or how many rows there are."""
    for _ in range(2):
        began = time.perf_counter()
        try:
            rows = connection.execute(query.encode()).fetchall()
        except psycopg.errors.QueryCanceled:
            return math.inf, "stopped"
        took = (time.perf_counter() - began) * 1000
    return took, rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else len(rows)


def ask(settings: Settings, indicators: int, months: int) -> None:
    """Each query on each family of views, and the trace of one cell, from both ends."""
    # dbt and Great Expectations, which filled the marts, are no part of a client: let the collector pass over them
    gc.freeze()
    print("query | views | p50 ms | p95 ms | mean CPU ms | target | CPU to as reported")
    chance = random.Random(1)
    known = months + 1  # the release before the corrections
    with _reader(settings) as connection:
        unit: dict[str, int] = {
            code: number for number, code in connection.execute("select unit_id, code from star.dim_org_unit")
        }
        for name, (target, query) in QUERIES.items():
            base = 0.0
            for family, (as_of, mart, tree) in FAMILIES.items():
                release = as_of.format(known=known)
                made = [
                    query.format(
                        mart=mart,
                        tree=tree,
                        indicator=chance.randint(1, indicators),
                        nation=unit["N"],
                        province=unit[f"P{chance.randint(1, PROVINCES)}"],
                        release=release,
                    )
                    for _ in range(REPEATS)
                ]
                p50, p95, cpu = timed(connection, [partial(_all, connection, q) for q in made])
                base = base or cpu
                if "nation" in name:
                    by_month = _FROM_MONTHS.format(mart=mart, release=release)
                    assert sorted(_all(connection, made[0])) == sorted(_all(connection, by_month)), "a year is not its months"
                print(f"{name} | {family} | {p50:.1f} | {p95:.1f} | {cpu:.1f} | {target:.0f} | {cpu / base:.2f}", flush=True)
        cells = [(f"C{chance.randint(1, len(unit) - PROVINCES - 1)}", chance.randint(1, indicators)) for _ in range(REPEATS)]
        (period,) = connection.execute(
            "select period_id from star.dim_period where scheme = 'CALENDAR' and code = %s", [MONTHS[0]]
        ).fetchone() or (0,)
        traced = [
            f"select * from star.trace_of({unit[code]}) where indicator_id = {field} and period_id = {period}"
            for code, field in cells
        ]
        print(
            "one cell | star.trace_of | {:.1f} | {:.1f} | {:.1f} | 20".format(
                *timed(connection, [partial(_all, connection, q) for q in traced])
            )
        )
    with figure.snapshot(settings) as connection:
        at = figure.release(connection)
        found = [figure.find(connection, at, code, f"{FORM}.i{field}", MONTHS[0]) for code, field in cells]
        print(
            "one cell | tonghop trace | {:.1f} | {:.1f} | {:.1f} | 20".format(
                *timed(connection, [partial(trace.of_figure, connection, at, f) for f in found])
            )
        )
        places = [(trace.of_figure(connection, at, f).parts[0].receipt, f"C{f.indicator_id}") for f in found]
        print(
            "one cell | from the cell to every figure | {:.1f} | {:.1f} | {:.1f} | 20".format(
                *timed(
                    connection, [partial(trace_cell.figures_of, connection, int(code[1:]), FORM, cell) for code, cell in places]
                )
            )
        )


def _all(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """Every row, made while the next ones are on their way."""
    return list(connection.cursor().stream(query.encode(), size=1000))


def timed(connection: psycopg.Connection[Any], runs: list[Callable[[], Any]]) -> tuple[float, float, float]:
    """Milliseconds until the answer is there, warm: median, 95th percentile (nearest rank: of 30 runs the 29th), and the mean CPU
    of the backend and of this process together, which a busy machine leaves as it is; that of parallel workers is not in it."""
    for run in runs[:3]:
        run()
    backend = psutil.Process(connection.info.backend_pid)
    before = sum(backend.cpu_times()[:2]) + time.process_time()
    spans = []
    for run in runs:
        began = time.perf_counter()
        answer = run()
        spans.append((time.perf_counter() - began) * 1000)
        del answer
    cpu = (sum(backend.cpu_times()[:2]) + time.process_time() - before) * 1000 / len(runs)
    return statistics.median(spans), sorted(spans)[math.ceil(len(spans) * 0.95) - 1], cpu


if __name__ == "__main__":
    main()
