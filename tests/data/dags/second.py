"""Leaves a setting of ours where a test finds it."""

from airflow.sdk import Asset, dag, task


@dag(schedule=[Asset("passed_on")])
def second():
    @task
    def settings_arrive():
        from tonghop.base.settings import Settings

        (Settings().home / "arrived").write_text(str(Settings().batch_files))

    settings_arrive()


second()
