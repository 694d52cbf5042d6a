"""From what was loaded to what readers see: a candidate is built by dbt, judged by the gate, and published by one pointer.

`run` puts the steps in order, for the command line and for Airflow. What readers see changes in `publish` and nowhere else.

candidate                       opened and discarded: what goes in, and the slice that it may change
dbt, layers                     the layers built, and what each was built from; one step of a release at a time
gate, suites, checkpoint        the decision, and the audit; what is asked; Great Expectations, which asks it
data_docs                       a page for each run of the gate
publish, retention              the pointer moved; releases past their retention removed
"""
