"""A release from the opening of its candidate to its page, in one process; in Airflow each step is a task."""

from collections.abc import Callable

from tonghop.base.settings import Settings
from tonghop.queries import pages
from tonghop.release import candidate, run
from tonghop.release.gate import GateFailed

STEPS = (*run.STEPS, "page")


def publish_new(settings: Settings, say: Callable[[int, str], None], everything: bool = False) -> int | None:
    """Build a candidate, put it to the gate, publish it and write its page; its number, None where nothing is new.

    `say` gets the number and the name of each of STEPS that begins. Raises what `run.step` does; where the gate refuses, the page
    has its reasons.
    """
    number = candidate.open_candidate(settings, everything)
    if number is None:
        return None
    try:
        for name in run.STEPS:
            say(number, name)
            run.step(settings, number, name)
    except GateFailed:
        pages.write(settings, number)
        raise
    say(number, "page")
    pages.write(settings, number)
    return number
