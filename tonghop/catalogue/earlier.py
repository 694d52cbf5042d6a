"""Templates that are out when a form changes: what they were printed from, and how they are read once it is another.

A form version `takes` templates that were printed from what it was before, or from an earlier version: a file of the folder
`forms/earlier`, which is the form's own file as it was. A column or row is the same where its code is, and is found under the
label that the template has. One that the template lacks is owed, unless it may be blank; what the form no longer has is passed
over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tonghop.catalogue.forms import Field_, Form, Table


@dataclass(frozen=True)
class Earlier:
    """A form as it was when templates were printed that the form of today takes; `printed_from` is its file's name."""

    printed_from: str
    form: Form
    today: Form
    # the codes of tables, and of their columns or rows
    may_be_blank: frozenset[tuple[str, str]]

    @cached_property
    def read_as(self) -> Form:
        """Today's form with every column and row under its label on the templates, and with those that are no more; no rules."""
        tables = (_table(self.form.table[t.code], t) if t.code in self.form.table else t for t in self.today.tables)
        empty = dict.fromkeys(("checks", "rates", "crosswalk", "takes"), ())
        return Form(**{name: getattr(self.today, name) for name in Form.model_fields} | empty | {"tables": tuple(tables)})

    def is_new(self, table: str, code: str) -> bool:
        """Whether a column or row of today's form is not on the templates."""
        return code not in _codes(self.form.table.get(table)) and code in _codes(self.today.table.get(table))

    def problems(self) -> Iterator[str]:
        """Why the form cannot take these templates."""
        name = f"form {self.today.code} version {self.today.version}: templates printed from {self.printed_from}"
        if self.form.code != self.today.code or self.form.scheme != self.today.scheme:
            yield f"{name} are of another form or cut-off scheme"
            return
        for table, code in sorted(self.may_be_blank):
            if not self.is_new(table, code):
                yield f"{name}: {table}.{code} is no column or row that they lack"
        for table_ in self.today.tables:
            before = {f.code: f for f in self.form.table[table_.code].fields} if table_.code in self.form.table else {}
            for field in table_.fields:
                old = before.get(field.code, field)
                if _meaning(old) != _meaning(field):
                    yield f"{name} count {table_.code}.{field.code} otherwise; a column of another meaning has another code"


def taken(forms: tuple[Form, ...], files: Mapping[str, Form]) -> dict[tuple[str, int], tuple[Earlier, ...]]:
    """By code and version of a form, what it takes. Raises KeyError for a file that is not there."""
    return {
        (form.code, form.version): tuple(
            Earlier(
                item.printed_from,
                files[item.printed_from],
                form,
                frozenset((table, code) for table, _, code in (name.partition(".") for name in item.may_be_blank)),
            )
            for item in form.takes
        )
        for form in forms
    }


def _codes(table: Table | None) -> set[str]:
    return {f.code for f in table.fields} | {r.code for r in table.rows} if table else set()


def _meaning(field: Field_) -> tuple[object, ...]:
    return field.type, field.unit, field.aggregation, sorted(field.codes)


def _table(old: Table, new: Table) -> Table:
    shown = {label for field in old.fields for label in field.labels()}
    was, now = {f.code: f for f in old.fields}, {f.code for f in new.fields}
    rows, kept = {r.code: r for r in old.rows}, {r.code for r in new.rows}
    fields = [_under(was[f.code], f) if f.code in was else _beside(f, shown) for f in new.fields]
    parts = {name: getattr(new, name) for name in Table.model_fields} | {
        "fields": (*fields, *(f for f in old.fields if f.code not in now)),
        "rows": (*(rows.get(r.code, r) for r in new.rows), *(r for r in old.rows if r.code not in kept)),
    }
    return Table(**parts)


def _under(old: Field_, new: Field_) -> Field_:
    """A field of today under its label of before."""
    return new.model_copy(update={"vi": old.vi, "en": old.en, "synonyms": old.synonyms})


def _beside(new: Field_, shown: set[str]) -> Field_:
    """A new field, which a sender may add to the template; by its code alone where another has its label there."""
    if shown.isdisjoint(new.labels()):
        return new
    return new.model_copy(update={"vi": new.code, "en": new.code, "synonyms": ()})
