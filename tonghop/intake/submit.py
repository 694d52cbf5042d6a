"""Hand in: receive files and load them at once, as `tonghop submit` does; Airflow does the same in two tasks, from the inbox."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tonghop.base.settings import Settings
from tonghop.intake.answer import Answer
from tonghop.intake.delivery import answers_of
from tonghop.intake.load import load_pending
from tonghop.intake.receive import NotReceived, receive
from tonghop.warehouse.connect import connect


def submit(
    settings: Settings,
    files: list[Path],
    progress: Callable[[int, int], None] = lambda done, total: None,
    left: Callable[[NotReceived], None] | None = None,
) -> list[Answer]:
    """Receive and load files; one answer a file, or a member of a .zip, in their order. Whatever else is pending is loaded too.

    A file that came before has status `duplicate`, with the receipt and the findings of the first; one that was withdrawn since
    is `withdrawn`, or its sender would think that it counts.

    Raises NotReceived where a file cannot be received; with `left`, calls that and goes on with the next file.
    """
    with connect(settings) as connection:
        received = [
            each
            for start in range(0, len(files), settings.batch_files)
            for each in receive(settings, connection, files[start : start + settings.batch_files], left)
        ]
    load_pending(settings, progress)
    known = answers_of(settings, [each.receipt_id for each in received])
    return [
        replace(
            known[each.receipt_id],
            file=each.name,
            status="duplicate" if each.duplicate and status != "withdrawn" else status,
        )
        for each in received
        for status in [known[each.receipt_id].status]
    ]
