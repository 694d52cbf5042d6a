"""The demo: the sample reports go the whole way, by Airflow, or without it where it is not installed."""

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tonghop.base.settings import PROJECT, Settings
from tonghop.catalogue.load import load_catalogue
from tonghop.intake.load import load_pending
from tonghop.intake.receive import receive_inbox
from tonghop.intake.submit import submit
from tonghop.ops import client, release, services
from tonghop.ops.configuration import Say
from tonghop.ops.processes import airflow_installed
from tonghop.queries import questions
from tonghop.release import publish
from tonghop.warehouse.migrate import ready

if TYPE_CHECKING:
    import pandas as pd

    from tonghop.release.publish import Release

STEPS = 5


@dataclass(frozen=True)
class Seen:
    """What readers see after the demo: the current release, and an answer from it with the columns that are shown of it."""

    release: "Release"
    question: str
    answer: "pd.DataFrame"
    shown: questions.Shown


def demo(settings: Settings, step: Say, say: Say) -> Seen:
    """Run the whole way once on the sample reports; leaves everything running. Safe to repeat: the second time changes nothing.

    `step` gets a line for each of STEPS, `say` what happens within them.
    """
    by_airflow = airflow_installed()
    if by_airflow:
        step("start PostgreSQL and Airflow")
        services.up(settings, say)
    else:
        step("start PostgreSQL; Airflow is not installed, so this command does itself what Airflow would do")
        ready(settings, say)

    step("write the workbooks that the reference organisations would have filed")
    sys.path.insert(0, str(PROJECT))  # an installed package keeps its samples there, so as to bring no module `samples`
    import samples

    files = samples.write(load_catalogue(settings.catalogue), settings.home / "samples")
    say(f"{len(files)} files in {settings.home / 'samples'}")

    step("a committee hands in “hơn 4.000 đảng viên”: not a count, so it comes back with the reason")
    approximate = next(
        file
        for file, sample in zip(files, samples.REPORTS, strict=True)
        if (sample.sender, sample.answer) == ("khoi-co-quan-tinh", "returned")
    )
    for answer in submit(settings, [approximate]):
        say(answer.as_text())

    who = "Airflow" if by_airflow else "this command"
    step(f"it sends the exact figure; {who} takes in the whole inbox, builds a release, puts it to the gate and publishes it")
    settings.inbox.mkdir(parents=True, exist_ok=True)
    for file in files:
        part = settings.inbox / f"{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(part.with_suffix(""))
    if by_airflow:
        client.run(settings, "intake", say)
    else:
        _take_in_and_release(settings, say)

    step("what readers now see")
    current = next(each for each in publish.releases(settings) if each.is_current)
    asked = {"table": "F1", "unit": "08737", "period": "2021-Y"}
    question = " ".join(["form", *(f"{name}={value}" for name, value in asked.items())])
    return Seen(current, question, questions.ask(settings, "form", asked), questions.shown("form"))


def _take_in_and_release(settings: Settings, say: Say) -> None:
    """What the three DAGs do, in their order."""
    receive_inbox(settings)
    say(f"{len(load_pending(settings))} files read, checked and answered")
    if release.publish_new(settings, lambda number, name: say(f"release {number}: {name}")) is None:
        say("nothing new since the current release")
