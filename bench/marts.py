"""The speed of the marts on generated figures: the queries of the targets, warm, and what one late report costs.

    python bench/marts.py --communes 300 --indicators 20 --months 24

The full size is 3,321 communes x 200 indicators x 60 months, 40 million facts. Figures go straight into the marts, in set-based
statements; the state folder is a temporary one. Prints p50 and p95 in milliseconds beside each target, and the plan where
it is missed.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from tonghop import catalogue, server
from tonghop.settings import PROJECT, Settings

REPEATS = 30


def main() -> None:
    """Fill, ask, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--communes", type=int, default=300)
    options.add_argument("--indicators", type=int, default=20)
    options.add_argument("--months", type=int, default=24)
    size = options.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        server.ready(settings)
        try:
            with server.connect(settings) as connection:
                connection.autocommit = True
                began = time.perf_counter()
                facts = fill(connection, size.communes, size.indicators, size.months)
                print(f"{facts:,} facts in {time.perf_counter() - began:.0f} s "
                      f"({size.communes} communes x {size.indicators} indicators x {size.months} months)")
                late_reports(connection, size.months)
            with server.connect(settings, server.READER) as connection:
                connection.autocommit = True
                queries(connection, size.communes, size.indicators)
        finally:
            server.stop(settings)


def fill(connection: psycopg.Connection[Any], communes: int, indicators: int, months: int) -> int:
    """A nation of 34 provinces, its communes, and all figures, as two published releases; the second corrects a commune's
    month."""
    catalogue.sync(catalogue.load(PROJECT / "catalogue"), connection)
    for name, value in (("communes", communes), ("indicators", indicators), ("months", months)):
        connection.execute("select set_config(%s, %s, false)", [f"bench.{name}", str(value)])
    for statement in _FILL:
        connection.execute(statement.encode())
    connection.execute("vacuum analyze")
    row = connection.execute("select count(*) from marts.fct_observation").fetchone()
    assert row
    return int(row[0])


# units 1: nation, 2..35: provinces, then communes, each in province 2 + n % 34
_FILL = [
    """insert into ctl.release (release_id, status, published_at, cutoff_seq, catalogue_id)
       select n, 'published', now(), 0, 1 from generate_series(1, 2) n""",
    "update ctl.current_release set release_id = 2",
    """create view public.bench_unit as
       select 1 as unit_id, null::integer as parent_id, 'nation' as level, 60 as rank
       union all select n, 1, 'province', 50 from generate_series(2, 35) n
       union all select n, 2 + n % 34, 'grassroots', 30 from generate_series(36, 35 +
       current_setting('bench.communes')::integer) n""",
    """insert into marts.dim_org_unit select unit_id, '2010-01-01', '9999-12-31', 'U' || unit_id, 'U' || unit_id, 'u' ||
    unit_id, level,
       rank, true, parent_id, true, 1, 2147483647 from public.bench_unit""",
    """insert into marts.bridge_org_tree
       with recursive up as (
           select unit_id, unit_id as ancestor_id, 0 as depth, parent_id from public.bench_unit
           union all select up.unit_id, b.unit_id, depth + 1, b.parent_id from up join public.bench_unit b on b.unit_id =
           up.parent_id)
       select ancestor_id, unit_id, depth, '2010-01-01', '9999-12-31', 1, 2147483647 from up""",
    "insert into marts.dim_tree values (20100101, '2010-01-01', '9999-12-31', true, 1, 2147483647)",
    """insert into marts.bridge_restated select unit_id, '2010-01-01', '9999-12-31', unit_id, 1, true, 'same',
    '2010-01-01', '9999-12-31',
       1, 2147483647 from public.bench_unit""",
    """insert into marts.dim_period select period_id, code, scheme, period_type, starts_on, ends_on, period_id / 100000, 1,
    2147483647
       from catalogue.period""",
    """insert into marts.dim_indicator select n, 'B', 'i' || n, 'B.i' || n, 'i', 'i', 'count', 'x', 'flow', false, 1, 2147483647
       from generate_series(1, current_setting('bench.indicators')::integer) n""",
    "insert into marts.dim_form_row values (1, 'B', 'all', 'x', 'x', 1, 2147483647)",
    """create view public.bench_period as select period_id from catalogue.period where scheme = 'CALENDAR' and period_type = 'M'
       and starts_on < '2026-01-01' order by starts_on desc limit current_setting('bench.months')::integer""",
    """insert into marts.fct_observation
       select u.unit_id, p.period_id, 1, i, 'own', 1, 'value', (u.unit_id * 7 + i * 3 + p.period_id) % 1000, 'B', 'C4', 1,
       2147483647
       from public.bench_period p, public.bench_unit u, generate_series(1, current_setting('bench.indicators')::integer) i
       where u.level = 'grassroots'""",
    """insert into marts.fct_rollup
       select t.ancestor_id, o.period_id, 1, o.indicator_id, sum(o.value), null, count(*), count(*), 1, 2147483647
       from marts.fct_observation o join marts.bridge_org_tree t using (unit_id) group by 1, 2, 4""",
    """insert into marts.fct_restated select unit_id, period_id, row_id, indicator_id, value, 0, units_reported, units_due,
    0, 0,
       release_from, release_to from marts.fct_rollup"""]


QUERIES: dict[str, tuple[float, str]] = {
    "province -> communes, one indicator": (50, """
        select f.unit_id, f.period_id, f.value from {schema}.{mart} f
        where f.indicator_id = {indicator} and f.row_id = 1 {release} and f.unit_id = any(array(
            select t.unit_id from {schema}.bridge_org_tree t where t.ancestor_id = {province} and t.depth = 1
                {tree_release}))"""),
    "all units, one indicator": (250, """
        select f.unit_id, f.period_id, f.value from {schema}.{mart} f where f.indicator_id = {indicator} {release}"""),
    "unit, children and grandchildren, 20 indicators, by year": (1000, """
        select f.unit_id, f.indicator_id, f.period_id / 100000, sum(f.value) from {schema}.{mart} f
        where f.indicator_id <= 20 {release} and f.unit_id = any(array(
            select t.unit_id from {schema}.bridge_org_tree t where t.ancestor_id = 1 and t.depth <= 2 {tree_release}))
        group by 1, 2, 3""")}
FAMILIES = {"as reported": ("bi", "fct_rollup"), "today's tree": ("bi", "fct_restated"), "as known on": ("bi_asof", "fct_rollup")}


def queries(connection: psycopg.Connection[Any], communes: int, indicators: int) -> None:
    """Each query on each family of views, and the trace of one cell."""
    chance = random.Random(1)
    for name, (target, query) in QUERIES.items():
        base = 0.0
        for family, (schema, mart) in FAMILIES.items():
            asof = schema == "bi_asof"
            made = [query.format(schema=schema, mart=mart, indicator=chance.randint(1, indicators),
            province=chance.randint(2, 35),
                                 release="and f.release_id = 1" if asof else "",
                                 tree_release="and t.release_id = 1" if asof else "") for _ in range(REPEATS)]
            p50, p95 = timed(connection, made)
            base = base or p50
            print(f"{name} | {family} | p50 {p50:.1f} ms | p95 {p95:.1f} ms | target {target:.0f} ms | {p50 / base:.2f}x")
            if p95 > target:
                for line, in connection.execute(("explain " + made[0]).encode()).fetchall()[:25]:
                    print("    " + line)
    cells = [f"select * from bi.fct_observation where unit_id = {chance.randint(36, 35 + communes)} and row_id = 1 "
             f"and indicator_id = {chance.randint(1, indicators)} and period_id = 202501012 and scope = 'own'"
             for _ in range(REPEATS)]
    p50, p95 = timed(connection, cells)
    print(f"one cell | p50 {p50:.1f} ms | p95 {p95:.1f} ms | target 20 ms")


def timed(connection: psycopg.Connection[Any], made: list[str]) -> tuple[float, float]:
    """Milliseconds, warm: median and 95th percentile."""
    spans = []
    for query in made[:3] + made:
        began = time.perf_counter()
        connection.execute(query.encode()).fetchall()
        spans.append((time.perf_counter() - began) * 1000)
    spans = sorted(spans[3:])
    return statistics.median(spans), spans[int(len(spans) * 0.95) - 1]


def late_reports(connection: psycopg.Connection[Any], months: int) -> None:
    """Rows and WAL that the marts write for one commune's corrected month, whatever the history: by months that are kept."""
    for kept in (1, 12, 60):
        if kept > months:
            continue
        with connection.transaction(force_rollback=True):
            connection.execute("create temp table kept on commit drop as "
                               "select period_id from public.bench_period limit %s", [kept])
            connection.execute("delete from marts.fct_observation where period_id not in (select period_id from kept)")
            connection.execute("delete from marts.fct_rollup where period_id not in (select period_id from kept)")
            connection.execute("delete from marts.fct_restated where period_id not in (select period_id from kept)")
            before = _wal(connection)
            written = sum(connection.execute(statement).rowcount for statement in _LATE)
            print(f"one late report, {kept} months kept: {written} rows, {(_wal(connection) - before) / 1024:.0f} kB of WAL")


def _wal(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row
    return int(row[0])


_SLICE = "release_to = 2147483647 and period_id = 202501012 and unit_id in (36, 2 + 36 % 34, 1)"
_LATE = [statement for mart in ("fct_observation", "fct_rollup", "fct_restated") for statement in (
    f"create temp table new_{mart} on commit drop as select * from marts.{mart} where {_SLICE}",
    f"update marts.{mart} set release_to = 3 where {_SLICE}",
    f"update new_{mart} set release_from = 3, value = value + 1",
    f"insert into marts.{mart} select * from new_{mart}")]


if __name__ == "__main__":
    main()
