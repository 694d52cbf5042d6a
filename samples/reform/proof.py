"""The reform of 1 July 2025 proved on figures: communes report before and after it, and every total is asked on every tree.

    python -m samples.reform.proof        writes docs/reform-2025.md, and -divided.csv and -totals.csv beside it

Figures are made up by rule, so that they are the same at every run; units and who followed whom are real. Every commune
files F1, and every twentieth also the forms that no commune of the samples owes here, so that every additive indicator is there.
"""

import csv
import io
import textwrap
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from samples import filed, reform
from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.forms import Form, Table
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.model import Catalogue
from tonghop.release import candidate, dbt
from tonghop.warehouse import embedded
from tonghop.warehouse.connect import connect
from tonghop.warehouse.migrate import ready

PAGE, DIVIDED, TOTALS = (
    PROJECT / "docs" / name for name in ("reform-2025.md", "reform-2025-divided.csv", "reform-2025-totals.csv")
)
# F2 is filed by cells, of which the data hold none
FORMS = ("F1", "F3", "F4", "F5", "F6", "F7", "F8")
BEFORE, AFTER = ("2025-H1", "2025-Q2"), "2025-Y"  # the last period before the reform that a table takes, and the year
MEMBERS = "F1.dv_cuoi_ky"
NAM_DINH = "356"
# the units of the source documents: the code list in which they stand first, and their code in it
LISTS = (date(2021, 2, 3), date(2025, 1, 4))
FOLLOWED = (
    *(
        (LISTS[0], code)
        for code in ("08719", "08737", "13645", "13669", "13639", "13666", "13651", "13693", "13696", "13636", "13648")
    ),
    (LISTS[1], "13696"),
)
Row = tuple[Any, ...]


def reports(loaded: Catalogue, form: Form) -> Iterator[filed.Report]:
    """Reports of a form: of the communes of the old tree for the time before the reform, of those of the new one for the year."""
    for periods in (BEFORE, (AFTER,)):
        tables: dict[str, list[Table]] = {}
        for table in form.tables:
            code = next(p for p in periods if loaded.period[form.scheme, p].type in table.period_types)
            tables.setdefault(code, []).append(table)
        for code, taken in tables.items():
            places = [
                (table.code, row.code, name)
                for table in taken
                for row in table.rows
                for column in table.fields
                if column.type in ("count", "amount")
                for name in column.indicators
            ]
            end = loaded.period[form.scheme, code].ends_on
            communes = [
                unit
                for unit in loaded.history.versions
                if (version := loaded.version(unit, end)) and version.level == "grassroots"
            ]
            # they stand in the order of their provinces, so that each has some
            for unit in communes if form.code == "F1" else communes[::20]:
                start = _number(f"{unit} {code}", 0)
                yield unit, code, {place: _number("".join(place), start) % 100 for place in places}


def _number(text: str, start: int) -> int:
    return zlib.crc32(text.encode(), start)


def load(settings: Settings) -> int:
    """File all reports and build the release that holds them; its number."""
    loaded = load_catalogue(settings.catalogue)
    for form in (f for f in loaded.forms if f.valid_to.year > 2025):
        filed.file(settings, reports(loaded, form), form.code, form.version, loaded)
    number = candidate.open_candidate(settings)
    assert number
    dbt.build(settings)
    return number


def publish(settings: Settings, number: int) -> None:
    """Without the gate: figures made up by rule keep no identity of their forms."""
    with connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = %s", [number])
        connection.execute("update ctl.current_release set release_id = %s", [number])
        connection.execute("analyze")


@dataclass
class Proof:
    """What was found. Rows are those of the queries below; side is before or after the reform."""

    counts: dict[str, int] = field(default_factory=dict)
    # side, tree, indicator, sum
    national: list[Row] = field(default_factory=list)
    # side, new province, indicator, sum on the old tree at its provinces, and at the nation, sum on the new one
    provincial: list[Row] = field(default_factory=list)
    # comparison, figures of the nation and of provinces, unequal ones
    same: list[Row] = field(default_factory=list)
    # side, level, whole, indicator, units whose figures stand there on the other side's tree, sum
    levels: list[Row] = field(default_factory=list)
    # side, units due, received, restated, not restatable in the national total of members on today's tree
    coverage: list[Row] = field(default_factory=list)
    # code, name, district, province, what it was divided among, where its figures stand, members
    divided: list[Row] = field(default_factory=list)
    # code in the two older lists, name, code and name of what it stands on now, who bears the older codes now
    followed: list[Row] = field(default_factory=list)
    # a line of what Nam Dinh city's units became: reason, where it stands, whole, units, members, from elsewhere
    nam_dinh: list[Row] = field(default_factory=list)
    nam_dinh_back: list[Row] = field(default_factory=list)
    # code, name, province, where its figures stand on the old tree
    zones: list[Row] = field(default_factory=list)


def prove(settings: Settings) -> Proof:
    """Ask the release everything."""
    lists = load_catalogue(PROJECT / "catalogue")
    with connect(settings) as connection:

        def ask(query: str, **values: str) -> list[Row]:
            return connection.execute(query.encode(), {"members": MEMBERS, **values}).fetchall()

        for name, query in _TABLES.items():
            connection.execute(f"create temp table {name} as {query}".encode())
            connection.execute(f"analyze {name}".encode())
        proof = Proof(
            dict(ask(_sql("counts"))),
            ask(_NATIONAL),
            ask(_sql("provincial")),
            ask(_SAME),
            ask(_LEVELS),
            ask(_COVERAGE),
            ask(_sql("divided")),
            nam_dinh=ask(_sql("city"), city=NAM_DINH),
            nam_dinh_back=ask(_sql("city_back"), city=NAM_DINH),
            zones=ask(_ZONES),
        )
        bearers = dict(ask("select code, name from unit where day = 'new' and level = 'grassroots'"))
        for day, code in FOLLOWED:
            unit = lists.unit_by_code(code, day)
            assert unit
            codes = [version.code if (version := lists.version(unit.unit, on)) else "" for on in LISTS]
            became = ask(_FOLLOWED, code=codes[1]) if codes[1] else [("", "")]
            bear = "; ".join(f"{code} {bearers.get(code, 'nobody')}" for code in dict.fromkeys(codes) if code)
            proof.followed.append((*codes, unit.name.removeprefix("Đảng bộ "), *became[0], bear))
    return proof


def _sql(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text("utf-8")


# as tables of the session, with statistics: a plan without them takes minutes
_TABLES = {
    "unit": """
        select u.*, case when u.valid_from <= '2025-06-30' then 'old' else 'new' end as day
        from marts.dim_org_unit u
        where '2025-06-30' between u.valid_from and u.valid_to or '2025-07-01' between u.valid_from and u.valid_to""",
    "stands": """
        select * from marts.bridge_restated
        where '2025-06-30' between facts_from and facts_to and '2025-07-01' between valid_from and valid_to""",
    "back": """
        select * from marts.bridge_restated
        where '2025-12-31' between facts_from and facts_to and '2025-06-30' between valid_from and valid_to""",
    # every commune of either side with its province then
    "province": """
        select b.unit_id, p.unit_id as province_id, p.name, p.day from marts.bridge_org_tree b
        join unit p on p.unit_id = b.ancestor_id and p.level = 'province'
            and case p.day when 'old' then date '2025-06-30' else date '2025-07-01' end between b.valid_from and b.valid_to""",
    # which figures are added into which: rows of a table are added up, they differ in nothing that matters here
    "indicator": "select indicator_id, table_code || '.' || field_code as code from catalogue.indicator",
    "side": """
        select period_id, case when ends_on <= '2025-06-30' then 'before' else 'after' end as side, ends_on
        from catalogue.period where extract(year from ends_on) = 2025""",
    "fact": """
        select o.unit_id, s.side, i.code, sum(o.value) as value
        from marts.fct_observation o join side s using (period_id) join indicator i using (indicator_id)
        where o.scope = 'own' group by 1, 2, 3""",
    "figure": _sql("figure"),
}
_NATIONAL = "select side, tree, code, trim_scale(value) from figure where level = 'nation' order by 1, 3, 2"
# what was reported stands on the tree of its own time as it was reported, and today's tree is that of the reform
_SAME = """
with comparison (name, one, other, side) as (
    values ('before the reform, as reported and on the tree of 30/06/2025', 'reported', 'old', 'before'),
           ('after the reform, as reported and on the tree of 01/07/2025', 'reported', 'new', 'after'),
           ('before the reform, on today''s tree and on that of 01/07/2025', 'today', 'new', 'before'),
           ('after the reform, on today''s tree and on that of 01/07/2025', 'today', 'new', 'after')
), pair as (
    select c.name, f.unit_id, f.code, count(*) as found, count(distinct f.value) as amounts
    from comparison c join figure f on f.side = c.side and f.tree in (c.one, c.other) group by 1, 2, 3
)
select name, count(*), count(*) filter (where found <> 2 or amounts <> 1) from pair group by 1 order by 1 desc"""
_LEVELS = """
with standing as (
    select 'before' as side, s.* from stands s union all select 'after', b.* from back b
)
select s.side, at.level, s.is_whole, f.code, count(*), trim_scale(sum(f.value * s.weight))
from standing s
join fact f on f.unit_id = s.unit_id and f.side = s.side
join unit at on at.unit_id = s.lands_on_id
    and case s.side when 'before' then date '2025-07-01' else date '2025-06-30' end between at.valid_from and at.valid_to
group by 1, 2, 3, 4, at.level_rank order by 1 desc, at.level_rank, 3 desc, 4"""
_COVERAGE = """
select s.side, f.units_due, f.units_reported, f.units_restated, f.units_not_restatable
from marts.fct_restated f
join side s using (period_id) join indicator i using (indicator_id) join unit u using (unit_id)
where u.level = 'nation' and i.code = %(members)s group by 1, 2, 3, 4, 5 order by 1 desc"""
_ZONES = """
select u.code, u.name, p.name, at.name from unit u
join province p on p.unit_id = u.unit_id and p.day = 'new'
join back b on b.unit_id = u.unit_id
join unit at on at.unit_id = b.lands_on_id and '2025-06-30' between at.valid_from and at.valid_to
where u.level = 'grassroots' and u.day = 'new' and b.reason = 'no predecessor' order by 1"""
_FOLLOWED = """
select at.code, at.name from unit u join stands s using (unit_id)
join unit at on at.unit_id = s.lands_on_id and '2025-07-01' between at.valid_from and at.valid_to
where u.code = %(code)s and u.day = 'old' and u.level = 'grassroots'"""


# --- what is written -------------------------------------------------------------------------------------------

TREES = {
    "reported": "as reported",
    "today": "on today's tree",
    "old": "on the tree of 30/06/2025",
    "new": "on the tree of 01/07/2025",
}


def divided_csv(proof: Proof) -> str:
    """Every divided commune and where its figures stand."""
    return _csv("code,name,district,province,divided_among,stands_undivided_at,members_before_synthetic", proof.divided)


def totals_csv(proof: Proof) -> str:
    """The national total of every additive indicator on every tree."""
    sums = {(side, tree, code): value for side, tree, code, value in proof.national}
    codes = sorted({(code, side) for side, _, code, _ in proof.national}, key=lambda key: (key[0], key[1] == "after"))
    return _csv(
        "indicator,reported,synthetic_as_reported,on_todays_tree,on_the_tree_of_2025_06_30,on_the_tree_of_2025_07_01",
        ((code, side, *(sums[side, tree, code] for tree in TREES)) for code, side in codes),
    )


def _csv(head: str, rows: Iterable[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head.split(","))
    writer.writerows(rows)
    return out.getvalue()


def page(proof: Proof) -> str:
    """The page, in Markdown."""
    return (
        "\n\n".join(
            (
                *_units(proof),
                *_totals(proof),
                *_provinces(proof),
                *_undivided(proof),
                *_zones(proof),
                *_followed(proof),
                *_city(proof),
            )
        )
        + "\n"
    )


def _units(proof: Proof) -> Iterator[str]:
    n = proof.counts
    yield "# The reform of 1 July 2025, proved on figures"
    yield _text(
        """Written by `python -m samples.reform.proof`; `make trials` builds all anew and compares. Units and who followed
        whom are real (`samples/reform`). **Every figure is synthetic**, made up by rule: each of the
        {reports before:,} communes files F1 for the first half of 2025, on the old tree, and each of the {reports after:,} for
        the year, on the new one. So that every additive indicator is there, every twentieth commune files the other forms too
        ({reports of the other forms before:,} before and {reports of the other forms after:,} after). F2 is missing: cells file
        it, and the data hold none.""".format(**n)
    )
    yield _table(
        "units|before|after",
        [
            ("provinces", n["provinces before"], n["provinces after"]),
            ("districts", n["districts before"], 0),
            ("communes, wards, special zones", f"{n['communes before']:,}", f"{n['communes after']:,}"),
        ],
    )
    yield "\n".join(
        (
            _point(f"""The country had {n["districts before"] + len(proof.zones)} districts. The data name districts beside their
            communes, so the {len(proof.zones)} island districts without communes are not among the {n["districts before"]}. The
            {len(proof.zones)} special zones come from them."""),
            _point(f"""{n["successors"]:,} of the {n["communes after"]:,} units after the reform follow a commune, and all of them
            are reached; the other {len(proof.zones)} are the special zones."""),
            _point(f"""{n["divided"]} communes were divided, and nobody knows the parts; {n["divided across provinces"]} of them
            across provinces."""),
            _point(f"{n['without a place']} units of the old tree have no place on the new one."),
        )
    )


def _totals(proof: Proof) -> Iterator[str]:
    sums = {(side, tree, code): value for side, tree, code, value in proof.national}
    codes = sorted({code for _, _, code, _ in proof.national})
    wrong = sum(len({sums[side, tree, code] for tree in TREES}) > 1 for side in ("before", "after") for code in codes)
    shown = ("reported", "today", "old")
    yield "## National totals, on all trees"
    yield _text(f"""{len(codes)} additive indicators, before and after the reform, on four trees: as reported, today's, that of
        30/06/2025 and that of 01/07/2025. {wrong} of {2 * len(codes)} totals differ between trees. All of them are in
        [reform-2025-totals.csv](reform-2025-totals.csv); those of F1:""")
    yield _table(
        "indicator|" + "|".join(f"{side}: {TREES[tree]}" for side in ("before", "after") for tree in shown),
        [
            (f"`{code}`", *(f"{sums[side, tree, code]:,}" for side in ("before", "after") for tree in shown))
            for code in codes
            if code.startswith("F1.")
        ],
    )
    yield "What the total of members on today's tree covers:"
    yield _table(
        "reported|units due|received|restated: went whole into another|not restatable below where they stand",
        [(row[0], *(f"{n:,}" for n in row[1:])) for row in proof.coverage],
    )


def _provinces(proof: Proof) -> Iterator[str]:
    n = proof.counts
    unequal = sum(old + across != new for *_, old, across, new in proof.provincial)
    crossing = sorted({name for _, name, _, _, across, _ in proof.provincial if across})
    yield "## Totals of every province, on all trees"
    yield _text(f"""For each of the {n["provinces after"]} provinces, each indicator, before and after: the sum on the old tree
        over the provinces that were put together is the sum on the new tree. {len(proof.provincial):,} pairs compared, {unequal}
        unequal.""")
    yield _text(f"""What a unit reports after the reform that was put together from communes of several old provinces, or that
        follows nobody in a province of several, stands on the old tree undivided at the nation, and is added to the old side: so
        in {len(crossing)} provinces ({", ".join(crossing)}).""")
    yield "And the same figure asked in two ways, of the nation and of every province of either tree:"
    yield _table("asked|figures compared|unequal", [(name, f"{pairs:,}", wrong) for name, pairs, wrong in proof.same])


def _undivided(proof: Proof) -> Iterator[str]:
    total = sum(int(row[-1]) for row in proof.divided)
    yield "## Where figures stand on the other tree"
    yield _text("""Members at the end of the period. What was reported before the reform, on the new tree, and what was reported
        after it, on the old one: at the unit that it went to, or undivided at the lowest unit above all that it went to or
        came from. Every indicator adds up in this way.""")
    yield _table(
        "reported|stands at|how|units|members",
        [
            (side, level, "whole" if whole else "undivided", f"{units:,}", f"{value:,}")
            for side, level, whole, code, units, value in proof.levels
            if code == MEMBERS
        ],
    )
    yield _text(f"""The figures of the {len(proof.divided)} divided communes ({total:,} members) stand undivided at the province:
        never dropped, never given to the main heir. Each is listed, with what it was divided among and where its figures stand,
        in [reform-2025-divided.csv](reform-2025-divided.csv).""")


def _zones(proof: Proof) -> Iterator[str]:
    yield "## The special zones"
    yield "They follow no commune of the data; on the old tree their figures stand undivided at the lowest unit above that was."
    yield _table("code|name|province|on the old tree their figures stand at", proof.zones)


def _followed(proof: Proof) -> Iterator[str]:
    gone = [row for row in proof.followed if not row[1]]
    yield "## Units of the source documents, through the code lists"
    yield _table(
        "code 03/02/2021|code 04/01/2025|name|code 01/07/2025|stands on|who bears the older codes now",
        [row if row[1] else (*row[:3], "", "no successor in the data", row[5]) for row in proof.followed],
    )
    yield _text(f"""{len(gone)} units of Nam Định city stand in the list of 2021 and not in that of January 2025. They ended
        before the data begin: the data hold neither the day nor the successors. Resolution 1104/NQ-UBTVQH15 of 23 July 2024
        arranged the city's wards anew from 1 September 2024; its text is no part of the data, and no event is made up from what
        newspapers say of it. What these units reported stands at the city, and on today's tree at the province, as not
        restatable below. The commune and the ward Nam Phong bear one code and are two units, as the lists have them. To join
        what was before with what came after, add an event file with the resolution as its source: nothing else has to
        change.""")


def _city(proof: Proof) -> Iterator[str]:
    alone = [row for row in proof.nam_dinh if row[3] and not row[6]]
    mixed = [row for row in proof.nam_dinh if row[3] and row[6]]
    parted = [row for row in proof.nam_dinh if not row[3]]
    kept = [row for row in proof.nam_dinh_back if row[3].startswith("Thành phố")]

    def members(rows: Iterable[Row], place: int = 5) -> str:
        return f"{sum(int(row[place]) for row in rows):,} members"

    yield "## The old city of Nam Định, asked for on the new tree"
    yield _text(f"""No unit of the new tree is the old city. What its communes reported before the reform
        ({members(proof.nam_dinh)}) is found in full on the new tree:""")
    yield "\n".join(
        (
            _point(f"""**Can be rebuilt, before and after:** {len(alone)} units hold nothing but communes of the city
            ({members(alone)})."""),
            _point(f"""**Before only:** {len(mixed)} units took in communes from elsewhere too. The city's part is known for what
            was reported before ({members(mixed)}); what such a unit reports after the reform is one figure for both, and nobody
            knows the city's part of it."""),
            _point(f"""**Not below the province:** {sum(row[4] for row in parted)} of its communes were divided
            ({members(parted)})."""),
        )
    )
    yield _table(
        "why|code|stands at|whole|communes of the city|members before|units from elsewhere in it",
        [(*row[:3], "yes" if row[3] else "no", *row[4:]) for row in proof.nam_dinh],
    )
    yield _text(f"""And back: what the units that took its communes in reported after the reform, on the tree of 30/06/2025. A
        unit put together from several communes stands at the lowest unit above all of them: at the city where all were its own
        ({members(kept, 4)} of {members(proof.nam_dinh_back, 4)}), otherwise at the province. So the city on the old tree is
        complete before the reform, and after it holds only what is surely its own.""")
    yield _table("code|unit of the new tree|why|stands at|members after", proof.nam_dinh_back)


def _text(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 130, break_long_words=False, break_on_hyphens=False)


def _point(text: str) -> str:
    return textwrap.fill(
        f"- {' '.join(text.split())}", 130, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _table(head: str, rows: Iterable[Row]) -> str:
    lines = [head.split("|"), ["---"] * (head.count("|") + 1), *([str(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prove it in a state folder of its own, and write the page."""
    import tempfile

    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home) / "state", catalogue=reform.catalogue(Path(home) / "catalogue", *FORMS))
        ready(settings)
        try:
            publish(settings, load(settings))
            proof = prove(settings)
        finally:
            embedded.stop(settings)
    PAGE.write_text(page(proof), "utf-8")
    DIVIDED.write_text(divided_csv(proof), "utf-8")
    TOTALS.write_text(totals_csv(proof), "utf-8")


if __name__ == "__main__":
    main()
