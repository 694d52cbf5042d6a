"""Fails."""

from airflow.sdk import dag, task


@dag(schedule=None)
def broken():
    @task
    def count():
        raise ValueError("model stg_fact failed")

    count()


broken()
