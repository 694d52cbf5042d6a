"""Commands for releases: build, audit, list, what fails the gate, and dbt by hand."""

import json
import sys

import click

from tonghop.base.settings import Settings
from tonghop.cli.output import as_json, note, print_rows, progress


@click.command()
@click.option("--all", "everything", is_flag=True, help="Rebuild every figure, and not only what changed.")
@as_json
def release(everything: bool, json_: bool) -> None:
    """Build a candidate, put it to the gate, and publish it.

    It rebuilds what changed since the current release; everything where the catalogue, today's tree or the models changed.
    """
    from tonghop.ops import release
    from tonghop.release.gate import GateFailed
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    with progress("release") as bar:
        try:
            number = release.publish_new(settings, lambda _, name: bar(release.STEPS.index(name), len(release.STEPS)), everything)
        except GateFailed as failed:
            note.print(str(failed), style="red", markup=False)
            sys.exit(1)
    note.print(f"release {number} is published" if number else "nothing new since the current release")
    if json_:
        click.echo(json.dumps({"release": number, "published": number is not None}))


@click.command()
@as_json
def audit(json_: bool) -> None:
    """Put everything that readers see to the gate, not only what a release changed."""
    from tonghop.release import gate
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    try:
        print_rows([result._asdict() for result in gate.audit(settings)], json_)
    except gate.GateFailed as failed:
        note.print(str(failed), style="red", markup=False)
        sys.exit(1)


@click.command()
@click.argument("expectation")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@as_json
def failing(expectation: str, limit: int, json_: bool) -> None:
    """List what fails an expectation in what the gate asked last, candidate or audited release, by its keys."""
    from tonghop.release import gate

    try:
        print_rows(gate.failing(Settings(), expectation, limit), json_)
    except gate.GateFailed as failed:
        raise click.ClickException(str(failed)) from failed
    except KeyError as error:
        raise click.UsageError(f"no expectation {expectation}") from error


@click.command()
@as_json
def releases(json_: bool) -> None:
    """List the releases, which one readers see, and how the gate judged them."""
    from tonghop.release import publish

    print_rows([r._asdict() for r in publish.releases(Settings())], json_)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> None:
    """Run dbt by hand, on this warehouse and as its builder: tonghop dbt -- ls."""
    from tonghop.release.dbt import by_hand
    from tonghop.warehouse.migrate import ready

    settings = Settings()
    ready(settings, note.print)
    by_hand(settings, list(arguments))


COMMANDS = (release, audit, failing, releases, dbt)
