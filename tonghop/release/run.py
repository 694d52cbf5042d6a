"""The steps of a release in their order: the one orchestration that the command line and Airflow share."""

from collections.abc import Callable
from typing import Any

from tonghop.base.settings import Settings
from tonghop.release.layers import LAYERS

STEPS = ("build", "gate", "publish")


def step(settings: Settings, release_id: int, name: str, say: Callable[[str], None] = lambda _: None) -> Any:
    """Take one of STEPS with an open candidate; a part of the build has the name of its layer. Safe to repeat.

    Raises BuildFailed, SuiteError, GateFailed or PublishRefused; the message says why.
    """
    # dbt and Great Expectations take seconds to import, so a step imports what it needs
    if name == "build" or name in LAYERS:
        from tonghop.release import dbt

        return dbt.build(settings, *(LAYERS if name == "build" else (name,)), release_id=release_id, say=say)
    if name == "gate":
        from tonghop.release import gate

        return gate.judge(settings, release_id)
    from tonghop.release import publish

    return publish.publish(settings, release_id)
