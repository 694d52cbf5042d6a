"""Commands that run the services: up, down, demo, status."""

import json
from collections.abc import Callable

import click

from tonghop.base.settings import Settings
from tonghop.cli.intake import hand_in
from tonghop.cli.output import as_json, note, out, print_frame, print_rows


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
    """Run the whole way once on the sample reports, with the real Airflow; leaves everything running. Safe to repeat."""
    import shutil

    import samples
    from tonghop.catalogue.load import load_catalogue
    from tonghop.ops import client, services
    from tonghop.queries import questions
    from tonghop.release import publish

    settings = Settings()
    step = _steps(5)
    step("start PostgreSQL and Airflow")
    services.up(settings, _indented)
    step("write the workbooks that the reference organisations would have filed")
    files = samples.write(load_catalogue(settings.catalogue), settings.home / "samples")
    _indented(f"{len(files)} files in {settings.home / 'samples'}")
    step("a committee hands in “hơn 4.000 đảng viên”: not a count, so it comes back with the reason")
    approximate = next(
        f
        for f, sample in zip(files, samples.REPORTS, strict=True)
        if (sample.sender, sample.answer) == ("khoi-co-quan-tinh", "returned")
    )
    for answer in hand_in(settings, [approximate]):
        click.echo(answer.as_text())
    step("it sends the exact figure; Airflow takes in the whole inbox, builds a release, puts it to the gate and publishes it")
    settings.inbox.mkdir(parents=True, exist_ok=True)
    for file in files:
        part = settings.inbox / f"{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(part.with_suffix(""))
    client.run(settings, "intake", _indented)
    step("what readers now see")
    current = next(r for r in publish.releases(settings) if r.is_current)
    _indented(
        f"release {current.release_id}, published {current.published_at:%d/%m/%Y %H:%M}; of it, one form of one ward "
        "(tonghop report form table=F1 unit=08737 period=2021-Y):"
    )
    print_frame(questions.ask(settings, "form", {"table": "F1", "unit": "08737", "period": "2021-Y"}), False)
    _where(settings)
    out.print("\n`make down` stops all of it.")


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


def _steps(total: int) -> Callable[[str], None]:
    """Announce each step of a long command."""
    number = iter(range(1, total + 1))
    return lambda text: out.print(f"\n[bold][{next(number)}/{total}][/bold] {text}", soft_wrap=True)


def _indented(text: str) -> None:
    out.print(f"      {text}", markup=False, soft_wrap=True)


def _where(settings: Settings) -> None:
    """Where a person goes next."""
    from tonghop.ops import services
    from tonghop.warehouse.connect import bi_url

    found = services.status(settings)
    places = {
        "report pages": settings.pages / "index.html",
        "for a BI tool": f"{bi_url(settings, password=False)}  password in {settings.home / 'secrets' / 'bi'}",
        "Airflow": f"{found['airflow_url']}  user {found['airflow_user']}, password in {found['airflow_password_file']}",
        "inbox": settings.inbox,
    }
    out.print()
    for what, where in places.items():
        out.print(f"{what + ':':16}{where}", markup=False, soft_wrap=True)


COMMANDS = (up, down, demo, status)
