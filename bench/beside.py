"""A release at national size, beside what others do with the same figures in the same database; see README.md.

    python bench/beside.py [--periods 1 12] [--json FILE]

The warehouse is that of release.py. Beside it, in a schema of their own and in turn: COPY of all figures and one INSERT..SELECT
that adds them up the tree, which is the least that any release is; and DHIS2's way, a denormalised table a year with every level
and every kind of period as a column and an index each, which is made anew for whatever comes. CPU seconds of our process and of
the server; the figures of the two are compared, so that neither is fast by being wrong.
"""

import argparse
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from release import MONTHS, Cost, fill, late_report, one, release, write_catalogue

from tonghop.base.settings import Settings
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect
from tonghop.warehouse.migrate import ready

# the figures as they were handed in, and what DHIS2 keeps beside them: who is above a unit, and what a period is part of
KEPT = """
create schema beside;
create table beside.datavalue as
    select indicator_id as dataelement, row_id as optioncombo, period_id, unit_id, value::double precision as value,
        now() as lastupdated
    from current.fct_observation where scope = 'own' and value is not null;
alter table beside.datavalue add primary key (dataelement, period_id, unit_id, optioncombo);
create table beside.orgunitstructure as
    select b.unit_id, max(b.ancestor_id) filter (where u.level = 'nation') as level1,
        max(b.ancestor_id) filter (where u.level = 'province') as level2, b.unit_id as level3
    from current.bridge_org_tree as b
    join current.dim_org_unit as u on u.unit_id = b.ancestor_id and '2030-01-01'::date between u.valid_from and u.valid_to
    where '2030-01-01'::date between b.valid_from and b.valid_to
    group by b.unit_id;
create table beside.periodstructure as
    select period_id, code as monthly, to_char(starts_on, 'YYYY"Q"Q') as quarterly,
        extract(year from starts_on)::integer as year, starts_on, ends_on
    from current.dim_period where period_type = 'M';
analyze beside.datavalue, beside.orgunitstructure, beside.periodstructure"""

# a year's table is filled, indexed and analysed beside the old one, and takes its place
YEAR = """
create table beside.analytics_{year}_new (
    dx integer, co integer, ou integer, level1 integer, level2 integer, level3 integer,
    monthly text, quarterly text, year integer, pestartdate date, peenddate date, value double precision
);
insert into beside.analytics_{year}_new
    select d.dataelement, d.optioncombo, d.unit_id, o.level1, o.level2, o.level3, p.monthly, p.quarterly, p.year,
        p.starts_on, p.ends_on, d.value
    from beside.datavalue as d
    join beside.orgunitstructure as o on o.unit_id = d.unit_id
    join beside.periodstructure as p on p.period_id = d.period_id
    where p.year = {year};
create index on beside.analytics_{year}_new (dx, level1);
create index on beside.analytics_{year}_new (dx, level2);
create index on beside.analytics_{year}_new (dx, level3);
create index on beside.analytics_{year}_new (dx, monthly);
create index on beside.analytics_{year}_new (ou);
create index on beside.analytics_{year}_new (quarterly);
create index on beside.analytics_{year}_new (year);
analyze beside.analytics_{year}_new;
drop table if exists beside.analytics_{year};
alter table beside.analytics_{year}_new rename to analytics_{year}"""

COPIED = "unit_id, period_id, row_id, indicator_id, value"
ROLLED_UP = """
insert into beside.rolled_up
    select b.ancestor_id, f.period_id, f.row_id, f.indicator_id, sum(f.value)
    from beside.copied as f
    join current.dim_period as p on p.period_id = f.period_id
    join current.bridge_org_tree as b on b.unit_id = f.unit_id and p.ends_on between b.valid_from and b.valid_to
    group by b.ancestor_id, f.period_id, f.row_id, f.indicator_id"""

# name -> what a reader asks of our star, and of the tables of years ({tables})
QUESTIONS = {
    "a province's communes, one indicator, by month": (
        """
        select f.unit_id, f.period_id, sum(f.value) from star.fct_rollup as f
        join star.dim_org_unit as u on u.unit_id = f.unit_id and u.parent_id = %(province)s
            and '2030-01-01' between u.valid_from and u.valid_to
        where f.indicator_id = %(indicator)s group by 1, 2""",
        "select level3, monthly, sum(value) from {tables} where dx = %(indicator)s and level2 = %(province)s group by 1, 2",
    ),
    "every province, one indicator, by month": (
        """
        select f.unit_id, f.period_id, sum(f.value) from star.fct_rollup as f
        join star.dim_org_unit as u on u.unit_id = f.unit_id and u.level = 'province'
            and '2030-01-01' between u.valid_from and u.valid_to
        where f.indicator_id = %(indicator)s group by 1, 2""",
        "select level2, monthly, sum(value) from {tables} where dx = %(indicator)s and level2 is not null group by 1, 2",
    ),
    "the nation, every indicator, by month": (
        """
        select f.indicator_id, f.period_id, sum(f.value) from star.fct_rollup as f
        join star.dim_org_unit as u on u.unit_id = f.unit_id and u.level = 'nation'
            and '2030-01-01' between u.valid_from and u.valid_to
        where f.value is not null group by 1, 2""",
        "select dx, monthly, sum(value) from {tables} where level1 is not null group by 1, 2",
    ),
}


def main() -> None:
    """For each size: fill, release, one late report, and the same beside it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--periods", type=int, nargs="+", default=[1, 12])
    options.add_argument("--json", type=Path, help="where the figures are written for programs")
    given = options.parse_args()
    results = []
    for periods in given.periods:
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(home=Path(home), catalogue=Path(home) / "catalogue")
            write_catalogue(settings.catalogue)
            ready(settings)
            try:
                results.append({"periods": periods} | measured(settings, periods))
            finally:
                embedded.stop(settings)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1), "utf-8")


def measured(settings: Settings, periods: int) -> dict[str, Any]:
    """CPU seconds of each way, by its name."""
    late = fill(settings, periods)
    found = {"first release": release(settings, f"first, {periods} periods")}
    found["late report"] = late_report(settings, late, periods, stop=False)
    years = sorted({month[:4] for month in MONTHS[:periods]})
    with connect(settings) as connection:
        connection.autocommit = True
        cost = Cost(settings)

        def spent(what: str) -> None:
            process, server, _ = cost.since()
            found[what] = process + server
            print(f"{periods} periods | {what} | {process:.2f} | {server:.2f}", flush=True)

        print("periods | what | this process, CPU s | the server, CPU s")
        connection.execute(KEPT.encode())
        found["figures"] = one(connection, "select count(*) from beside.datavalue")
        connection.execute(f"create table beside.copied as select {COPIED} from marts.fct_observation limit 0".encode())
        connection.execute("create table beside.rolled_up as select * from beside.copied")
        figures = _copy_out(connection)
        cost.since()
        with connection.cursor().copy("copy beside.copied from stdin") as copy:
            copy.write(figures.getvalue())
        connection.execute("analyze beside.copied")
        connection.execute(ROLLED_UP.encode())
        spent("COPY and one aggregate")
        for year in years:
            connection.execute(YEAR.format(year=year).encode())
        spent("DHIS2's way, every year")
        connection.execute(
            # the same figures once more: what it costs to take them in does not ask whether they are others
            "update beside.datavalue set lastupdated = now() where (unit_id, period_id) = "
            "(select unit_id, period_id from beside.datavalue order by period_id desc, unit_id desc limit 1)"
        )
        connection.execute(YEAR.format(year=years[-1]).encode())
        spent("DHIS2's way, one late report")
        tables = " union all ".join(f"select * from beside.analytics_{year}" for year in years)
        asked = {
            "province": one(
                connection, "select unit_id from current.dim_org_unit where level = 'province' order by code desc limit 1"
            ),
            "indicator": one(connection, "select min(indicator_id) from current.fct_observation"),
        }
        for name, (ours, theirs) in QUESTIONS.items():
            answers = []
            for who, query in (("ours", ours), ("DHIS2's way", theirs.format(tables=f"({tables}) as a"))):
                connection.execute(query.encode(), asked)
                cost.since()
                for _ in range(5):
                    rows = connection.execute(query.encode(), asked).fetchall()
                spent(f"{name}, five times, {who}")
                answers.append(sorted(float(value) for *_, value in rows if value is not None))
            assert answers[0] == answers[1], name
    return found


def _copy_out(connection: psycopg.Connection[Any]) -> io.BytesIO:
    figures = io.BytesIO()
    with connection.cursor().copy(
        f"copy (select {COPIED} from current.fct_observation where scope = 'own') to stdout".encode()
    ) as copy:
        for block in copy:
            figures.write(block)
    return figures


if __name__ == "__main__":
    main()
