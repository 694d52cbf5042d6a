"""PostgreSQL and Airflow brought up and down, and the demo.

configuration  Airflow's configuration file and environment
processes      Airflow's processes: started, found, ended
client         Airflow's REST API: a DAG triggered, and every run that follows from it
services       the database and Airflow together: up, down, status
release        a release's steps one after the other, for the command line and the demo without Airflow
demo           the sample reports on the whole way, with Airflow or without it
"""
