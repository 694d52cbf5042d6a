"""The warehouse's views: one file each, in views/<schema>/<name>.sql, applied again when what it says has changed.

A file holds the query and nothing else: its folder is the schema, its name the view's. It is a Jinja template that knows the
macros in views/macros/, and what is counted and added up as dbt's models do it. Some templates make several views each:
mart.sql.j2 in `current`, `released` and `candidate` one a mart, `bi/sheet.sql.j2` those of the form tables (`sheets`). In
`in_release` it makes a function a mart, which takes a release: of a release that is given as a value the planner knows how many
rows it has. What is of any release or on the tree of any day is a function for readers too: it cannot be called without saying
which, where of a view a tool asks for all at once, and adds up what is the same. What is counted when it is asked for is a
function of a unit for the same reason.
What readers read has a security barrier: without it a reader's own condition that stops with an error (name::int > 0) runs before
the view's, and the message quotes what is withheld. Views run with their owner's rights, so readers need none on what lies below.
descriptions.yaml says what readers' views and their columns mean; they carry it as comments.
"""

import hashlib
import re
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import psycopg
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg import sql

from tonghop.base.settings import PROJECT
from tonghop.warehouse import locks
from tonghop.warehouse.embedded import ServerError
from tonghop.warehouse.roles import AUDITOR, BUILDER, READER, STAR
from tonghop.warehouse.sheets import SLASH, SheetView, published_levels, sheets

VIEWS = Path(__file__).parent / "views"
QUERIES = Path(__file__).parent / "sql"
DEFINITIONS = PROJECT / "dbt_project" / "macros" / "definitions.sql"  # what is counted and added up, as the models do it
# the schemas that readers read, and as whom; star_asof through its functions in star
READERS = {"bi": READER, "star": STAR, "star_asof": STAR}


# what the views of form tables read
CURRENT = {mart: f"current.{mart}" for mart in ("fct_sheet", "dim_period", "dim_place")}
DAY = {"reported": "p.ends_on", "today": "(select t.valid_from from current.dim_tree as t where t.is_today)"}
# the same of a release, which must be published; and on the tree of a day. What is withheld today is withheld in every release
IN_RELEASE = {mart: f"in_release.{mart}($1)" for mart in ("fct_sheet", "dim_period", "dim_place")} | {
    "day": "p.ends_on",
    "condition": "not exists (select from ctl.withheld_today_unit as x where x.unit_id = s.unit_id)",
}
ON_DAY = CURRENT | {"day": "$1"}
PATIENCE = "60s"  # for readers whose transaction holds a view that has to change


def apply(connection: psycopg.Connection[Any]) -> None:
    """Bring every view to what its file and the newest catalogue say, in one transaction, as the owner; safe to repeat.

    A view is made again where its text changed, where one that it reads was made again, and where a hand has changed or dropped
    it or its grants. Raises ServerError where a view of somebody else's is in the way, or a reader does not let go.
    """
    try:
        with connection.transaction():
            locks.take(connection, "migrate")  # one at a time
            connection.execute("select set_config('lock_timeout', %s, true)", [PATIENCE])
            # the loader in C where there is one: every command passes here
            words = yaml.load((VIEWS / "descriptions.yaml").read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            of_forms = list(sheets(connection, words))
            _apply(connection, _statements(connection, of_forms))
            _describe(connection, words, of_forms)
    except psycopg.errors.LockNotAvailable:
        raise ServerError("a reader's open transaction holds a view that has to change; end it and try again") from None


def _apply(connection: psycopg.Connection[Any], statements: dict[str, str]) -> None:
    unchanged = {
        view: sha256
        for view, sha256, made, now in connection.execute("select view, sha256, made, ctl.made(view) from ctl.view_text")
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
            """
            insert into ctl.view_text values (%(view)s, %(sha256)s, ctl.made(%(view)s))
            on conflict (view) do update set sha256 = excluded.sha256, made = excluded.made""",
            {"view": view, "sha256": sha256},
        )
    gone = {view for (view,) in connection.execute("select view from ctl.view_text")} - set(statements)
    for view in gone:
        if connection.execute("select to_regclass(%s)", [view]).fetchone() != (None,):
            _drop(connection, view, gone)
        connection.execute(sql.SQL("drop function if exists {}").format(sql.Identifier(*view.split("."))))
    connection.execute("delete from ctl.view_text where view = any(%s)", [sorted(gone)])
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


def _describe(connection: psycopg.Connection[Any], words: dict[str, Any], of_forms: list[SheetView]) -> None:
    """Write what descriptions.yaml and the catalogue's labels say as comments of what readers read and call."""
    fields: dict[tuple[str, str | None], str] = {(sheet.name, None): sheet.about for sheet in of_forms}
    fields |= {(sheet.name, column.name): column.about for sheet in of_forms for column in sheet.columns}
    levels = {level for sheet in of_forms for level in sheet.levels}
    comments = []
    for schema, view, column, there in connection.execute(
        (QUERIES / "described.sql").read_bytes(), {"schemas": list(READERS)}
    ).fetchall():
        about, of_form = words["views"].get(view, {}), words["form"] if schema == "bi" else {}
        if (of_level := _OF_LEVEL.fullmatch(column or "")) and of_level[1] in levels and of_form:
            of_form = {column: words["level"][of_level[2]].format(level=of_level[1])}
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
            comments.append(sql.SQL("comment on {} {} is {}").format(sql.SQL(what), sql.Identifier(*name), sql.Literal(text)))
    for schema, function, takes, there in connection.execute((QUERIES / "described_functions.sql").read_bytes()).fetchall():
        asked = _ASKED.fullmatch(function)
        text = (
            words["functions"][asked[2]].format(view=f"{schema}.{asked[1]}")
            if asked and (schema == "bi" or asked[2] == "as_of")
            else words["views"].get(function, {}).get("about")
        )
        if text is None:
            raise ServerError(f"{schema}.{function} has no description: add it to descriptions.yaml")
        if text != there:
            comments.append(
                sql.SQL("comment on function {}({}) is {}").format(
                    sql.Identifier(schema, function), sql.SQL(takes), sql.Literal(text)
                )
            )
    for schema, there in connection.execute(
        "select nspname, obj_description(oid, 'pg_namespace') from pg_namespace where nspname = any(%s)", [list(READERS)]
    ):
        if there != words["schemas"][schema]:
            comments.append(
                sql.SQL("comment on schema {} is {}").format(sql.Identifier(schema), sql.Literal(words["schemas"][schema]))
            )
    if comments:
        connection.execute(sql.SQL(";").join(comments))


_OF_LEVEL = re.compile(r"(.+)_(code|name)")
_ASKED = re.compile(r"(.+?)_(as_of|on)")
_NAME = re.compile(r"\b[a-z_]+\.[a-z_0-9]+\b")


# --- what the files say --------------------------------------------------------------------------------------


def _statements(connection: psycopg.Connection[Any], of_forms: list[SheetView]) -> dict[str, str]:
    """View -> the statements that make it and grant it."""
    jinja = Environment(loader=FileSystemLoader(VIEWS), undefined=StrictUndefined, keep_trailing_newline=False)
    # one text, so that macros of one file may use those of another
    macros = jinja.from_string("".join(path.read_text("utf-8") for path in (*VIEWS.glob("macros/*.sql"), DEFINITIONS))).module
    jinja.globals |= {name: macro for name, macro in vars(macros).items() if not name.startswith("_")}
    jinja.globals["levels"] = published_levels(connection)
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
    statements |= dict(_of_any_release(name.split(".")[1]) for name in queries if name.startswith("star_asof."))
    statements["ctl.sheet_on"] = (
        "create or replace function ctl.sheet_on(day date, of_table text) returns table ("
        "tree text, table_code text, period_id integer, unit_id integer, is_undivided boolean, "
        "units_due numeric, units_reported numeric, units_unowed numeric, figures jsonb) "
        f"stable language sql as $query$\n{jinja.get_template('ctl/sheet_on.sql.j2').render()}\n$query$;\n"
        "revoke execute on function ctl.sheet_on(date, text) from public;"
    )
    template = jinja.get_template("bi/sheet.sql.j2")
    for sheet in of_forms:
        name = f"bi.{sheet.name}"
        if name in statements:
            raise ServerError(f"the table {sheet.table_code} would replace the view {name}: give the table another code")
        query = template.render(
            view=sheet, levels=sheet.levels, figures=sheet.columns, relation=CURRENT | {"day": DAY[sheet.tree]}
        )
        statements[name] = _statement(name, query, barrier=True)
        if sheet.is_plain:
            query = template.render(view=sheet, levels=sheet.levels, figures=sheet.columns, relation=IN_RELEASE)
            statements[f"{name}_as_of"] = _asked(f"{name}_as_of", "release integer", name, "ctl.published", query)
            on_day = ON_DAY | {"fct_sheet": f"ctl.sheet_on($1, '{sheet.table_code}')"}
            query = template.render(view=sheet.on_today, levels=sheet.levels, figures=sheet.columns, relation=on_day)
            statements[f"{name}_on"] = _asked(f"{name}_on", "day date", f"{name}_today", "ctl.day_of_a_tree", query)
    return statements


def _statement(name: str, query: str, barrier: bool = False) -> str:
    is_read = name.split(".")[0] in READERS
    options = " with (security_barrier)" if is_read and barrier else ""
    roles = ", ".join((READERS[name.split(".")[0]] if is_read else BUILDER, AUDITOR))
    return f"create or replace view {name}{options} as\n{query};\ngrant select on {name} to {roles};"


def _asked(name: str, given: str, like: str, required: str, query: str) -> str:
    """A function by which readers ask for the rows of a view of theirs in another release, or on the tree of another day.

    `required` refuses what there is none of. It is a statement of its own: of a condition among others the planner leaves out
    what it need not know.
    """
    kind = given.split()[1]
    return (
        f"create or replace function {name}({given}) returns setof {like} stable security definer set search_path = '' "
        f"language sql as $query$\nselect {required}($1);\n{query}\n$query$;\n"
        f"revoke execute on function {name}({kind}) from public;\n"
        f"grant execute on function {name}({kind}) to {READER}, {AUDITOR};"
    )


def _of_any_release(view: str) -> tuple[str, str]:
    """The function by which readers ask a view of star_asof: it takes the release, the day of the tree, or a unit.

    Its body is parsed now, so that PostgreSQL puts it in its place and readers need no right to name what is in it.
    """
    if view.endswith("_on"):
        name, given, types = f"star.{view}", "day date, release integer default bi.current_release()", "date, integer"
        condition = (
            "ctl.day_of_a_tree($1) is not null and x.release_id = ctl.published($2) and x.tree_id = "
            "(select t.tree_id from star_asof.dim_tree as t where t.release_id = $2 and $1 between t.valid_from and t.valid_to)"
        )
    elif view.endswith("_of"):
        name, given, types = f"star.{view}", "unit integer, release integer default bi.current_release()", "integer, integer"
        # coalesce: no row has the unit null, so that the planner would leave out what refuses it
        condition = "ctl.shown_unit($1, $2) is not null and x.unit_id = coalesce($1, -1) and x.release_id = ctl.published($2)"
    else:
        name, given, types, condition = f"star.{view}_as_of", "release integer", "integer", "x.release_id = ctl.published($1)"
    return name, (
        f"create or replace function {name}({given}) returns setof star_asof.{view} stable language sql\n"
        f"begin atomic select x.* from star_asof.{view} as x where {condition}; end;\n"
        f"revoke execute on function {name}({types}) from public;\n"
        f"grant execute on function {name}({types}) to {STAR}, {AUDITOR};"
    )


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
