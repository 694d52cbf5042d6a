"""Passes something on, which starts the second."""

from airflow.sdk import Asset, dag, task


@dag(schedule=None)
def first():
    @task(outlets=[Asset("passed_on")])
    def hand_over():
        pass

    hand_over()


first()
