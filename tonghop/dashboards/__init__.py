"""What Superset is given: the readers' views as datasets with metrics, and dashboards upon them, as an archive that it imports.

datasets  the readers' views and the catalogue's metrics, as the warehouse has them now
boards    `bi/dashboards/*.yaml`: pages of charts, checked against the datasets
superset  charts and pages in Superset's own terms
archive   all of it as one ZIP, every part under a uuid that follows from its name
"""
