"""`check` says before sending what `submit` says after it, for every rule that the file and the catalogue decide."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import tree_world
from books import STAFF, book
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

import samples
from tonghop.base.codes import receipt_code
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.forms import ALL_ROWS
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.cli.main import cli
from tonghop.intake import delivery, load
from tonghop.intake.answer import Answer
from tonghop.intake.before_sending import FROM_RECEIPT, precheck
from tonghop.intake.receive import receive
from tonghop.warehouse.connect import connect

CATALOGUE = load_catalogue(PROJECT / "catalogue")
WARD, CITY, PERIOD = "08719", "243", "2018-Y"
# what `check` cannot tell without the warehouse, of the rules that `submit` puts to a report
EXCLUDED = set(FROM_RECEIPT)
_NUMBER = itertools.count(1)

values = st.one_of(
    st.integers(-2, 30),
    st.none(),
    st.sampled_from(
        ["x", "-", "0", "hơn 4.000", "15 nghìn", "1.234,5", "=1+1", "85%", 8.5, True, "Nguyễn Văn A", "Tốt", "\u202e1", "９"]
    ),
)
heads = st.sampled_from(
    [
        {},
        {"period": "2018-X"},
        {"period": "năm 2018"},
        {"scope": "?"},
        {"version": 9},
        {"form": "F99"},
        {"unit": "00000"},
        {"unit": None},
        {"nil": "x"},
        {"period": "2018-Q1"},
    ]
)
units = st.sampled_from([WARD, WARD, WARD, CITY, "08737", "99999", 8719])


@st.composite
def reports(draw: st.DrawFn) -> bytes:
    """A workbook of any table of any form, mostly of small figures, with whatever may be wrong."""
    form = draw(st.sampled_from([f for f in CATALOGUE.forms if f.code in ("F1", "F2", "F5", "F8")]))
    table = draw(st.sampled_from(form.tables))
    good = st.just(STAFF) if table.code == "F8A" else st.just({})
    rows = []
    for _ in range(draw(st.integers(0, 2))):
        figures = draw(good) | draw(st.dictionaries(st.sampled_from([f.code for f in table.fields]), values, max_size=4))
        label = () if table.rows == (ALL_ROWS,) else (draw(st.sampled_from([table.rows[0].vi, "?"])),)
        rows.append((draw(units), *label, figures))
    return book(
        CATALOGUE,
        table.code,
        draw(st.sampled_from([WARD, CITY])),
        PERIOD,
        rows,
        head=draw(heads),
        version=form.version,
        total=draw(st.sampled_from([None, [1] * len(table.fields)])),
    )


def submit(settings: Settings, paths: list[Path]) -> list[Answer]:
    with connect(settings) as connection:
        received = receive(settings, connection, paths)
    load.load_pending(settings)
    known = delivery.answers_of(settings, [r.receipt_id for r in received])
    return [known[r.receipt_id] for r in received]


def assert_same(before: Answer, after: Answer) -> None:
    findings = [f for f in after.findings if f.rule not in EXCLUDED]
    assert before.findings == findings
    assert (before.sha256, before.form, before.unit, before.period) == (after.sha256, after.form, after.unit, after.period)
    if findings == after.findings:
        assert before.status == after.status


@pytest.fixture(scope="module")
def warehouse(new_warehouse: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return new_warehouse(tmp_path_factory.mktemp("same") / "home")


@bounded(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_check_finds_exactly_what_submit_finds(data: st.DataObject, warehouse: Settings) -> None:
    folder = warehouse.home / f"sent-{next(_NUMBER)}"
    folder.mkdir()
    paths = []
    for number, content in enumerate(data.draw(st.lists(reports(), min_size=6, max_size=6))):
        paths.append(folder / f"{number}.xlsx")
        paths[-1].write_bytes(content)
    before = precheck(warehouse, paths)
    for one, other in zip(before, submit(warehouse, paths), strict=True):
        assert_same(one, other)


def test_check_finds_in_every_sample_what_submit_finds(settings: Settings, catalogue: Catalogue, tmp_path: Path) -> None:
    paths = samples.write(catalogue, tmp_path / "samples")
    before = precheck(settings, paths)
    after = submit(settings, paths)
    for one, other in zip(before, after, strict=True):
        assert_same(one, other)
    assert {a.status for a in after} == {"accepted", "returned", "quarantined"}


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _nothing(catalogue: Catalogue, table: str) -> dict[str, int]:
    return {f.code: 0 for f in next(f for f in catalogue.forms if table in f.table).table[table].fields}


def _f1(
    catalogue: Catalogue, period: str, opening: int, closing: int, unit: str = WARD, scope: Literal["own", "rollup"] = "own"
) -> bytes:
    """A unit's F1, of which only the stock of members matters."""
    figures = _nothing(catalogue, "F1") | {
        "dv_dau_ky": opening,
        "dv_cuoi_ky": closing,
        "dv_chinh_thuc": closing,
        "dv_ket_nap": max(closing - opening, 0),
        "dv_tu_tran": max(opening - closing, 0),
    }
    return book(catalogue, "F1", unit, period, [(unit, figures)], scope=scope)


def _f4(catalogue: Catalogue, period: str, unit: str, *called: int) -> bytes:
    """How many members were called to study each topic."""
    table = next(f for f in catalogue.forms if f.code == "F4").table["F4"]
    rows = [
        (unit, row.vi, _nothing(catalogue, "F4") | {"dv_trieu_tap": number})
        for row, number in zip(table.rows, called, strict=True)
    ]
    return book(catalogue, "F4", unit, period, rows)


def _f7(catalogue: Catalogue, period: str, unit: str, opening: int, closing: int) -> bytes:
    """Petitions open at the start and at the end."""
    came, went = max(closing - opening, 0), max(opening - closing, 0)
    figures = _nothing(catalogue, "F7XLD") | {
        "ton_dau": opening,
        "ton_cuoi": closing,
        "nhan_khac": came,
        "phai_xu_ly": came,
        "giai_quyet": went,
    }
    return book(catalogue, "F7XLD", unit, period, [(unit, figures)])


def test_what_needs_other_reports_is_named_without_a_warehouse_and_decided_with_one(
    settings: Settings, catalogue: Catalogue, tmp_path: Path
) -> None:
    first = _write(tmp_path, "1.xlsx", _f1(catalogue, "2018-H1", 10, 12))
    other = _write(tmp_path, "2.xlsx", _f1(catalogue, "2018-H2", 11, 11))
    right = _write(tmp_path, "3.xlsx", _f1(catalogue, "2018-H2", 12, 12))
    assert [a.status for a in submit(settings, [first])] == ["accepted"]
    (blind,) = precheck(settings, [other])
    assert (blind.status, blind.findings) == ("accepted", [])
    opening = next(
        r.check.rule
        for f in catalogue.forms
        for r in f.rules
        if any(t.at == "previous" for t in r.terms) and r.check.table == "F1"
    )
    assert {"row.taken", opening} <= set(blind.on_receipt)
    with connect(settings) as connection:
        seeing, fine = precheck(settings, [other, right], connection)
    assert (seeing.status, seeing.on_receipt) == ("accepted", ())
    assert [(f.rule, f.kind, f.sheet) for f in seeing.findings] == [(opening, "consistency", "F1")]
    assert (fine.status, fine.findings) == ("accepted", [])


def test_with_a_warehouse_check_tells_of_a_report_what_the_release_will_find(
    settings: Settings, catalogue: Catalogue, tmp_path: Path
) -> None:
    dice, paths = random.Random(3), []
    for unit in (WARD, "243.01", "243.02"):
        for period in ("2017-Y", "2018-H1", "2018-H2", "2018-Y"):
            opening, closing = dice.randrange(3), dice.randrange(3)
            paths.append(_write(tmp_path, f"{unit} F1 {period}.xlsx", _f1(catalogue, period, opening, closing, unit)))
            if period != "2018-H2":  # a unit that gives no F1 as well
                called = _f4(catalogue, period, unit, dice.randrange(3), dice.randrange(3))
                paths.append(_write(tmp_path, f"{unit} F4 {period}.xlsx", called))
        for period in ("2023-Q1", "2023-Q2", "2023-H1"):
            petitions = _f7(catalogue, period, unit, dice.randrange(2), dice.randrange(2))
            paths.append(_write(tmp_path, f"{unit} F7 {period}.xlsx", petitions))
    paths.append(_write(tmp_path, "sum.xlsx", _f1(catalogue, PERIOD, 3, 4, CITY, "rollup")))
    answers = submit(settings, paths)
    assert not [(a.file, f.rule, f.message_en) for a in answers for f in a.findings]
    tree_world.release(settings)
    found: dict[str, set[Any]] = {str(a.receipt): set() for a in answers}
    for receipt, *broken in tree_world.rows(
        settings,
        """
            select c.submission_id, c.rule, u.unit_key, c.sheet, c.cell from intermediate.int_check c
            join catalogue.unit u using (unit_id) where not c.holds and c.submission_id is not null""",
    ):
        found[receipt_code(receipt)].add(tuple(broken))
    with connect(settings) as connection:
        told = precheck(settings, paths, connection)
    assert [{(f.rule, f.unit, f.sheet, f.cell) for f in a.findings} for a in told] == [found[str(a.receipt)] for a in answers]
    assert {rule for broken in found.values() for rule, *_ in broken} >= {"F1.2", "F1.7a", "F4.2d", "F7.4"}


def test_with_a_warehouse_a_taken_row_is_told_and_nothing_is_stored(
    settings: Settings, catalogue: Catalogue, tmp_path: Path
) -> None:
    submit(settings, [_write(tmp_path, "1.xlsx", book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF)]))])
    second = _write(tmp_path, "2.xlsx", book(catalogue, "F8A", CITY, PERIOD, [(WARD, STAFF)]))

    def state() -> list[Any]:
        with connect(settings) as connection:
            return [
                connection.execute(f"select * from {table} order by 1, 2".encode()).fetchall()
                for table in ("intake.receipt", "intake.cell", "intake.finding", "intake.ledger", "catalogue.version")
            ]

    before, files = state(), sorted(settings.home.rglob("*"))
    with connect(settings) as connection:
        (told,) = precheck(settings, [second], connection)
    assert (told.status, [f.rule for f in told.findings]) == ("returned", ["row.taken"])
    assert (state(), sorted(settings.home.rglob("*"))) == (before, files)
    (sent,) = submit(settings, [second])
    assert (sent.status, sent.findings) == (told.status, told.findings)


def test_check_needs_no_database_and_json_keeps_its_shape(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGHOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TONGHOP_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    path = _write(tmp_path, "F8.xlsx", book(catalogue, "F8A", WARD, PERIOD, [(WARD, STAFF | {"tong": 22})]))
    told = CliRunner().invoke(cli, ["check", str(path), "--json"])
    assert told.exit_code == 1, told.output
    answer = json.loads(told.stdout)
    assert {"receipt", "sha256", "form", "unit", "period", "status", "findings", "checked_on_receipt"} <= answer.keys()
    assert (answer["status"], answer["receipt"], answer["checked_on_receipt"][0]) == ("returned", None, "row.taken")
