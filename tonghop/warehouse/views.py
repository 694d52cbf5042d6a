"""The warehouse's views: one file each, in views/<schema>/<name>.sql, applied again when what it says has changed.

A file holds the query and nothing else: its folder is the schema, its name the view's. It is a Jinja template that knows the
macros in views/macros/, and what is counted and added up as dbt's models do it. Some templates make several views each:
mart.sql.j2 in `current`, `released` and `candidate` one a mart, `bi/form.sql.j2` one a form table of the catalogue. In
`in_release` it makes a function a mart, which takes a release: of a release that is given as a value the planner knows how many
rows it has. What readers read has a security barrier: without it a reader's own condition that stops with an error
(name::int > 0) runs before the view's, and the message quotes what is withheld. Views run with their owner's rights, so readers
need none on what lies below.
descriptions.yaml says what readers' views and their columns mean; they carry it as comments.
"""

import hashlib
import re
from graphlib import TopologicalSorter
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg import sql

from tonghop.base.settings import PROJECT
from tonghop.warehouse.embedded import ServerError
from tonghop.warehouse.roles import AUDITOR, BUILDER, READER

VIEWS = Path(__file__).parent / "views"
QUERIES = Path(__file__).parent / "sql"
DEFINITIONS = PROJECT / "dbt_project" / "macros" / "definitions.sql"  # what is counted and added up, as the models do it
READERS = ("bi", "bi_asof")  # the schemas that readers read
PATIENCE = "60s"  # for readers whose transaction holds a view that has to change


def names(schema: str) -> set[str]:
    """The names that fixed views of a schema have; no view of a form may take one."""
    return {path.stem for path in (VIEWS / schema).glob("*.sql")}


def apply(connection: psycopg.Connection[Any]) -> None:
    """Bring every view to what its file and the newest catalogue say, in one transaction, as the owner; safe to repeat.

    A view is made again where its text changed, where one that it reads was made again, and where a hand has changed or dropped
    it or its grants. Raises ServerError where a view of somebody else's is in the way, or a reader does not let go.
    """
    try:
        with connection.transaction():
            # as in migrate: one at a time
            connection.execute("select pg_advisory_xact_lock(hashtext('tonghop.migrate'))")
            connection.execute("select set_config('lock_timeout', %s, true)", [PATIENCE])
            connection.execute(
                "create table if not exists _view_text (view text primary key, sha256 text not null, made text not null)"
            )
            _apply(connection, _statements(connection))
            _describe(connection)
    except psycopg.errors.LockNotAvailable:
        raise ServerError("a reader's open transaction holds a view that has to change; end it and try again") from None


def _apply(connection: psycopg.Connection[Any], statements: dict[str, str]) -> None:
    unchanged = {
        view: sha256
        for view, sha256, made, now in connection.execute(f"select view, sha256, made, ({_MADE}) from _view_text")
        if made == now
    }
    below = {
        view: {name for name in _NAME.findall(text) if name in statements and name != view} for view, text in statements.items()
    }
    changed: set[str] = set()
    for view in TopologicalSorter(below).static_order():
        sha256 = hashlib.sha256(statements[view].encode()).hexdigest()
        if unchanged.get(view) == sha256 and not changed & below[view]:
            continue
        changed.add(view)
        try:
            with connection.transaction():
                connection.execute(statements[view].encode())
        except (psycopg.errors.InvalidTableDefinition, psycopg.errors.WrongObjectType):
            # columns may only be appended to a view that stays; all that read it follow in their turn
            _drop(connection, view, set(statements))
            connection.execute(statements[view].encode())
        connection.execute(
            f"""
            insert into _view_text select view, %(sha256)s, ({_MADE}) from (values (%(view)s)) as _view_text (view)
            on conflict (view) do update set sha256 = excluded.sha256, made = excluded.made""".encode(),
            {"view": view, "sha256": sha256},
        )
    gone = {view for (view,) in connection.execute("select view from _view_text")} - set(statements)
    for view in gone:
        if connection.execute("select to_regclass(%s)", [view]).fetchone() != (None,):
            _drop(connection, view, gone)
        connection.execute(sql.SQL("drop function if exists {}").format(sql.Identifier(*view.split("."))))
    connection.execute("delete from _view_text where view = any(%s)", [sorted(gone)])
    if changed or gone:
        # what the gate judged is what readers would see through the views as they were
        connection.execute("select ctl.end_verdict('a view was made again')")


def _drop(connection: psycopg.Connection[Any], view: str, ours: set[str]) -> None:
    """Drop a view with what reads it: our own, and what dbt builds, which it makes again whenever it builds."""
    readers = dict(connection.execute((QUERIES / "view_readers.sql").read_bytes(), {"view": view}).fetchall())
    if others := [name for name, schema in readers.items() if name not in ours and schema not in ("staging", "intermediate")]:
        raise ServerError(f"the view {view} has to change, and {', '.join(sorted(others))} depends on it: drop that first")
    kind = connection.execute("select relkind from pg_class where oid = %s::regclass", [view]).fetchone()
    if kind != ("v",):
        raise ServerError(f"{view} is to be a view and is something else: drop or rename it first")
    connection.execute(sql.SQL("drop view {} cascade").format(sql.Identifier(*view.split("."))))


def _describe(connection: psycopg.Connection[Any]) -> None:
    """Write what descriptions.yaml and the catalogue's labels say as comments of the views and columns that readers read."""
    # the loader in C where there is one: every command passes here
    words = yaml.load((VIEWS / "descriptions.yaml").read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    fields = {(view, field): text for view, field, text in connection.execute((QUERIES / "labels.sql").read_bytes())}
    for schema, view, column, there in connection.execute(
        (QUERIES / "described.sql").read_bytes(), {"schemas": list(READERS)}
    ).fetchall():
        about, of_form = words["views"].get(view, {}), words["form"] if (view, None) in fields else {}
        if (view, column) in fields:
            text = fields[view, column]
        elif column is None and "about" in about:
            parts = zip(about["about"].split(SLASH), words["schemas"][schema].split(SLASH), strict=True)
            text = about["about"] if "release_id" in about else SLASH.join(" ".join(part) for part in parts)
        else:
            text = about.get(column) or of_form.get(column) or words["columns"].get(column)
        if text is None:
            raise ServerError(f"{schema}.{view}{f'.{column}' if column else ''} has no description: add it to descriptions.yaml")
        if text != there:
            what, name = ("view", (schema, view)) if column is None else ("column", (schema, view, column))
            connection.execute(sql.SQL("comment on {} {} is {}").format(sql.SQL(what), sql.Identifier(*name), sql.Literal(text)))


SLASH = " / "  # between the two languages of a description
# what a view or function is in the database: its query, its options and who may do what
_MADE = """
    select md5(concat_ws(' ', c.relkind, pg_get_viewdef(c.oid), c.reloptions, c.relacl))
    from pg_class as c where c.oid = to_regclass(_view_text.view)
    union all
    select md5(concat_ws(' ', pg_get_functiondef(p.oid), p.proacl)) from pg_proc as p where p.oid = to_regproc(_view_text.view)"""
_NAME = re.compile(r"\b[a-z_]+\.[a-z_0-9]+\b")


# --- what the files say --------------------------------------------------------------------------------------


def _statements(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """View -> the statements that make it and grant it."""
    jinja = Environment(loader=FileSystemLoader(VIEWS), undefined=StrictUndefined, keep_trailing_newline=False)
    # one text, so that macros of one file may use those of another
    macros = jinja.from_string("".join(path.read_text("utf-8") for path in (*VIEWS.glob("macros/*.sql"), DEFINITIONS))).module
    jinja.globals |= {name: macro for name, macro in vars(macros).items() if not name.startswith("_")}
    queries = {
        f"{path.parent.name}.{path.stem}": jinja.get_template(str(path.relative_to(VIEWS))).render()
        for path in sorted(VIEWS.glob("*/*.sql"))
        if path.parent.name != "macros"
    }
    statements = {name: _statement(name, query, barrier=True) for name, query in queries.items()}
    marts = connection.execute(_MARTS).fetchall()
    for schema in ("current", "released", "candidate"):
        template = jinja.get_template(f"{schema}/mart.sql.j2")
        for mart, columns in marts:
            statements[f"{schema}.{mart}"] = _statement(f"{schema}.{mart}", template.render(mart=mart, columns=columns))
    template = jinja.get_template("in_release/mart.sql.j2")
    statements |= {f"in_release.{mart}": _function(mart, template.render(mart=mart)) for mart, _ in marts}
    template = jinja.get_template("bi/form.sql.j2")
    for table, rows in groupby(
        connection.execute((QUERIES / "form_columns.sql").read_bytes()).fetchall(), key=lambda row: str(row[0])
    ):
        name = f"bi.{table.lower()}"
        if name in statements:
            raise ServerError(f"the table {table} would replace the view {name}: give the table another code")
        statements[name] = _statement(name, template.render(indicators=[row[1:] for row in rows]))
    return statements


def _statement(name: str, query: str, barrier: bool = False) -> str:
    is_read = name.split(".")[0] in READERS
    options = " with (security_barrier)" if is_read and barrier else ""
    roles = ", ".join((READER, AUDITOR) if is_read else (BUILDER, AUDITOR))
    return f"create or replace view {name}{options} as\n{query};\ngrant select on {name} to {roles};"


def _function(mart: str, query: str) -> str:
    # a text, not a body that is parsed once: columns that a mart gets later are in it too
    name = f"in_release.{mart}(integer)"
    return (
        f"create or replace function {name} returns setof marts.{mart} stable language sql as $query$\n{query}\n$query$;\n"
        f"revoke execute on function {name} from public;\ngrant execute on function {name} to {AUDITOR};"
    )


_MARTS = """
    select c.relname, array_agg(a.attname order by a.attnum) from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and a.attname not in ('release_from', 'release_to')
    group by c.relname"""
