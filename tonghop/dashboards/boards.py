"""The dashboards: pages of charts as data (`bi/dashboards/*.yaml`), checked against the datasets that there are.

A chart of figures has its coverage beside it, without being told: that of the same periods as its metrics.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from tonghop.base.settings import PROJECT
from tonghop.dashboards.datasets import Dataset

FOLDER = PROJECT / "bi" / "dashboards"
EVERY = "*"


class BoardError(Exception):
    """A dashboard's file is wrong; the message names the file, the chart and what is not there."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Data):
    """A text in both languages."""

    vi: str
    en: str

    def __str__(self) -> str:
        return f"{self.vi} / {self.en}"


class Chart(_Data):
    """Figures of one view.

    number  one metric
    bars    metrics as bars along the first column of `by`, coverage as a line
    table   a row for each group, a column for each metric; the last row is asked of all rows, not added up
    sheet   as the form has it: a row for each metric, a column for each group
    rows    rows of the view as they are
    """

    kind: Literal["number", "bars", "table", "sheet", "rows"]
    title: Words
    view: str
    metrics: tuple[str, ...] = ()  # `*`: every figure and rate of the view
    coverage: str | None = None  # the metric that is beside them, where they name none themselves
    by: tuple[str, ...] = ()
    where: tuple[str, ...] = ()  # conditions of SQL, all of which hold
    sort: tuple[str, ...] = ()  # columns of a table of rows; one that begins with - goes down
    without: tuple[str, ...] = ()  # columns whose filters leave it alone
    about: Words | None = None
    width: int = Field(12, ge=2, le=12)
    height: int | None = Field(None, ge=10)  # in units of 8 pixels; what its kind needs, where nothing is said

    @property
    def caption(self) -> str:
        """Its title, in English as well where there is room."""
        return str(self.title) if self.width > 4 else self.title.vi


class Text(_Data):
    """Words on a page."""

    text: Words
    width: int = Field(12, ge=2, le=12)
    height: int = Field(17, ge=5)


class Filter(_Data):
    """A choice that acts on every chart whose view has the column; `of` a view: on the charts of that view only."""

    title: Words
    view: str
    column: str
    of: bool = False
    newest: bool = False  # one value, at first the last of which anything came; otherwise several, at first all

    def acts_on(self, chart: Chart) -> bool:
        """Whether the chart follows it. A place of one tree is chosen on its charts only: on another it may be none."""
        if self.column in chart.without or (self.of and chart.view != self.view):
            return False
        return self.column in _OF_NO_PLACE or is_of_today(chart.view) == is_of_today(self.view)


_OF_NO_PLACE = {"year", "period_code", "table_code"}


def is_of_today(view: str) -> bool:
    """Whether the view is on today's tree."""
    return view.endswith("_today")


class Tab(_Data):
    """A part of a page."""

    title: Words
    rows: tuple[tuple[Chart | Text, ...], ...]


class Board(_Data):
    """A page. Its parts stand below one another, or where there are several titles, behind one another."""

    code: str
    title: Words
    filters: tuple[Filter, ...] = ()
    tabs: tuple[Tab, ...]

    def charts(self) -> Iterator[Chart]:
        """Every chart of the page, in order."""
        for tab in self.tabs:
            for row in tab.rows:
                yield from (each for each in row if isinstance(each, Chart))


def read(datasets: Sequence[Dataset], folder: Path = FOLDER) -> list[Board]:
    """The dashboards of a folder, in the order of the files' names. Raises BoardError.

    A file that says `each: form` is a page for each form, by `{form_code}`, `{form_vi}` and `{form_en}`. Of its tabs and filters
    those that say `each: view` are there for every view of the form that somebody owes and has reported, by `{view}`,
    `{table_code}`, `{table_vi}`, `{table_en}`, `{kind_vi}` and `{kind_en}`; those that say `each: none`, where there is none.
    """
    boards = []
    for path in sorted(folder.glob("*.yaml")):
        page = yaml.safe_load(path.read_text("utf-8"))
        for one in _each_form(page, datasets) if page.pop("each", None) else [page]:
            try:
                board = Board.model_validate(one)
            except ValueError as error:
                raise BoardError(f"{path.name}: {error}") from None
            check(board, datasets)
            boards.append(board)
    return boards


def _each_form(page: Any, datasets: Sequence[Dataset]) -> Iterator[Any]:
    views = [dataset for dataset in datasets if dataset.sheet and dataset.sheet.is_owed and not is_of_today(dataset.name)]
    for _, of_form in groupby(sorted(views, key=_form), key=_form):
        words = [{"view": view.name, **asdict(view.sheet), **_kind(view)} for view in of_form if view.sheet]
        reported = [each for each in words if each["is_reported"]]
        one = {name: [*_each_view(value, reported)] if name in ("tabs", "filters") else value for name, value in page.items()}
        yield _filled(one, (reported or words)[0])


def _form(dataset: Dataset) -> str:
    return dataset.sheet.form_code if dataset.sheet else ""


def _kind(dataset: Dataset) -> dict[str, str]:
    """The kind of period in words, as the view's comment has it: its first sentence is the table's name, a comma and the kind."""
    vi, en = (text.split(". ")[0].rsplit(", ", 1)[-1] for text in dataset.about.split(" / "))
    return {"kind_vi": vi, "kind_en": en}


def _each_view(parts: Sequence[Any], words: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    for part in parts:
        rest = {name: value for name, value in part.items() if name != "each"}
        if part.get("each") == "view":
            yield from (_filled(rest, of_view) for of_view in words)
        elif "each" not in part or not words:
            yield rest


def _filled(part: Any, words: Mapping[str, Any]) -> Any:
    """A part of a page with the words in the place of their names."""
    if isinstance(part, str):
        return part.format_map(words)
    if isinstance(part, Mapping):
        return {name: _filled(value, words) for name, value in part.items()}
    return [_filled(each, words) for each in part] if isinstance(part, list) else part


def check(board: Board, datasets: Sequence[Dataset]) -> None:
    """Raise BoardError where a page asks for a view, column or metric that is not there, or two of its charts have one title."""
    views = {dataset.name: dataset for dataset in datasets}
    titles: set[str] = set()
    for chart in board.charts():
        where = f"{board.code}, {chart.title.vi}"
        if chart.title.vi in titles:
            raise BoardError(f"{where}: another chart of the page has this title")
        titles.add(chart.title.vi)
        dataset = _view(views, chart.view, where)
        _there("column", (*chart.by, *(name.removeprefix("-") for name in chart.sort)), dataset.columns, where)
        names = [*chart.metrics, *filter(None, [chart.coverage])]
        _there("metric", [name for name in names if name != EVERY], dataset.metrics, where)
    for choice in board.filters:
        where = f"{board.code}, {choice.title.vi}"
        _there("column", (choice.column,), _view(views, choice.view, where).columns, where)


def _view(views: dict[str, Dataset], name: str, where: str) -> Dataset:
    if name not in views:
        raise BoardError(f"{where}: there is no view {name}")
    return views[name]


def _there(what: str, names: Sequence[str], known: Any, where: str) -> None:
    if missing := [name for name in names if name not in known]:
        raise BoardError(f"{where}: there is no {what} {', '.join(missing)}")
