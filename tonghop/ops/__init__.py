"""Services: Airflow's configuration, its processes, a client of its API, and all of them up and down together."""
