"""Releases past their retention leave the marts: what none of the kept ones shows is removed.

A removed release can be asked nothing any more. What it was made of stays: the ledger up to its number, its catalogue, the gate's
verdict and its page.
"""

from psycopg import sql

from tonghop.base.settings import Settings
from tonghop.release.layers import alone, marts
from tonghop.warehouse.roles import BUILDER


def remove(settings: Settings) -> list[int]:
    """Remove published releases but the newest `keep_releases`; returns their numbers. All are kept where that is not set.

    While a candidate is open, nothing is removed: its verdict would end. Raises Busy where another step is at work.
    """
    if settings.keep_releases is None:
        return []
    with alone(settings) as connection, connection.transaction():
        if connection.execute("select from build.candidate").fetchone() is not None:
            return []
        removed = connection.execute(
            """
            update ctl.release set status = 'removed' where status = 'published' and release_id not in (
                select release_id from ctl.release where status = 'published' order by release_id desc limit %s)
            returning release_id""",
            [settings.keep_releases],
        ).fetchall()
        # as the builder, whom a policy lets remove what no kept release shows: the current release's verdict stays in force
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(BUILDER)))
        for name in marts(connection) if removed else ():
            connection.execute(
                sql.SQL(
                    "delete from {} where release_to <= (select min(release_id) from ctl.release where status = 'published')"
                ).format(sql.Identifier("marts", name))
            )
    return sorted(number for (number,) in removed)
