"""Figures of metrics under the names that `tonghop report metric` has, to compare what is shown with what is reported."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg

from tonghop.base.settings import Settings
from tonghop.dashboards.datasets import Dataset
from tonghop.queries import questions
from tonghop.warehouse.connect import bi_url

Figures = dict[tuple[str, str, str, str], Decimal]  # by code, form row, period and province


def shown(settings: Settings, dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> Figures:
    """Of rows by period_code and province_code that have every metric of a view."""
    with psycopg.connect(bi_url(settings)) as reader:
        names = {
            f"{table}.{column}": (code, row)
            for table, column, code, row in reader.execute(
                "select table_code, column_name, indicator_code, row_code from bi.dim_column"
            )
        }
    found: Figures = {}
    for row in rows:
        for name, metric in dataset.metrics.items():
            if metric.coverage and row[name] is not None:
                # of a rate: its code, the form row where there are several, and the day on which a label broke
                table, code, *rest = name.split(".")
                of_row = next((part for part in rest if not part.startswith("truoc_")), "all")
                key = (*names.get(name, (f"{table}.{code}", of_row)), row["period_code"], row["province_code"])
                assert key not in found  # where a label breaks one column ends and another begins
                found[key] = round(Decimal(row[name]), 9)
    return found


def reported(settings: Settings, figures: Figures) -> Figures:
    """What `tonghop report metric` says of the same metrics and periods."""
    found: Figures = {}
    for code, period in {(code, period) for code, _, period, _ in figures}:
        for row in questions.ask(settings, "metric", {"metric": code, "period": period, "level": "province"}).to_dict("records"):
            if row["basis"] == "summed" and row["value"] is not None:
                # a share is reported in per cent and kept as a fraction, which is what a tool formats
                value = row["numerator"] / row["denominator"] if row["measure_unit"] == "%" else row["value"]
                found[code, row["row"], period, row["unit"]] = round(Decimal(value), 9)
                assert row["measure_unit"] != "%" or round(value * 100, 4) == row["value"]
    return found
