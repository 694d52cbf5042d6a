"""What a reading process sends to the loader: bytes, or plain data as JSON; never objects that would be revived.

Not pickle, even where it may look nothing up: a few bytes of it can ask for any amount of memory.
"""

import json
import struct
from array import array
from dataclasses import fields, replace
from typing import IO, Any, Literal, get_args

from tonghop.base.findings import Finding
from tonghop.base.settings import Settings
from tonghop.catalogue.model import Catalogue
from tonghop.reading.figures import Money
from tonghop.reading.report import CellValue, Line, LineHeader, Read, Report

# what a worker says: it is ready or why not, a report, a workbook that goes back or why there is none, or how it failed
Kind = Literal["ready", "read", "book", "file.memory", "file.crash"]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_HEADER = struct.Struct("<BQQ")
# a value of JSON takes up to so many bytes of memory beside its text, and a figure or a finding has so many values
_VALUES_A_CELL = 32


def send(pipe: IO[bytes], kind: Kind, value: Any, raw: bytes = b"") -> None:
    """Write plain data as JSON and bytes as they are, after what they are and how long."""
    body = _encode(value).encode("utf-8", "replace")
    pipe.write(_HEADER.pack(_KINDS.index(kind), len(body), len(raw)))
    pipe.write(body)
    pipe.write(raw)
    pipe.flush()


def receive(pipe: IO[bytes], settings: Settings) -> tuple[Kind, Any, bytes]:
    """What the other side sent, which may be taken over: no more bytes than it can hold, and no more values than a report has.

    So it takes at most five times `worker_bytes` and some hundred bytes a value, whatever is sent.

    Raises EOFError and ValueError.
    """
    number, *lengths = _HEADER.unpack(_exactly(pipe, _HEADER.size))
    if number >= len(_KINDS) or sum(lengths) > settings.worker_bytes:
        raise ValueError("a worker sent what is no answer")
    body, raw = (_exactly(pipe, length) for length in lengths)
    if sum(map(body.count, (b",", b"[", b"{"))) > _VALUES_A_CELL * settings.max_cells:
        raise ValueError("a worker sent more than a report can be")
    return _KINDS[number], _decode(body.decode()), raw


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    read = pipe.read(length)
    if len(read) < length:
        raise EOFError
    return read


def _refuse(number: str) -> Any:
    raise ValueError(f"a worker sent {number}, where every figure is a whole number or a text")


_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode


# --- a report as plain data --------------------------------------------------------------------------------------


def to_plain(done: Report) -> tuple[dict[str, Any], bytes]:
    """A report without objects: form, sender and period by their keys, everything else as lists; and its figures.

    These are nearly all that a report is, and are no JSON but eight bytes each. One that does not fit stands in JSON, with its
    place.
    """
    # lines that have the same header share it
    headers = {id(line.header): line.header for line in done.lines}
    number = {key: n for n, key in enumerate(headers)}
    figures: list[Any] = [figure for line in done.lines for figure in line.figures]
    others: list[tuple[int, CellValue]] = []
    if None in figures:
        figures = [_BLANK if figure is None else figure for figure in figures]
    try:
        raw = array("q", figures)
    except (TypeError, OverflowError):
        others = [(n, figure) for n, figure in enumerate(figures) if type(figure) is not int or abs(figure) > -_BLANK]
        for n, _ in others:
            figures[n] = 0
        raw = array("q", figures)
    plain = {f.name: getattr(done, f.name) for f in fields(done)}
    return plain | {
        "form": done.form and (done.form.code, done.form.version),
        "sender": done.sender and done.sender.unit,
        "period": done.period and (done.period.scheme, done.period.code),
        "money": done.money and done.money.name,
        "headers": list(headers.values()),
        "lines": [(number[id(line.header)], *line[1:4]) for line in done.lines],
        "others": others,
        "findings": [tuple(vars(f).values()) for f in done.findings],
        "read": done.read.as_json(),
    }, raw.tobytes()


# what stands for a blank: no figure is so small
_BLANK = -(1 << 62)


def from_plain(plain: dict[str, Any], raw: bytes, catalogue: Catalogue) -> Report:
    """The report of `to_plain`. Raises whatever comes of what is none."""
    form, period = plain["form"], plain["period"] and catalogue.period[tuple(plain["period"])]
    headers = [LineHeader(table, sheet, *map(tuple, columns)) for table, sheet, *columns in plain.pop("headers")]
    figures: list[Any] = array("q", raw).tolist()
    if _BLANK in figures:
        figures = [None if figure == _BLANK else figure for figure in figures]
    for n, figure in plain.pop("others"):
        figures[n] = figure
    lines, at = [], 0
    for header, unit, row, place in plain["lines"]:
        following = at + len(headers[header].indicators)
        lines.append(Line(headers[header], unit, row, place, figures[at:following]))
        at = following
    if at != len(figures):
        raise ValueError("figures of no line")
    made: dict[str, Any] = {
        "form": next((f for f in catalogue.forms if [f.code, f.version] == form), None),
        "sender": catalogue.version(plain["sender"], period.ends_on) if plain["sender"] else None,
        "period": period,
        "money": Money.named(catalogue, plain["money"]) if plain["money"] else None,
        "lines": lines,
        "findings": [replace(Finding(*found), cells=tuple(found[-1])) for found in plain["findings"]],
        "read": Read.of(plain["read"]),
    }
    return Report(**plain | made)
