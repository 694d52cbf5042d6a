"""Superset as `make bi` starts it: what it shows is what SQL and `tonghop report` say, to whom it may be shown.

It needs its environment, which `make trials` makes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import metric_figures
import psutil
import pytest

from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.dashboards import archive
from tonghop.dashboards.datasets import Dataset, read
from tonghop.ops import processes, services, superset
from tonghop.ops.superset_api import Superset, signed_in

pytestmark = pytest.mark.trials


@pytest.fixture(scope="module")
def settings(samples_released: Settings) -> Iterator[Settings]:
    try:
        superset.up(samples_released)
        yield samples_released
    finally:
        services.down(samples_released)


@pytest.fixture(scope="module")
def admin(settings: Settings) -> Iterator[Superset]:
    with signed_in(superset.url(settings), superset.ADMIN, secret(settings, "superset-admin")) as api:
        yield api


@pytest.fixture(scope="module")
def datasets(settings: Settings) -> dict[str, Dataset]:
    return {dataset.name: dataset for dataset in read(settings)}


def asked(api: Superset, view: str, columns: list[Any], metrics: list[str], **more: Any) -> list[dict[str, Any]]:
    """The chart data of a view."""
    dataset = {"id": api.dataset_id(archive.uuid("dataset", view)), "type": "table"}
    query = {"columns": columns, "metrics": metrics, "row_limit": 10000, **more}
    return api.query({"datasource": dataset, "queries": [query], "result_format": "json", "result_type": "full"})


def test_what_superset_shows_is_what_tonghop_report_says(
    settings: Settings, admin: Superset, datasets: dict[str, Dataset]
) -> None:
    counted = 0
    for dataset in datasets.values():
        if not dataset.sheet or dataset.name.endswith("_today"):
            continue
        rows = asked(admin, dataset.name, ["period_code", "province_code"], list(dataset.metrics))
        shown = metric_figures.shown(settings, dataset, rows)
        assert shown == metric_figures.reported(settings, shown), dataset.name
        counted += len(shown)
    assert counted > 700


def test_a_day_of_2018_is_shown_in_2018(admin: Superset) -> None:
    axis = {
        "columnType": "BASE_AXIS",
        "sqlExpression": "period_end",
        "label": "period_end",
        "expressionType": "SQL",
        "timeGrain": "P1Y",
    }
    rows = asked(admin, "f1_h1", [axis], ["F1.dv_cuoi_ky"])
    shown = {datetime.fromtimestamp(row["period_end"] / 1000, UTC): row["F1.dv_cuoi_ky"] for row in rows}
    assert shown == {
        datetime(2018, 1, 1, tzinfo=UTC): 925,
        datetime(2020, 1, 1, tzinfo=UTC): 412,
        datetime(2021, 1, 1, tzinfo=UTC): None,
    }


def test_a_second_time_changes_what_is_there_and_adds_nothing(settings: Settings, admin: Superset) -> None:
    def there() -> dict[str, list[tuple[int, str]]]:
        return {
            kind: sorted((x["id"], x["uuid"]) for x in admin._all(kind, ["id", "uuid"]))
            for kind in ("dashboard", "chart", "dataset")
        }

    before = there()
    stray = archive.uuid("chart", "of an earlier version")
    brought_in = settings.home / "superset" / "brought-in.json"
    chart = before["chart"][0]
    brought_in.write_text(brought_in.read_text().replace("[", f'["{stray}", ', 1))
    admin._ask("PUT", f"/chart/{chart[0]}", json={"slice_name": "by hand"})
    superset.bring_in(settings)
    assert there() == before
    assert admin._ask("GET", f"/chart/{chart[0]}")["result"]["slice_name"] != "by hand"
    assert stray not in brought_in.read_text()


def test_a_viewer_reads_pages_and_changes_nothing(settings: Settings, admin: Superset) -> None:
    chart = admin._all("chart", ["id", "uuid"])[0]["id"]
    with signed_in(superset.url(settings), superset.VIEWER, secret(settings, "superset-viewer")) as viewer:
        assert asked(viewer, "f1_h1", ["period_code"], ["F1.dv_cuoi_ky"])
        assert viewer._all("dashboard", ["id", "uuid"])
        for method, path, body in (
            ("PUT", f"/chart/{chart}", {"slice_name": "mine"}),
            ("DELETE", f"/chart/{chart}", None),
            ("POST", "/dashboard/", {"dashboard_title": "mine"}),
            ("POST", "/sqllab/execute/", {"database_id": 1, "sql": "select 1"}),
            ("GET", "/security/users/", None),
            ("GET", "/assets/export/", None),
        ):
            answer = viewer.http.request(method, path, json=body)
            assert answer.status_code in (401, 403, 404), (method, path, answer.text)


def test_strangers_are_kept_out_and_it_listens_on_loopback(settings: Settings) -> None:
    base = superset.url(settings)
    assert httpx.get(f"{base}/api/v1/dashboard/", trust_env=False).status_code == 401
    wrong = {"username": superset.ADMIN, "password": "guess", "provider": "db"}
    assert httpx.post(f"{base}/api/v1/security/login", json=wrong, trust_env=False).status_code == 401
    listening = {
        connection.laddr.ip
        for process, role in processes.processes(settings)
        for connection in process.net_connections("tcp")
        if role == superset.SUPERSET and connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_nothing_of_a_page_comes_from_elsewhere(settings: Settings) -> None:
    page = httpx.get(f"{superset.url(settings)}/login/", trust_env=False)
    policy = page.headers["content-security-policy"]
    assert "http" not in policy
    assert "img-src 'self' blob: data:" in policy


def test_no_password_shows_in_logs_or_process_lists(settings: Settings) -> None:
    secrets = [path.read_text() for path in (settings.home / "secrets").iterdir()]
    texts = [path.read_text(errors="replace") for path in settings.logs.rglob("*.log")]
    texts += [" ".join([*process.cmdline(), *process.environ().values()]) for process, _ in processes.processes(settings)]
    assert len(secrets) >= 4
    assert not [text for text in texts for secret in secrets if secret in text]


def test_down_ends_it(tmp_path: Path, settings: Settings) -> None:
    services.down(settings)
    assert processes.processes(settings) == []
    assert not superset.running(settings)
