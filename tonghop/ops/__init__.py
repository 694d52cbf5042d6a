"""PostgreSQL, Airflow and Superset brought up and down, and the demo.

configuration  Airflow's configuration file and environment
processes      Airflow's processes: started, found, ended
client         Airflow's REST API: a DAG triggered, and every run that follows from it
superset_api   Superset's REST API: what is brought in, roles, users, the figures of a chart
superset       Superset over the warehouse: started in its own environment, with the dashboards
services       the database and Airflow together: up, down, status
release        a release's steps one after the other, for the command line and the demo without Airflow
demo           the sample reports on the whole way, with Airflow or without it
"""
