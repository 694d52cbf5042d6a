"""Which layers of the open candidate are built, and from which models.

A build step leaves a row in build.layer_built when it succeeds. Before it begins it takes away the rows of its layer and of those
that follow, and ends the verdict of the gate. A layer is built only on one that was built for the same candidate.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tonghop.base.fingerprint import fingerprint

LAYERS = ("staging", "intermediate", "marts")


class BuildFailed(Exception):
    """A step of the build failed; the message names the model or test, the database's error, and where the SQL is."""


def require_open(connection: psycopg.Connection[Any], release_id: int) -> None:
    """Raise BuildFailed where the release is not the candidate that is open."""
    if connection.execute("select from build.candidate where release_id = %s", [release_id]).fetchone() is None:
        raise BuildFailed(f"release {release_id} is not an open candidate")


def marts(connection: psycopg.Connection[Any]) -> list[str]:
    """The names of the tables of the marts, without their partitions."""
    found = connection.execute(
        "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'p') "
        "and not relispartition order by relname"
    )
    return [name for (name,) in found]


@contextmanager
def building(connection: psycopg.Connection[Any], layers: Sequence[str], project: Path) -> Iterator[set[str]]:
    """The frame of a build step; what is within builds layers that follow each other from the dbt project, or raises.

    It adds the names of the models that it builds to the set that it gets. Raises BuildFailed where no candidate is open, the
    layer below is not built for it, no model built a table of the marts, or the models changed meanwhile.
    """
    first, together = LAYERS.index(layers[0]), ", ".join(layers)
    candidate = begin(connection, LAYERS[first:], f"{together} {'was' if len(layers) == 1 else 'were'} built again")
    below = {name: built_from(connection, candidate, name) for name in LAYERS[:first][-1:]}
    models = {layer: _models(project, layer) for layer in layers}
    built: set[str] = set()
    yield built
    # what a lost model built is still there, from an earlier release
    if "marts" in layers and (stale := [name for name in marts(connection) if name not in built]):
        raise BuildFailed(f"no model builds {', '.join(stale)} of the marts: restore it in models/marts, then run the step again")
    if {layer: _models(project, layer) for layer in layers} != models:
        raise BuildFailed(f"the models of {together} changed while they were being built: run the step again")
    with connection.transaction():
        for layer in layers:
            below = {layer: fingerprint({name: digest.encode() for name, digest in {**below, layer: models[layer]}.items()})}
            connection.execute(
                "insert into build.layer_built (layer, release_id, models) values (%s, %s, %s)",
                [layer, candidate, below[layer]],
            )


def begin(connection: psycopg.Connection[Any], layers: Sequence[str], why: str) -> int:
    """Before anything is written to layers of the open candidate: they count as not built, and the gate's verdict ends.

    Gives the candidate's number. Raises BuildFailed where none is open.
    """
    with connection.transaction():
        candidate = connection.execute("select release_id from build.candidate").fetchone()
        if candidate is None:
            raise BuildFailed("no candidate is open: `tonghop release` opens one")
        connection.execute("select ctl.end_verdict(%s)", [why])
        connection.execute("delete from build.layer_built where layer = any(%s)", [list(layers)])
    return int(candidate[0])


def built_from(connection: psycopg.Connection[Any], candidate: int, layer: str) -> str:
    """The fingerprint of the models that a layer was built from, those of the layers below included.

    Raises BuildFailed where the layer is not built for the candidate.
    """
    row = connection.execute(
        "select models from build.layer_built where layer = %s and release_id = %s", [layer, candidate]
    ).fetchone()
    if row is None:
        crash = ", or the server crashed, which empties its tables" if layer == "intermediate" else ""
        raise BuildFailed(
            f"{layer} is not built for release {candidate}: its step has not succeeded yet{crash}. Run {layer} again, then this "
            "step: clear its task in Airflow; `tonghop release` builds everything anew"
        )
    return str(row[0])


def _models(project: Path, layer: str) -> str:
    """The fingerprint of a layer's own models, all macros and the settings of the dbt project, as they are on disk."""
    files = [project / "dbt_project.yml", *(project / "macros").rglob("*"), *(project / "models" / layer).rglob("*")]
    return fingerprint({p.relative_to(project).as_posix(): p.read_bytes() for p in files if p.is_file()})
