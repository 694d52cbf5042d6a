"""Pages for people: where to look, what each release changed, how far it covers, what the gate and the checks found.

Plain files that need no network. They show what the views in schema bi would show, at the release in question: published
levels and what is shown at all of them. Of a release that is not published they show the gate's verdict, and no figure.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import namedtuple_row

from tonghop.base.files import write_whole
from tonghop.base.fingerprint import fingerprint
from tonghop.base.settings import Settings
from tonghop.catalogue.load import digest, load_catalogue
from tonghop.queries import explain
from tonghop.queries import figure as fig
from tonghop.queries.acts import Kind
from tonghop.release import publish, suites
from tonghop.warehouse.connect import bi_url, connect
from tonghop.warehouse.roles import AUDITOR

EXPLAINED = 20  # changed figures, the largest first, that get their reasons; `tonghop explain` gives those of any other
SHOWN = 300  # rows of a long list; the rest is counted, and is found in the marts
TEMPLATES = Path(__file__).parent / "html"
QUERIES = Path(__file__).parent / "sql" / "pages"  # each is given `release`, and `before`: the published one before it, or 0


def write(settings: Settings, release_id: int) -> Path:
    """Write the index, the forms and the page of one release; returns the index. Safe to repeat.

    The page tells what changed since the release before; once that is no longer kept it stays as it was written.

    Raises KeyError for an unknown release.
    """
    releases = {release.release_id: release for release in publish.releases(settings)}
    release = releases[release_id]
    settings.pages.mkdir(parents=True, exist_ok=True)
    _write_forms(settings)
    earlier = [r for r in releases.values() if r.status in ("published", "removed") and r.release_id < release_id]
    last = max(earlier, default=None, key=lambda r: r.release_id)
    if last is None or last.status == "published":
        with connect(settings, role=AUDITOR) as connection:
            shown = _shown(connection, release, last.release_id if last else 0)
        docs = _docs(settings, [release])
        _write(settings.pages / f"release-{release_id}.html", "release.html", about=_about(), docs=docs, **shown)
    return write_index(settings)


def write_index(settings: Settings) -> Path:
    """Write the index: every release, which one is current, and where BI tools connect."""
    releases = publish.releases(settings)
    current = next((r for r in releases if r.is_current), None)
    settings.pages.mkdir(parents=True, exist_ok=True)
    with connect(settings, role=AUDITOR) as connection:
        gate = _gate(connection, {"release": current.release_id}) if current else []
    return _write(
        settings.pages / "index.html",
        "index.html",
        releases=releases,
        current=current,
        about=_about(),
        docs=_docs(settings, releases),
        gate=gate,
        pages={r.release_id for r in releases if (settings.pages / f"release-{r.release_id}.html").exists()},
        bi=conninfo_to_dict(bi_url(settings)),
    )


def _about() -> dict[str, str]:
    return {suite.name: suite.about for suite in suites.read().suites}


def _docs(settings: Settings, releases: Iterable[publish.Release]) -> set[int]:
    """Of which releases there are Data Docs."""
    return {r.release_id for r in releases if (settings.pages / "gate" / str(r.release_id) / "index.html").exists()}


def _shown(connection: psycopg.Connection[Any], release: publish.Release, before: int) -> dict[str, Any]:
    """What the page of a release shows; which one is current the index says, since the page stays when the next is published."""
    given = {"release": release.release_id, "before": before, "shown": SHOWN}
    shown: dict[str, Any] = {"release": release._replace(is_current=False), "before": before, "gate": _gate(connection, given)}
    if release.status == "published":
        shown |= {
            name: _rows(connection, name, given) for name in ("acts", "changes", "coverage", "findings", "waivers", "withheld")
        }
        shown["reasons"] = _reasons(connection, before, release.release_id, shown["changes"]) if before else {}
        shown["measures"] = {row: _two_measures(row) for row in shown["changes"] if row.basis == "summed"}
    return shown


def _write_forms(settings: Settings) -> None:
    # to read a country's catalogue takes a second and more, and it seldom changes
    made_from = fingerprint({path.name: path.read_bytes() for path in TEMPLATES.iterdir()}) + digest(settings.catalogue)
    path = settings.pages / "forms.html"
    if path.exists() and made_from in path.read_text("utf-8"):
        return
    files = load_catalogue(settings.catalogue)
    _write(
        path,
        "forms.html",
        made_from=made_from,
        forms=files.forms,
        levels=files.level,
        schemes=files.calendar.schemes,
        deadline=files.calendar.deadline,
    )


def _reasons(connection: psycopg.Connection[Any], before: int, now: int, changes: list[Any]) -> dict[Any, list[Any]]:
    """Why the largest changes came about: kinds with their amounts, by the row of the change.

    An amount is given only where it shows nothing of a single unit below the published levels: where all units of the reason are
    published, or the change has one kind of reason, so that the amount is the change itself. Where the reasons do not add up to
    the change there is None in their place.
    """
    old, new = fig.release(connection, before), fig.release(connection, now)
    published = {unit for (unit,) in connection.execute("select unit_id from in_release.dim_org_unit(%s) where published", [now])}
    found: dict[Any, list[Any]] = {}
    for row in sorted(changes, key=lambda r: -abs((r.new_value or 0) - (r.old_value or 0)))[:EXPLAINED]:
        figure = fig.Figure(
            unit_id=row.unit_id,
            unit=row.unit_code,
            name=row.unit,
            code=row.code,
            label_vi=row.label_vi,
            label_en=row.label_en,
            table_code=row.table_code,
            indicator_id=row.indicator_id,
            period_id=row.period_id,
            period=row.period,
            ends_on=row.ends_on,
            row_id=row.row_id,
            row=row.row_code or "all",
            basis=row.basis,
            day=row.ends_on,
        )
        try:
            reasons = explain.between(connection, old, new, figure).reasons
        except fig.DoesNotAddUp:
            found[row] = [None]
            continue
        amounts: dict[Kind, Decimal] = {}
        for reason in reasons:
            amounts[reason.kind] = amounts.get(reason.kind, Decimal(0)) + reason.amount
        open_ = len(amounts) == 1 or all(reason.unit_ids <= published for reason in reasons)
        found[row] = [(*explain.WORDS[kind], amount if open_ else None) for kind, amount in amounts.items()]
    return found


def _two_measures(row: Any) -> tuple[str, str] | None:
    old = fig.Measures(row.old_summed, row.old_claimed, row.old_reported, row.old_due, row.old_unowed)
    new = fig.Measures(row.new_summed, row.new_claimed, row.new_reported, row.new_due, row.new_unowed)
    return explain.two_measures(old, new)


def _gate(connection: psycopg.Connection[Any], given: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    return [(suite, list(results)) for suite, results in groupby(_rows(connection, "gate", given), key=lambda row: row.suite)]


def _rows(connection: psycopg.Connection[Any], name: str, given: dict[str, Any]) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute((QUERIES / f"{name}.sql").read_bytes(), given).fetchall()


@cache  # with what it has compiled
def _templates() -> Environment:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.filters["number"] = number
    return env


def _write(path: Path, template: str, **shown: Any) -> Path:
    write_whole(path, _templates().get_template(template).render(**shown).encode(), 0o644)
    return path


def number(value: Decimal | int | None) -> str:
    """A figure as it is written in Viet Nam: 1.234,5; a dash for none."""
    if value is None:
        return "–"
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.translate(str.maketrans(",.", ".,"))
