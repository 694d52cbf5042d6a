"""From what was loaded to what readers see: a candidate is built by dbt, judged by the gate, and published by one pointer.

`run` puts the steps in order, for the command line and for Airflow. What readers see changes in `publish` and nowhere else.
"""
