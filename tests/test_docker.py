"""The container files hang together and agree with tonghop.ops.configuration. (No engine needed; building is not tested.)"""

import ast
import configparser
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tonghop.base.settings import PREFIX, PROJECT, Settings
from tonghop.ops import configuration

DOCKER = PROJECT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
# what differs in containers: where things are, how the parts reach each other, and what is secret
OF_THE_PLACE = {
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__API_AUTH__JWT_SECRET",
}
# not needed in containers: they have their own address, log to standard output, and start once
ONLY_HERE = {
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__API__WORKERS",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def image() -> dict[str, str]:
    """The image's environment."""
    block = re.search(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.M)
    assert block
    return dict(re.findall(r"(\w+)=(\S+)", block[1]))


def test_the_settings_are_those_that_services_writes(compose: dict[str, Any], image: dict[str, str], tmp_path: Path) -> None:
    configuration.configure(Settings(home=tmp_path))
    config = configparser.RawConfigParser()
    config.read(tmp_path / "airflow" / "airflow.cfg")
    here = {
        f"AIRFLOW__{section}__{name}".upper(): value for section in config.sections() for name, value in config[section].items()
    }
    there = image | compose["services"]["scheduler"]["environment"]
    airflow = {name: value for name, value in there.items() if name.startswith("AIRFLOW__")}
    assert airflow.keys() - configuration.QUIET.keys() == here.keys() - ONLY_HERE
    differing = {name for name in here.keys() & airflow.keys() if here[name] != airflow[name]}
    assert differing == OF_THE_PLACE & here.keys()
    assert configuration.QUIET.items() <= image.items()
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert {name for name in there if name.startswith(PREFIX)} <= known


def test_every_part_of_airflow_runs_as_services_runs_it(compose: dict[str, Any]) -> None:
    for role, command in configuration.COMMANDS.items():
        assert compose["services"][role]["command"].split() == ["airflow", *command]


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    assert "HEALTHCHECK" in DOCKERFILE  # the api-server's
    for name in compose["services"].keys() - {"api-server", "prepare"}:
        assert compose["services"][name]["healthcheck"]["test"], name


def test_what_is_named_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service.get("depends_on", {}).keys() <= compose["services"].keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DOCKER / source).is_file()
        assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file() if "build" in service else True
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for names in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M) for name in names.split()}
    assert copied == allowed
    assert all((PROJECT / name).exists() for name in copied)


def test_the_image_runs_as_an_unprivileged_user_from_pinned_requirements() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M) == ["tonghop"]
    installs = [line for line in DOCKERFILE.splitlines() if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_what_the_services_import_is_there(compose: dict[str, Any]) -> None:
    scripts = re.findall(r"python -c '(.+?)'", (DOCKER / "compose.yaml").read_text())
    imports = [node for script in scripts for node in ast.walk(ast.parse(script)) if isinstance(node, ast.ImportFrom)]
    assert {node.module for node in imports} >= {"tonghop.base.settings"}
    for node in imports:
        assert {alias.name for alias in node.names} <= vars(importlib.import_module(node.module or "")).keys()


def test_ports_open_on_loopback_only_and_secrets_come_from_outside(compose: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for service in compose["services"].values() for port in service.get("ports", []))
    example = dict(
        line.split("=", 1) for line in (DOCKER / ".env.example").read_text().splitlines() if line and not line.startswith("#")
    )
    used = set(re.findall(r"\$\{(\w+)", (DOCKER / "compose.yaml").read_text()))
    assert used == example.keys()
    assert {name for name, value in example.items() if value} == {"AIRFLOW_PORT", "POSTGRES_PORT"}
    assert "/docker/.env" in (PROJECT / ".gitignore").read_text().splitlines()
