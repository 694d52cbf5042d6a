"""Data Docs of a gate run: one page that opens without a network, without script or outside asset. It shows counts only."""

import shutil
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tonghop.base.settings import Settings
from tonghop.release.suites import Result, Suites

TEMPLATES = Path(__file__).parent / "html"


def write(settings: Settings, release_id: int, asked: Suites, models: str, results: list[Result], whole: bool) -> Path:
    """Write pages/gate/<release>/index.html anew: every suite with its expectations, what came of each, and its SQL."""
    page = settings.pages / "gate" / str(release_id) / "index.html"
    shutil.rmtree(page.parent, ignore_errors=True)
    page.parent.mkdir(parents=True)
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page.write_text(
        environment.get_template("gate.html").render(
            release_id=release_id,
            asked=asked,
            models=models,
            whole=whole,
            results={result.expectation: result for result in results},
        ),
        "utf-8",
    )
    return page
