"""Database, datasets, charts and dashboards as one ZIP that Superset imports; every part under a uuid that follows from its name.

So importing again changes what is there and adds nothing twice. The database's password is not in it.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from tonghop.base.settings import PROJECT, Settings
from tonghop.dashboards import boards, superset
from tonghop.dashboards.datasets import Dataset, read
from tonghop.warehouse.connect import bi_url

DATABASE = "Tổng hợp"
DATABASE_FILE = "databases/tonghop.yaml"
MASKED = "XXXXXXXXXX"  # what Superset writes where a password is, and asks for it beside the archive
_VERSION = "1.0.0"
_FIGURES = {"numeric", "bigint"}  # what is counted groups nothing


@dataclass(frozen=True)
class Role:
    """What people of a role may do: pairs of an action and what it is done to."""

    name: str
    permissions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contents:
    """What Superset is given: the archive, the uuids of all that is in it, and the roles to be made once it is there."""

    archive: bytes
    files: dict[str, dict[str, Any]]
    roles: tuple[Role, ...]

    @property
    def uuids(self) -> set[str]:
        """Of datasets, charts and dashboards."""
        return {file["uuid"] for file in self.files.values() if "uuid" in file}


def contents(settings: Settings) -> Contents:
    """What Superset is to have, of the warehouse as it is now. Raises BoardError, ServerError."""
    datasets = read(settings)
    pages = boards.read(datasets)
    files = {DATABASE_FILE: _database(settings)}
    views = {dataset.name: dataset for dataset in datasets}
    for dataset in datasets:
        files[f"datasets/{dataset.name}.yaml"] = _dataset(dataset)
    for page in pages:
        for chart in page.charts():
            kind, params = superset.chart(chart, views[chart.view])
            name = f"{page.code}/{chart.title.vi}"
            files[f"charts/{page.code}-{superset.chart_number(page, chart)}.yaml"] = {
                "slice_name": chart.caption,
                "description": str(chart.about or chart.title),
                "viz_type": kind,
                "params": params,
                "uuid": uuid("chart", name),
                "dataset_uuid": uuid("dataset", chart.view),
            }
        files[f"dashboards/{page.code}.yaml"] = {
            "dashboard_title": str(page.title),
            "slug": page.code,
            "uuid": uuid("dashboard", page.code),
            "css": superset.CSS,
            "position": superset.position(page, views, uuid),
            "metadata": superset.metadata(page, uuid),
            "published": True,
        }
    files = {name: file | {"version": _VERSION, "is_managed_externally": True} for name, file in files.items()}
    return Contents(_zip(files), files, tuple(_roles()))


def _roles() -> Iterator[Role]:
    """What `bi/roles.yaml` says."""
    for role in yaml.safe_load((PROJECT / "bi" / "roles.yaml").read_text("utf-8")):
        yield Role(role["name"], tuple((action, on) for on, actions in role["may"].items() for action in actions))


def uuid(kind: str, name: str) -> str:
    """The same for the same thing on every machine."""
    return str(uuid5(NAMESPACE_URL, f"tonghop/{kind}/{name}"))


def _database(settings: Settings) -> dict[str, Any]:
    address = bi_url(settings, password=False).replace("@", f":{MASKED}@", 1)
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": address,
        "uuid": uuid("database", DATABASE),
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"allows_virtual_table_explore": False},
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    moments = [column.name for column in dataset.columns.values() if column.is_moment]
    return {
        "table_name": dataset.name,
        "schema": "bi",
        "description": dataset.about,
        "main_dttm_col": "period_end" if "period_end" in moments else None,
        "uuid": uuid("dataset", dataset.name),
        "database_uuid": uuid("database", DATABASE),
        "filter_select_enabled": True,
        "columns": [
            {
                "column_name": column.name,
                "type": column.type.upper(),
                "verbose_name": column.label,
                "description": column.about,
                "is_dttm": column.is_moment,
                "groupby": column.type not in _FIGURES,
                "filterable": True,
                "is_active": True,
                "expression": column.expression,
            }
            for column in dataset.columns.values()
        ],
        "metrics": [
            {
                "metric_name": metric.name,
                "expression": metric.expression,
                "verbose_name": metric.label,
                "description": metric.about,
                "d3format": metric.format,
            }
            for metric in dataset.metrics.values()
        ],
    }


def _zip(files: dict[str, dict[str, Any]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        texts = {"metadata.yaml": {"version": _VERSION, "type": "assets"}} | files
        for name, file in texts.items():
            # JSON is YAML, and is written ten times as fast
            archive.writestr(zipfile.ZipInfo(f"tonghop/{name}"), json.dumps(file, ensure_ascii=False))
    return packed.getvalue()
