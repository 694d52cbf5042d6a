"""Named questions to the published release: each is one SQL file in reports/, whose head says what it takes.

They read the same views as BI users, so they show what may be shown, and nothing of a candidate.
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from tonghop import server
from tonghop.settings import Settings

QUESTIONS = Path(__file__).parent / "reports"


def questions() -> dict[str, str]:
    """Name and one line of what each question answers."""
    return {path.stem: path.read_text("utf-8").splitlines()[0].removeprefix("-- ") for path in sorted(QUESTIONS.glob("*.sql"))}


def parameters(name: str) -> dict[str, str]:
    """What a question must be told: parameter and explanation."""
    lines = (QUESTIONS / f"{name}.sql").read_text("utf-8").splitlines()[1:]
    head = "".join(line[3:] + "  " for line in lines if line.startswith("-- "))
    return dict(re.findall(r"(\w+): (.*?)(?=\s{2,}|$)", head))


def ask(settings: Settings, name: str, given: dict[str, str]) -> pd.DataFrame:
    """The answer as a table.

    Raises KeyError for an unknown question, ValueError for a missing or unknown parameter.
    """
    if name not in questions():
        raise KeyError(name)
    wanted = parameters(name)
    if set(given) != set(wanted):
        raise ValueError(f"{name} takes " + "; ".join(f"{k}: {v}" for k, v in wanted.items()))
    with server.connect(settings, server.READER) as connection:
        cursor: psycopg.Cursor[Any] = connection.execute((QUESTIONS / f"{name}.sql").read_text("utf-8").encode(), given)
        return pd.DataFrame(cursor.fetchall(), columns=[c.name for c in cursor.description or ()], dtype=object)
