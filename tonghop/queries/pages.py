"""Pages for people: where to look, what each release changed, how far it covers, what the gate and the checks found.

Plain files that need no network. They show what the views in schema bi would show, at the release in question: published
levels and unrestricted indicators only. Of a release that is not published they show the gate's verdict, and no figure.
"""

from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import namedtuple_row

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.queries import explain
from tonghop.queries import figure as fig
from tonghop.queries.acts import Kind
from tonghop.queries.figure import IN_RELEASE
from tonghop.release import publish, suites
from tonghop.warehouse.connect import bi_url, connect
from tonghop.warehouse.roles import AUDITOR

EXPLAINED = 20  # changed figures, the largest first, that get their reasons; `tonghop explain` gives those of any other
SHOWN = 300  # rows of a long list; the rest is counted, and is found in the marts
TEMPLATES = Path(__file__).parent / "html"
# every query is given `release`, and `before` (the published release that it followed; 0 for none)
ACTS = (
    """
    select l.act, r.form_code, u.name as sender, u.code as sender_code, count(*) as reports,
        string_agg(distinct p.code, ', ' order by p.code) as periods
    from intake.ledger as l
    join ctl.release as release on release.release_id = %(release)s and l.seq <= release.cutoff_seq
    join intake.receipt as r on r.receipt_id = l.receipt_id
    left join catalogue.period as p on p.period_id = r.period_id
    -- a sender below the published levels is counted and not named
    left join marts.dim_org_unit as u on u.unit_id = r.unit_id and u.published
        and p.ends_on between u.valid_from and u.valid_to and """
    + IN_RELEASE.format("u")
    + """
    -- the decision after a replay is an act of its own
    where l.act not in ('received', 'replayed', 'expired')
        and l.seq > coalesce((select cutoff_seq from ctl.release where release_id = %(before)s), 0)
    group by l.act, r.form_code, u.unit_id, u.name, u.code, u.sort_key
    order by l.act = 'accepted', l.act, r.form_code, u.sort_key"""
)
CHANGES = (
    """
    with old as (
        select * from marts.fct_rollup
        where release_from <= %(before)s and release_to > %(before)s and release_to <= %(release)s
    ),
    new as (
        select * from marts.fct_rollup
        where release_from > %(before)s and release_from <= %(release)s and release_to > %(release)s
    )
    select u.name as unit, u.code as unit_code, p.code as period, i.table_code, i.label_vi, i.label_en,
        nullif(w.row_code, 'all') as row_code, w.label_vi as row_label,
        u.unit_id, p.period_id, p.ends_on, i.indicator_id, i.code, w.row_id,
        coalesce(old.value, old.claimed) as old_value, coalesce(new.value, new.claimed) as new_value,
        new.value is null and new.claimed is not null as is_claimed, count(*) over () as in_all
    from old
    full join new using (unit_id, period_id, row_id, indicator_id)
    join marts.dim_period as p on p.period_id = coalesce(new.period_id, old.period_id) and """
    + IN_RELEASE.format("p")
    + """
    join marts.dim_org_unit as u on u.unit_id = coalesce(new.unit_id, old.unit_id) and u.published
        and p.ends_on between u.valid_from and u.valid_to and """
    + IN_RELEASE.format("u")
    + """
    join marts.dim_indicator as i on i.indicator_id = coalesce(new.indicator_id, old.indicator_id) and not i.restricted
        and """
    + IN_RELEASE.format("i")
    + """
    join marts.dim_form_row as w on w.row_id = coalesce(new.row_id, old.row_id) and """
    + IN_RELEASE.format("w")
    + """
    where coalesce(old.value, old.claimed) is distinct from coalesce(new.value, new.claimed)
    order by u.level_rank desc, u.sort_key, p.period_id desc, i.table_code, w.row_id, i.indicator_id
    limit %(shown)s"""
)
COVERAGE = (
    """
    select f.table_code, max(t.table_name_vi) as label_vi, max(t.table_name_en) as label_en, p.code as period,
        count(distinct f.unit_id) as due, count(distinct f.unit_id) filter (where f.is_received) as received,
        count(distinct f.unit_id) filter (where f.is_on_time) as on_time
    from marts.fct_reporting as f
    join marts.dim_period as p on p.period_id = f.period_id and """
    + IN_RELEASE.format("p")
    + """
    left join marts.dim_form as t on t.table_code = f.table_code and """
    + IN_RELEASE.format("t")
    + """
    where """
    + IN_RELEASE.format("f")
    + """
    group by f.table_code, p.code, p.period_id
    -- periods of which nothing has come are not of this release
    having bool_or(f.is_received)
    order by p.period_id desc, f.table_code
    limit %(shown)s"""
)
FINDINGS = (
    """
    select f.kind, f.rule, fixed.message_vi, fixed.message_en, count(*) as findings, count(distinct f.unit_id) as units
    from marts.fct_finding as f
    -- the catalogue's text only: a message about a single cell quotes it
    left join lateral (
        select c.message_vi, c.message_en from catalogue.check_rule as c
        where c.rule = f.rule order by c.catalogue_id desc limit 1
    ) as fixed on true
    where """
    + IN_RELEASE.format("f")
    + """
    group by f.kind, f.rule, fixed.message_vi, fixed.message_en
    order by f.kind, findings desc, f.rule
    limit %(shown)s"""
)
WAIVERS = (
    """
    select w.rule, p.code as period, u.name as unit, u.code as unit_code, o.name as office, w.valid_to,
        -- a reason that names a unit below the published levels is not for the page
        case when u.unit_id is not null then w.reason end as reason, ended.seq is not null as is_ended,
        (select count(distinct f.receipt_id) from intake.finding as f
         join marts.dim_submission as s on s.submission_id = f.receipt_id and """
    + IN_RELEASE.format("s")
    + """
         where f.waiver_id = w.waiver_id) as reports
    from intake.waiver as w
    join ctl.release as release on release.release_id = %(release)s
    join intake.ledger as given on given.waiver_id = w.waiver_id and given.act = 'waived' and given.seq <= release.cutoff_seq
    left join intake.ledger as ended
        on ended.waiver_id = w.waiver_id and ended.act = 'waiver_ended' and ended.seq <= release.cutoff_seq
    join catalogue.period as p on p.period_id = w.period_id
    left join marts.dim_org_unit as u on u.unit_id = w.unit_id and u.published
        and p.ends_on between u.valid_from and u.valid_to and """
    + IN_RELEASE.format("u")
    + """
    left join marts.dim_org_unit as o on o.unit_id = w.office_id and o.published
        and p.ends_on between o.valid_from and o.valid_to and """
    + IN_RELEASE.format("o")
    + """
    order by w.waiver_id desc
    limit %(shown)s"""
)
WITHHELD = (
    """
    select i.table_code, string_agg(i.label_vi, '; ' order by i.indicator_id) as labels_vi,
        string_agg(i.label_en, '; ' order by i.indicator_id) as labels_en
    from marts.dim_indicator as i where i.restricted and """
    + IN_RELEASE.format("i")
    + """
    group by i.table_code order by i.table_code"""
)
GATE = """
    select suite, expectation, severity, success, rows_checked, rows_failed, message from ctl.gate_result
    where release_id = %(release)s and run_at = (select max(run_at) from ctl.gate_result where release_id = %(release)s)
    order by severity, suite, expectation"""


def write(settings: Settings, release_id: int) -> Path:
    """Write the index, the forms and the page of one release; returns the index. Safe to repeat.

    Raises KeyError for an unknown release.
    """
    releases = {release.release_id: release for release in publish.releases(settings)}
    release = releases[release_id]
    settings.pages.mkdir(parents=True, exist_ok=True)
    about = {suite.name: suite.about for suite in suites.read().suites}
    files = load_catalogue(settings.catalogue)
    _write(
        settings.pages / "forms.html",
        "forms.html",
        forms=files.forms,
        levels=files.level,
        schemes=files.calendar.schemes,
        deadline=files.calendar.deadline,
    )
    with connect(settings, role=AUDITOR) as connection:
        before = max((r.release_id for r in releases.values() if r.published_at and r.release_id < release_id), default=0)
        given = {"release": release_id, "before": before, "shown": SHOWN}
        shown: dict[str, Any] = {"gate": _gate(connection, given)}
        if release.published_at:
            shown |= {
                name: _rows(connection, query, given)
                for name, query in (
                    ("acts", ACTS),
                    ("changes", CHANGES),
                    ("coverage", COVERAGE),
                    ("findings", FINDINGS),
                    ("waivers", WAIVERS),
                    ("withheld", WITHHELD),
                )
            }
            shown["reasons"] = _reasons(connection, before, release_id, shown["changes"]) if before else {}
        docs = {number for number in releases if (settings.pages / "gate" / str(number) / "index.html").exists()}
        shown |= {"about": about, "docs": docs}
        _write(settings.pages / f"release-{release_id}.html", "release.html", release=release, before=before, **shown)
        current = next((r for r in releases.values() if r.is_current), None)
        return _write(
            settings.pages / "index.html",
            "index.html",
            releases=list(releases.values()),
            current=current,
            about=about,
            docs=docs,
            gate=_gate(connection, {"release": current.release_id}) if current else [],
            pages={number for number in releases if (settings.pages / f"release-{number}.html").exists()},
            bi=conninfo_to_dict(bi_url(settings)),
        )


def _reasons(connection: psycopg.Connection[Any], before: int, now: int, changes: list[Any]) -> dict[Any, list[Any]]:
    """Why the largest changes came about: kinds with their amounts, by the row of the change.

    An amount is given only where it shows nothing of a single unit below the published levels: where all units of the reason are
    published, or the change has one kind of reason, so that the amount is the change itself. Where the reasons do not add up to
    the change there is None in their place.
    """
    old, new = fig.release(connection, before), fig.release(connection, now)
    published = {
        unit
        for (unit,) in connection.execute(
            f"select u.unit_id from marts.dim_org_unit u where u.published and {IN_RELEASE.format('u')}", {"release": now}
        )
    }
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
            basis="claimed" if row.is_claimed else "summed",
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


def _gate(connection: psycopg.Connection[Any], given: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    return [(suite, list(results)) for suite, results in groupby(_rows(connection, GATE, given), key=lambda row: row.suite)]


def _rows(connection: psycopg.Connection[Any], query: str, given: dict[str, Any]) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query.encode(), given).fetchall()


def _write(path: Path, template: str, **shown: Any) -> Path:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.filters["number"] = number
    # a reader who opens it meanwhile finds the old page or the new one
    part = path.with_suffix(".part")
    part.write_text(env.get_template(template).render(**shown), "utf-8")
    return part.replace(path)


def number(value: Decimal | int | None) -> str:
    """A figure as it is written in Viet Nam: 1.234,5; a dash for none."""
    if value is None:
        return "–"
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.translate(str.maketrans(",.", ".,"))
