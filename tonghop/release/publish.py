"""Publish: move the one pointer that readers follow, in one transaction, and only past a green gate."""

from datetime import datetime
from typing import NamedTuple

from tonghop.base.settings import Settings
from tonghop.release import gate
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR


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


def publish(settings: Settings, release_id: int) -> None:
    """Make a candidate what readers see, for every mart at once. Does nothing where it is current already.

    Raises PublishRefused where it is no candidate, or its newest gate run is missing, incomplete or not green.
    """
    with connect(settings) as connection, connection.transaction():
        current = connection.execute("select release_id from ctl.current_release for update").fetchone()
        if current == (release_id,):
            return
        row = connection.execute("select status from ctl.release where release_id = %s for update", [release_id]).fetchone()
        if row != ("candidate",):
            raise PublishRefused(f"release {release_id} is {row[0] if row else 'unknown'}: only a candidate can be published")
        verdict = {
            (suite, name): success
            for suite, name, success in connection.execute(
                """
            select suite, expectation, success or severity = 'warning' from ctl.gate_result as result
            where release_id = %s and run_at = (
                select max(run_at) from ctl.gate_result as other where other.release_id = result.release_id)""",
                [release_id],
            )
        }
        wanted = [(suite.name, e.name) for suite in gate.suites() for e in suite.expectations]
        # asked for by name: a gate that ran with fewer suites than stand in the files let nothing through
        if missing := [" ".join(key) for key in wanted if key not in verdict]:
            raise PublishRefused(f"release {release_id}: the gate has not answered {', '.join(missing)}; run it first")
        if red := [" ".join(key) for key, passed in verdict.items() if not passed]:
            raise PublishRefused(f"release {release_id}: the gate said no to {', '.join(red)}")
        connection.execute(
            "update ctl.release set status = 'published', published_at = now() where release_id = %s", [release_id]
        )
        connection.execute("update ctl.current_release set release_id = %s", [release_id])


def releases(settings: Settings) -> list[Release]:
    """Every release, newest first."""
    with connect(settings, role=AUDITOR) as connection:
        return [
            Release(*row)
            for row in connection.execute("""
            with newest as (
                select release_id,
                    count(*) filter (where success) as passed,
                    count(*) filter (where not success and severity = 'critical') as failed,
                    count(*) filter (where not success and severity = 'warning') as warned
                from ctl.gate_result as result
                where run_at = (select max(run_at) from ctl.gate_result as other where other.release_id = result.release_id)
                group by release_id
            )
            select release.release_id, release.status, release.release_id = pointer.release_id, release.opened_at,
                release.published_at, newest.passed, newest.failed, newest.warned
            from ctl.release as release
            cross join ctl.current_release as pointer
            left join newest on release.release_id = newest.release_id
            order by release.release_id desc""")
        ]
