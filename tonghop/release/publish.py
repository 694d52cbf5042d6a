"""Publish: move the one pointer that readers follow, in one transaction, and only past a verdict that is still in force."""

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tonghop.base.settings import Settings
from tonghop.release import suites
from tonghop.release.layers import alone
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR

RELEASES = Path(__file__).parent / "sql" / "releases.sql"


class PublishRefused(Exception):
    """The release may not be published; the message says why."""


class Release(NamedTuple):
    """A release, and how its newest gate run went. Numbers are None where no gate was run."""

    release_id: int
    status: str
    is_current: bool
    opened_at: datetime
    published_at: datetime | None
    passed: int | None
    failed: int | None
    warned: int | None


def publish(settings: Settings, release_id: int, folder: Path = suites.FOLDER) -> None:
    """Make a candidate what readers see, for every mart at once. Does nothing where it is current already.

    Raises PublishRefused where it is no candidate, or the gate's newest verdict on it is missing, not green, not of the suites as
    they are now, or has ended because something was built or written since. Raises SuiteError where the suites are not whole, and
    Busy where another step is at work.
    """
    with alone(settings) as connection, connection.transaction():
        current = connection.execute("select release_id from ctl.current_release for update").fetchone()
        if current == (release_id,):
            return
        row = connection.execute("select status from ctl.release where release_id = %s for update", [release_id]).fetchone()
        if row != ("candidate",):
            raise PublishRefused(f"release {release_id} is {row[0] if row else 'unknown'}: only a candidate can be published")
        _require_verdict(connection, release_id, suites.read(folder))
        connection.execute(
            "update ctl.release set status = 'published', published_at = now() where release_id = %s", [release_id]
        )
        connection.execute("update ctl.current_release set release_id = %s", [release_id])


def _require_verdict(connection: psycopg.Connection[Any], release_id: int, asked: suites.Suites) -> None:
    def refuse(why: str) -> PublishRefused:
        return PublishRefused(f"release {release_id}: {why}")

    # whoever writes a mart updates this row first, and waits for it here
    verdict = connection.execute(
        "select run_at, suites, ended_by from ctl.gate_run where release_id = %s order by run_at desc limit 1 for update",
        [release_id],
    ).fetchone()
    if verdict is None:
        raise refuse("the gate has not judged it; run the gate first")
    run_at, judged_by, ended_by = verdict
    if ended_by:
        raise refuse(f"the gate judged another build: since its verdict {ended_by}; run the gate again")
    if judged_by != asked.fingerprint:
        raise refuse("the suites have changed since the gate asked them; run the gate again")
    answers = {
        (suite, name): passed
        for suite, name, passed in connection.execute(
            "select suite, expectation, success or severity = 'warning' from ctl.gate_result "
            "where release_id = %s and run_at = %s",
            [release_id, run_at],
        )
    }
    # asked for by name: a run with fewer answers than there are expectations let nothing through
    wanted = [(suite.name, e.name) for suite in asked.suites for e in suite.expectations]
    if missing := [" ".join(key) for key in wanted if key not in answers]:
        raise refuse(f"the gate has not answered {', '.join(missing)}; run it again")
    if red := [" ".join(key) for key, passed in answers.items() if not passed]:
        raise refuse(f"the gate failed {', '.join(red)}")


def releases(settings: Settings) -> list[Release]:
    """Every release, newest first."""
    with connect(settings, role=AUDITOR) as connection:
        return [Release(*row) for row in connection.execute(RELEASES.read_bytes())]
