"""Charts and pages in Superset's own terms: the parameters of a chart, the places and filters of a page."""

from collections.abc import Callable, Mapping
from typing import Any

from tonghop.dashboards.boards import EVERY, Board, Chart, Filter, Tab, Text, is_of_today
from tonghop.dashboards.datasets import Dataset, DatasetMetric

Json = dict[str, Any]
Uuid = Callable[[str, str], str]  # of a kind of thing and its name

# on a telephone the charts of a row stand below one another, and a text is as high as its words
CSS = """
@media (max-width: 768px) {
  .header-line { font-size: 32px !important; }
  .grid-row { flex-direction: column; height: auto; }
  .grid-row > * { width: 100% !important; margin-right: 0 !important; }
  .grid-row .resizable-container { width: 100% !important; max-width: 100% !important; }
  .dashboard-markdown .resizable-container, .dashboard-markdown .dashboard-component {
    height: auto !important; max-height: none !important; overflow: visible !important;
  }
}
"""

# --- charts --------------------------------------------------------------------------------------------------


def chart(chart: Chart, dataset: Dataset) -> tuple[str, Json]:
    """The kind of chart and its parameters."""
    metrics = [metric for name in chart.metrics for metric in _named(name, dataset)]
    coverage = list(dict.fromkeys(name for name in (*(metric.coverage for metric in metrics), chart.coverage) if name))
    kind, params = _KINDS[chart.kind](chart, metrics, [dataset.metrics[name] for name in coverage])
    return kind, {"viz_type": kind, "adhoc_filters": [_sql(text) for text in chart.where], "row_limit": 10000} | params


def _sql(condition: str) -> Json:
    return {"expressionType": "SQL", "sqlExpression": condition, "clause": "WHERE"}


def _named(name: str, dataset: Dataset) -> list[DatasetMetric]:
    return [metric for metric in dataset.metrics.values() if metric.coverage] if name == EVERY else [dataset.metrics[name]]


def _number(_: Chart, metrics: list[DatasetMetric], __: list[DatasetMetric]) -> tuple[str, Json]:
    (metric,) = metrics
    return "big_number_total", {"metric": metric.name, "y_axis_format": metric.format, "header_font_size": 0.4}


def _bars(chart: Chart, metrics: list[DatasetMetric], coverage: list[DatasetMetric]) -> tuple[str, Json]:
    axis, *groups = chart.by
    return "mixed_timeseries", {
        "x_axis": axis,
        "x_axis_sort_asc": True,
        "x_axis_sort_series": "name",
        "x_axis_sort_series_ascending": True,
        "metrics": [metric.name for metric in metrics],
        "groupby": groups,
        "seriesType": "bar",
        "stack": len(metrics) > 1,
        "show_value": True,
        "y_axis_format": metrics[0].format,
        "metrics_b": [metric.name for metric in coverage],
        "groupby_b": [],
        "seriesTypeB": "line",
        "markerEnabledB": True,
        "yAxisIndexB": 1,
        "y_axis_format_secondary": ".0%",
        "y_axis_bounds_secondary": [0, 1],
        "truncate_metric": True,
        "truncateYAxis": False,
        "show_legend": True,
        "legendType": "scroll",
        "legendOrientation": "top",
        "rich_tooltip": True,
        "color_scheme": "supersetColors",
    }


def _table(chart: Chart, metrics: list[DatasetMetric], coverage: list[DatasetMetric]) -> tuple[str, Json]:
    return "table", {
        "query_mode": "aggregate",
        "groupby": list(chart.by),
        "metrics": [metric.name for metric in (*metrics, *coverage)],
        "all_columns": [],
        "percent_metrics": [],
        "order_by_cols": [],
        "show_totals": True,
        "table_timestamp_format": "%d/%m/%Y",
        "show_cell_bars": False,
        "color_pn": False,
    }


def _rows(chart: Chart, _: list[DatasetMetric], __: list[DatasetMetric]) -> tuple[str, Json]:
    order = [f'["{name.removeprefix("-")}", {"false" if name.startswith("-") else "true"}]' for name in chart.sort]
    return "table", {
        "query_mode": "raw",
        "all_columns": list(chart.by),
        "metrics": [],
        "groupby": [],
        "percent_metrics": [],
        "order_by_cols": order,
        "table_timestamp_format": "%d/%m/%Y",
        "show_cell_bars": False,
        "color_pn": False,
    }


def _sheet(chart: Chart, metrics: list[DatasetMetric], coverage: list[DatasetMetric]) -> tuple[str, Json]:
    return "pivot_table_v2", {
        "groupbyRows": [],
        "groupbyColumns": list(chart.by),
        "columns": list(chart.by),  # without it a page has no heading for them
        "metrics": [metric.name for metric in (*metrics, *coverage)],
        "metricsLayout": "ROWS",
        "transposePivot": False,
        "rowTotals": False,  # they would be added up from what is shown
        "colTotals": False,
        "rowOrder": "key_a_to_z",
        "colOrder": "key_a_to_z",
        "aggregateFunction": "Sum",
        "series_limit": 0,
        "order_desc": False,
        "date_format": "%d/%m/%Y",
    }


_KINDS = {"number": _number, "bars": _bars, "table": _table, "sheet": _sheet, "rows": _rows}

# --- pages ---------------------------------------------------------------------------------------------------


def position(board: Board, views: Mapping[str, Dataset], uuid: Uuid) -> Json:
    """Where each part of a page stands: Superset's tree of rows, in tabs where the page has several."""
    places: Json = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": str(board.title)}},
    }
    trunk = ["ROOT_ID", "GRID_ID"]
    if len(board.tabs) > 1:
        trunk = ["ROOT_ID"]
        places["ROOT_ID"]["children"] = []
        _put(places, trunk, "TABS-1", "TABS", {})
        trunk = [*trunk, "TABS-1"]
    for number, tab in enumerate(board.tabs, start=1):
        parents = trunk
        if len(board.tabs) > 1:
            _put(places, trunk, f"TAB-{number}", "TAB", {"text": str(tab.title)})
            parents = [*trunk, f"TAB-{number}"]
        _rows_of(places, parents, board, number, tab, views, uuid)
    return places


def _rows_of(
    places: Json, parents: list[str], board: Board, number: int, tab: Tab, views: Mapping[str, Dataset], uuid: Uuid
) -> None:
    for line, row in enumerate(tab.rows, start=1):
        name = f"ROW-{number}-{line}"
        _put(places, parents, name, "ROW", {"background": "BACKGROUND_TRANSPARENT"})
        for place, part in enumerate(row, start=1):
            if isinstance(part, Text):
                meta: Json = {"width": part.width, "height": part.height, "code": f"{part.text.vi}\n\n*{part.text.en}*"}
                _put(places, [*parents, name], f"MARKDOWN-{number}-{line}-{place}", "MARKDOWN", meta)
            else:
                identity = uuid("chart", f"{board.code}/{part.title.vi}")
                # any number that is unique does: the import puts Superset's own in its place
                meta = {"chartId": chart_number(board, part), "uuid": identity, "sliceName": part.caption}
                meta |= {"width": part.width, "height": part.height or _height(part, views[part.view])}
                _put(places, [*parents, name], f"CHART-{number}-{line}-{place}", "CHART", meta)


def _height(chart: Chart, dataset: Dataset) -> int:
    lines = sum(len(_named(name, dataset)) for name in chart.metrics)
    return {"number": 20, "bars": 42, "table": 50, "sheet": min(30 + 3 * lines, 110), "rows": 50}[chart.kind]


def _put(places: Json, parents: list[str], name: str, kind: str, meta: Json) -> None:
    places[name] = {"type": kind, "id": name, "children": [], "parents": parents, "meta": meta}
    places[parents[-1]]["children"].append(name)


def chart_number(board: Board, chart: Chart) -> int:
    """The number of a chart within its page."""
    return list(board.charts()).index(chart) + 1


def metadata(board: Board, uuid: Uuid) -> Json:
    """The filters of a page, and that a click on a unit in one chart filters the others of the same tree."""
    clicks = {}
    for number, chart in enumerate(board.charts(), start=1):
        others = [n for n, other in enumerate(board.charts(), start=1) if is_of_today(other.view) != is_of_today(chart.view)]
        scope = {"rootPath": ["ROOT_ID"], "excluded": [number, *others]}
        clicks[str(number)] = {"id": number, "crossFilters": {"scope": scope, "chartsInScope": []}}
    return {
        "chart_configuration": clicks,
        "native_filter_configuration": [_filter(board, number, each, uuid) for number, each in enumerate(board.filters, start=1)],
        "cross_filters_enabled": True,
        "filter_bar_orientation": "HORIZONTAL",
        "color_scheme": "supersetColors",
        "refresh_frequency": 0,
        "timed_refresh_immune_slices": [],
        "expanded_slices": {},
        "label_colors": {},
        "shared_label_colors": [],
    }


def _filter(board: Board, number: int, choice: Filter, uuid: Uuid) -> Json:
    others = [chart_number(board, chart) for chart in board.charts() if not choice.acts_on(chart)]
    return {
        "id": f"NATIVE_FILTER-{number}",
        "type": "NATIVE_FILTER",
        "name": str(choice.title),
        "filterType": "filter_select",
        "targets": [{"datasetUuid": uuid("dataset", choice.view), "column": {"name": choice.column}}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": others},
        "controlValues": {
            "multiSelect": not choice.newest,
            "defaultToFirstItem": choice.newest,
            "enableEmptyFilter": choice.newest,
            "sortAscending": not choice.newest,
            "searchAllOptions": False,
            "inverseSelection": False,
        },
        "requiredFirst": choice.newest,  # charts wait for the value
        # what nobody has reported yet is not offered first
        "adhoc_filters": [_sql("units_reported > 0")] if choice.newest else [],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        "cascadeParentIds": [],
    }
