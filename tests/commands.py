"""Runs commands of the command line in this process, with given settings."""

from click.testing import CliRunner, Result

from tonghop.base.settings import PREFIX, Settings
from tonghop.cli.main import cli


def run(settings: Settings, *arguments: str) -> Result:
    """What a command prints and ends with, given settings as its environment."""
    given = {PREFIX + name.upper(): str(value) for name, value in settings.model_dump().items() if value is not None}
    return CliRunner().invoke(cli, list(arguments), env=given)
