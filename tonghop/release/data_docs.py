"""Data Docs that open without a network: Great Expectations' pages in our own templates, without script or outside asset."""

import shutil
from pathlib import Path
from typing import Any

from great_expectations.render.view.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader

TEMPLATES = Path(__file__).parent / "html"


class ResultPage(DefaultJinjaPageView):
    """A suite or a result."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.env.loader = _ours_first(self.env.loader)


class IndexPage(DefaultJinjaIndexPageView):
    """The list of results."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.env.loader = _ours_first(self.env.loader)


def _ours_first(theirs: BaseLoader | None) -> BaseLoader:
    assert theirs
    return ChoiceLoader([FileSystemLoader(TEMPLATES), theirs])


def site(folder: Path) -> dict[str, Any]:
    """The configuration of a site in a folder."""
    page = {"module_name": __name__, "class_name": "ResultPage"}
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {
            "class_name": "DefaultSiteIndexBuilder",
            "view": {"module_name": __name__, "class_name": "IndexPage"},
        },
        "site_section_builders": {
            "validations": {
                "class_name": "DefaultSiteSectionBuilder",
                "source_store_name": "validation_results_store",
                "renderer": {"class_name": "ValidationResultsPageRenderer"},
                "view": page,
            },
            "expectations": {
                "class_name": "DefaultSiteSectionBuilder",
                "source_store_name": "expectations_store",
                "renderer": {"class_name": "ExpectationSuitePageRenderer"},
                "view": page,
            },
            "profiling": "None",
        },
    }


def trim(folder: Path) -> None:
    """Take out the pictures and fonts that are copied beside every site and that no page of ours names."""
    shutil.rmtree(folder / "static", ignore_errors=True)
