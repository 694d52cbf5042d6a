"""What goes between the loader and a reading process: plain data, never objects that would be revived."""

import pickle
from dataclasses import fields
from typing import IO, Any

from tonghop.base.findings import Finding
from tonghop.catalogue.model import Catalogue
from tonghop.reading.figures import Money
from tonghop.reading.report import Line, LineHeader, Read, Report


class PlainUnpickler(pickle.Unpickler):
    """Numbers, texts and containers of them: nothing that would be looked up or called."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a worker sent more than plain data: {module}.{name}")


class Bounded:
    """A pipe of which so many bytes are read at most, whatever is written to it. Raises ValueError for more."""

    def __init__(self, pipe: IO[bytes], most: int):
        self._pipe, self._left = pipe, most

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end."""
        return self._pipe.read(self._counted(size))

    def readline(self) -> bytes:
        """A line; of what is sent here none is long."""
        return self._pipe.readline(self._counted(1_000))

    def _counted(self, size: int) -> int:
        self._left -= size
        if self._left < 0:
            raise ValueError("a worker sent more than it can hold")
        return size


# --- a report as plain data --------------------------------------------------------------------------------------


def to_plain(done: Report) -> dict[str, Any]:
    """A report without objects: form, sender and period by their keys, everything else as tuples."""
    # lines that have the same header share it
    headers = {id(line.header): line.header for line in done.lines}
    number = {key: n for n, key in enumerate(headers)}
    plain = {f.name: getattr(done, f.name) for f in fields(done)}
    return plain | {
        "form": done.form and (done.form.code, done.form.version),
        "sender": done.sender and done.sender.unit,
        "period": done.period and (done.period.scheme, done.period.code),
        "money": done.money and done.money.name,
        "headers": [tuple(header) for header in headers.values()],
        "lines": [(number[id(line.header)], *line[1:]) for line in done.lines],
        "findings": [tuple(vars(f).values()) for f in done.findings],
        "read": done.read.as_json(),
    }


def from_plain(plain: dict[str, Any], catalogue: Catalogue) -> Report:
    form, period = plain["form"], plain["period"] and catalogue.period[plain["period"]]
    headers = [LineHeader(*header) for header in plain.pop("headers")]
    return Report(
        **plain
        | {
            "form": next((f for f in catalogue.forms if (f.code, f.version) == form), None),
            "sender": catalogue.version(plain["sender"], period.ends_on) if plain["sender"] else None,
            "period": period,
            "money": Money.named(catalogue, plain["money"]) if plain["money"] else None,
            "lines": [Line(headers[header], *rest) for header, *rest in plain["lines"]],
            "findings": [Finding(*f) for f in plain["findings"]],
            "read": Read.of(plain["read"]),
        }
    )
