"""Open a candidate release, which freezes what goes in, and take it back where it is not wanted.

A candidate is a row of ctl.release with the ledger number and the catalogue that it is built from, and the slice of units
and periods that it rebuilds. It writes rows under its own number, which no reader follows, so a build may be killed at any
point: running the step again undoes what the step had done and does it anew.
"""

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tonghop.base.settings import Settings
from tonghop.catalogue.load import digest, load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.release.layers import alone, marts, models_changed, require_open
from tonghop.warehouse import locks, views
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import BUILDER

TOUCHED = Path(__file__).parent / "sql" / "touched.sql"
STILL = 2147483647  # the release_to of a row that still holds
# that an original was removed changes no figure
_COUNTS = "act <> 'expired'"


def open_candidate(settings: Settings, everything: bool = False) -> int | None:
    """Open a candidate on every act in the ledger so far, the catalogue and the models of the files, and give its number.

    It rebuilds what changed, or everything where that is asked or the catalogue, today's tree or the models are others. An older
    candidate that was not published is discarded. None where nothing changed since the current release.
    Raises CatalogueError, and Busy where another step is at work.
    """
    with alone(settings) as connection:
        catalogue_id = _catalogue(settings, connection)
        with connection.transaction():
            # writers hold this lock from taking a ledger number to commit, so no lower number can appear later
            locks.take(connection, "ledger")
            for (older,) in connection.execute("select release_id from ctl.release where status = 'candidate'").fetchall():
                _discard(connection, older)
            cutoff = one(connection, f"select coalesce(max(seq), 0) from intake.ledger where {_COUNTS}")
            base = connection.execute(
                "select r.release_id, r.cutoff_seq, r.catalogue_id from ctl.release r join ctl.current_release using (release_id)"
            ).fetchone()
            everything = (
                everything or base is None or base[2] != catalogue_id or one(connection, _NEW_TREE) or models_changed(connection)
            )
            if base and base[1] == cutoff and not everything:
                return None
            release = int(
                one(
                    connection,
                    "insert into ctl.release (release_id, status, cutoff_seq, catalogue_id) select "
                    "coalesce(max(release_id), 0) + 1, 'candidate', %s, %s from ctl.release returning release_id",
                    cutoff,
                    catalogue_id,
                )
            )
            connection.execute("delete from build.scope")
            connection.execute("insert into build.scope (everything) values (%s)", [everything])
            connection.execute("delete from build.touched")
            if not everything:
                connection.execute(TOUCHED.read_bytes(), {"still": STILL})
        connection.execute("analyze build.touched, build.scope, ctl.release, ctl.current_release")
        if everything:
            views.apply(connection)  # a view per form table of the catalogue
    return release


def awaited(settings: Settings) -> bool:
    """Whether anything changed that neither a published release nor the open candidate has taken in.

    A report was accepted or withdrawn; the catalogue was synced anew; a day came on which the units change; or the models are
    others than those of the current release. What was only returned or quarantined changes no figure, and goes into the release
    that the next figures bring.
    """
    with connect(settings) as connection:
        # an open candidate takes other models in when its next layer is built
        candidate = connection.execute("select from build.candidate").fetchone()
        return (candidate is None and models_changed(connection)) or bool(
            one(
                connection,
                f"""
            with taken_in as (
                select max(cutoff_seq) as seq, max(catalogue_id) as catalogue_id
                from ctl.release where status in ('candidate', 'published')
            )
            select
                exists (select from intake.ledger where act in ('accepted', 'withdrawn')
                        and seq > coalesce((select seq from taken_in), 0))
                or exists (select from catalogue.version where catalogue_id > (select catalogue_id from taken_in))
                or ({_NEW_TREE})""",
            )
        )


def discard(settings: Settings, release_id: int) -> None:
    """Take an unpublished candidate back: its rows go, the rows that it closed are open again.

    Raises BuildFailed where the release is not an open candidate.
    """
    with alone(settings) as connection, connection.transaction():
        require_open(connection, release_id)
        _discard(connection, release_id)


# --- the candidate -------------------------------------------------------------------------------------------

# a day on which the units change has come since the newest release was opened: every figure on today's tree may move
_NEW_TREE = f"""
select exists (
    select from marts.dim_tree t
    where t.release_to = {STILL} and t.valid_from <= ctl.local_day(now()) and t.valid_from > (
        select ctl.local_day(max(r.opened_at)) from ctl.release r
        where r.status in ('candidate', 'published')))
"""


def _catalogue(settings: Settings, connection: psycopg.Connection[Any]) -> int:
    newest = connection.execute(
        "select catalogue_id, sha256 from catalogue.version order by catalogue_id desc limit 1"
    ).fetchone()
    if newest and newest[1] == digest(settings.catalogue):
        return int(newest[0])
    return sync(load_catalogue(settings.catalogue), connection).catalogue_id


def one(connection: psycopg.Connection[Any], query: str, *values: Any) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    assert row
    return row[0]


def _discard(connection: psycopg.Connection[Any], release_id: int) -> None:
    # as the builder, whom row policies hold to the candidate's own rows: the published release's verdict stays in force
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(BUILDER)))
    for name in marts(connection):
        table = sql.Identifier("marts", name)
        connection.execute(sql.SQL("delete from {} where release_from = %s").format(table), [release_id])
        connection.execute(sql.SQL("update {} set release_to = %s where release_to = %s").format(table), [STILL, release_id])
    connection.execute("reset role")
    connection.execute("update ctl.release set status = 'discarded' where release_id = %s", [release_id])
