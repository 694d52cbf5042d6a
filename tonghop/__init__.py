"""Tonghop: a reporting warehouse for organisations with many levels.

A package imports only from those below it in this list (`make lint` holds that). From the bottom to the top it is the way that
a number takes:

cli         the `tonghop` command: a file for each group of commands
ops         PostgreSQL, Airflow and Superset brought up and down; the demo
dashboards  datasets, metrics and pages of charts, made of the readers' views for Superset
queries     what readers and auditors ask of releases: figures, traces, explanations, pages
release     a candidate built by dbt, judged by the gate, published by one pointer
intake      files received, read in confined processes, answered, and loaded
templates   a unit's own workbook to fill in
reading     a file to a report: cells with coordinates, numbers, names, the rules that it must obey
catalogue   forms, units, periods and rules as dated data, and their copy in the warehouse
xlsx        parts of workbooks edited without loss
warehouse   PostgreSQL itself: the server, connections, roles, migrations, views
base        settings, findings, files, texts, days and secrets that everything else uses

Nothing here imports Airflow: the DAGs call these functions, and so does the command line.
"""

__version__ = "0.1.0"
