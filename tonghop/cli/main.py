"""The command line.

Exit codes: 0 all accepted or done; 1 something was returned or quarantined, or does not hold; 2 wrong usage; 3 system
fault; 4 another command is at work on the same thing.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

import click
from pydantic import ValidationError

from tonghop.base.settings import Settings
from tonghop.catalogue.data import in_a_line
from tonghop.cli import catalogue, intake, operations, queries, release
from tonghop.cli.output import note
from tonghop.warehouse import locks


class Commands(click.Group):
    """A group of commands that says in Vietnamese too what was wrong with how one was called."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """As click's own."""
        run: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, standalone_mode=False, **extra)
        try:
            done = run(*args, standalone_mode=False, **extra)
        except click.Abort:
            click.echo("Đã dừng. / Stopped.", err=True)
            sys.exit(1)
        except click.ClickException as error:
            click.echo(f"Lỗi: {_in_vietnamese(error)}", err=True)
            error.show()
            sys.exit(error.exit_code)
        sys.exit(done if isinstance(done, int) else 0)


def _in_vietnamese(error: click.ClickException) -> str:
    """What was wrong, and where to look; the particulars follow in click's own words."""
    hint = ""
    if isinstance(error, click.BadParameter):
        names = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param and error.ctx else "") or ""
        hint = " ".join(names) if not isinstance(names, str) else names
    what = "lệnh gọi chưa đúng cách"
    if isinstance(error, click.NoSuchOption):
        what = f"không có tùy chọn {error.option_name}"
    elif isinstance(error, click.MissingParameter):
        what = f"thiếu {hint}"
    elif isinstance(error, click.BadOptionUsage):
        what = f"tùy chọn {error.option_name} cần một giá trị"
    elif isinstance(error, click.BadParameter):
        what = f"giá trị của {hint} không dùng được"
    elif "No such command" in error.message:
        what = "không có lệnh này"
    context = getattr(error, "ctx", None)
    return f"{what}. Xem {context.command_path} --help." if context else f"{what}."


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
    except locks.Busy as error:
        logging.warning(str(error))
        note.print(str(error), style="red", markup=False)
        sys.exit(4)
    except Exception as error:
        logging.exception("fault")
        note.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        note.print(f"details: {settings.logs / 'tonghop.log'}")
        sys.exit(3)
