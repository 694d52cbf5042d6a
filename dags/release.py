"""Build a candidate release, put it to the gate, publish it.

Started by accepted or withdrawn reports, a catalogue that was synced, or a day on which the units change. Nothing that readers
see changes before **publish**. Where nothing changed since the current release, **open_candidate** skips the rest.

When a step fails, its log names the model, test or expectation. Mend the cause and clear the failed task: the build goes on
from there, on the same candidate.
"""

from _common import ACCEPTED, DEFAULTS, PUBLISHED
from airflow.sdk import dag, task


@dag(schedule=[ACCEPTED], doc_md=__doc__, description="dbt into a candidate, the gate, one pointer moved", **DEFAULTS)
def release():
    @task.short_circuit
    def open_candidate() -> int | None:
        from tonghop.base.settings import Settings
        from tonghop.release import candidate

        return candidate.open_candidate(Settings())

    @task
    def step(release_id: int, name: str) -> int:
        from tonghop.base.settings import Settings
        from tonghop.release import run

        run.step(Settings(), release_id, name, print)
        return release_id

    @task
    def gate(release_id: int) -> int:
        from tonghop.base.settings import Settings
        from tonghop.queries import pages
        from tonghop.release import run

        try:
            run.step(Settings(), release_id, "gate", print)
        finally:
            pages.write(Settings(), release_id)  # without figures yet; with the gate's reasons where it refused
        return release_id

    @task(outlets=[PUBLISHED])
    def publish(release_id: int, *, outlet_events) -> None:
        from tonghop.base.settings import Settings
        from tonghop.release import run

        run.step(Settings(), release_id, "publish", print)
        outlet_events[PUBLISHED].extra = {"release_id": release_id}

    release_id = open_candidate()
    for layer in ("staging", "intermediate", "marts"):
        release_id = step.override(task_id=layer)(release_id, layer)
    publish(gate(release_id))


release()
