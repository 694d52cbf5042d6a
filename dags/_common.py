"""What the DAGs share: the two assets that pass the work on, and their defaults."""

from datetime import timedelta

from airflow.sdk import Asset

ACCEPTED = Asset("accepted_submissions")
PUBLISHED = Asset("published_release")

# one run at a time keeps the pages readable; what keeps two builds apart is a lock in the warehouse
DEFAULTS = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["tonghop"],
    "default_args": {"owner": "data-engineering", "retry_delay": timedelta(seconds=10)},
}
