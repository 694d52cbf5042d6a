"""The reform of 1 July 2025 proved on figures: every commune reports before and after it, and every total is asked on
every tree.

    python -m samples.reform.proof        writes docs/reform-2025.md and docs/reform-2025-divided.csv

Figures are made up by rule, so that they are the same at every run; units and who followed whom are real.
"""

import csv
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samples import filed, reform
from tonghop import build, catalogue, server
from tonghop.catalogue import Catalogue
from tonghop.settings import PROJECT, Settings

PAGE, DIVIDED = PROJECT / "docs" / "reform-2025.md", PROJECT / "docs" / "reform-2025-divided.csv"
BEFORE, AFTER = "2025-H1", "2025-Y"  # the first ends on the eve of the reform, the second half a year after it
NAM_DINH = "356"
# the wards and communes of the source documents: code in the list of 3 February 2021, of 4 January 2025, what became of them
FOLLOWED = (
    ("08719", "08719", "Phường Ngô Quyền"), ("08737", "08737", "Phường Hùng Vương"), ("13645", "13681", "Phường Quang Trung"),
    ("13669", "", "Phường Trần Đăng Ninh"), ("13639", "", "Phường Vị Hoàng"), ("13666", "13666", "Phường Trần Hưng Đạo"),
    ("13651", "", "Phường Nguyễn Du"), ("13693", "13693", "Phường Lộc Hòa"), ("13696", "13696", "Xã Nam Phong"),
    ("13636", "", "Phường Trần Tế Xương"), ("13648", "13669", "Phường Cửa Bắc"))
Row = tuple[Any, ...]


def reports(loaded: Catalogue) -> Iterator[filed.Report]:
    """A report of every commune for the half year on the old tree and for the year on the new one."""
    names = [name for table in loaded.forms[0].tables for f in table.fields for name in f.indicators]
    for code in (BEFORE, AFTER):
        end = loaded.period["CALENDAR", code].ends_on
        for unit in loaded.history.versions:
            version = loaded.version(unit, end)
            if version and version.level == "grassroots":
                yield unit, code, {name: zlib.crc32(f"{unit} {code} {name}".encode()) % 100 for name in names}


def load(settings: Settings) -> None:
    """File all reports and publish them as release 1, without the gate."""
    filed.file(settings, reports(catalogue.load(settings.catalogue)), "F1")
    number = build.open_candidate(settings)
    build.dbt(settings, ["run", "--select", "+dim_org_unit", "+dim_indicator", "+dim_period", "+dim_submission",
    "+bridge_org_tree",
                         "+dim_tree", "+bridge_restated", "+fct_observation", "+fct_rollup", "+fct_restated", "+fct_reporting"])
    with server.connect(settings) as connection:
        connection.execute("update ctl.release set status = 'published', published_at = now() where release_id = %s", [number])
        connection.execute("update ctl.current_release set release_id = %s", [number])
        connection.execute("analyze")


@dataclass
class Proof:
    """What was found. Rows are those of the queries below."""

    counts: dict[str, int] = field(default_factory=dict)
    # period, tree, indicator, sum
    national: list[Row] = field(default_factory=list)
    # period, new province, indicator, sum on the old tree at its provinces, and at the nation, sum on the new one
    provincial: list[Row] = field(default_factory=list)
    # code, name, district, province, what it was divided among, where its figures stand, members
    divided: list[Row] = field(default_factory=list)
    # code then, code before, name, stands at (code, name), who bears the old code now
    followed: list[Row] = field(default_factory=list)
    # a line of what Nam Dinh city's units became: reason, where it stands, whole, units, members, from elsewhere
    nam_dinh: list[Row] = field(default_factory=list)
    nam_dinh_back: list[Row] = field(default_factory=list)
    zones: list[Row] = field(default_factory=list)


def prove(settings: Settings) -> Proof:
    """Ask the release everything."""
    proof = Proof()
    with server.connect(settings) as connection:
        def ask(query: str, **values: str) -> list[Row]:
            return connection.execute(query.encode(), {"before": BEFORE, "after": AFTER, **values}).fetchall()

        for name, query in _TABLES.items():
            connection.execute(f"create temp table {name} as {query}".encode())
            connection.execute(f"analyze {name}".encode())
        proof.counts = dict(ask(_COUNTS))
        proof.national, proof.provincial = ask(_NATIONAL), ask(_PROVINCIAL)
        proof.divided, proof.zones = ask(_DIVIDED), ask(_ZONES)
        proof.nam_dinh, proof.nam_dinh_back = ask(_CITY, city=NAM_DINH), ask(_CITY_BACK, city=NAM_DINH)
        for then, eve, name in FOLLOWED:
            became = ask(_FOLLOWED, code=eve) if eve else []
            bears = ask("select name from unit where code = %(code)s and day = 'new'", code=then)
            proof.followed.append((then, eve, name, *(became[0] if became else ("", "")), bears[0][0] if bears else "nobody"))
    return proof


# as tables of the session, with statistics: a plan without them takes minutes
_TABLES = {
    "unit": """
        select u.*, k.unit_key, case when u.valid_from <= '2025-06-30' then 'old' else 'new' end as day
        from marts.dim_org_unit u join catalogue.unit k using (unit_id)
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
    "standing": "select * from ctl.standing_on where release_id = (select release_id from ctl.current_release)",
    "every": """
        select u.unit_id, 'reported' as tree, f.period_id, f.indicator_id, f.value
        from marts.fct_rollup f join unit u using (unit_id) where u.level in ('nation', 'province')
        union all
        select u.unit_id, 'today', f.period_id, f.indicator_id, f.value
        from marts.fct_restated f join unit u using (unit_id) where u.level in ('nation', 'province')
        union all
        select s.ancestor_id, case s.tree_id when 20250101 then 'old' else 'new' end, o.period_id, o.indicator_id,
               sum(o.value * s.weight)
        from standing s
        join marts.fct_observation o on o.unit_id = s.unit_id and o.scope = 'own'
        join catalogue.period p on p.period_id = o.period_id and p.ends_on between s.facts_from and s.facts_to
        where s.tree_id in (20250101, 20250701) and s.ancestor_id in (select unit_id from unit where level in ('nation',
        'province'))
        group by 1, 2, 3, 4""",
    "on_tree": """
        select distinct e.*, p.code as period, i.field_code, u.level from every e
        join catalogue.period p using (period_id) join catalogue.indicator i using (indicator_id) join unit u using
        (unit_id)"""}
_COUNTS = """
select 'communes before', count(*) from unit where day = 'old' and level = 'grassroots' union all
select 'provinces before', count(*) from unit where day = 'old' and level = 'province' union all
select 'districts before', count(*) from unit where day = 'old' and level = 'district' union all
select 'communes after', count(*) from unit u where level = 'grassroots' and '2025-07-01' between valid_from and valid_to
union all
select 'provinces after', count(*) from unit where level = 'province' and '2025-07-01' between valid_from and valid_to union all
select 'successors', count(distinct u.unit_id) from unit u where u.level = 'grassroots' and '2025-07-01' between
u.valid_from and u.valid_to
    and (exists (select from catalogue.succession s where s.successor_id = u.unit_id)
         or exists (select from stands s where s.unit_id = u.unit_id and s.reason = 'same')) union all
select 'divided', count(*) from stands join unit u using (unit_id) where reason = 'divided' and u.day = 'old' union all
select 'divided across provinces', count(*) from stands s join unit u on u.unit_id = s.lands_on_id
    where s.reason = 'divided' and u.level = 'nation' union all
select 'without a place', count(*) from unit u where day = 'old' and not exists (select from stands s where s.unit_id =
u.unit_id)
"""
_NATIONAL = """
select period, tree, field_code, trim_scale(value) from on_tree where level = 'nation' order by 1, 3, 2"""
# a new province is the old ones that were put together in it: those whose communes now stand in it
_PROVINCIAL = """
with heir as (
    select distinct o.province_id as old_id, coalesce(s.successor_id, o.province_id) as new_id
    from province o left join catalogue.succession s on s.predecessor_id = o.province_id where o.day = 'old'
), across as (
    -- put together from old provinces, or without a predecessor in a province that was: on the old tree it stands at the nation
    select n.province_id, o.period_id, o.indicator_id, sum(o.value) as value
    from back b join unit vn on vn.unit_id = b.lands_on_id and vn.level = 'nation'
    join province n on n.unit_id = b.unit_id and n.unit_id <> n.province_id
        and exists (select from unit u where u.unit_id = n.province_id and '2025-07-01' between u.valid_from and u.valid_to)
    join marts.fct_observation o on o.unit_id = b.unit_id
    join catalogue.period p on p.period_id = o.period_id and p.code = %(after)s
    group by 1, 2, 3
)
select n.period, u.name, n.field_code,
       (select sum(o.value) from on_tree o join heir h on h.old_id = o.unit_id
        where h.new_id = n.unit_id and o.tree = 'old' and o.period_id = n.period_id and o.indicator_id = n.indicator_id),
       coalesce((select a.value from across a where a.province_id = n.unit_id and a.period_id = n.period_id
                 and a.indicator_id = n.indicator_id), 0), n.value
from on_tree n join unit u on u.unit_id = n.unit_id and '2025-07-01' between u.valid_from and u.valid_to
where n.tree = 'new' and n.level = 'province' order by 1, 2, 3"""
_DIVIDED = """
select u.code, u.name, d.name, p.name,
       (select string_agg(x.code || ' ' || x.name, '; ' order by x.code) from catalogue.succession c join unit x on
       x.unit_id = c.successor_id
        where c.predecessor_id = u.unit_id), at.code || ' ' || at.name,
       (select trim_scale(sum(o.value)) from marts.fct_observation o join catalogue.indicator using (indicator_id)
        join catalogue.period q using (period_id) where o.unit_id = u.unit_id and field_code = 'dv_cuoi_ky' and q.code =
        %(before)s)
from stands s join unit u on u.unit_id = s.unit_id and u.day = 'old' join unit d on d.unit_id = u.parent_id and d.day = 'old'
join unit p on p.unit_id = d.parent_id and p.day = 'old'
join unit at on at.unit_id = s.lands_on_id and '2025-07-01' between at.valid_from and at.valid_to
where s.reason = 'divided' order by 1"""
_ZONES = """
select u.code, u.name, p.name, b.reason, at.name from unit u
join province p on p.unit_id = u.unit_id and p.day = 'new'
join back b on b.unit_id = u.unit_id join unit at on at.unit_id = b.lands_on_id and '2025-06-30' between at.valid_from and
at.valid_to
where u.level = 'grassroots' and u.day = 'new' and b.reason = 'no successor' order by 1"""
_FOLLOWED = """
select at.code, at.name from unit u join stands s using (unit_id)
join unit at on at.unit_id = s.lands_on_id and '2025-07-01' between at.valid_from and at.valid_to
where u.code = %(code)s and u.day = 'old' and u.level = 'grassroots'"""
_CITY = """
with members as (
    select o.unit_id, o.value from marts.fct_observation o join catalogue.indicator using (indicator_id)
    join catalogue.period p using (period_id) where field_code = 'dv_cuoi_ky' and p.code = %(before)s
), city as (
    select u.unit_id from unit u join unit d on d.unit_id = u.parent_id and d.day = 'old' and d.code = %(city)s where u.day
    = 'old'
)
select s.reason, at.code, at.name, bool_and(s.is_whole), count(*), trim_scale(sum(m.value)),
       (select count(*) from stands x where x.lands_on_id = at.unit_id and x.is_whole and x.unit_id not in (select unit_id
       from city))
from city c join stands s using (unit_id) join members m using (unit_id)
join unit at on at.unit_id = s.lands_on_id and '2025-07-01' between at.valid_from and at.valid_to
group by s.reason, at.unit_id, at.code, at.name order by 1 desc, 2"""
_CITY_BACK = """
with members as (
    select o.unit_id, o.value from marts.fct_observation o join catalogue.indicator using (indicator_id)
    join catalogue.period p using (period_id) where field_code = 'dv_cuoi_ky' and p.code = %(after)s
)
select n.code, n.name, b.reason, at.name, trim_scale(m.value) from unit n join back b on b.unit_id = n.unit_id join members
m on m.unit_id = n.unit_id
join unit at on at.unit_id = b.lands_on_id and '2025-06-30' between at.valid_from and at.valid_to
where '2025-07-01' between n.valid_from and n.valid_to and (n.unit_id in (
    select s.lands_on_id from stands s join unit u on u.unit_id = s.unit_id and u.day = 'old'
    join unit d on d.unit_id = u.parent_id and d.day = 'old' and d.code = %(city)s where s.is_whole)
    or n.unit_id in (select c.successor_id from catalogue.succession c join unit u on u.unit_id = c.predecessor_id and
    u.day = 'old'
    join unit d on d.unit_id = u.parent_id and d.day = 'old' and d.code = %(city)s)) order by 1"""


def csv_of(proof: Proof) -> str:
    """Every divided commune and where its figures stand."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("code", "name", "district", "province", "divided_among", "stands_undivided_at", "members_2025_h1"))
    writer.writerows(proof.divided)
    return out.getvalue()


def page(proof: Proof) -> str:
    """The page, in Markdown."""
    n = proof.counts
    sums = {(period, tree, name): value for period, tree, name, value in proof.national}
    names = sorted({name for _, _, name, _ in proof.national})
    unequal = sum(old + across != new for *_, old, across, new in proof.provincial)
    crossing = sorted({name for _, name, _, _, across, _ in proof.provincial if across})
    undivided = sum(int(row[-1]) for row in proof.divided)

    def table(head: str, rows: list[Row]) -> str:
        columns = head.split("|")
        lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
        return "\n".join(lines + ["| " + " | ".join("" if v is None else str(v) for v in row) + " |" for row in rows])

    alone = [row for row in proof.nam_dinh if row[3] and not row[6]]
    mixed = [row for row in proof.nam_dinh if row[3] and row[6]]
    parted = [row for row in proof.nam_dinh if not row[3]]
    return f"""# The reform of 1 July 2025, proved on figures

Written by `python -m samples.reform.proof`; a test writes it again and compares. Units and who followed whom are real
(`samples/reform`), the figures are made up by rule: every commune files F1 for {BEFORE}, on the old tree, and for {AFTER},
on the new one.

{table("units|before|after", [("provinces", n["provinces before"], n["provinces after"]), ("districts", n["districts before"], 0),
                              ("communes, wards, special zones", n["communes before"], n["communes after"])])}

- {n["successors"]:,} of the {n["communes after"]:,} units after the reform follow a commune; the other {len(proof.zones)}
are the special zones that come from island
  districts without communes.
- {n["divided"]} communes were divided and nobody knows the parts; {n["divided across provinces"]} of them across
provinces. Their figures stand
  undivided at the province: never dropped, never given to the main heir. All are listed in `reform-2025-divided.csv`;
  together they count
  {undivided:,} members.
- {n["without a place"]} old units have no place on the new tree.

## National totals, on all trees

{table("indicator|" + "|".join(f"{period} as reported|on today's tree|on the tree of 30/06/2025" for period in (BEFORE, AFTER)),
       [(f"`{name}`", *(f"{sums[period, tree, name]:,}" for period in (BEFORE, AFTER) for tree in ("reported", "today", "old")))
        for name in names])}

## Provinces

For each of the {n["provinces after"]} provinces, each of the {len(names)} indicators and both periods, the sum on the old
tree over the provinces that were put
together is the sum on the new tree: {len(proof.provincial):,} pairs compared, {unequal} unequal. What a unit reports after
the reform that was put together
from communes of several old provinces, or that has no predecessor in a province of several, stands on the old tree
undivided at the
nation, and is added here: in {len(crossing)} provinces ({", ".join(crossing)}).

## The special zones

{table("code|name|province|on the old tree its figures|stand at", proof.zones)}

## Units of the source documents, through the code lists

{table("code 03/02/2021|code 04/01/2025|name|code 01/07/2025|stands on|who bears the first code now",
       [row if row[1] else (*row[:3], "", "no successor in the data: gone before January 2025", row[5]) for row in
       proof.followed])}

## The old city of Nam Định, asked for on the new tree

No unit of the new tree is the old city. What its communes reported for {BEFORE} ({sum(int(r[5]) for r in
proof.nam_dinh):,} members) can be followed to

- {len(alone)} units that hold nothing but the city's communes: {sum(int(r[5]) for r in alone):,} members; these can be rebuilt;
- {len(mixed)} units that took in communes from elsewhere too: the city's part ({sum(int(r[5]) for r in mixed):,} members)
is known for {BEFORE}, but what such a
  unit reports after the reform cannot be divided into the city's part and the rest;
- {sum(r[4] for r in parted)} communes that were divided ({sum(int(r[5]) for r in parted):,} members): not restatable below
the province.

{table("why|code|stands at|whole|communes of the city|members|units from elsewhere in it", proof.nam_dinh)}

And back: what the successors of its communes reported for {AFTER}, on the tree of 30/06/2025. A unit put together from several
communes stands at the lowest unit above all of them: at the city where all were its own, otherwise at the province.

{table(f"code|unit of the new tree|why|stands at|members {AFTER}", proof.nam_dinh_back)}
"""


def main() -> None:
    """Prove it in a state folder of its own, and write the page."""
    import tempfile
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home) / "state", catalogue=reform.catalogue(Path(home) / "catalogue", "F1.v1.yaml"))
        server.ready(settings)
        try:
            load(settings)
            proof = prove(settings)
        finally:
            server.stop(settings)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(proof), "utf-8")
    DIVIDED.write_text(csv_of(proof), "utf-8")


if __name__ == "__main__":
    main()
