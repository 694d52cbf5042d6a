"""What the catalogue's files are read into: frozen models that refuse unknown keys, and rows of CSV with their place."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tonghop.base.text import nfc

FOREVER = date(9999, 12, 31)


class CatalogueError(Exception):
    """A catalogue file is wrong; the message names the file and what to mend."""


class Data(BaseModel):
    """A model of catalogue data."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(Data):
    """What is so over a stretch of days, both ends included."""

    valid_from: date
    valid_to: date

    def covers(self, day: date) -> bool:
        """Whether it is so on a day."""
        return self.valid_from <= day <= self.valid_to


Label = Annotated[str, AfterValidator(nfc), Field(min_length=1)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]


class Bilingual(Data):
    """A text in Vietnamese and English."""

    vi: Label
    en: Label


_Model = TypeVar("_Model", bound=BaseModel)
# what an empty cell of a catalogue CSV means
_EMPTY = {"valid_from": "1900-01-01", "valid_to": "9999-12-31", "source": "", "synthetic": "false"}


def rows(kind: type[_Model], paths: Iterable[Path]) -> Iterator[tuple[str, _Model]]:
    """(file and line, row) of each row of CSV files. Raises CatalogueError, naming file and line."""
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                where = f"{path}, line {number}"
                try:
                    yield where, kind.model_validate({key: value or _EMPTY.get(key) for key, value in row.items()})
                except ValidationError as error:
                    raise CatalogueError(f"{where}: {in_a_line(error)}") from error


def in_a_line(error: ValidationError) -> str:
    """What is wrong with each value, by its name, in one line."""
    return "; ".join(": ".join((".".join(map(str, e["loc"])), e["msg"]) if e["loc"] else (e["msg"],)) for e in error.errors())
