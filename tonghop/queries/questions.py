"""Named questions to the published release: each is one SQL file in sql/questions/, whose head says what it answers, which
parameters it takes, and in its last line which columns are shown where there is no room for all.

They read the views of the star and nothing else, so they show what may be shown, and nothing of a candidate. Every question may
be asked of an earlier release, with the tree as it was known then: `release=N`, or `as_of=DATE` for the release that was current
then.
"""

import itertools
import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import psycopg

from tonghop.base.days import end_of
from tonghop.base.settings import Settings
from tonghop.catalogue.calendar import PERIOD_TYPES
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

QUESTIONS = Path(__file__).parent / "sql" / "questions"


def questions() -> dict[str, str]:
    """Name and one line of what each question answers."""
    return {path.stem: path.read_text("utf-8").splitlines()[0].removeprefix("-- ") for path in sorted(QUESTIONS.glob("*.sql"))}


def parameters(name: str) -> dict[str, str]:
    """The parameters of a question, each with its explanation. What ends in [..] may be left out."""
    head = "".join(line[3:] + "  " for line in _head(name)[1:-1])
    return dict(re.findall(r"(\w+): (.*?)(?=\s{2,}|$)", head))


class Shown(NamedTuple):
    """The columns of an answer that are shown first: those that a table each is made for, and those in it; a/b: as 5/6."""

    apart: list[str]
    columns: list[str]


def shown(name: str) -> Shown:
    """What is shown of a question's answer where there is no room for all."""
    apart, _, columns = _head(name)[-1].removeprefix("-- shown: ").rpartition(" | ")
    return Shown(apart.split(", ") if apart else [], columns.split(", "))


def _head(name: str) -> list[str]:
    lines = (QUESTIONS / f"{name}.sql").read_text("utf-8").splitlines()
    return list(itertools.takewhile(lambda line: line.startswith("-- "), lines))


def ask(settings: Settings, name: str, given: dict[str, str]) -> pd.DataFrame:
    """The answer as a table.

    Raises KeyError for an unknown question, ValueError for a missing or unknown parameter, release or code.
    """
    if name not in questions():
        raise KeyError(name)
    wanted, asked = parameters(name), dict(given)
    then = {key: asked.pop(key) for key in ("release", "as_of") if key in asked}
    needed = {key for key, about in wanted.items() if not about.endswith("]")}
    if not needed <= set(asked) <= set(wanted) or len(then) > 1:
        raise ValueError(
            f"{name} takes "
            + "; ".join(f"{k}: {v}" for k, v in wanted.items())
            + "; and release=N or as_of=DATE, to ask what was known then"
        )
    for key, value in asked.items():
        _require_sound(key, value, key in needed)
    query = (QUESTIONS / f"{name}.sql").read_text("utf-8")
    values: dict[str, str | int] = {**dict.fromkeys(wanted, ""), **asked}
    with connect(settings, AUDITOR) as connection:
        for key in ("on", "was"):
            _require_tree(connection, key, asked.get(key))
        if then:
            values["release"] = _release(connection, **then)
        # the same views by release, narrowed to one; what is summed or counted when asked has no others
        of_release = r"\bstar\.(\w+)" if then else r"\bstar\.(\w+_o[fn])\b"
        release = "%(release)s" if then else "bi.current_release()"
        query = re.sub(of_release, rf"(select * from star_asof.\1 where release_id = {release})", query)
        cursor: psycopg.Cursor[Any] = connection.execute(query.encode(), values)
        rows = cursor.fetchall()
        if not rows:
            _require_known(connection, asked)
        return pd.DataFrame(rows, columns=[c.name for c in cursor.description or ()], dtype=object)


def _require_sound(key: str, value: str, is_needed: bool) -> None:
    """What is no year, day or kind of period whatever was published. Raises ValueError, in both languages."""
    if not value and is_needed:
        raise ValueError(f"{key}: chưa ghi giá trị / no value is given")
    if key == "year" and not re.fullmatch(r"[0-9]{4}", value):
        raise ValueError(f"year: «{value}» không phải là năm, ví dụ 2021 / “{value}” is not a year, such as 2021")
    if key == "type" and value not in PERIOD_TYPES:
        kinds = ", ".join(PERIOD_TYPES)
        raise ValueError(f"type: không có loại kỳ «{value}»; có {kinds} / no kind of period “{value}”; there are {kinds}")
    if key in ("on", "was") and value:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"{key}: «{value}» không phải là ngày, ví dụ 2025-07-01 / “{value}” is not a day, such as 2025-07-01"
            ) from None


def _require_known(connection: psycopg.Connection[Any], asked: dict[str, str]) -> None:
    """An empty answer about a code that no release knows is a mistyped code. Raises ValueError."""
    for key, view, column in (
        ("unit", "dim_org_unit", "code"),
        ("period", "dim_period", "code"),
        ("table", "dim_form", "table_code"),
        ("metric", "dim_metric", "code"),
        ("level", "dim_org_unit", "level"),
    ):
        known = f"select exists (select from star_asof.{view} where {column} = %s)"
        if asked.get(key) and connection.execute(known.encode(), [asked[key]]).fetchone() == (False,):
            raise ValueError(f"{key}: không bản phát hành nào có {asked[key]} / no {key} {asked[key]} in any published release")


def _require_tree(connection: psycopg.Connection[Any], key: str, day: str | None) -> None:
    """On a day of which no units are known there is nothing to answer. Raises ValueError."""
    if day:
        try:
            connection.execute("select ctl.day_of_a_tree(%s::date)", [day])
        except psycopg.DataError as error:
            raise ValueError(f"{key}: {error.diag.message_primary}") from error


def _release(connection: psycopg.Connection[Any], release: str | None = None, as_of: str | None = None) -> int:
    """A published release by its number, or the one that was current at the end of a day."""
    try:
        number = None if release is None else int(release)
        day = None if as_of is None else date.fromisoformat(as_of)
    except ValueError:
        raise ValueError(
            "release là số, as_of là ngày, ví dụ 2025-07-01 / release is a number; as_of a day, such as 2025-07-01"
        ) from None
    row = connection.execute(
        "select release_id from star.dim_release where release_id = %(number)s "
        "or (%(number)s::integer is null "
        "and published_at < %(until)s) "
        "order by published_at desc limit 1",
        {"number": number, "until": day and end_of(day)},
    ).fetchone()
    if row is None:
        raise ValueError(
            f"đến {as_of} chưa công bố bản nào còn được giữ / nothing was published by {as_of} that is still kept"
            if release is None
            else f"không có bản phát hành {release} / no release {release} is published and kept"
        )
    return int(row[0])
