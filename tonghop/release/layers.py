"""Which layers of the open candidate are built, and from which models; and one step of a release at a time.

A build step leaves a row in build.layer_built when it succeeds. Before it begins, its layer and those that follow count as not
built, and the verdict of the gate ends. A layer is built only on one that was built for the same candidate. What only the models
and the catalogue change stays from one candidate to the next, and is made anew where either changed or where it may be lost.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tonghop.base.fingerprint import fingerprint
from tonghop.base.settings import PROJECT, Settings
from tonghop.warehouse import locks
from tonghop.warehouse.connect import connect

LAYERS = ("staging", "intermediate", "marts")
DBT_PROJECT = PROJECT / "dbt_project"


class BuildFailed(Exception):
    """A step of the build failed; the message names the model or test, the database's error, and where the SQL is."""


class Step(NamedTuple):
    """A build step: the layers whose views and catalogue rows stay as they are, and the names of the models that it builds."""

    kept: Sequence[str]
    built: set[str]


@contextmanager
def alone(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement, while every other step of a release is kept out.

    Raises Busy where another is at work, and psycopg.OperationalError at the end where the lock's connection was lost.
    """
    with connect(settings) as lock, connect(settings) as connection:
        locks.take(lock, "build")
        lock.execute("set local idle_in_transaction_session_timeout = 0")
        connection.autocommit = True
        yield connection


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


def models_changed(connection: psycopg.Connection[Any]) -> bool:
    """Whether the current release was built from other models than the files hold; false where there is no release."""
    judged = connection.execute(
        "select g.models from ctl.current_release join ctl.gate_run as g using (release_id) order by g.run_at desc limit 1"
    ).fetchone()
    return judged is not None and judged[0] != _built_upon({}, _texts())["marts"]


@contextmanager
def building(connection: psycopg.Connection[Any], layers: Sequence[str]) -> Iterator[Step]:
    """The frame of a build step; what is within builds layers that follow each other from the dbt project, or raises.

    It adds the names of the models that it builds to the step that it gets. Where the models are not those of the current
    release, the candidate rebuilds everything, whatever it was opened for: no release mixes what two texts of a model give.
    Raises BuildFailed where no candidate is open, the layer below is not built for it, no model built a table of the marts, or
    the models changed meanwhile.
    """
    first, together = LAYERS.index(layers[0]), ", ".join(layers)
    texts = {layer: text for layer, text in _texts().items() if layer in layers}
    with connection.transaction():
        candidate = begin(connection, f"{together} {'was' if len(layers) == 1 else 'were'} built again")
        if models_changed(connection):
            widened = connection.execute("update build.scope set everything = true where not everything")
            if widened.rowcount:
                forget(connection, LAYERS)
        connection.execute("update build.layer_built set release_id = null where layer = any(%s)", [list(LAYERS[first:])])
    models = _built_upon({name: built_from(connection, candidate, name) for name in LAYERS[:first][-1:]}, texts)
    kept = _kept(connection, models)
    forget(connection, [layer for layer in LAYERS[first:] if layer not in kept])
    step = Step(kept, set())
    try:
        yield step
        # what a lost model built is still there, from an earlier release
        lost = [name for name in marts(connection) if name not in step.built]
        if lost and "marts" in layers and "marts" not in kept:
            raise BuildFailed(
                f"no model builds {', '.join(lost)} of the marts: restore it in models/marts, then run the step again"
            )
        if {layer: text for layer, text in _texts().items() if layer in layers} != texts:
            raise BuildFailed(f"the models of {together} changed while they were being built: run the step again")
    except BaseException:
        # a table or view that is not as it was taken to be may be the reason: the next run makes all of them anew
        with suppress(psycopg.Error):
            forget(connection, LAYERS[first:])
        raise
    with connection.transaction():
        forget(connection, layers)
        connection.cursor().executemany(
            "insert into build.layer_built (layer, release_id, models) values (%s, %s, %s)",
            [(layer, candidate, digest) for layer, digest in models.items()],
        )


def begin(connection: psycopg.Connection[Any], why: str) -> int:
    """Before anything is written for the open candidate the gate's verdict ends. Gives the candidate's number.

    Raises BuildFailed where none is open.
    """
    with connection.transaction():
        candidate = connection.execute("select release_id from build.candidate").fetchone()
        if candidate is None:
            raise BuildFailed("no candidate is open: `tonghop release` opens one")
        connection.execute("select ctl.end_verdict(%s)", [why])
    return int(candidate[0])


def forget(connection: psycopg.Connection[Any], layers: Sequence[str]) -> None:
    """What is there of these layers may be anything: the next build makes all of it anew."""
    connection.execute("delete from build.layer_built where layer = any(%s)", [list(layers)])


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


def _kept(connection: psycopg.Connection[Any], models: Mapping[str, str]) -> list[str]:
    # the lowest layers that were built from the same models before; a catalogue's rows stay as long as the catalogue does
    found = connection.execute("select layer, models from build.layer_built").fetchall()
    everything = connection.execute("select from build.scope where everything").fetchone() is not None
    return list(takewhile(lambda layer: (layer, models[layer]) in found and (layer == "staging" or not everything), models))


def _built_upon(below: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, str]:
    """For each layer the fingerprint of its models and of those that the layer below it was built from."""
    models: dict[str, str] = {}
    for layer, text in texts.items():
        below = {layer: fingerprint({name: digest.encode() for name, digest in {**below, layer: text}.items()})}
        models.update(below)
    return models


def _texts() -> dict[str, str]:
    """For each layer the fingerprint of its own models, all macros and the settings of the dbt project, as they are on disk."""
    shared = [DBT_PROJECT / "dbt_project.yml", *(DBT_PROJECT / "macros").rglob("*")]
    return {layer: _text([*shared, *(DBT_PROJECT / "models" / layer).rglob("*")]) for layer in LAYERS}


def _text(files: Iterable[Path]) -> str:
    return fingerprint({p.relative_to(DBT_PROJECT).as_posix(): p.read_bytes() for p in files if p.is_file()})
