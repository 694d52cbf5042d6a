"""What a reader cannot work out: nothing that readers see tells of a figure that is withheld from them."""

import psycopg
import pytest

from tonghop.base.settings import Settings
from tonghop.warehouse.connect import connect
from tonghop.warehouse.roles import READER, STAR

# what a role may read of any schema but the server's own
READ = """
    select format('%%I.%%I', n.nspname, c.relname) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v', 'm', 'p', 'f')
        and has_schema_privilege(%(role)s, n.oid, 'usage') and has_table_privilege(%(role)s, c.oid, 'select')"""


@pytest.mark.parametrize("role", [READER, STAR])
def test_no_fingerprint_of_a_file_or_of_its_cells_is_seen_by_which_withheld_cells_could_be_tried(
    samples_released: Settings, role: str
) -> None:
    with connect(samples_released) as connection:
        hashes = {h for row in connection.execute("select sha256, cells_sha256 from intake.receipt") for h in row if h}
        relations = [name for (name,) in connection.execute(READ, {"role": role})]
        assert len(relations) > 20
        connection.execute(f"set role {role}".encode())
        for name in relations:
            # every stretch of as many hex digits as a fingerprint has
            found = connection.execute(f"select regexp_matches(t::text, '[0-9a-f]{{64,}}', 'g') from {name} as t".encode())
            assert not [text for ((text,),) in found if any(h in text for h in hashes)], name


def test_a_report_is_seen_without_what_it_held(samples_released: Settings) -> None:
    with connect(samples_released, STAR) as connection:
        assert connection.execute("select count(*) > 0 from star.dim_submission").fetchone() == (True,)
        for column in ("sha256", "cells"):
            for relation in ("star.dim_submission", "star.dim_submission_as_of(1)"):
                with pytest.raises(psycopg.errors.UndefinedColumn), connection.transaction():
                    connection.execute(f"select {column} from {relation}".encode())
