"""Write the report pages of each release that was published; started by hand, of all of them."""

from _common import DEFAULTS, PUBLISHED
from airflow.sdk import dag, task


@dag(schedule=[PUBLISHED], doc_md=__doc__, description="Pages of what changed in a release", **DEFAULTS)
def pages():
    @task(retries=1)
    def write_pages(*, triggering_asset_events) -> None:
        from tonghop.base.settings import Settings
        from tonghop.queries import pages
        from tonghop.release import publish

        settings = Settings()
        published = {event.extra["release_id"] for event in triggering_asset_events.get(PUBLISHED, [])}
        for release_id in published or {one.release_id for one in publish.releases(settings) if one.status == "published"}:
            print(pages.write(settings, release_id))

    write_pages()


pages()
