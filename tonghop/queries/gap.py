"""What a unit claimed for its whole, beside the sum of all below it, and where the gap comes from.

The view marts.claim_gap attributes it, for every release: the unit's own activity, figures that came after the claim, figures
that were changed after it, and a rest that nothing explains. What nobody has reported is counted and named, and has no amount.
"""

from typing import Any

from psycopg.rows import dict_row

from tonghop.base.codes import receipt_code
from tonghop.base.settings import Settings
from tonghop.queries import figure as fig


def gaps(
    settings: Settings, unit: str, period: str, table: str | None = None, release: int | None = None
) -> list[dict[str, Any]]:
    """A row per figure that the unit claimed: claimed, summed, gap = own + late + changed + rest, and the units behind each.

    On the tree of the period only: a claim is that of the unit as it was. Raises UnknownFigure for a unit, period or table
    that the release does not know.
    """
    with fig.snapshot(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        at = fig.release(connection, release)
        given: dict[str, Any] = {"release": at.release_id, "unit": unit, "period": period, "table": table}
        known = cursor.execute(
            """
            select array_agg(distinct p.period_id) as period_ids, array_agg(distinct u.unit_id) as unit_ids
            from in_release.dim_period(%(release)s) p
            join in_release.dim_org_unit(%(release)s) u on u.code = %(unit)s and p.ends_on between u.valid_from and u.valid_to
            where p.code = %(period)s""",
            given,
        ).fetchone()
        if not known or known["unit_ids"] is None:
            bearers = cursor.execute(
                """
                select string_agg(u.name || ' ' || u.valid_from || ' – ' || u.valid_to, ', ' order by u.valid_from) as names
                from in_release.dim_org_unit(%(release)s) u where u.code = %(unit)s""",
                given,
            ).fetchone()
            raise fig.UnknownFigure(
                f"release {at.release_id} knows no unit {unit} at the end of a period {period}, and a claim is that of the unit "
                "as it was" + (f"; the code is borne by {bearers['names']}" if bearers and bearers["names"] else "")
            )
        a_table = "select table_code from in_release.dim_form(%(release)s) where table_code = %(table)s"
        if table is not None and cursor.execute(a_table, given).fetchone() is None:
            raise fig.UnknownFigure(f"release {at.release_id} has no form table {table}")
        rows = cursor.execute(
            """
            select u.code as unit, u.name, i.table_code || '.' || i.field_code as indicator, w.row_code as row, g.*
            from marts.claim_gap g
            -- periods of one code end on several days, and the unit's code may go to another in between
            join in_release.dim_period(%(release)s) p on p.period_id = g.period_id
            join in_release.dim_org_unit(%(release)s) u on u.unit_id = g.unit_id and u.code = %(unit)s
                and p.ends_on between u.valid_from and u.valid_to
            join catalogue.indicator i using (indicator_id)
            join catalogue.form_row w using (row_id)
            where g.release_id = %(release)s and g.unit_id = any(%(unit_ids)s) and g.period_id = any(%(period_ids)s)
                and (%(table)s::text is null or i.table_code = %(table)s)
            order by i.table_code, g.row_id, g.indicator_id""",
            {**given, **known},
        ).fetchall()
        below = sorted({unit_id for row in rows for kind in ("late", "changed", "missing") for unit_id in row[f"{kind}_units"]})
        names = {
            row["unit_id"]: f"{row['code']} {row['name']}"
            for row in cursor.execute(
                """
            select u.unit_id, u.code, u.name from in_release.dim_org_unit(%(release)s) u
            join in_release.dim_period(%(release)s) p on p.period_id = any(%(period_ids)s)
                and p.ends_on between u.valid_from and u.valid_to
            where u.unit_id = any(%(below)s)""",
                {**given, **known, "below": below},
            )
        }
    for row in rows:
        for kind in ("late", "changed", "missing"):
            row[f"{kind}_units"] = [names[unit_id] for unit_id in row[f"{kind}_units"]]
        row["receipt"] = receipt_code(row.pop("submission_id"))
        for key in ("release_id", "unit_id", "period_id", "row_id", "indicator_id"):
            del row[key]
    return rows
