"""Receive to loaded, for every commune of the country, against merely reading the same files; see README.md.

    python bench/intake.py [--files 3321] [--cache FOLDER]

The workbooks are made once, from our own template of a made-up form of 80 rows x 20 columns, and kept in the cache folder.
"""

import argparse
import csv
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from python_calamine import CalamineWorkbook, SheetVisibleEnum
from rich.console import Console
from rich.progress import track

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.sync import sync
from tonghop.intake import load
from tonghop.intake.receive import receive_inbox
from tonghop.templates import plan
from tonghop.templates.book import workbook
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect, database_url
from tonghop.warehouse.migrate import ready

ROWS, COLUMNS, PERIOD = 80, 20, "2019-Y"
MARK = 200  # files between two looks at what was used so far
say = Console(highlight=False).print


def write_catalogue(folder: Path, communes: int) -> None:
    """The project's catalogue with one form, one nation and so many communes."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "forms").mkdir(parents=True)
    (folder / "units").mkdir()
    for name in ("levels.yaml", "calendar.yaml", "codes.yaml"):
        shutil.copy(PROJECT / "catalogue" / name, folder)
    columns = ["unit", "valid_from", "valid_to", "code", "name", "level", "parent", "synthetic", "source"]
    units = [["vn", "2010-01-01", "", "VN", "Toàn quốc", "nation", "", "false", ""]]
    units += [[f"x{n}", "2010-01-01", "", f"{n:05d}", f"Xã {n}", "grassroots", "vn", "true", ""] for n in range(1, communes + 1)]
    _csv(folder / "units" / "bench.csv", columns, units)
    spells = [[unit, "F99", "2010-01-01", ""] for unit, *_ in units[1:]]
    _csv(folder / "reporting.csv", ["unit", "form", "valid_from", "valid_to"], spells)
    fields = [
        {"code": f"c{n}", "vi": f"Chỉ tiêu {n}", "en": f"Figure {n}", "unit": "người", "aggregation": "flow"}
        for n in range(1, COLUMNS)
    ]
    total = {"code": "tong", "vi": "Tổng các chỉ tiêu", "en": "All figures", "unit": "người", "aggregation": "flow"}
    form = {
        "code": "F99",
        "version": 1,
        "name": {"vi": "Biểu đo", "en": "Bench"},
        "scheme": "CALENDAR",
        "valid_from": "2010-01-01",
        "tables": [
            {
                "code": "F99",
                "vi": "Biểu đo",
                "en": "Bench",
                "levels": ["grassroots"],
                "owed": ["Y"],
                "rows": [{"code": f"r{n}", "vi": f"Dòng {n}", "en": f"Row {n}"} for n in range(1, ROWS + 1)],
                "fields": [total, *fields],
            }
        ],
        "checks": [
            {
                "rule": "F99.1",
                "kind": "identity",
                "table": "F99",
                "op": "=",
                "terms": {"tong": 1} | {f["code"]: -1 for f in fields},
                "message": {"vi": "Tổng bằng cộng các chỉ tiêu.", "en": "The total is the sum of the figures."},
            }
        ],
    }
    (folder / "forms" / "F99.v1.yaml").write_text(yaml.safe_dump(form, allow_unicode=True), "utf-8")


def _csv(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def write_files(folder: Path, catalogue: Catalogue) -> list[Path]:
    """Every commune's template, filled in; those that lie there already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    codes = [unit.code for unit in catalogue.units if unit.level == "grassroots"]
    missing = [code for code in codes if not (folder / f"{code}.xlsx").exists()]
    if missing:
        with ProcessPoolExecutor(os.cpu_count(), initializer=_planner, initargs=(catalogue, folder)) as pool:
            list(track(pool.map(_write, missing, chunksize=20), "making workbooks", total=len(missing)))
    return [folder / f"{code}.xlsx" for code in codes]


def _planner(catalogue: Catalogue, folder: Path) -> None:
    global _make
    planner = plan.Planner(catalogue, "F99", PERIOD)
    table = planner.form.tables[0]

    def make(code: str) -> None:
        template, dice, figures = planner.unit(code), random.Random(code), {}
        for row in table.rows:
            values = {f.code: dice.randrange(2000) for f in table.fields[1:]}
            for name, value in {"tong": sum(values.values()), **values}.items():
                figures["F99", template.unit.unit, row.code, name] = value
        part = folder / f"{code}.part"
        part.write_bytes(workbook(catalogue, template, figures))
        part.rename(folder / f"{code}.xlsx")

    _make = make


def _write(code: str) -> None:
    _make(code)


# --- the runs ----------------------------------------------------------------------------------------------------


@dataclass
class Cost:
    """CPU seconds (user and system, children included) and peak memory of a run."""

    cpu: float
    seconds: float
    peak: int
    notes: dict[str, float] = field(default_factory=dict)


def measured(run: Callable[[], dict[str, float]]) -> Cost:
    """What a run costs in a process of its own."""
    into, out = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(into)
        with os.fdopen(out, "w") as pipe:
            yaml.safe_dump(run(), pipe)
        os._exit(0)
    os.close(out)
    with os.fdopen(into) as pipe:
        notes = yaml.safe_load(pipe)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit("a run failed")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss << 10, notes)


def merely_read(paths: list[Path]) -> dict[str, float]:
    """What python-calamine alone takes: every cell of every visible sheet."""
    cells = 0
    for path in paths:
        book = CalamineWorkbook.from_path(path)
        for sheet in book.sheets_metadata:
            if sheet.visible == SheetVisibleEnum.Visible:
                cells += sum(map(len, book.get_sheet_by_name(sheet.name).to_python()))
    return {"cells": cells}


def write_once(settings: Settings) -> dict[str, float]:
    """The catalogue written to the warehouse, as whoever gives out templates has done; reports that come later find it there."""
    with connect(settings) as connection:
        sync(load_catalogue(settings.catalogue), connection)
    return {}


def take_in(settings: Settings) -> dict[str, float]:
    """The whole way: the inbox received, read, checked, loaded and answered."""
    me, marks, workers = psutil.Process(), {}, {"peak": 0}

    def cpu(children: list[psutil.Process]) -> float:
        return sum(me.cpu_times()[:4]) + sum(sum(p.cpu_times()[:2]) for p in children)

    start = cpu([])
    receive_inbox(settings)
    marks["receive"] = cpu([]) - start

    def progress(done: int, total: int) -> None:
        if done % MARK == 1 or done == total:  # seldom: to look for the children costs as much as a file
            children = me.children()
            marks[f"at {done}"] = cpu(children) - start
            workers["peak"] = max([workers["peak"], *(p.memory_info().rss for p in children)])

    load.load_pending(settings, progress)
    return marks | {"worker": workers["peak"], "loader": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10}


def server_cpu(settings: Settings) -> float:
    """CPU seconds that the database server has used so far."""
    main = psutil.Process(int((settings.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
    return sum(main.cpu_times()[:4]) + sum(sum(p.cpu_times()[:2]) for p in main.children())


def instead(paths: list[Path], settings: Settings) -> dict[str, float]:
    """What people do instead: a data frame, a table, and a validation run per file."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd
    from sqlalchemy import create_engine

    started = sum(psutil.Process().cpu_times()[:4])
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batches = context.data_sources.add_pandas("pandas").add_dataframe_asset("file").add_batch_definition_whole_dataframe("whole")
    suite = context.suites.add(gx.ExpectationSuite("suite"))
    engine = create_engine(database_url(settings).replace("postgresql://", "postgresql+psycopg://", 1))
    for path in paths:
        sheets = pd.read_excel(path, sheet_name=None, header=None)
        frame = max(sheets.values(), key=lambda f: f.size).tail(ROWS)
        frame.columns = [f"c{n}" for n in range(frame.shape[1])]
        if not suite.expectations:
            for column in frame.columns[-COLUMNS:]:
                suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0))
        frame.astype(str).to_sql("bench_instead", engine, if_exists="append", index=False)
        batches.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
    return {"imports": started}


def main() -> None:
    """Make what is missing, run all, print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=3321)
    options.add_argument("--instead", type=int, default=10, help="files that the other way is run on")
    options.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "tonghop-bench")
    given = options.parse_args()
    folder = given.cache / f"{given.files}"
    write_catalogue(folder / "catalogue", given.files)
    catalogue = load_catalogue(folder / "catalogue")
    paths = write_files(folder / "files", catalogue)
    # a new place each time: to make files where many were just removed costs a file system a search for each
    home = Path(tempfile.mkdtemp(prefix="home-", dir=given.cache))
    settings = Settings(home=home / "home", catalogue=folder / "catalogue")
    ready(settings)
    try:
        settings.inbox.mkdir()
        for path in paths:
            shutil.copy(path, settings.inbox)
        written = measured(lambda: write_once(settings))
        reading = measured(lambda: merely_read(paths))
        before = server_cpu(settings)
        ours = measured(lambda: take_in(settings))
        time.sleep(1)  # until the server has counted the connection that just ended
        database = server_cpu(settings) - before
        with connect(settings) as connection:
            counts = connection.execute("select status, count(*), sum(cells) from intake.receipt group by 1").fetchall()
        other = measured(lambda: instead(paths[: given.instead], settings))
    finally:
        embedded.stop(settings)
        shutil.rmtree(home)
    n, mega = len(paths), 1 << 20
    say(f"{n} files, {sum(p.stat().st_size for p in paths) / n / 1024:.0f} KB each; receipts: {counts}")
    say(f"the catalogue, once       {written.cpu:8.1f} s CPU  not counted below")
    say(f"calamine merely reading   {reading.cpu:8.1f} s CPU  {reading.cpu / n * 1000:6.1f} ms a file")
    say(
        f"receive to loaded         {ours.cpu:8.1f} s CPU  {ours.cpu / n * 1000:6.1f} ms a file"
        f"  {ours.seconds:.0f} s by the clock  ratio {ours.cpu / reading.cpu:.2f}"
    )
    say(f"  of which receive        {ours.notes['receive']:8.1f} s CPU")
    say(f"  database server beside  {database:8.1f} s CPU  with it: ratio {(ours.cpu + database) / reading.cpu:.2f}")
    say(f"  peak memory             loader {ours.notes['loader'] / mega:.0f} MB, worker {ours.notes['worker'] / mega:.0f} MB")
    marks = {int(k[3:]): v for k, v in ours.notes.items() if k.startswith("at ")}
    span = min(1000, n // 3 // MARK * MARK)
    if span:
        last = max(m for m in marks if m % MARK == 1)
        first_cost, last_cost = marks[1 + span] - marks[1], marks[last] - marks[last - span]
        say(
            f"  first {span} files        {first_cost / span * 1000:6.1f} ms a file"
            f"  last {span}: {last_cost / span * 1000:.1f} ms"
        )
    rest = (other.cpu - other.notes["imports"]) / given.instead
    say(
        f"read_excel, to_sql, GX    {rest * n:8.1f} s CPU  {rest * 1000:6.1f} ms a file, extrapolated from {given.instead}"
        f"  ratio {rest * n / reading.cpu:.1f}  peak {other.peak / mega:.0f} MB"
    )


if __name__ == "__main__":
    main()
