"""Commands that run the services: up, down, demo, bi, status."""

import json
import textwrap

import click

from tonghop.base.settings import INSTALLED, Settings
from tonghop.cli.output import as_json, note, out, print_answer, print_rows


@click.command()
def up() -> None:
    """Start PostgreSQL and Airflow and keep them running until `tonghop down`."""
    from tonghop.ops import services

    settings = Settings()
    services.up(settings, note.print)
    _where(settings)


@click.command()
def down() -> None:
    """Stop everything that `up` started."""
    from tonghop.ops import services

    services.down(Settings(), note.print)


@click.command()
def demo() -> None:
    """Run the whole way once on the sample reports; leaves everything running. Safe to repeat.

    With the real Airflow where it is installed, without it otherwise.
    """
    from tonghop.ops import demo as demo_

    settings, numbers = Settings(), iter(range(1, demo_.STEPS + 1))

    def step(text: str) -> None:
        out.print(f"\n[bold][{next(numbers)}/{demo_.STEPS}][/bold] {text}", soft_wrap=True)

    seen = demo_.demo(settings, step, _indented)
    _indented(
        f"release {seen.release.release_id}, published {seen.release.published_at:%d/%m/%Y %H:%M}; of it, one form of one ward "
        f"(tonghop report {seen.question}):"
    )
    print_answer(seen.answer, seen.shown)
    _where(settings)
    if INSTALLED:
        out.print("\n`tonghop bi` shows it as dashboards in Superset, where that is installed; `tonghop down` stops all of it.")
    else:
        out.print("\n`make bi` shows it as dashboards in Superset, which it installs first; `make down` stops all of it.")


@click.command()
def bi() -> None:
    """Start Superset over the warehouse and bring the dashboards in; safe to repeat, which updates them."""
    from tonghop.ops import superset

    settings = Settings()
    superset.up(settings, note.print)
    passwords = settings.home / "secrets"
    for user in (superset.VIEWER, superset.ADMIN):
        line = f"{superset.url(settings)}  user {user}, password in {passwords / f'superset-{user}'}"
        out.print(line, markup=False, soft_wrap=True)


@click.command()
@as_json
def status(json_: bool) -> None:
    """What runs, and where to find it."""
    from tonghop.ops import services

    found = services.status(Settings())
    if json_:
        click.echo(json.dumps(found, default=str))
    else:
        print_rows([{"what": key, "is": value} for key, value in found.items()], json_)


def _indented(text: str) -> None:
    out.print(textwrap.indent(text, "      "), markup=False, soft_wrap=True)


def _where(settings: Settings) -> None:
    """Where a person goes next."""
    from tonghop.ops import services
    from tonghop.warehouse.connect import bi_url

    found = services.status(settings)
    places = {
        "report pages": settings.pages / "index.html",
        "for a BI tool": f"{bi_url(settings, password=False)}  password in {settings.home / 'secrets' / 'bi'}",
    }
    if found["airflow_url"]:
        places |= {
            "Airflow": f"{found['airflow_url']}  user {found['airflow_user']}, password in {found['airflow_password_file']}",
            "inbox": settings.inbox,
        }
    out.print()
    for what, where in places.items():
        out.print(f"{what + ':':16}{where}", markup=False, soft_wrap=True)


COMMANDS = (up, down, demo, bi, status)
