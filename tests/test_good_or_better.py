"""Good or better, as sources publish it: one number in place of two is released as it is, and the two stay unknown."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import commands
import pytest
from books import book
from test_intake import rows

from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import READER, STAR

# what a province claims for its organisations in 2019, as published: 686 of them, 662 graded, 604 good or better
PUBLISHED = Path(__file__).parent / "data" / "reading" / "hd_as_published_tot_tro_len.xlsx"
PROVINCE, WARD, OTHER = "98", "08719", "08737"
CELLS = {"tong_to_chuc": 12, "duoc_xep": 11, "chua_xep": 1, "htt_tro_len": 9, "ht": 2, "khong_ht": 0}
MEMBERS = {"tong_dv": 103, "duoc_xep": 100, "mien_xep": 2, "chua_xep": 1, "htt_tro_len": 93, "ht": 5, "khong_ht": 2}


@pytest.fixture(scope="module")
def released(
    copy_of: Callable[[Settings], Settings],
    samples_released: Settings,
    catalogue: Catalogue,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    """The samples, and beside them a claim of a province and the figures of two wards, published."""
    settings, folder = copy_of(samples_released), tmp_path_factory.mktemp("sent")
    cells = book(catalogue, "F3A", WARD, "2019-Y", [(WARD, "Chi bộ", CELLS)], version=2)
    members = book(catalogue, "F3B", OTHER, "2019-Y", [(OTHER, MEMBERS)], version=2)
    for name, content in (("claim.xlsx", PUBLISHED.read_bytes()), ("cells.xlsx", cells), ("members.xlsx", members)):
        (folder / name).write_bytes(content)
        sent = commands.run(settings, "submit", str(folder / name))
        assert sent.exit_code == 0, sent.output
    published = commands.run(settings, "release")
    assert published.exit_code == 0, published.output
    return settings


def read(settings: Settings, role: str, query: str) -> Any:
    with connect(settings, role) as connection:
        return connection.execute(query.encode()).fetchall()


def figures(settings: Settings, code: str, table: str, column: str) -> dict[str, Decimal | None]:
    found = read(
        settings,
        STAR,
        f"""select i.code, f.{column} from star.fct_rollup f join star.dim_indicator i using (indicator_id)
        join star.dim_period p using (period_id) join star.dim_org_unit u using (unit_id)
        where u.code = '{code}' and p.code = '2019-Y' and i.table_code = '{table}' and f.{column} is not null""",
    )
    return {indicator.partition(".")[2]: value for indicator, value in found}


def test_a_claim_of_good_or_better_is_shown_as_one_number_and_its_parts_as_none(released: Settings) -> None:
    claimed = {"tong_to_chuc": 686, "duoc_xep": 662, "chua_xep": 24, "htt_tro_len": 604, "ht": 58, "khong_ht": 0}
    assert figures(released, PROVINCE, "F3A", "claimed") == claimed
    at = f"unit_code = '{PROVINCE}' and period_code = '2019-Y' and table_code = 'F3A'"
    stated = read(released, READER, f"select indicator_code, claimed from bi.claims where {at}")
    assert dict(stated) == {f"F3A.{code}": value for code, value in claimed.items()}


def test_the_figure_leads_to_its_cell(released: Settings) -> None:
    cell = read(
        released,
        STAR,
        f"""select t.basis, t.sheet, t.cell, t.value from star.dim_org_unit u cross join lateral star.trace_of(u.unit_id) t
        join star.dim_indicator i using (indicator_id) join star.dim_period p using (period_id)
        where u.code = '{PROVINCE}' and p.code = '2019-Y' and i.code = 'F3A.htt_tro_len' and t.basis = 'claimed'""",
    )
    assert cell == [("claimed", "Sheet1", "H11", 604)]


def test_the_figures_of_a_ward_are_in_its_sum_and_in_the_form_table(released: Settings) -> None:
    assert figures(released, WARD, "F3A", "value") == CELLS
    columns = "chi_bo__tong_to_chuc, chi_bo__htt_tro_len, chi_bo__htxs, chi_bo__htt"
    row = f"select {columns} from bi.f3a_year where grassroots_code = '{WARD}' and period_code = '2019-Y'"
    assert read(released, READER, row) == [(12, 9, None, None)]


@pytest.mark.parametrize(("code", "basis", "good", "graded"), [(PROVINCE, "claimed", 604, 662), (WARD, "summed", 9, 11)])
def test_a_share_of_good_or_better_is_of_the_one_number_and_none_is_made_of_parts(
    released: Settings, code: str, basis: str, good: int, graded: int
) -> None:
    rates = read(
        released,
        STAR,
        f"""select rate_code, numerator, denominator, value from star.fct_rate join star.dim_period using (period_id)
        join star.dim_org_unit u using (unit_id) where u.code = '{code}' and basis = '{basis}'
        and dim_period.code = '2019-Y' and rate_code like 'F3A.ht%'""",
    )
    known = [rate for rate in rates if rate[3] is not None]
    assert [(rate, top, bottom) for rate, top, bottom, _ in known] == [("F3A.htt_tro_len_share", good, graded)]
    assert abs(known[0][3] - Decimal(good) / graded) < Decimal("0.0001")


def test_members_graded_good_or_better_are_released_and_withheld_from_readers(released: Settings) -> None:
    kept = rows(
        released,
        f"""select i.code, f.value from current.fct_rollup f join current.dim_indicator i using (indicator_id)
        join current.dim_period p using (period_id) join current.dim_org_unit u using (unit_id)
        where u.code = '{OTHER}' and p.code = '2019-Y' and i.table_code = 'F3B' and f.value is not null""",
    )
    assert dict(kept) == {f"F3B.{code}": value for code, value in MEMBERS.items()}
    assert figures(released, OTHER, "F3B", "value") == {"tong_dv": 103}
