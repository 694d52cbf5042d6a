"""The warehouse itself: made by the migrations that lie here, or not touched."""

import pytest

from tonghop import server
from tonghop.settings import Settings


def applied(settings: Settings) -> list[tuple[str, str]]:
    with server.connect(settings) as connection:
        return connection.execute("select migration_id, sha256 from _migration_text order by 1").fetchall()


def test_a_warehouse_made_by_other_migrations_is_refused_and_left_alone(settings: Settings) -> None:
    with server.connect(settings) as connection:
        connection.execute("update _migration_text set sha256 = 'x' where migration_id = '0003-intake'")
    with pytest.raises(server.ServerError, match=r"another development version \(0003-intake changed since\)"):
        server.migrate(settings)
    assert ("0003-intake", "x") in applied(settings)


def test_migrating_again_changes_nothing(settings: Settings) -> None:
    before = applied(settings)
    server.migrate(settings)
    assert before == applied(settings)
    assert len(before) == len(list(server.MIGRATIONS.glob("*.sql")))
