"""A template that was printed before its form changed, read as the form is now (`tonghop.catalogue.earlier`)."""

from tonghop.base.findings import finding, printable
from tonghop.catalogue.earlier import Earlier
from tonghop.catalogue.forms import ALL_ROWS, Field_, Form, Table
from tonghop.reading.raw import Columns, Entry, Reading
from tonghop.reading.report import CellsPassed, ColumnPassed


def form(reading: Reading) -> Form:
    """The form under whose labels a workbook is read."""
    assert reading.form
    return reading.earlier.read_as if reading.earlier else reading.form


def missing(reading: Reading, table: Table, field: Field_) -> str | None:
    """The rule that a column which is not there breaks; none where a template of before lacks it with leave."""
    if reading.earlier is None or reading.form is None:
        return "column.missing"
    if field.code not in {f.code for f in reading.form.table[table.code].fields}:
        return None
    if not reading.earlier.is_new(table.code, field.code):
        return "column.missing"
    if (table.code, field.code) not in reading.earlier.may_be_blank:
        return "column.added"
    reading.lacking |= {(table.code, indicator) for indicator in field.indicators}
    return None


def brought_up(reading: Reading) -> None:
    """Pass over the columns and rows that the form no longer has, and tell which of its new rows are owed."""
    if reading.form is None or reading.earlier is None:
        return
    today, made = reading.form.table, dict[Columns, Columns]()
    reading.entries = [kept for entry in reading.entries if (kept := _kept(reading, entry, today[entry.table.code], made))]
    reading.totals = [t for t in reading.totals if t.field.code in {f.code for f in today[t.table.code].fields}]
    for table in {entry.table.code: today[entry.table.code] for entry in reading.entries}.values():
        if table.rows != (ALL_ROWS,):
            _rows(reading, reading.earlier, table)


def lacking(reading: Reading) -> tuple[str, ...]:
    """The columns that the template lacks with leave, as the answer names them."""
    tables = reading.form.tables if reading.form else ()
    return tuple(
        f"{table.code}: {field.vi}"
        for table in tables
        for field in table.fields
        if (table.code, field.indicators[0]) in reading.lacking
    )


def _kept(reading: Reading, entry: Entry, table: Table, made: dict[Columns, Columns]) -> Entry | None:
    """An entry without the columns that the table no longer has; nothing where the row is no more. Names what is passed over."""
    codes = {field.code for field in table.fields}
    if entry.row is not None and (row := entry.table.row_of(entry.row.value)) and row.code not in {r.code for r in table.rows}:
        first, last = entry.columns.names[0], entry.columns.names[-1]
        reading.cells_passed.append(CellsPassed(printable(entry.unit.sheet), f"{first}{entry.place}:{last}{entry.place}"))
        return None
    columns = entry.columns
    if codes.issuperset(columns.codes):
        return entry
    stay = [n for n, code in enumerate(columns.codes) if code in codes]
    if columns not in made:
        made[columns] = Columns(tuple(columns.fields[n] for n in stay), tuple(columns.names[n] for n in stay))
        reading.columns_passed += [
            ColumnPassed(printable(entry.unit.sheet), name, field.vi)
            for field, name in zip(columns.fields, columns.names, strict=True)
            if field.code not in codes
        ]
    return entry._replace(columns=made[columns], values=[entry.values[n] for n in stay])


def _rows(reading: Reading, earlier: Earlier, table: Table) -> None:
    """A finding for each unit that lacks a row which the template did not have and which may not be blank."""
    have: dict[str, tuple[Entry, set[str]]] = {}
    for entry in reading.entries:
        if entry.table.code == table.code and entry.row is not None and (row := entry.table.row_of(entry.row.value)):
            have.setdefault(str(entry.unit.value), (entry, set()))[1].add(row.code)
    for entry, rows in have.values():
        for row in table.rows:
            if row.code in rows or not earlier.is_new(table.code, row.code) or (table.code, row.code) in earlier.may_be_blank:
                continue
            words = {"label_vi": row.vi, "label_en": row.en, "table": table.code}
            reading.findings.append(finding("row.added", entry.unit, **words))
