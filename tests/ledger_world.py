"""A small warehouse whose releases are built by plain SQL from the ledger, in milliseconds: for tests over many releases.

    p > d1 > w1 > c11 c12     d1 > w2 > c21     d2 > w3 > c31; the cells owe form T for January to March 2025

A ward files for its cells. Everything happens on one connection, so a test may take it all back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gate_world
import psycopg

from tonghop.base.settings import Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.catalogue.sync import sync
from tonghop.warehouse.connect import connect

OPEN = 2147483647
FIELDS = ("male", "female", "members", "punished")
UNITS = """unit,valid_from,valid_to,code,name,level,parent,synthetic,source
p,2020-01-01,,P,Tỉnh thử,province,,true,
d1,2020-01-01,,D1,Huyện một,district,p,true,
d2,2020-01-01,,D2,Huyện hai,district,p,true,
w1,2020-01-01,,W1,Xã một,grassroots,d1,true,
w2,2020-01-01,,W2,Xã hai,grassroots,d1,true,
w3,2020-01-01,,W3,Xã ba,grassroots,d2,true,
c11,2020-01-01,,C11,Chi bộ 1.1,cell,w1,true,
c12,2020-01-01,,C12,Chi bộ 1.2,cell,w1,true,
c21,2020-01-01,,C21,Chi bộ 2.1,cell,w2,true,
c31,2020-01-01,,C31,Chi bộ 3.1,cell,w3,true,
"""
IN_TIME, LATE = "2025-02-03 08:00+07", "2025-02-20 08:00+07"
Figures = Mapping[str, Sequence[int | str | None]]  # by unit, in the order of FIELDS; None is blank, "x" not applicable


def prepare(settings: Settings, folder: Path) -> None:
    """The catalogue, and nothing reported."""
    gate_world.write_catalogue(folder)
    (folder / "units" / "units.csv").write_text(UNITS)
    (folder / "reporting.csv").write_text(
        "unit,form,valid_from,valid_to\n" + "".join(f"{c},T,2025-01-01,2025-03-31\n" for c in ("c11", "c12", "c21", "c31"))
    )
    with connect(settings) as connection:
        sync(load_catalogue(folder), connection)


@dataclass
class World:
    connection: psycopg.Connection[Any]

    def one(self, query: str, *values: Any) -> Any:
        row = self.connection.execute(query.encode(), values).fetchone()
        assert row
        return row[0]

    def unit(self, key: str) -> int:
        return int(self.one("select unit_id from catalogue.unit where unit_key = %s", key))

    def indicator(self, name: str) -> int:
        return int(self.one("select indicator_id from catalogue.indicator where field_code = %s", name))

    def period(self, code: str = "2025-M01") -> int:
        return int(self.one("select period_id from catalogue.period where scheme = 'CALENDAR' and code = %s", code))

    def act(self, name: str, receipt: int, by: int | None = None, reason: str | None = None) -> None:
        self.connection.execute(
            "insert into intake.ledger (act, receipt_id, by_receipt_id, reason, cells, cells_sha256) "
            "values (%s, %s, %s, %s, %s, %s)",
            [name, receipt, by, reason, *((0, "x") if name == "accepted" else (None, None))],
        )

    def file(
        self,
        sender: str,
        figures: Figures,
        period: str = "2025-M01",
        *,
        scope: str = "own",
        received: str = IN_TIME,
        corrects: int | None = None,
        replayed: bool = False,
        held_for: Sequence[str] = (),
    ) -> int:
        """An accepted report, as the loader leaves it; no figures make a nil return. held_for: what it was first returned for."""
        number = int(self.one("select count(*) + 1 from intake.receipt"))
        receipt = int(
            self.one(
                """
            insert into intake.receipt (sha256, file_name, bytes, received_at, status, form_code, form_version, unit_id,
                period_id, scope, is_nil, catalogue_id, cells, cells_sha256)
            values (%s, %s, 1, %s, 'accepted', 'T', 1, %s, %s, %s, %s, (select max(catalogue_id) from catalogue.version), %s, 'x')
            returning receipt_id""",
                f"{number:064x}",
                f"{number}.xlsx",
                received,
                self.unit(sender),
                self.period(period),
                scope,
                not figures,
                4 * len(figures),
            )
        )
        widths = {len(values) for values in figures.values()}
        for width in widths:
            self.connection.execute(
                "insert into intake.header (receipt_id, header, sheet, indicators, columns) values (%s, %s, 'T1', %s, %s)",
                [receipt, width, [self.indicator(name) for name in FIELDS[:width]], list("CDEF"[:width])],
            )
        lines = [
            (
                receipt,
                len(values),
                self.unit(unit),
                self.period(period),
                1,
                scope,
                str(line),
                [None if value is None else "NaN" if value == "x" else str(value) for value in values],
            )
            for line, (unit, values) in enumerate(figures.items(), start=4)
        ]
        with self.connection.cursor().copy(
            "copy intake.line (receipt_id, header, unit_id, period_id, row_id, scope, place, figures) from stdin"
        ) as out:
            for row in lines:
                out.write_row(row)
        self.act("received", receipt)
        if replayed or held_for:
            self.act("returned", receipt)
            for ordinal, rule in enumerate(held_for):
                self.connection.execute(
                    "insert into intake.finding (receipt_id, ordinal, rule, kind, message_vi, message_en) "
                    "values (%s, %s, %s, %s, '', '')",
                    [receipt, ordinal, rule, "identity" if rule.startswith("T") else "template"],
                )
            self.act("replayed", receipt)
        self.act("accepted", receipt)
        if corrects:
            self.act("superseded", corrects, receipt)
        return receipt

    def withdraw(self, receipt: int, reason: str = "gửi nhầm") -> None:
        self.connection.execute("update intake.receipt set status = 'withdrawn' where receipt_id = %s", [receipt])
        self.act("withdrawn", receipt, reason=reason)

    def recatalogue(self, table: str = "version", **columns: str) -> None:
        """A new catalogue: a copy of the newest, with an expression in the place of some columns of one table."""
        old = self.one("select max(catalogue_id) from catalogue.version")
        new = self.one("insert into catalogue.version (sha256) values ('x') returning catalogue_id")
        for name, names in self.connection.execute("""
                select c.table_name, array_agg(c.column_name::text order by c.ordinal_position) from information_schema.columns c
                join information_schema.tables t using (table_schema, table_name)
                where c.table_schema = 'catalogue' and c.column_name <> 'catalogue_id' and c.table_name <> 'version'
                    and t.table_type = 'BASE TABLE'
                    and exists (select from information_schema.columns k where (k.table_schema, k.table_name, k.column_name)
                                = ('catalogue', c.table_name, 'catalogue_id'))
                group by c.table_name""").fetchall():
            values = [columns.get(each, f'"{each}"') if name == table else f'"{each}"' for each in names]
            where = columns.get("where", "true") if name == table else "true"
            quoted = ", ".join(f'"{each}"' for each in names)
            self.connection.execute(
                f"insert into catalogue.{name} (catalogue_id, {quoted}) select {new}, {', '.join(values)} "
                f"from catalogue.{name} where catalogue_id = {old} and ({where})".encode()
            )

    def move(self, unit: str, parent: str) -> None:
        self.recatalogue(
            "unit_version", parent_id=f"case when unit_id = {self.unit(unit)} then {self.unit(parent)} else parent_id end"
        )

    def release(self) -> int:
        """Everything acted on so far, published: rows of the marts closed and opened as the models would."""
        number = int(
            self.one("""
            insert into ctl.release (release_id, status, published_at, cutoff_seq, catalogue_id)
            select coalesce(max(release_id), 0) + 1, 'published', now(), (select coalesce(max(seq), 0) from intake.ledger),
                (select max(catalogue_id) from catalogue.version) from ctl.release returning release_id""")
        )
        for mart, select in MODELS.items():
            if mart == "dim_period" and number > 1:
                continue
            names = [
                name
                for (name,) in self.connection.execute(
                    "select column_name from information_schema.columns where table_schema = 'marts' and table_name = %s "
                    "and column_name not in ('release_from', 'release_to') order by ordinal_position",
                    [mart],
                )
            ]
            columns = ", ".join(f"t.{n}" for n in names)
            now = f"(select catalogue_id from ctl.release where release_id = {number})"
            self.connection.execute(f"create temp table made on commit drop as {select.format(c=now)}".encode())
            self.connection.execute(
                f"""
                update marts.{mart} t set release_to = {number} where release_to = {OPEN} and not exists (
                    select from made where made.* is not distinct from row({columns}));
                insert into marts.{mart} ({", ".join(names)}, release_from, release_to)
                select made.*, {number}, {OPEN} from made where not exists (
                    select from marts.{mart} t where release_to = {OPEN} and made.* is not distinct from row({columns}));
                drop table made""".encode()
            )
        self.connection.execute("update ctl.current_release set release_id = %s", [number])
        return number


LIVE = """(select r.* from intake.receipt r
    where exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act = 'accepted')
      and not exists (select from intake.ledger l where l.receipt_id = r.receipt_id and l.act in ('superseded', 'withdrawn')))"""
TREE = "(select * from marts.bridge_org_tree where release_to = 2147483647)"
MODELS = {
    "dim_org_unit": """
        select v.unit_id, v.valid_from, v.valid_to, v.code, v.name, v.sort_key, v.level, l.rank as level_rank, l.published,
            v.parent_id, v.synthetic
        from catalogue.unit_version v join catalogue.level l using (catalogue_id, level) where catalogue_id = {c}""",
    "bridge_org_tree": """
        with recursive tree as (
            select unit_id as ancestor_id, unit_id, 0 as depth from catalogue.unit_version where catalogue_id = {c}
            union all
            select v.parent_id, t.unit_id, t.depth + 1
            from tree t join catalogue.unit_version v on v.unit_id = t.ancestor_id and v.catalogue_id = {c}
            where v.parent_id is not null)
        select *, date '2020-01-01' as valid_from, date '9999-12-31' as valid_to from tree""",
    "dim_period": """
        select period_id, code, scheme, period_type, starts_on, ends_on, extract(year from ends_on)::integer as year
        from catalogue.period""",
    "dim_form": """
        select t.table_code, t.form_version, t.form_code, f.name_vi, f.name_en, t.name_vi as a, t.name_en as b, f.scheme,
            f.valid_from, f.valid_to
        from catalogue.form_table t join catalogue.form f using (catalogue_id, form_code, form_version)
        where catalogue_id = {c}""",
    "dim_indicator": """
        select i.indicator_id, i.table_code, i.field_code, i.table_code || '.' || i.field_code as code, f.label_vi, f.label_en,
            f.value_type, f.measure_unit, f.aggregation, f.shown_from
        from catalogue.indicator i join catalogue.field f using (indicator_id) where catalogue_id = {c}""",
    "dim_metric": """
        select code, kind, table_code, indicator_id, label_vi, label_en, measure_unit, numerator, denominator, over_units,
            over_time, broken_on, formula_vi, formula_en, shown_from
        from catalogue.metric where catalogue_id = {c}""",
    "dim_form_row": """
        select r.row_id, r.table_code, r.row_code, t.label_vi, t.label_en
        from catalogue.form_row r join catalogue.form_table_row t using (row_id) where catalogue_id = {c}""",
    "dim_submission": f"""
        select receipt_id, sha256, unit_id, form_code, form_version, period_id, scope, is_nil, received_at, cells,
            'accepted' as status, null::integer as superseded_by from {LIVE} r""",
    "fct_observation": f"""
        select c.unit_id, c.period_id, c.row_id, c.indicator_id, c.scope, c.receipt_id, c.state, c.value, c.sheet, c.cell
        from intake.cell c join {LIVE} r using (receipt_id)""",
    "fct_reporting": f"""
        select v.unit_id, o.period_id, o.table_code, o.due_on, r.received_at, r.receipt_id is not null as is_received,
            (r.received_at at time zone 'Asia/Ho_Chi_Minh')::date <= o.due_on as is_on_time, r.is_nil, r.receipt_id,
            o.scope, true as is_owed
        from catalogue.obligation o
        join catalogue.period p using (period_id)
        join catalogue.unit_version v using (catalogue_id, level)
        join catalogue.reporting_spell s using (catalogue_id, unit_id, form_code)
        left join lateral (
            select r.receipt_id, r.is_nil, (
                select min(first.received_at) from intake.receipt first
                where (first.unit_id, first.form_code, first.period_id, first.scope)
                    = (r.unit_id, r.form_code, r.period_id, r.scope) and first.status = 'accepted') as received_at
            from {LIVE} r where r.period_id = o.period_id and r.scope = o.scope
                and (exists (select from intake.cell c where c.receipt_id = r.receipt_id and c.unit_id = v.unit_id)
                     or r.is_nil and r.unit_id = v.unit_id) limit 1) r on true
        where o.catalogue_id = {{c}} and p.ends_on between s.valid_from and s.valid_to""",
    "fct_completeness": f"""
        select t.ancestor_id, q.period_id, q.table_code, max(q.due_on) as last_due_on, count(*)::integer as due,
            (count(*) filter (where q.is_received))::integer as received,
            (count(*) filter (where q.is_on_time))::integer as on_time,
            (count(*) filter (where not q.is_on_time))::integer as late,
            (count(*) filter (where not q.is_received))::integer as missing,
            (count(*) filter (where q.is_nil))::integer as nil,
            0 as unowed, 0 as claims_due, 0 as claims_received
        from marts.fct_reporting q
        join {TREE} t using (unit_id)
        join marts.dim_org_unit u on u.unit_id = t.ancestor_id and u.published and u.release_to = {OPEN}
        where q.release_to = {OPEN} group by 1, 2, 3""",
    "fct_rollup": f"""
        select coalesce(s.unit_id, c.unit_id) as unit_id, period_id, row_id, indicator_id, s.value, c.value as claimed,
            0 as reported, 0 as due, 0 as unowed
        from (select t.ancestor_id as unit_id, f.period_id, f.row_id, f.indicator_id, sum(f.value) as value
              from marts.fct_observation f join {TREE} t using (unit_id)
              join marts.dim_org_unit u on u.unit_id = t.ancestor_id and u.published and u.release_to = {OPEN}
              where f.scope = 'own' and f.release_to = {OPEN} group by 1, 2, 3, 4) s
        full join (select * from marts.fct_observation where scope = 'rollup' and release_to = {OPEN}) c
            using (unit_id, period_id, row_id, indicator_id)
        join marts.dim_indicator i using (indicator_id) where i.release_to = {OPEN}""",
    "fct_rate": f"""
        select t.ancestor_id, f.period_id, f.row_id, 'share_female' as rate_code, 'summed' as basis, sum(f.female) as numerator,
            sum(f.members) as denominator, trim_scale(sum(f.female) / nullif(sum(f.members), 0)) as value
        from (select unit_id, period_id, row_id, max(value) filter (where field_code = 'female') * (
                         select coefficient from catalogue.rate_term
                         where catalogue_id = {{c}} and rate_code = 'share_female' and part = 'numerator') as female,
                     max(value) filter (where field_code = 'members') as members
              from marts.fct_observation join catalogue.indicator using (indicator_id)
              where scope = 'own' and release_to = {OPEN} group by 1, 2, 3) f
        join {TREE} t using (unit_id)
        join marts.dim_org_unit u on u.unit_id = t.ancestor_id and u.published and u.release_to = {OPEN}
        where f.female is not null and f.members is not null group by 1, 2, 3""",
}
