"""The wheel in an environment of its own, outside the tree: it carries what it needs, and writes nothing beside itself."""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from books import STAFF
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tonghop.base.settings import PROJECT

METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
EXTRAS = METADATA["project"]["optional-dependencies"]
PINS = dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==([^ ;]+)", (PROJECT / "requirements.txt").read_text(), re.M))


def names(lines: list[str]) -> list[str]:
    return [canonicalize_name(Requirement(line).name) for line in lines]


def listed(file: str) -> list[str]:
    """The packages that a .in file names."""
    return names([line for line in (PROJECT / file).read_text().splitlines() if line and not line.startswith(("#", "-"))])


def test_every_dependency_is_stated_once_and_as_a_range() -> None:
    stated = [*METADATA["project"]["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    every = [*names(stated), *listed("requirements.in"), *listed("requirements-dev.in")]
    assert sorted(every) == sorted(set(every))
    assert names(METADATA["build-system"]["requires"]) == listed("requirements.in")
    for requirement in map(Requirement, stated):
        operators = [each.operator for each in requirement.specifier]
        assert ">=" in operators, f"{requirement} has no lower bound"
        assert set(operators) <= {">=", "<"}, f"{requirement}: only requirements.txt pins"
        assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), requirement


# --- installed -----------------------------------------------------------------------------------------------


class Installed:
    """The wheel in a virtual environment without Airflow, and commands run there from an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder / "empty", folder / "venv" / "bin"
        self.folder.mkdir()
        self.home = folder / "data" / "tonghop"
        # nothing of this environment or of the tree: neither settings nor modules
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("TONGHOP_", "PYTHON", "VIRTUAL_ENV"))
        } | {"XDG_DATA_HOME": str(folder / "data"), "PYTHONDONTWRITEBYTECODE": "1"}
        constraints = folder / "constraints.txt"  # the pins without their hashes, which the wheel itself has not
        pins = re.findall(r"^([\w.-]+)(?:\[.*?\])?(==.*?) *\\$", (PROJECT / "requirements.txt").read_text(), re.M)
        constraints.write_text("".join(f"{name}{version}\n" for name, version in pins))
        python = self.bin / "python"
        self.must(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        pip = (sys.executable, "-m", "pip", "--python", python, "--quiet", "--no-input", "--disable-pip-version-check")
        build = (sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
        self.must(*build, PROJECT)
        (self.wheel,) = folder.glob("tonghop-*.whl")
        # of what is installed half is never imported: bytecode of the other half is enough, written before anything is looked at
        self.must(*pip, "install", "--no-compile", "--constraint", constraints, self.wheel)
        used = "import tonghop.cli.main, tonghop.intake.worker, dbt.adapters.postgres, dbt.cli.main, great_expectations"
        self.must("env", "-u", "PYTHONDONTWRITEBYTECODE", python, "-c", used)

    def must(self, *command: object, code: int = 0) -> str:
        """What a command prints; it must end with the code."""
        done = subprocess.run(
            [str(part) for part in command], env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def tonghop(self, *arguments: object, code: int = 0) -> str:
        said = self.must(self.bin / "tonghop", *arguments, code=code)
        assert "Traceback" not in said
        return said

    def files(self) -> dict[Path, tuple[int, int]]:
        """Every file of the environment, with its size and when it was written."""
        stats = ((path, path.stat()) for path in self.bin.parent.rglob("*") if path.is_file())
        return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats}


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    # not in pytest's folder, which keeps what the last runs left (half a gigabyte each), and which a pytest that begins closes to
    # the account of the server, whose programs are here
    with tempfile.TemporaryDirectory(prefix="tonghop-") as folder:
        here = Installed(Path(folder))
        try:
            yield here
        finally:
            here.tonghop("down")


@pytest.mark.wheel
def test_an_installed_package_goes_the_whole_way_without_airflow_and_writes_nothing_beside_itself(installed: Installed) -> None:
    before = installed.files()
    report = installed.folder / "F8.xlsx"
    installed.tonghop("template", "F8", "--unit", "08719", "--period", "2019-Y", "-o", report)
    installed.tonghop("check", report, code=1)  # nobody has filled it in
    assert not (installed.home / "postgres").exists()

    said = installed.tonghop("demo")
    assert "Airflow is not installed" in said
    assert "F1!V18" in said
    assert "release 1" in said
    files = sorted((installed.home / "samples").iterdir())
    (accepted,) = (path for path in files if path.name.startswith("012"))
    assert json.loads(installed.tonghop("check", "--json", accepted))["status"] == "accepted"
    assert json.loads(installed.tonghop("submit", "--json", accepted))["status"] == "duplicate"

    figures = installed.folder / "figures.csv"
    unit = "F8,1,08719,2019-Y,CALENDAR,own,F8A,08719,,"
    figures.write_text(
        "form,version,sender,period,scheme,scope,table,unit,row,field,value\n"
        + "".join(f"{unit}{field},{value}\n" for field, value in STAFF.items())
    )
    assert "R0000" in installed.tonghop("submit", figures)
    assert "release 2 is published" in installed.tonghop("release")
    assert "<html" in (installed.home / "pages" / "release-2.html").read_text("utf-8")
    installed.tonghop("verify")
    events = installed.folder / "2026-07-01.csv"
    events.write_text("event,on,kind,unit,successor,weight,code,name,level,parent,synthetic,source\n")
    assert "TONGHOP_CATALOGUE" in installed.tonghop("reorg", "apply", events, code=1)
    assert installed.files() == before
    assert {path.name for path in installed.folder.iterdir()} == {"F8.xlsx", "figures.csv", "2026-07-01.csv"}


@pytest.mark.wheel
def test_without_airflow_up_is_an_error_that_says_how_to_install_it(installed: Installed) -> None:
    said = installed.tonghop("up", code=3)
    assert "tonghop[airflow]" in said
    assert "Airflow is up" not in said


@pytest.mark.wheel
def test_the_package_brings_one_module_and_no_airflow(installed: Installed) -> None:
    roots = installed.must(
        installed.bin / "python",
        "-c",
        "from importlib.metadata import files; print(*sorted({f.parts[0] for f in files('tonghop')}))",
    ).split()
    assert [name for name in roots if not name.endswith(".dist-info") and name != ".."] == ["tonghop"]
    installed.must(installed.bin / "python", "-c", "import airflow", code=1)
