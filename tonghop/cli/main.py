"""The command line.

Exit codes: 0 all accepted or done; 1 something was returned or quarantined, or does not hold; 2 wrong usage; 3 system fault.
"""

import logging
import sys

import click
from pydantic import ValidationError

from tonghop.base.settings import Settings
from tonghop.catalogue.data import in_a_line
from tonghop.cli import catalogue, intake, operations, queries, release
from tonghop.cli.output import note


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tonghop")
def cli() -> None:
    """Tonghop: reports in, published and audited figures out."""


for group in (intake, queries, release, catalogue, operations):
    for command in group.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line; a fault is one plain line here and a traceback in the log."""
    try:
        settings = Settings()
        settings.logs.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(
            filename=settings.logs / "tonghop.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
    except ValidationError as error:
        note.print(f"settings: {in_a_line(error)}", style="red", markup=False)
        sys.exit(2)
    except OSError as error:
        note.print(f"the state folder cannot be used: {error}; TONGHOP_HOME names another", style="red", markup=False)
        sys.exit(3)
    try:
        cli(standalone_mode=True)
    except Exception as error:
        logging.exception("fault")
        note.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        note.print(f"details: {settings.logs / 'tonghop.log'}")
        sys.exit(3)
