"""What Superset is given: every column, metric and chart stands on what the warehouse has, and names that stay the same."""

import io
import json
import zipfile
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import metric_figures
import psycopg
import pytest
from psycopg import sql

from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.dashboards import archive, boards, superset
from tonghop.dashboards.datasets import Dataset, read
from tonghop.warehouse.connect import bi_url


@pytest.fixture(scope="module")
def datasets(samples_released: Settings) -> list[Dataset]:
    return read(samples_released)


@pytest.fixture(scope="module")
def contents(samples_released: Settings) -> archive.Contents:
    return archive.contents(samples_released)


def test_every_column_of_a_dataset_is_one_of_its_view_or_runs(samples_released: Settings, datasets: list[Dataset]) -> None:
    with psycopg.connect(bi_url(samples_released)) as reader:
        for dataset in datasets:
            columns = [sql.SQL(column.expression or f'"{name}"') for name, column in dataset.columns.items()]  # type: ignore[arg-type]
            reader.execute(
                sql.SQL("select {} from {} limit 1").format(sql.SQL(", ").join(columns), sql.Identifier("bi", dataset.name))
            )
    assert {"claims", "findings", "reporting", "f1_h1", "f1_h1_today", "f8b_quarter"} <= {dataset.name for dataset in datasets}


def by_period_and_province(settings: Settings, dataset: Dataset) -> list[dict[str, Any]]:
    """Every metric of a view, as SQL."""
    metrics = [sql.SQL("{} as {}").format(sql.SQL(m.expression), sql.Identifier(m.name)) for m in dataset.metrics.values()]  # type: ignore[arg-type]
    query = sql.SQL("select period_code, province_code, {} from {} group by 1, 2").format(
        sql.SQL(", ").join(metrics), sql.Identifier("bi", dataset.name)
    )
    with psycopg.connect(bi_url(settings), row_factory=psycopg.rows.dict_row) as reader:
        return reader.execute(query).fetchall()


def test_every_metric_by_period_and_province_is_what_tonghop_report_says(
    samples_released: Settings, datasets: list[Dataset]
) -> None:
    counted = 0
    for dataset in datasets:
        if dataset.sheet and not dataset.name.endswith("_today"):
            figures = metric_figures.shown(samples_released, dataset, by_period_and_province(samples_released, dataset))
            if dataset.sheet.kind == "month":
                # the rate of which a unit left a term blank; all others are asked by a trial, with Superset
                figures = {key: value for key, value in figures.items() if key[0] == "F2.minutes_per_meeting"}
                assert dataset.name != "f2_month" or figures["F2.minutes_per_meeting", "all", "2021-M05", "26"] == 120
            assert figures == metric_figures.reported(samples_released, figures), dataset.name
            counted += len(figures)
    assert counted > 200


def test_a_view_of_todays_tree_has_the_metrics_of_its_twin_and_they_run(
    samples_released: Settings, datasets: list[Dataset]
) -> None:
    views = {dataset.name: dataset for dataset in datasets}
    twins = [dataset for dataset in datasets if dataset.name.endswith("_today")]
    assert len(twins) > 30
    for twin in twins:
        assert twin.metrics.keys() == views[twin.name.removesuffix("_today")].metrics.keys()
        by_period_and_province(samples_released, twin)


def test_no_two_metrics_of_a_view_have_one_label(datasets: list[Dataset]) -> None:
    """Superset refuses a chart that shows both."""
    for dataset in datasets:
        labels = [metric.label for metric in dataset.metrics.values()]
        assert len(labels) == len(set(labels)), dataset.name


def test_a_stock_is_of_the_last_period_with_the_coverage_of_that_period(
    samples_released: Settings, datasets: list[Dataset]
) -> None:
    (dataset,) = (dataset for dataset in datasets if dataset.name == "f1_h1")
    members = dataset.metrics["F1.dv_cuoi_ky"]
    assert members.coverage
    query = f"select {members.expression}, {dataset.metrics[members.coverage].expression} from bi.f1_h1 where year <= 2018"
    with psycopg.connect(bi_url(samples_released)) as reader:
        assert reader.execute(query.encode()).fetchone() == (925, Decimal("0.6"))
        # of all years: nobody has reported the last one
        assert reader.execute(query.replace("where year <= 2018", "").encode()).fetchone() == (None, 0)


def test_what_is_distinct_in_each_period_has_a_figure_for_a_single_one_only(
    samples_released: Settings, datasets: list[Dataset]
) -> None:
    (dataset,) = (dataset for dataset in datasets if dataset.name == "f3a_year")
    graded = [m.expression for name, m in dataset.metrics.items() if name in ("F3A.chi_bo__duoc_xep", "F3A.graded.chi_bo")]
    assert len(graded) == 2
    query = f"select {', '.join(graded)} from"
    # the samples have one year of it
    next_year = "(jsonb_populate_record(x, jsonb_build_object('period_end', x.period_end + interval '1 year'))).*"
    with psycopg.connect(bi_url(samples_released)) as reader:
        assert None not in reader.execute(f"{query} bi.f3a_year".encode()).fetchall()[0]
        two = f"{query} (select * from bi.f3a_year union all select {next_year} from bi.f3a_year as x) as two"
        assert reader.execute(two.encode()).fetchone() == (None, None)
        # the last of several periods is chosen for no such figure
        assert (
            reader.execute(
                """
                select c.relname, a.attname from pg_attribute as a
                join pg_class as c on c.oid = a.attrelid and c.relnamespace = 'bi'::regnamespace and c.relname ~ '_latest$'
                join bi.dim_column as d on d.column_name = a.attname and starts_with(c.relname, lower(d.table_code) || '_')
                where d.aggregation <> 'stock'"""
            ).fetchall()
            == []
        )


def test_every_chart_of_figures_has_their_coverage_beside_them(contents: archive.Contents) -> None:
    beside: dict[str, list[str]] = defaultdict(list)
    for name, file in contents.files.items():
        if name.startswith("charts/"):
            shown = json.dumps(file["params"], ensure_ascii=False)
            beside[name.rsplit("-", 1)[0]].append(shown)
            asks = [*file["params"].get("metrics", []), *file["params"].get("metrics_b", [])]
            if any("." in metric for metric in asks):  # a code of the catalogue
                assert any(metric.startswith("coverage_") for metric in asks), name
    # a number has room for one metric: its coverage is a number of the same page
    assert all(any('"metric": "coverage_' in chart for chart in page) for page in beside.values() if '"metric": "F' in str(page))


def test_the_archive_says_the_same_each_time_and_names_everything_once(
    samples_released: Settings, contents: archive.Contents
) -> None:
    again = archive.contents(samples_released)
    assert again.archive == contents.archive
    uuids = [file["uuid"] for file in contents.files.values()]
    assert len(uuids) == len(set(uuids)) == len(contents.uuids)
    assert {UUID(uuid).version for uuid in uuids} == {5}
    assert archive.uuid("dashboard", "tong-quan") in contents.uuids
    with zipfile.ZipFile(io.BytesIO(contents.archive)) as packed:
        assert len(packed.namelist()) == len(contents.files) + 1


def test_charts_and_filters_refer_to_what_is_in_the_archive(contents: archive.Contents) -> None:
    of_kind: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, file in contents.files.items():
        of_kind[name.split("/")[0]][file["uuid"]] = file
    assert len(of_kind["dashboards"]) >= 4 + 8  # and one a form
    assert {chart["dataset_uuid"] for chart in of_kind["charts"].values()} <= of_kind["datasets"].keys()
    assert {dataset["database_uuid"] for dataset in of_kind["datasets"].values()} == of_kind["databases"].keys()
    placed = []
    for page in of_kind["dashboards"].values():
        places = page["position"]
        reached = ["ROOT_ID"]
        for place in reached:
            reached += places[place]["children"]
        charts = {place["meta"]["chartId"]: place["meta"]["uuid"] for name, place in places.items() if name.startswith("CHART-")}
        assert {place for place in places if place.startswith("CHART-")} <= set(reached)
        placed += charts.values()
        for choice in page["metadata"]["native_filter_configuration"]:
            assert choice["targets"][0]["datasetUuid"] in of_kind["datasets"]
            assert set(choice["scope"]["excluded"]) <= charts.keys()
    assert sorted(placed) == sorted(of_kind["charts"])


def test_a_place_of_one_tree_is_not_asked_of_another(datasets: list[Dataset]) -> None:
    (page,) = (board for board in boards.read(datasets) if board.code == "tong-quan")
    year, then, today = page.filters
    charts = list(page.charts())
    assert {boards.is_of_today(chart.view) for chart in charts} == {False, True}
    for chart in charts:
        on = boards.is_of_today(chart.view)
        assert (then.acts_on(chart), today.acts_on(chart)) == (not on, on)
        assert year.acts_on(chart) == (not chart.without)
    clicks = superset.metadata(page, archive.uuid)["chart_configuration"]
    for number, chart in enumerate(charts, start=1):
        excluded = clicks[str(number)]["crossFilters"]["scope"]["excluded"]
        apart = {n for n, other in enumerate(charts, start=1) if boards.is_of_today(other.view) != boards.is_of_today(chart.view)}
        assert set(excluded) == apart | {number}


def test_no_password_is_in_the_archive(samples_released: Settings, contents: archive.Contents) -> None:
    assert secret(samples_released, "bi") not in json.dumps(contents.files)


def test_a_page_that_asks_for_what_is_not_there_is_refused_with_its_name(datasets: list[Dataset]) -> None:
    chart = {"kind": "table", "title": {"vi": "Bảng", "en": "Table"}, "view": "f1_h1"}
    page: dict[str, Any] = {"code": "x", "title": {"vi": "Trang", "en": "Page"}}
    for wrong, said in (
        ({"view": "f1_week"}, "x, Bảng: there is no view f1_week"),
        ({"by": ["week"]}, "x, Bảng: there is no column week"),
        ({"metrics": ["F1.gone"]}, "x, Bảng: there is no metric F1.gone"),
    ):
        tabs = [{"title": page["title"], "rows": [[chart | wrong]]}]
        with pytest.raises(boards.BoardError, match=said):
            boards.check(boards.Board.model_validate(page | {"tabs": tabs}), datasets)


def test_a_form_that_nobody_has_reported_yet_has_a_page_that_says_so(datasets: list[Dataset]) -> None:
    def page(of: list[Dataset]) -> boards.Board:
        (found,) = (board for board in boards.read(of) if board.code == "bieu-F1")
        return found

    nobody = [replace(d, sheet=d.sheet and replace(d.sheet, is_reported=False)) for d in datasets]
    assert list(page(nobody).charts()) == []
    assert page(nobody).filters == page(datasets).filters[:1]
    assert {chart.view for chart in page(datasets).charts()} == {"f1_h1", "f1_year"}
