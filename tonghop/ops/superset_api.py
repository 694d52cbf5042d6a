"""Superset's REST API: what is brought in, roles, users, and the figures of a chart."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tonghop.dashboards.archive import DATABASE_FILE, Contents
from tonghop.ops.processes import ServiceError

KINDS = ("dashboard", "chart", "dataset")  # in the order in which they may be deleted
_BY = {  # what each may be put in order by
    "dashboard": "dashboard_title",
    "chart": "slice_name",
    "dataset": "table_name",
    "security/roles": "name",
    "security/users": "username",
    "security/permissions-resources": "id",
}


@dataclass(frozen=True)
class Superset:
    """A running Superset, signed in."""

    http: httpx.Client

    def bring_in(self, contents: Contents, password: str) -> None:
        """Import an archive: it overwrites whatever has the same uuid, and changes nothing of what people made themselves."""
        self._ask(
            "POST",
            "/assets/import/",
            files={"bundle": ("tonghop.zip", contents.archive, "application/zip")},
            data={"passwords": json.dumps({DATABASE_FILE: password})},
        )

    def remove(self, uuids: Collection[str]) -> None:
        """Delete the dashboards, charts and datasets of these uuids; what is not there is no hindrance."""
        for kind in KINDS if uuids else ():
            for item in self._all(kind, ["id", "uuid"]):
                if item["uuid"] in uuids:
                    self._ask("DELETE", f"/{kind}/{item['id']}")

    def define_role(self, name: str, permissions: Sequence[tuple[str, str]]) -> None:
        """Make a role, or change it to just these permissions, each an action and what it is done to. Raises ServiceError for one
        that Superset does not know."""
        known = {
            (item["permission"]["name"], item["view_menu"]["name"]): item["id"]
            for item in self._all("security/permissions-resources", ["id", "permission.name", "view_menu.name"])
        }
        if missing := [each for each in permissions if each not in known]:
            raise ServiceError(f"Superset knows no permission {', '.join(' on '.join(each) for each in missing)} (role {name})")
        ids = {item["name"]: item["id"] for item in self._all("security/roles", ["id", "name"])}
        role = ids[name] if name in ids else self._ask("POST", "/security/roles/", json={"name": name})["id"]
        self._ask(
            "POST", f"/security/roles/{role}/permissions", json={"permission_view_menu_ids": [known[p] for p in permissions]}
        )

    def define_user(self, name: str, password: str, role: str) -> None:
        """Make a user with this password and one role, or give them back to a user of that name."""
        roles = [item["id"] for item in self._all("security/roles", ["id", "name"]) if item["name"] == role]
        ids = {item["username"]: item["id"] for item in self._all("security/users", ["id", "username"])}
        user = {"username": name, "password": password, "roles": roles, "active": True}
        user |= {"first_name": "Tổng hợp", "last_name": name, "email": f"{name}@localhost"}
        if name in ids:
            self._ask("PUT", f"/security/users/{ids[name]}", json=user)
        else:
            self._ask("POST", "/security/users/", json=user)

    def query(self, context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of the first query of a query context."""
        rows: list[dict[str, Any]] = self._ask("POST", "/chart/data", json=context)["result"][0]["data"]
        return rows

    def dataset_id(self, uuid: str) -> int:
        """Superset's own number of a dataset."""
        (number,) = (item["id"] for item in self._all("dataset", ["id", "uuid"]) if item["uuid"] == uuid)
        return int(number)

    def _all(self, kind: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = {"page": len(found) // 100, "page_size": 100, "columns": list(columns)}
            order = {"order_column": _BY[kind], "order_direction": "asc"}
            rows = self._ask("GET", f"/{kind}/", params={"q": json.dumps(page | order)})["result"]
            found += rows
            if len(rows) < 100:
                return found

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self.http.request(method, path, **more)
        if answer.is_error:
            raise ServiceError(f"Superset refused {method} {path}: {answer.status_code} {answer.text[:2000]}")
        body: dict[str, Any] = answer.json()
        return body


@contextmanager
def signed_in(url: str, user: str, password: str) -> Iterator[Superset]:
    """Superset's REST API, signed in as a user. Raises ServiceError where it refuses."""
    # each request by a connection of its own: it ends one that waits, perhaps while the next request is on its way
    alone = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=300, limits=alone, headers={"Referer": url}) as http:
        superset = Superset(http)
        who = {"username": user, "password": password, "provider": "db", "refresh": False}
        http.headers["Authorization"] = f"Bearer {superset._ask('POST', '/security/login', json=who)['access_token']}"
        http.headers["X-CSRFToken"] = superset._ask("GET", "/security/csrf_token/")["result"]
        yield superset
