"""Where units were and are, of figures that a reorganisation changed between two releases."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from tonghop.queries.figure import AskedRelease, Figure

GONE_UNITS = Path(__file__).parent / "sql" / "gone_units.sql"


def gone_units(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure, units: Iterable[int]) -> dict[int, str]:
    """Of some units those that a release has not at the end of the figure's period: each by name, and who followed it."""
    given = {"units": sorted(units), "catalogue": at.catalogue_id, "ends_on": figure.ends_on}
    return dict(connection.execute(GONE_UNITS.read_bytes(), given).fetchall())


class Tops:
    """Of units that joined or left the figure's subtree, the topmost one that did so with them."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        old: AskedRelease,
        new: AskedRelease,
        figure: Figure,
        old_units: set[int],
        new_units: set[int],
    ) -> None:
        self._top: dict[int, int] = {}
        self._detail: dict[int, str] = {}
        for at, moved in ((old, old_units - new_units), (new, new_units - old_units)):
            self._top |= dict(
                connection.execute(
                    """
                select distinct on (b.unit_id) b.unit_id, b.ancestor_id from in_release.bridge_org_tree(%(release)s) b
                where b.unit_id = any(%(moved)s) and b.ancestor_id = any(%(moved)s)
                    and %(ends_on)s between b.valid_from and b.valid_to
                order by b.unit_id, b.depth desc""",
                    {"moved": sorted(moved), "ends_on": figure.ends_on, "release": at.release_id},
                ).fetchall()
            )
        above = [self._parents(connection, at, figure, set(self._top.values())) for at in (old, new)]
        for top in set(self._top.values()):
            self._detail[top] = " → ".join(parents.get(top, "–") for parents in above)

    @staticmethod
    def _parents(connection: psycopg.Connection[Any], at: AskedRelease, figure: Figure, units: set[int]) -> dict[int, str]:
        return dict(
            connection.execute(
                """
            select u.unit_id, p.code || ' ' || p.name from in_release.dim_org_unit(%(release)s) u
            join in_release.dim_org_unit(%(release)s) p on p.unit_id = u.parent_id
                and %(ends_on)s between p.valid_from and p.valid_to
            where u.unit_id = any(%(units)s) and %(ends_on)s between u.valid_from and u.valid_to""",
                {"units": sorted(units), "ends_on": figure.ends_on, "release": at.release_id},
            ).fetchall()
        )

    def of(self, unit_id: int) -> tuple[int, tuple[int, ...], str]:
        """The topmost unit, no receipts, and its parents before and after."""
        top = self._top[unit_id]
        return top, (), self._detail[top]


class Landings:
    """Of units whose figures land elsewhere on a tree, or in another share, the units on which they landed and land."""

    def __init__(
        self, connection: psycopg.Connection[Any], figures: Iterable[tuple[AskedRelease, Figure]], units: Iterable[int]
    ) -> None:
        self._at = [
            dict(
                connection.execute(
                    """
            select b.unit_id, string_agg(
                concat(p.code || ' ' || p.name || ' › ', u.code, ' ', u.name, ' × ' || nullif(b.weight, 1)), ', '
                order by u.sort_key)
            from in_release.bridge_restated(%(release)s) b
            join in_release.dim_org_unit(%(release)s) u on u.unit_id = b.lands_on_id
                and %(day)s between u.valid_from and u.valid_to
            left join in_release.dim_org_unit(%(release)s) p on p.unit_id = u.parent_id
                and %(day)s between p.valid_from and p.valid_to
            where b.unit_id = any(%(units)s) and %(ends_on)s between b.facts_from and b.facts_to
                and %(day)s between b.valid_from and b.valid_to
            group by b.unit_id""",
                    {"units": sorted(units), "release": at.release_id, **figure.__dict__},
                ).fetchall()
            )
            for at, figure in figures
        ]

    def of(self, unit_id: int) -> tuple[int, tuple[int, ...], str]:
        """The unit, no receipts, and the units on which its figures landed and land."""
        return unit_id, (), " → ".join(landings.get(unit_id, "–") for landings in self._at)
