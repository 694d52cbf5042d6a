"""What a release costs at national size, step by step: the first one, and one late report after it; see README.md.

    python bench/release.py [--periods 1 12] [--home FOLDER] [--populations]

The catalogue is the reform of 2025, whole (14,000 units of before and after); every commune of today reports a form of 38
figures for so many months, but one that is late with its last. Prints CPU seconds of this process and of the server for each
step, and for the late report the rows of the marts and the WAL besides. With --populations the gate's questions are asked one
by one of the late report's candidate, of its slice and of all. With --home the warehouses are kept, the late candidate open,
and only asked.
"""

import argparse
import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from samples import filed, reform
from tonghop.base.settings import Settings
from tonghop.catalogue.forms import Form
from tonghop.catalogue.load import load_catalogue
from tonghop.queries import pages
from tonghop.release import candidate, dbt, gate, publish, suites
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect
from tonghop.warehouse.migrate import ready
from tonghop.warehouse.roles import AUDITOR

FORM = "F7"
# the first month that ends on the new tree, and those that follow
MONTHS = [f"{2025 + n // 12}-M{n % 12 + 1:02d}" for n in range(7, 67)]


def main() -> None:
    """Fill, release, release what is late, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--periods", type=int, nargs="+", default=[1, 12])
    options.add_argument("--home", type=Path, help="where the warehouses are kept")
    options.add_argument("--populations", action="store_true", help="ask the gate's questions of the late report one by one")
    given = options.parse_args()
    for periods in given.periods:
        with _warehouse(given.home and given.home / str(periods)) as settings:
            with connect(settings) as connection:
                is_filled = connection.execute("select from ctl.release").fetchone() is not None
            if not is_filled:
                late = fill(settings, periods)
                release(settings, f"first, {periods} periods")
                late_report(settings, late, periods, stop=given.populations)
            if given.populations:
                populations(settings)
                cost = Cost(settings)
                with connect(settings) as connection:
                    gate.judge(settings, one(connection, "select release_id from build.candidate"))
                print(
                    "the gate of the late report: CPU s of this process, of the server, by the clock |",
                    *map(_seconds, cost.since()),
                )


@contextmanager
def _warehouse(home: Path | None) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as temporary:
        place = home or Path(temporary)
        settings = Settings(home=place, catalogue=place / "catalogue")
        if not settings.catalogue.exists():
            write_catalogue(settings.catalogue)
        ready(settings)
        try:
            yield settings
        finally:
            embedded.stop(settings)


def write_catalogue(folder: Path) -> None:
    """The reform's catalogue, with a form that every commune reports by month, up to 2030."""
    shutil.rmtree(folder, ignore_errors=True)
    reform.catalogue(folder, FORM)
    form = folder / "forms" / f"{FORM}.v1.yaml"
    form.write_text(re.sub(r"owed: \[.*\]", "owed: [M]", re.sub(r"accepted: .*", "", form.read_text("utf-8"))), "utf-8")
    spells = folder / "reporting.csv"
    spells.write_text(spells.read_text("utf-8").replace("2025-12-31", "2030-12-31"), "utf-8")


def fill(settings: Settings, periods: int) -> filed.Report:
    """Every commune's reports but one, which is given back."""
    loaded = load_catalogue(settings.catalogue)
    form = next(f for f in loaded.forms if f.code == FORM)
    end = loaded.period[form.scheme, MONTHS[0]].ends_on
    communes = sorted(u for u in loaded.history.versions if (v := loaded.version(u, end)) and v.level == "grassroots")
    given = figures(form)
    reports = [(unit, month, next(given)) for month in MONTHS[:periods] for unit in communes]
    late = reports.pop()
    filed.file(settings, reports, FORM, loaded=loaded, received="2026-11-01 08:00+07")
    print(f"{len(communes)} communes, {len(late[2])} figures, {periods} periods: {sum(len(r[2]) for r in reports):,} facts")
    return late


def figures(form: Form) -> Iterator[Mapping[filed.Place, int | None]]:
    """Figures made up by chance that break no identity: a total that stands in one sum only is made of its parts, and whatever
    stands in several rules is none."""
    chance = random.Random(1)
    places = [
        (table.code, row.code, name) for table in form.tables for row in table.rows for c in table.fields for name in c.indicators
    ]
    rules = [
        {(check.table, name): coefficient for name, coefficient in check.terms.items()}
        for check in form.checks
        if isinstance(check.terms, dict)
    ]
    bound = [key for rule in rules for key in rule]
    once = [r for r in rules if all(bound.count(key) == 1 for key in r) and sorted(r.values())[-2] < 0]
    while True:
        value = {(table, name): chance.randint(0, 99) for table, _, name in places}
        value |= dict.fromkeys(bound, 0)
        for rule in once:
            parts = {key: chance.randint(0, 99) for key, coefficient in rule.items() if coefficient < 0}
            value |= parts | {key: sum(parts.values()) for key, coefficient in rule.items() if coefficient > 0}
        yield {(table, row, name): value[table, name] for table, row, name in places}


# --- what it costs ---------------------------------------------------------------------------------------------


class Cost:
    """CPU seconds of this process and of the server, since the last time it was asked."""

    def __init__(self, settings: Settings) -> None:
        self._server = psutil.Process(int((embedded.data_folder(settings) / "postmaster.pid").read_text().splitlines()[0]))
        self._last = self._now()

    def _now(self) -> tuple[float, float, float]:
        spans = [sum(self._server.cpu_times()[:4])]
        for child in self._server.children(recursive=True):
            try:
                spans.append(sum(child.cpu_times()[:4]))
            except psutil.NoSuchProcess:
                continue
        return time.process_time(), sum(spans), time.perf_counter()

    def since(self) -> tuple[float, float, float]:
        now, last = self._now(), self._last
        self._last = now
        return now[0] - last[0], now[1] - last[1], now[2] - last[2]


def release(settings: Settings, what: str, stop: bool = False) -> float:
    """Everything accepted so far, built, gated, published and written down, with the cost of each step; or only built.

    Returns the CPU seconds of all steps, of this process and the server.
    """
    cost = Cost(settings)
    total = [0.0, 0.0, 0.0]

    def tell(step: str) -> None:
        spans = cost.since()
        total[:] = [a + b for a, b in zip(total, spans, strict=True)]
        print(f"{what} | {step} | {spans[0]:.1f} | {spans[1]:.1f} | {spans[2]:.1f}", flush=True)

    print("release | step | this process, CPU s | the server, CPU s | by the clock, s")
    number = candidate.open_candidate(settings)
    assert number
    tell("open")
    dbt.build(settings)
    tell("build")
    if stop:
        return sum(total[:2])
    gate.judge(settings, number)
    tell("gate")
    publish.publish(settings, number)
    tell("publish")
    pages.write(settings, number)
    tell("pages")
    print(f"{what} | all | {total[0]:.1f} | {total[1]:.1f} | {total[2]:.1f}", flush=True)
    return sum(total[:2])


def late_report(settings: Settings, late: filed.Report, periods: int, stop: bool) -> float:
    """What one commune's late month costs in CPU seconds, with the rows of the marts and the WAL that it writes."""
    filed.file(settings, [late], FORM, received="2026-11-20 08:00+07")
    with connect(settings) as connection:
        connection.autocommit = True
        connection.execute("create extension if not exists pg_walinspect")
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
        rows, start = one(connection, _ROWS), one(connection, "select pg_current_wal_insert_lsn()")
        spent = release(settings, f"late, {periods} periods", stop)
        connection.execute("select pg_sleep(1)")  # a backend tells its counts when it ends
        records, images = connection.execute(
            "select sum(record_size) / 1024, sum(fpi_size) / 1024 from pg_get_wal_stats(%s, pg_current_wal_flush_lsn())", [start]
        ).fetchone() or (0, 0)
        print(
            f"late, {periods} periods | {one(connection, _ROWS) - rows} rows of marts | {records:.0f} kB of WAL | "
            f"{images:.0f} kB of page images",
            flush=True,
        )
    return spent


_ROWS = "select sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint from pg_stat_user_tables where schemaname = 'marts'"


def populations(settings: Settings) -> None:
    """CPU milliseconds of the server for each question of the gate, asked of the open candidate."""
    asked = suites.read()
    counts = "select count(*), count(*) filter (where failed is distinct from 0) from population"
    print("population | asked | ms | rows | failed")
    with connect(settings) as connection:
        connection.autocommit = True
        connection.execute("set jit = off")
        number = one(connection, "select release_id from build.candidate")
        backend = psutil.Process(connection.info.backend_pid)
        for whole, name in ((False, "slice"), (True, "whole")):
            connection.execute("reset role")
            before = total = sum(backend.cpu_times()[:2])
            with connection.transaction():
                gate.prepare(connection, asked, number, whole)
            print(f"what is asked about | {name} | {(sum(backend.cpu_times()[:2]) - before) * 1000:.0f}", flush=True)
            connection.execute(f"set role {AUDITOR}".encode())
            for suite in asked.suites:
                for e in suite.expectations:
                    before = sum(backend.cpu_times()[:2])
                    rows, failed = connection.execute(asked.question(e.name, counts, whole).encode()).fetchone() or (0, 0)
                    spent = (sum(backend.cpu_times()[:2]) - before) * 1000
                    print(f"{e.name} | {name} | {spent:.0f} | {rows} | {failed}", flush=True)
            print(f"all | {name} | {(sum(backend.cpu_times()[:2]) - total) * 1000:.0f}", flush=True)


def _seconds(span: float) -> str:
    return f"{span:.1f}"


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]


if __name__ == "__main__":
    main()
