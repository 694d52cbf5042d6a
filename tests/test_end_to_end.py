"""The demo by the real Airflow, and what must hold of it: the source's figures in the marts, and readers who are never misled."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from books import STAFF, book

from samples import REPORTS
from samples.facts import FigureKey, Statement, statements
from tonghop.base.secrets import secret
from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.ops import client, processes
from tonghop.queries.verify import verify
from tonghop.release import candidate
from tonghop.warehouse.connect import bi_url, connect
from tonghop.warehouse.roles import AUDITOR

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def demo(airflow: Settings) -> Settings:
    """The state that `tonghop demo` leaves, with everything running; its words are in demo.txt."""
    (airflow.home / "demo.txt").write_text(run(airflow, "demo"), "utf-8")
    return airflow


def run(settings: Settings, *arguments: str, code: int = 0) -> str:
    """What a `tonghop` command says on standard output, in a process of its own."""
    command = [str(Path(sys.executable).with_name("tonghop")), *arguments]
    environment = os.environ | {"TONGHOP_HOME": str(settings.home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def ask(settings: Settings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connect(settings, AUDITOR) as connection:
        return connection.execute(query.encode(), values).fetchall()


def marts(settings: Settings) -> dict[str, Any]:
    """Every mart's rows, as one hash each."""
    tables = ask(
        settings,
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where nspname = 'marts' and relkind in ('r', 'p') and not relispartition",
    )
    return {
        table: ask(settings, f"select count(*), md5(string_agg(t::text, '|' order by t::text)) from marts.{table} t")
        for (table,) in tables
    }


FIGURE = """
    select coalesce(sum(o.value), 'NaN') from ctl.current_release as r
    join marts.fct_observation as o on o.release_from <= r.release_id and o.release_to > r.release_id
    join catalogue.unit as u on u.unit_id = o.unit_id
    join catalogue.period as p on p.period_id = o.period_id
    join catalogue.indicator as i on i.indicator_id = o.indicator_id
    join catalogue.form_row as w on w.row_id = o.row_id
    where p.code = %s and i.table_code = %s and i.field_code = %s and w.row_code = %s and o.scope = %s
      and case when %s then o.unit_id in (
              select b.unit_id from marts.bridge_org_tree as b join catalogue.unit as a on a.unit_id = b.ancestor_id
              where a.unit_key = %s and b.depth = 1 and p.ends_on between b.valid_from and b.valid_to
                and b.release_from <= r.release_id and b.release_to > r.release_id)
          else u.unit_key = %s end"""


@pytest.mark.parametrize("statement", statements(), ids=lambda s: f"line{s.line}-{s.load_as}-{s.text[:20]}")
def test_what_the_source_documents_state_comes_out_of_the_marts(demo: Settings, statement: Statement) -> None:
    def look_up(figure: FigureKey) -> Decimal:
        ((value,),) = ask(
            demo,
            FIGURE,
            figure.period,
            figure.table,
            figure.field,
            figure.row,
            figure.scope,
            figure.below,
            figure.unit,
            figure.unit,
        )
        assert isinstance(value, Decimal)
        return value

    assert statement.holds(statement.value(look_up))


def test_every_sample_got_the_answer_that_was_planned_for_it(demo: Settings) -> None:
    planned = {f"{n:03d}_{r.file_name}": r.answer for n, r in enumerate(REPORTS, start=1) if r.answer != "duplicate"}
    assert dict(ask(demo, "select file_name, status from intake.receipt")) == planned


def test_the_demo_shows_the_sender_of_an_approximation_what_is_wrong_and_where(demo: Settings) -> None:
    told = (demo.home / "demo.txt").read_text("utf-8")
    assert "F1!V18" in told
    assert "«hơn 4.000» là con số ước chừng" in told
    assert "postgresql://tonghop_bi@127.0.0.1" in told
    assert secret(demo, "bi") not in told


def test_the_ledger_and_the_published_release_agree(demo: Settings) -> None:
    assert {v.name: v.wrong for v in verify(demo) if v.wrong} == {}
    assert ask(demo, "select release_id > 0 from ctl.current_release") == [(True,)]


def test_pages_and_data_docs_lie_there_for_readers(demo: Settings) -> None:
    ((release,),) = ask(demo, "select release_id from ctl.current_release")
    for page in ("index.html", f"release-{release}.html", f"gate/{release}/index.html"):
        assert "<html" in (demo.pages / page).read_text("utf-8")


def test_a_bi_user_sees_wide_views_without_cells_or_withheld_figures(demo: Settings) -> None:
    with psycopg.connect(bi_url(demo)) as reader:
        members = reader.execute("select dv_cuoi_ky from bi.f1_year where unit_code = '08737' and year = 2021").fetchall()
        assert members == [(Decimal(617),)]
        assert reader.execute("select count(*) from bi.f2_month where unit_level in ('cell', 'section')").fetchall() == [(0,)]
        columns = {
            row[0]
            for row in reader.execute(
                "select column_name from information_schema.columns where table_schema = 'bi' and table_name = 'f1_year'"
            )
        }
        assert "dv_cuoi_ky" in columns
        assert not columns & {"dv_xin_ra", "dv_xoa_ten", "dv_khai_tru"}


def test_the_demo_again_changes_nothing(demo: Settings) -> None:
    before = marts(demo), ask(demo, "select * from ctl.release"), ask(demo, "select max(seq) from intake.ledger")
    run(demo, "demo")
    assert (marts(demo), ask(demo, "select * from ctl.release"), ask(demo, "select max(seq) from intake.ledger")) == before


def test_a_failed_gate_leaves_readers_on_the_old_release_and_says_why_and_the_retry_publishes(
    demo: Settings, catalogue: Catalogue
) -> None:
    ((old,),) = ask(demo, "select release_id from ctl.current_release")
    unit, period = "08719", "2018-Y"
    with psycopg.connect(bi_url(demo), autocommit=True) as reader, connect(demo) as owner:
        question = "select sum(dai_hoc) from bi.f8a_year"
        seen = reader.execute(question).fetchone()
        owner.execute("grant select on marts.fct_observation to tonghop_reader")
        owner.commit()
        demo.inbox.mkdir(exist_ok=True)
        correction = book(catalogue, "F8A", unit, period, [(unit, STAFF | {"dai_hoc": 17, "khac": 1})])
        (demo.inbox / "correction.xlsx").write_bytes(correction)
        with pytest.raises(processes.ServiceError, match=r"(?s)release.*gate.*exposure"):
            client.run(demo, "intake")
        assert ask(demo, "select release_id from ctl.current_release") == [(old,)]
        assert reader.execute(question).fetchone() == seen
        # the cause is mended: what failed is run again, and what follows from it
        owner.execute("revoke select on marts.fct_observation from tonghop_reader")
        owner.commit()
        client.retry(demo, "release")
        assert ask(demo, "select release_id from ctl.current_release") == [(old + 1,)]
        now = reader.execute(question).fetchone()
        assert now is not None
        assert seen is not None
        assert now[0] == seen[0] - 1


def test_a_withdrawal_reaches_readers_with_the_next_release_and_the_older_one_stays_reproducible(demo: Settings) -> None:
    ((number, release),) = ask(
        demo,
        """
        select max(r.receipt_id), (select release_id from ctl.current_release) from intake.receipt r
        join catalogue.unit u using (unit_id) join catalogue.period p using (period_id)
        where r.status = 'accepted' and u.unit_key = 'hung-vuong' and r.form_code = 'F1' and p.code = '2021-Y'""",
    )
    figures = "select count(*) from marts.fct_observation where submission_id = %s and release_from <= %s and release_to > %s"
    ((before,),) = ask(demo, figures, number, release, release)
    assert before > 0
    run(demo, "withdraw", f"R{number:06d}", "--reason", "gửi nhầm")
    assert candidate.awaited(demo)
    run(demo, "release")
    assert ask(demo, figures, number, release + 1, release + 1) == [(0,)]
    assert ask(demo, figures, number, release, release) == [(before,)]
    assert {v.name: v.wrong for v in verify(demo) if v.wrong} == {}
