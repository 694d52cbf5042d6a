"""The catalogue: forms, units, periods, deadlines and checks as typed, dated data, from the files of one folder.

The files are the one definition. The reader, the check on arrival, the models, the gate and the docs all follow from them, or
from the copy that `tonghop.catalogue.sync` makes in the warehouse; a ninth form is a ninth file.

    levels.yaml  calendar.yaml  codes.yaml  units/*.csv  events/*.csv  reporting.csv  forms/F1.v1.yaml ...  forms/earlier/*.yaml
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tonghop.base.fingerprint import fingerprint
from tonghop.catalogue.calendar import Calendar
from tonghop.catalogue.data import CatalogueError, in_a_line, rows
from tonghop.catalogue.earlier import taken
from tonghop.catalogue.events import Event, fold_history
from tonghop.catalogue.forms import ALL_ROWS, COLUMNS, NEVER, Form, Table, shared
from tonghop.catalogue.model import Catalogue, Codes, Level, Spell
from tonghop.catalogue.units import History, UnitVersion

_Model = TypeVar("_Model", bound=BaseModel)


def load_catalogue(folder: Path, events: Mapping[str, Path | None] | None = None) -> Catalogue:
    """The catalogue of a folder, validated as a whole; `events`: as if these files were, or were not, in its events folder.

    Raises CatalogueError, naming the file, where anything is missing, unknown or contradicts itself.
    """
    overlaid: dict[str, Path | None] = {**_files(folder), **{f"events/{name}": path for name, path in (events or {}).items()}}
    files = {name: path for name, path in sorted(overlaid.items()) if path}
    levels = [Level.model_validate(item) for item in _yaml(folder / "levels.yaml")]
    unit_files, event_files = (
        [path for name, path in files.items() if re.fullmatch(rf"{kind}/[^/]*\.csv", name)] for kind in ("units", "events")
    )
    history, problems = fold_history(
        rows(UnitVersion, unit_files), rows(Event, event_files), {level.code: level.rank for level in levels}
    )
    spells = list(rows(Spell, [folder / "reporting.csv"]))
    forms = tuple(_model(Form, path) for path in sorted((folder / "forms").glob("*.yaml")))
    printed_from = {path.stem: _model(Form, path) for path in (folder / "forms" / "earlier").glob("*.yaml")}
    if missing := {item.printed_from for form in forms for item in form.takes} - printed_from.keys():
        raise CatalogueError(f"{folder}/forms/earlier has no {', '.join(f'{name}.yaml' for name in sorted(missing))}")
    catalogue = Catalogue(
        levels=tuple(sorted(levels, key=lambda level: level.rank)),
        calendar=_model(Calendar, folder / "calendar.yaml"),
        codes=_model(Codes, folder / "codes.yaml"),
        history=history,
        spells=_handed_on((spell for _, spell in spells), history),
        forms=forms,
        earlier=taken(forms, printed_from),
        sha256=_digest(files),
    )
    problems += _spell_problems(spells, history, {form.code for form in catalogue.forms})
    problems += _problems(catalogue)
    problems += (problem for of_form in catalogue.earlier.values() for item in of_form for problem in item.problems())
    if problems:
        raise CatalogueError(f"{folder}: " + "; ".join(problems[:10]))
    return catalogue


def digest(folder: Path) -> str:
    """What `Catalogue.sha256` is of a folder, without reading what the files say: of a country that takes a second and more."""
    return _digest(_files(folder))


def _files(folder: Path) -> dict[str, Path]:
    return {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.suffix in (".yaml", ".csv")}


def _digest(files: Mapping[str, Path]) -> str:
    return fingerprint({name: path.read_bytes() for name, path in files.items()})


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise CatalogueError(f"{path}: {error}") from error


def _model(kind: type[_Model], path: Path) -> _Model:
    try:
        return kind.model_validate(_yaml(path))
    except ValidationError as error:
        raise CatalogueError(f"{path}: {in_a_line(error)}") from error


def _handed_on(spells: Iterable[Spell], history: History) -> tuple[Spell, ...]:
    """The spells, and what successors take over: what a unit had still to report when it ended is theirs from that day.

    Of one that lives on, only a unit that begins as a part of it takes them over: one that was there reports as before.
    """
    spans: dict[str, dict[str, list[tuple[date, date]]]] = defaultdict(lambda: defaultdict(list))
    for spell in spells:
        spans[spell.unit][spell.form].append((spell.valid_from, spell.valid_to))
    for way in sorted(history.successions, key=lambda s: s.on):
        if history.version(way.predecessor, way.on) and history.version(way.successor, way.on - timedelta(days=1)):
            continue
        for form, theirs in spans.get(way.predecessor, {}).items():
            spans[way.successor][form] += [(max(start, way.on), end) for start, end in theirs if end >= way.on]
    return tuple(
        Spell(unit=unit, form=form, valid_from=start, valid_to=end)
        for unit, of_unit in spans.items()
        for form, all_spans in of_unit.items()
        for start, end in _merged(all_spans)
    )


def _merged(spans: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Stretches of days that do not overlap and cover the same days."""
    found: list[tuple[date, date]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _spell_problems(spells: Iterable[tuple[str, Spell]], history: History, forms: set[str]) -> Iterator[str]:
    for where, spell in spells:
        if spell.unit not in history.versions:
            yield f"{where}: no unit {spell.unit}"
        if spell.form not in forms:
            yield f"{where}: no form {spell.form}"
        if spell.valid_to < spell.valid_from:
            yield f"{where}: {spell.unit} ends reporting {spell.form} before it starts, on {spell.valid_from}"
    # a day in two spells would be owed twice
    for (_, earlier), (where, later) in pairwise(sorted(spells, key=lambda s: (s[1].unit, s[1].form, s[1].valid_from))):
        if (earlier.unit, earlier.form) == (later.unit, later.form) and later.valid_from <= earlier.valid_to:
            yield f"{where}: two spells of {later.unit} for {later.form} on {later.valid_from}"


def _rows(table: Table) -> set[str]:
    return {row.code for row in table.rows}


def _problems(c: Catalogue) -> Iterator[str]:
    seen: set[tuple[str, int]] = set()
    owner: dict[str, str] = {}
    taken_names = {*COLUMNS, *(f"{level.code}_{part}" for level in c.levels for part in ("code", "name"))}
    fields = {(t.code, i) for f in c.forms for t in f.tables for x in t.fields for i in x.indicators}
    for form in c.forms:
        if (form.code, form.version) in seen:
            yield f"form {form.code} version {form.version} is there twice"
        seen.add((form.code, form.version))
        if form.scheme not in c.calendar.schemes:
            yield f"form {form.code} version {form.version}: calendar.yaml has no scheme {form.scheme}"
        for table in form.tables:
            if owner.setdefault(table.code, form.code) != form.code:
                yield f"table {table.code} is in two forms"
            yield from (
                f"{table.code}.{name}: the table's view has a column of this name for every table; give the field another code"
                for name in table.columns
                if name in taken_names
            )
            yield from (f"{table.code}: no level {level}" for level in table.levels if level not in c.level)
            yield from (
                f"{table.code}: `rollup` names {level}, which does not fill the table"
                for level in table.rollup
                if level not in table.levels
            )
            yield from (
                f"{table.code}.{field.code}: shown_from names no level {field.shown_from}"
                for field in table.fields
                if field.shown_from not in (None, NEVER, *c.level)
            )
        for a_, b_ in pairwise(sorted(form.checks, key=lambda check: (check.rule, check.valid_from))):
            if a_.rule == b_.rule and (b_.version == a_.version or b_.valid_from <= a_.valid_to):
                yield f"{form.code}: two versions of {b_.rule} on {b_.valid_from}, or of one number"
        for way in form.crosswalk:
            yield from (
                f"{form.code} version {form.version}: crosswalk: no field {way.table}.{name}"
                for name in (way.old, *way.new)
                if (way.table, name) not in fields
            )
        for rule in form.rules:
            yield from (
                f"{rule.check.rule}: no field {t.table}.{t.indicator}" for t in rule.terms if (t.table, t.indicator) not in fields
            )
            yield from (
                f"{rule.check.rule}: which row of {t.table}.{t.indicator} is meant? {t.table} has other rows than "
                f"{rule.check.table}"
                for t in rule.terms
                for other in c.forms
                for table in other.tables
                if table.code == t.table
                and not _rows(form.table[rule.check.table]) <= _rows(table)
                and not (t.at == "elsewhere" and table.rows == (ALL_ROWS,))
            )
    kinds: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for form in c.forms:
        for table in form.tables:
            for name, kind in table.aggregation.items():
                kinds[table.code, name].setdefault(kind, f"version {form.version}")
    for (code, name), of_kind in kinds.items():
        if len(of_kind) > 1:
            said = ", ".join(f"{kind} in {where}" for kind, where in of_kind.items())
            yield f"{code}.{name} is {said}: one indicator adds over time in one way; give the newer one another code"
    # of several versions; within one the form itself says so
    columns = {code: dict[tuple[str, str], None]() for code in owner}
    for form in c.forms:
        for table in form.tables:
            all_rows = {row.code for f in c.forms for t in f.tables if t.code == table.code for row in t.rows}
            columns[table.code] |= dict.fromkeys(form.view_columns(table.code, len(all_rows) == 1))
    for code, named in columns.items():
        for column, first, second in shared(named):
            yield f"{code}: {first} and {second}, of its versions, would both be column {column} of its views: rename one"
    for code, first, second in shared(dict.fromkeys(pair for form in c.forms for pair in form.metric_codes())):
        yield f"{first} and {second} would both be metric {code}: rename one"
    for code in owner.values():
        versions_ = sorted((f for f in c.forms if f.code == code), key=lambda f: f.valid_from)
        yield from (
            f"form {code}: versions {a.version} and {b.version} overlap"
            for a, b in pairwise(versions_)
            if b.valid_from <= a.valid_to
        )
