"""The styles of a workbook, as far as they make a cell show something else than it holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import re2

from tonghop.xlsx.parts import is_true, local_name
from tonghop.xlsx.xml_edit import MAIN

# number formats that a file names by number only, where they are not plain; python-calamine finds dates
BUILT_IN = {9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 48: "##0.0E+0"}
_PLAIN = re2.compile(r"(?i)General|@|[#0,]*0(\.0{1,2}|\.0{4,})?(_\))?")
# what no format of a number that is no date has; and the numbers of formats that make no date of a number
_DATED, _NO_DATES = re2.compile(r"(?i)[ymdhs]|am?/p"), {*range(14), *range(37, 45), 48, 49}
RGB = tuple[int, int, int]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
# as near as these the colours of figure and ground are one to the eye; smaller than so many points nobody reads a figure
_NEAR, SMALL = 32, 4.0
_EIGHT = "000000 FFFFFF FF0000 00FF00 0000FF FFFF00 FF00FF 00FFFF "
PALETTE = (
    _EIGHT
    * 2
    + "800000 008000 000080 808000 800080 008080 C0C0C0 808080 9999FF 993366 FFFFCC CCFFFF 660066 FF8080 0066CC CCCCFF "
    "000080 FF00FF FFFF00 00FFFF 800080 800000 008080 0000FF 00CCFF CCFFFF CCFFCC FFFF99 99CCFF FF99CC CC99FF FFCC99 "
    "3366FF 33CCCC 99CC00 FFCC00 FF9900 FF6600 666699 969696 003366 339966 003300 333300 993300 993366 333399 333333"
).split()
_THEME = ("lt1", "dk1", "lt2", "dk2", *(f"accent{n}" for n in range(1, 7)), "hlink", "folHlink")


def is_plain(format_code: str) -> bool:
    """Whether a number format shows a number as it is, or rounds what no count can have."""
    return bool(_PLAIN.fullmatch(format_code))


class Ink(NamedTuple):
    """How a text is written: struck through, in a colour (None: unknown), above or below the line, in points (None: unknown)."""

    struck: bool = False
    colour: RGB | None = BLACK
    raised: bool = False
    points: float | None = None


def faded(ink: Ink, ground: RGB | None) -> str | None:
    """The rule of messages.yaml for a figure that is struck out, in the colour of what is behind it, or too small to be read."""
    if ink.struck:
        return "cell.struck"
    if ink.points is not None and ink.points < SMALL:
        return "cell.unseen"
    near = ink.colour and ground and all(abs(a - b) < _NEAR for a, b in zip(ink.colour, ground, strict=True))
    return "cell.unseen" if near else None


def stretch(ink: Ink) -> str | None:
    """The rule for a text of which a stretch is written so, on a white ground: its digits are no figure's."""
    return faded(ink, WHITE) or ("cell.raised" if ink.raised else None)


@dataclass(frozen=True)
class Styles:
    """By cell style: the number formats that are not plain, why a figure is not seen as one; and what is asked further."""

    formats: dict[int, str]
    faded: dict[int, str]
    xml: bytes
    colours: "Colours"
    # by number of a conditional format's look: the number format and the rule of what hides a figure, or shows another
    conditional: dict[int, tuple[str | None, str | None]]
    # those that may make a date of a number; some of them do not
    dated: frozenset[int] = frozenset()

    @cached_property
    def special(self) -> frozenset[int]:
        """Those with which a cell is more than its value."""
        return self.dated.union(self.formats, self.faded)


@lru_cache(maxsize=1)  # templates of one form come one after the other
def styles(xml: bytes, theme: bytes | None) -> Styles:
    """What the styles of a workbook do. Raises ParseError and ValueError where they cannot be read."""
    sections = {local_name(section): section for section in ElementTree.fromstring(xml)}
    codes = {int(e.get("numFmtId", "0")): e.get("formatCode", "") for e in sections.get("numFmts", ())}
    known, colours = BUILT_IN | codes, Colours(sections.get("colors", ()), theme)
    fonts = [font_of(font, colours) for font in sections.get("fonts", ())]
    grounds = [_ground(fill, colours) for fill in sections.get("fills", ())]
    formats, unseen, dated, every = {}, {}, set(), []
    for n, style in enumerate(sections.get("cellXfs", ())):
        number, font, fill = (int(style.get(name, "0")) for name in ("numFmtId", "fontId", "fillId"))
        every.append(number)
        code = known.get(number, "General")
        if not is_plain(code):
            formats[n] = code
        if _DATED.search(code) if number in codes else number not in _NO_DATES:
            dated.add(n)
        ink = fonts[font] if font < len(fonts) else Ink()
        if rule := faded(ink, grounds[fill] if fill < len(grounds) else WHITE):
            unseen[n] = rule
    looks = {n: _conditional(look, colours) for n, look in enumerate(sections.get("dxfs", ()))}
    return Styles(
        formats, unseen, as_xml(codes, every), colours, {n: look for n, look in looks.items() if any(look)}, frozenset(dated)
    )


def _conditional(look: Element, colours: "Colours") -> tuple[str | None, str | None]:
    """The number format that a conditional format gives, unless it is plain, and the rule for what its colours do to a figure.

    A colour that it does not give is taken for black on white: what a cell has is not known to the rule.
    """
    font, fill, number = (_child(look, name) for name in ("font", "fill", "numFmt"))
    code = number.get("formatCode", "") if number is not None else ""
    pattern = _child(fill, "patternFill") if fill is not None else None
    ground = colours.of(_child(pattern, "bgColor"), WHITE) if pattern is not None else WHITE
    return code if code and not is_plain(code) else None, faded(font_of(font, colours) if font is not None else Ink(), ground)


def as_xml(codes: dict[int, str], styles: Iterable[int]) -> bytes:
    """Styles that have nothing but a number format each, by its number: enough to tell dates."""
    formats = "".join(f'<numFmt numFmtId="{number}" formatCode={quoteattr(code)}/>' for number, code in codes.items())
    cells = "".join(f'<xf numFmtId="{number}"/>' for number in styles)
    text = f"<numFmts>{formats}</numFmts><cellXfs>{cells}</cellXfs>".encode()
    return b'<styleSheet xmlns="%s">%s</styleSheet>' % (MAIN, text)


class Colours:
    """The colours of a workbook, however its styles name them."""

    def __init__(self, section: Iterable[Element], theme: bytes | None):
        own = next((e for e in section if local_name(e) == "indexedColors"), ())
        self._indexed = [e.get("rgb", "")[-6:] for e in own] or PALETTE
        self._theme = {"lt1": "FFFFFF", "dk1": "000000"}
        scheme = next((e for e in ElementTree.fromstring(theme).iter() if local_name(e) == "clrScheme"), ()) if theme else ()
        for entry in scheme:
            for value in entry:
                self._theme[local_name(entry)] = value.get("lastClr") or value.get("val") or ""

    def of(self, element: Element | dict[str, str] | None, automatic: RGB) -> RGB | None:
        """What an element of a font or a fill says, or its attributes; None where it is not known."""
        if element is None or is_true(element.get("auto")):
            return automatic
        rgb, indexed, theme = (element.get(key) for key in ("rgb", "indexed", "theme"))
        if rgb:
            found = from_hex(rgb[-6:])
        elif indexed:
            found = {64: BLACK, 65: WHITE}.get(int(indexed)) or from_hex("".join(self._indexed[int(indexed) : int(indexed) + 1]))
        elif theme:
            found = from_hex(self._theme.get("".join(_THEME[int(theme) : int(theme) + 1]), ""))
        else:
            return automatic
        tint = float(element.get("tint", "0"))
        return found and tuple(round(c * (1 + tint) if tint < 0 else c + (255 - c) * tint) for c in found)  # type: ignore[return-value]


def from_hex(code: str) -> RGB | None:
    """A colour of six hexadecimal digits."""
    return (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) if len(code) == 6 else None


def _child(element: Element, name: str) -> Element | None:
    return next((e for e in element if local_name(e) == name), None)


def font_of(font: Element, colours: Colours) -> Ink:
    """What a font says of the look of a text."""
    strike, size, raised = (_child(font, name) for name in ("strike", "sz", "vertAlign"))
    return Ink(
        strike is not None and is_true(strike.get("val", "1")),
        colours.of(_child(font, "color"), BLACK),
        raised is not None and raised.get("val") in ("superscript", "subscript"),
        float(size.get("val", "11")) if size is not None else None,
    )


def _ground(fill: Element, colours: Colours) -> RGB | None:
    pattern = _child(fill, "patternFill")
    if pattern is None:
        return None
    kind = pattern.get("patternType", "none")
    if kind == "none":
        return WHITE
    return colours.of(_child(pattern, "fgColor"), BLACK) if kind == "solid" else None
