"""Who owes what on a day: obligations of the catalogue as last synced, less the reports that were accepted on that day.

A unit owes a table for a period that has ended, by the level, the reporting spell and the parent that it has on the period's
last day: a unit that ended within the period owes nothing, one that began within it does. A nil return is a report. A report that
was withdrawn is owed again; the time that counts for a correction is that of the first report that was not withdrawn.
"""

from datetime import date
from typing import NamedTuple

from psycopg.rows import class_row

from tonghop.base.days import end_of, today
from tonghop.base.settings import Settings
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import AUDITOR


class Owed(NamedTuple):
    """A form table that a unit has not reported for a period; `returned` is its last receipt, where that went back."""

    unit: str
    name: str
    level: str
    form: str
    table: str
    table_vi: str
    table_en: str
    period: str
    due_on: date
    days_late: int
    returned: int | None


def owed(
    settings: Settings, unit: str | None = None, period: str | None = None, form: str | None = None, as_of: date | None = None
) -> list[Owed]:
    """What was owed on a day (today by default), the oldest first: by everyone, or by a unit and all below it.

    Raises ValueError for a code of a unit, period or form that the catalogue does not know.
    """
    day = as_of or today()
    given = {"unit": unit, "period": period, "form": form, "as_of": day, "until": end_of(day)}
    with connect(settings, AUDITOR) as connection:
        for what, (column, table) in _KNOWN.items():
            if (
                given[what]
                and connection.execute(
                    f"select from catalogue.{table} where {column} = %s limit 1".encode(), [given[what]]
                ).fetchone()
                is None
            ):
                raise ValueError(f"the catalogue has no {what} {given[what]}")
        return connection.cursor(row_factory=class_row(Owed)).execute(_OWED, given).fetchall()


_KNOWN = {"unit": ("code", "unit_version"), "period": ("code", "period"), "form": ("form_code", "form")}
_OWED = b"""
with recursive current_ as (
    select max(catalogue_id) as catalogue_id from catalogue.version
),
unit_version as materialized (
    select v.* from catalogue.unit_version v join current_ using (catalogue_id)
),
owing as materialized (
    select o.form_code, o.form_version, o.table_code, o.due_on, o.period_id, p.code as period, o.ends_on,
           o.unit_id, v.code, v.name, o.level, v.sort_key
    from catalogue.unit_obligation o
    join catalogue.period p on p.period_id = o.period_id
    join unit_version v on v.unit_id = o.unit_id and o.ends_on between v.valid_from and v.valid_to
    where o.catalogue_id = (select catalogue_id from current_) and o.ends_on < %(as_of)s
      and (%(period)s::text is null or o.period_id = any(array(select period_id from catalogue.period where code = %(period)s)))
      and (%(form)s::text is null or o.form_code = %(form)s)
),
below (ends_on, unit_id) as (
    select distinct o.ends_on, v.unit_id from owing o
    join unit_version v on v.code = %(unit)s and o.ends_on between v.valid_from and v.valid_to
    union
    select b.ends_on, v.unit_id from below b
    join unit_version v on v.parent_id = b.unit_id and b.ends_on between v.valid_from and v.valid_to
),
-- each receipt's last act, by the end of the day, that decides whether it counts
decided as materialized (
    select distinct on (receipt_id) receipt_id, act from intake.ledger
    where act in ('accepted', 'returned', 'quarantined', 'superseded', 'withdrawn')
      and at < %(until)s
    order by receipt_id, seq desc
),
last_receipt as (
    select distinct on (unit_id, form_code, period_id) unit_id, form_code, period_id, receipt_id, act
    from decided join intake.receipt using (receipt_id) order by unit_id, form_code, period_id, receipt_id desc
)
select o.code as unit, o.name, o.level, o.form_code as form, o.table_code as table, t.name_vi as table_vi, t.name_en as table_en,
       o.period, o.due_on, ctl.days_late(o.due_on, %(as_of)s) as days_late,
       case when l.act = 'returned' then l.receipt_id end as returned
from owing o
cross join current_ k
join catalogue.form_table t on t.catalogue_id = k.catalogue_id and t.table_code = o.table_code and t.form_version = o.form_version
left join last_receipt l on l.unit_id = o.unit_id and l.form_code = o.form_code and l.period_id = o.period_id
where (%(unit)s::text is null or (o.ends_on, o.unit_id) in (select ends_on, unit_id from below))
  and not exists (
      select from intake.cell c join catalogue.indicator i using (indicator_id) join decided s using (receipt_id)
      where c.period_id = o.period_id and c.unit_id = o.unit_id and i.table_code = o.table_code and s.act = 'accepted')
  and not exists (
      select from intake.receipt r join decided s using (receipt_id)
      where r.is_nil and r.unit_id = o.unit_id and r.form_code = o.form_code and r.period_id = o.period_id and s.act = 'accepted')
order by o.due_on, o.sort_key, o.code, o.table_code, o.period_id
"""
