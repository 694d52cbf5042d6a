"""The cell formats of a template, and the colours in which its checks are seen."""

from typing import Any, Literal

from tonghop.reading.layout import CHECKS_SHEET
from tonghop.templates.formulas import BELOW, BLANK, FAILS, HOLDS

CHECKS = CHECKS_SHEET
COLOURS: tuple[tuple[Literal["red", "amber", "green"], str], ...] = (
    ("red", FAILS),
    ("amber", BLANK),
    ("amber", BELOW),
    ("green", HOLDS),
)


class CellFormats:
    """A workbook's cell formats, each made once."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def __call__(self, **properties: Any) -> Any:
        """A cell format."""
        return self._make({"font_name": "Times New Roman", "font_size": 11, "valign": "vcenter"} | properties)

    def alarm(self, colour: Literal["red", "amber", "green"]) -> Any:
        """What a conditional format turns a cell into."""
        fill, ink = {"red": ("#F8CBCB", "#9C0006"), "amber": ("#FFEB9C", "#7F6000"), "green": ("#E2F0D9", "#375623")}[colour]
        return self._make({"bg_color": fill, "font_color": ink})

    def _make(self, properties: dict[str, Any]) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self.book.add_format(properties)
        return self._made[key]
