"""Take in what lies in the inbox.

Every five minutes: **receive** gives each file that is whole a receipt and keeps the original, **load** reads, checks and
loads what is pending and writes the answers, **announce** passes on that there is something that no release has taken in yet:
reports accepted here, or accepted or withdrawn through the command line, a new catalogue, or a day on which the units change.
Where there is nothing new, it is skipped.
"""

from _common import ACCEPTED, DEFAULTS
from airflow.sdk import dag, task


@dag(schedule="*/5 * * * *", doc_md=__doc__, description="Inbox to receipts, answers and facts", **DEFAULTS)
def intake():
    @task(retries=1)
    def receive() -> list[int]:
        from tonghop.base.settings import Settings
        from tonghop.intake.receive import receive_inbox

        return receive_inbox(Settings())

    @task(retries=1)
    def load() -> None:
        from collections import Counter

        from tonghop.base.settings import Settings
        from tonghop.intake.load import load_pending

        print(dict(Counter(answer.status for answer in load_pending(Settings()))) or "nothing was pending")

    @task(outlets=[ACCEPTED])
    def announce() -> None:
        from airflow.sdk.exceptions import AirflowSkipException

        from tonghop.base.settings import Settings
        from tonghop.release.candidate import awaited

        if not awaited(Settings()):
            raise AirflowSkipException("all that changed is in a release or in the open candidate")

    receive() >> load() >> announce()


intake()
