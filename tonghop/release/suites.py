"""What the gate asks of a candidate, read from files.

A suite is a file in expectations/. Each of its expectations is a population: a query with one row for each thing that is
checked, columns that name the thing, and `failed`, 0 or 1. candidate.sql holds the steps that every population starts from, and
ranges.sql says what they range over: everything, or the slice that a candidate may have changed. A line of SQL that ends in
`-- slice` or `-- whole` is there only in the one case, so that a population has one text for both.
required.yaml lists the expectations that no release goes without, so that a file that is gone is missed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tonghop.base.fingerprint import fingerprint
from tonghop.base.settings import PROJECT
from tonghop.catalogue.data import in_a_line

FOLDER = PROJECT / "expectations"
STEPS, RANGES, REQUIRED = "candidate.sql", "ranges.sql", "required.yaml"


class SuiteError(Exception):
    """A suite file is wrong, empty or missing; the message names it, or the expectations that are missed."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Name = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
Severity = Literal["critical", "warning"]


class Expectation(_Data):
    """What must hold, what to do where it does not, and the population that decides it: at least `minimum` rows, none failed.

    Of a slice there may be fewer: a report that was withdrawn leaves no figure to check.
    """

    name: Name
    what: str
    action: str
    minimum: int = Field(1, ge=1)
    minimum_in_slice: int | None = Field(None, ge=0)
    sql: str

    def least(self, whole: bool) -> int:
        return self.minimum if whole or self.minimum_in_slice is None else self.minimum_in_slice


class Suite(_Data):
    """Expectations that block a release (critical) or are shown with it (warning)."""

    name: Name
    severity: Severity
    about: str
    expectations: tuple[Expectation, ...] = Field(min_length=1)


class Result(NamedTuple):
    """What came of one expectation: a row of ctl.gate_result. Numbers are None where it could not be evaluated."""

    suite: str
    expectation: str
    severity: str
    success: bool
    rows_checked: int | None
    rows_failed: int | None
    message: str | None


class Suites(NamedTuple):
    """All suites of a folder, blocking ones first; the steps that their populations start from; what fills the tables that they
    range over; the fingerprint of the files."""

    suites: tuple[Suite, ...]
    steps: str
    ranges: str
    fingerprint: str

    def question(self, expectation: str, question: str, whole: bool = True) -> str:
        """The SQL that puts a question to the rows of an expectation, which it calls `population`; whole or of the slice.

        Raises KeyError for a name that no suite has.
        """
        known = {e.name: e.sql for suite in self.suites for e in suite.expectations}
        return only(f"{self.steps}, population as (\n{known[expectation]})\n{question}", whole)


def only(text: str, whole: bool) -> str:
    """SQL without the lines of the other case."""
    other = "-- slice" if whole else "-- whole"
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(other))


_REQUIRED = TypeAdapter(dict[Severity, dict[Name, tuple[Name, ...]]])


def read(folder: Path = FOLDER) -> Suites:
    """Read the suites of a folder.

    Raises SuiteError where there is none, one is empty, two expectations share a name, or they are not those of required.yaml.
    """
    texts = {path.name: path.read_bytes() for pattern in ("*.yaml", "*.sql") for path in folder.glob(pattern)}
    found = [
        _parse(name, lambda data, name=name: Suite.model_validate({"name": Path(name).stem, **data}), texts)
        for name in sorted(texts)
        if name.endswith(".yaml") and name != REQUIRED
    ]
    if not found:
        raise SuiteError(f"{folder} holds no suite: a gate that asks nothing lets everything through")
    names = [expectation.name for suite in found for expectation in suite.expectations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SuiteError(f"two expectations are called {', '.join(sorted(twice))}")
    if missing := {STEPS, RANGES, REQUIRED} - set(texts):
        raise SuiteError(f"{folder} lacks {', '.join(sorted(missing))}")
    _hold_required(found, _parse(REQUIRED, _REQUIRED.validate_python, texts))
    ordered = tuple(sorted(found, key=lambda suite: (suite.severity, suite.name)))
    return Suites(ordered, texts[STEPS].decode(), texts[RANGES].decode(), fingerprint(texts))


def _parse(name: str, validate: Any, texts: dict[str, bytes]) -> Any:
    try:
        return validate(yaml.load(texts[name], yaml.CSafeLoader))  # as safe as safe_load and ten times as fast
    except ValidationError as error:
        raise SuiteError(f"{name}: {in_a_line(error)}") from error
    except (yaml.YAMLError, TypeError) as error:
        raise SuiteError(f"{name}: {error}") from error


def _hold_required(found: list[Suite], required: dict[Severity, dict[str, tuple[str, ...]]]) -> None:
    wanted = {(severity, suite, e) for severity, suites in required.items() for suite, names in suites.items() for e in names}
    asked = {(suite.severity, suite.name, e.name) for suite in found for e in suite.expectations}
    if missing := wanted - asked:
        raise SuiteError(
            f"the suites do not ask what no release goes without: {_list(missing)}. "
            f"Restore it; what is given up on purpose goes from {REQUIRED} too"
        )
    if new := asked - wanted:
        raise SuiteError(f"{REQUIRED} does not list {_list(new)}: nobody would miss it")


def _list(expectations: set[tuple[Severity, str, str]]) -> str:
    return ", ".join(f"{suite} {name} ({severity})" for severity, suite, name in sorted(expectations))
