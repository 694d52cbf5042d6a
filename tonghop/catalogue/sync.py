"""The catalogue into its append-only tables: a whole copy for every version."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.codes import receipt_code
from tonghop.base.text import sort_key
from tonghop.catalogue import obligations
from tonghop.catalogue.data import CatalogueError
from tonghop.catalogue.landings import landings
from tonghop.catalogue.metrics import metrics, sum_of
from tonghop.catalogue.model import Catalogue
from tonghop.catalogue.units import together
from tonghop.warehouse import locks

TABLES = (
    "version",
    "unit",
    "indicator",
    "form_row",
    "period",
    "level",
    "unit_version",
    "succession",
    "landing",
    "reporting_spell",
    "form",
    "form_table",
    "form_kind",
    "form_table_row",
    "field",
    "crosswalk",
    "obligation",
    "check_rule",
    "check_term",
    "rate_term",
    "metric",
    "form_column",
)
COLUMNS = Path(__file__).parent / "sql" / "form_columns.sql"
# taken by all code that changes the catalogue, here or in its folder


@dataclass(frozen=True)
class Synced:
    """The catalogue's number in the warehouse, and the numbers of its things."""

    catalogue_id: int
    new: bool
    unit: dict[str, int]
    indicator: dict[tuple[str, str], int]
    row: dict[tuple[str, str], int]


def sync(catalogue: Catalogue, connection: psycopg.Connection[Any]) -> Synced:
    """Bring the catalogue into its append-only tables; does nothing where the newest there is this one.

    One transaction, one writer at a time. The newest catalogue_id is the one that the next candidate takes.
    """
    with connection.transaction():
        locks.take(connection, "catalogue")
        newest = connection.execute(
            "select catalogue_id, sha256 from catalogue.version order by catalogue_id desc limit 1"
        ).fetchone()
        # a catalogue that comes back after another was in force is a new version of its own
        new = newest is None or newest[1] != catalogue.sha256
        if new:
            catalogue_id = _write(catalogue, connection)
            # without statistics the models' joins over a fresh catalogue become nested loops: minutes for seconds
            connection.execute("analyze " + ", ".join(f"catalogue.{name}" for name in TABLES))
        else:
            assert newest
            catalogue_id = newest[0]
        return Synced(
            catalogue_id,
            new,
            unit=dict(connection.execute("select unit_key, unit_id from catalogue.unit").fetchall()),
            indicator={
                (table, field): number
                for table, field, number in connection.execute(
                    "select table_code, field_code, indicator_id from catalogue.indicator"
                )
            },
            row={
                (table, row): number
                for table, row, number in connection.execute("select table_code, row_code, row_id from catalogue.form_row")
            },
        )


def _refuse_moved(c: Catalogue, connection: psycopg.Connection[Any]) -> None:
    """Raise CatalogueError where the calendar gives a period that the warehouse knows other days: reports are of those."""
    now = {p.period_id: p for p in c.period.values()}
    moved = {
        period_id: known
        for period_id, *known in connection.execute(
            "select period_id, scheme, code, starts_on, ends_on from catalogue.period order by ends_on, starts_on, period_id"
        ).fetchall()
        if (p := now.get(period_id)) is not None and known != [p.scheme, p.code, p.starts_on, p.ends_on]
    }
    if not moved:
        return
    reports = connection.execute(
        "select receipt_id, period_id from intake.receipt where period_id = any(%s) and status in ('accepted', 'pending') "
        "order by receipt_id",
        [list(moved)],
    ).fetchall()
    codes = ", ".join(receipt_code(receipt_id) for receipt_id, _ in reports[:10]) + (", …" if len(reports) > 10 else "")
    receipts = f" ({codes})" if reports else ""
    # one with a report, where there is any
    example = reports[0][1] if reports else next(iter(moved))
    scheme, code, *days = moved[example]
    there, here = (f"{a:%d/%m/%Y} – {b:%d/%m/%Y}" for a, b in (days, (now[example].starts_on, now[example].ends_on)))
    name = f"{now[example].scheme} {now[example].code}"
    raise CatalogueError(
        f"calendar.yaml: {len(moved)} kỳ đổi ngày so với kho, ví dụ {scheme} {code}: trong kho {there}, theo tệp {name} {here}; "
        f"{len(reports)} báo cáo đã nhận sẽ sang kỳ khác{receipts}. Hãy trả lại lịch như cũ; muốn chốt kỳ cách khác từ một năm "
        "thì thêm một cách chốt vào cuối `schemes`, có `after` và `first_year`, và một phiên bản biểu mẫu dùng nó. / "
        f"calendar.yaml: {len(moved)} periods have other days than in the warehouse, such as {scheme} {code}: {there} there, "
        f"{name} {here} in the file; it would move {len(reports)} reports{receipts}. Restore the calendar; for another cut-off "
        "from a year on, add a scheme at the end of `schemes`, with `after` and `first_year`, and a form version that uses it."
    )


def _write(c: Catalogue, connection: psycopg.Connection[Any]) -> int:
    """Write a whole copy of the catalogue; returns its number."""
    row = connection.execute("insert into catalogue.version (sha256) values (%s) returning catalogue_id", [c.sha256]).fetchone()
    assert row
    number: int = row[0]

    def copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with connection.cursor().copy(f"copy catalogue.{table} ({columns}) from stdin") as out:
            for row in rows:
                out.write_row(row)

    def register(table: str, columns: str, key: str, rows: Iterable[tuple[Any, ...]]) -> dict[Any, int]:
        """Give every new thing its number for ever; the numbers of all."""
        names = columns.split(", ")
        texts = ", ".join(f"{name} text" for name in names)
        connection.execute(f"create temp table wanted (n integer generated always as identity, {texts}) on commit drop")
        with connection.cursor().copy(f"copy wanted ({columns}) from stdin") as out:
            for row in dict.fromkeys(rows):
                out.write_row(row)
        # in the order of the files, so that numbers follow the columns of the form
        connection.execute(
            f"insert into catalogue.{table} ({columns}) select {columns} from wanted "
            f"where ({columns}) not in (select {columns} from catalogue.{table}) order by n"
        )
        connection.execute("drop table wanted")
        found = connection.execute(f"select {key}, {columns} from catalogue.{table}").fetchall()
        return {(row[1] if len(names) == 1 else tuple(row[1:])): row[0] for row in found}

    tables = [(form, table) for form in c.forms for table in form.tables]
    unit = register("unit", "unit_key", "unit_id", ((u.unit,) for u in c.units))
    indicator = register(
        "indicator",
        "table_code, field_code",
        "indicator_id",
        ((t.code, i) for _, t in tables for f in t.fields for i in f.indicators),
    )
    row_id = register("form_row", "table_code, row_code", "row_id", ((t.code, r.code) for _, t in tables for r in t.rows))
    have = {row[0] for row in connection.execute("select period_id from catalogue.period")}
    _refuse_moved(c, connection)
    copy(
        "period",
        "period_id, scheme, period_type, code, starts_on, ends_on",
        (
            (p.period_id, p.scheme, p.type, p.code, p.starts_on, p.ends_on)
            for p in sorted(c.period.values())
            if p.period_id not in have
        ),
    )

    copy(
        "level",
        "catalogue_id, level, rank, published, name_vi, name_en",
        ((number, x.code, x.rank, x.published, x.vi, x.en) for x in c.levels),
    )
    copy(
        "unit_version",
        "catalogue_id, unit_id, valid_from, valid_to, code, name, sort_key, level, also_level, parent_id, synthetic",
        (
            (
                number,
                unit[u.unit],
                u.valid_from,
                u.valid_to,
                u.code,
                u.name,
                sort_key(u.name),
                u.level,
                u.also_level,
                unit[u.parent] if u.parent else None,
                u.synthetic,
            )
            for u in c.units
        ),
    )
    copy(
        "succession",
        "catalogue_id, predecessor_id, successor_id, on_date, weight, event, group_id",
        (
            (number, unit[s.predecessor], unit[s.successor], s.on, s.weight, s.event, unit[first])
            for s, first in together(c.successions).items()
        ),
    )
    copy(
        "landing",
        "catalogue_id, unit_id, facts_from, facts_to, valid_from, valid_to, lands_on_id, share, is_whole, reason",
        (
            (number, unit[row.unit], *row[1:5], unit[row.lands_on], row.share, row.is_whole, row.reason)
            for row in landings(c.history)
        ),
    )
    copy(
        "reporting_spell",
        "catalogue_id, unit_id, form_code, valid_from, valid_to",
        ((number, unit[s.unit], s.form, s.valid_from, s.valid_to) for s in c.spells),
    )
    copy(
        "form",
        "catalogue_id, form_code, form_version, scheme, name_vi, name_en, valid_from, valid_to",
        ((number, f.code, f.version, f.scheme, f.name.vi, f.name.en, f.valid_from, f.valid_to) for f in c.forms),
    )
    copy(
        "form_table",
        "catalogue_id, form_code, form_version, table_code, name_vi, name_en",
        ((number, f.code, f.version, t.code, t.vi, t.en) for f, t in tables),
    )
    copy(
        "form_kind",
        "catalogue_id, table_code, form_version, kind, period_types, ordinals, is_owed",
        (
            (number, t.code, f.version, k.name, list(k.period_types), list(k.ordinals), k.is_owed)
            for f, t in tables
            for k in t.kinds
        ),
    )
    copy(
        "form_table_row",
        "catalogue_id, form_version, row_id, ordinal, label_vi, label_en",
        ((number, f.version, row_id[t.code, r.code], n, r.vi, r.en) for f, t in tables for n, r in enumerate(t.rows, 1)),
    )
    copy(
        "field",
        "catalogue_id, form_version, indicator_id, ordinal, label_vi, label_en, value_type, measure_unit, aggregation, "
        "shown_from",
        (
            (
                number,
                f.version,
                indicator[t.code, i],
                n,
                x.name(i).vi,
                x.name(i).en,
                x.type,
                x.unit,
                x.aggregation,
                c.shown_from(x),
            )
            for f, t in tables
            for n, x in enumerate(t.fields, 1)
            for i in x.indicators
        ),
    )
    copy(
        "crosswalk",
        "catalogue_id, form_version, old_id, new_id, is_break, broken_on, why_vi, why_en",
        (
            (number, f.version, indicator[x.table, x.old], indicator[x.table, new], x.broken, f.valid_from, x.why.vi, x.why.en)
            for f in c.forms
            for x in f.crosswalk
            for new in x.new
        ),
    )
    copy(
        "obligation",
        "catalogue_id, form_code, form_version, table_code, level, period_id, due_on, scope",
        (
            (number, f.code, f.version, t.code, level, p.period_id, c.due(f, level, p), t.scope_at(level))
            for f, t, p in obligations.of_levels(c)
            for level in t.levels
        ),
    )
    rules = [(f, r) for f in c.forms for r in f.rules]
    copy(
        "check_rule",
        "catalogue_id, rule, instance, form_version, rule_version, table_code, kind, op, bound, period_types, "
        "levels, valid_from, valid_to, message_vi, message_en",
        (
            (
                number,
                r.check.rule,
                r.instance,
                f.version,
                r.check.version,
                r.check.table,
                r.check.kind,
                r.check.op,
                r.check.bound,
                list(r.check.periods),
                list(r.check.levels),
                r.check.valid_from,
                r.check.valid_to,
                r.check.message.vi,
                r.check.message.en,
            )
            for f, r in rules
        ),
    )
    copy(
        "check_term",
        'catalogue_id, rule, instance, form_version, rule_version, indicator_id, coefficient, "at"',
        (
            (number, r.check.rule, r.instance, f.version, r.check.version, indicator[t.table, t.indicator], t.coefficient, t.at)
            for f, r in rules
            for t in r.terms
        ),
    )
    offered = {metric.code: metric for metric in metrics(c)}
    number_of = {f"{table}.{name}": n for (table, name), n in indicator.items()}
    copy(
        "rate_term",
        "catalogue_id, rate_code, part, indicator_id, coefficient, over_time",
        (
            (number, x.code, part, number_of[code], coefficient, offered[code].over_time)
            for x in offered.values()
            if x.kind == "rate"
            for part, terms in (("numerator", x.numerator), ("denominator", x.denominator))
            for code, coefficient in terms.items()
        ),
    )
    copy(
        "metric",
        "catalogue_id, code, kind, table_code, indicator_id, label_vi, label_en, measure_unit, numerator, denominator, "
        "over_units, over_time, broken_on, formula_vi, formula_en, shown_from",
        (
            (
                number,
                x.code,
                x.kind,
                x.table,
                number_of[x.code] if x.kind == "indicator" else None,
                x.name.vi,
                x.name.en,
                x.unit,
                sum_of(x.numerator),
                sum_of(x.denominator) or None,
                x.over_units,
                x.over_time,
                list(x.broken_on),
                x.formula.vi,
                x.formula.en,
                x.shown_from,
            )
            for x in offered.values()
        ),
    )
    _name_columns(connection, number)
    return number


def _name_columns(connection: psycopg.Connection[Any], number: int) -> None:
    """Give columns of views their names. Raises CatalogueError where one is that of what an earlier catalogue had."""
    try:
        with connection.transaction():
            connection.execute(COLUMNS.read_bytes(), {"catalogue": number})
    except psycopg.errors.UniqueViolation as error:
        detail = re.search(r"\(table_code, column_name\)=\((\w+), (\w+)\)", error.diag.message_detail or "")
        if not detail:
            raise
        taken = connection.execute(
            "select coalesce(i.table_code || '.' || i.field_code, c.rate_code) from catalogue.form_column as c "
            "left join catalogue.indicator as i using (indicator_id) where (c.table_code, c.column_name) = (%s, %s)",
            detail.groups(),
        ).fetchone()
        whose = f" ({taken[0]})" if taken else ""
        table, column = detail.groups()
        raise CatalogueError(
            f"forms: {table}: cột {column} của khung nhìn đã có chủ từ danh mục trước{whose} và giữ tên ấy mãi; hãy đặt mã khác "
            f"cho trường hoặc tỷ lệ mới. / forms: {table}: the column {column} of its views belongs to what an earlier "
            f"catalogue had{whose}, for ever; give the new field or rate another code."
        ) from None
