"""Each night, put everything that readers see to the gate: a release is asked only what it may have changed.

Where **audit** fails, its log names what does not hold. The next release is then asked everything as well, and is not published
before what is wrong was mended.
"""

from _common import DEFAULTS
from airflow.sdk import dag, task


@dag(schedule="@daily", doc_md=__doc__, description="The gate, asked of all that readers see", **DEFAULTS)
def audit():
    @task
    def audit() -> None:
        from tonghop.base.settings import Settings
        from tonghop.release import gate

        gate.audit(Settings())

    audit()


audit()
