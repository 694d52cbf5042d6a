"""The styles of a workbook, and what coloured cells and the findings sheet add to them."""

import re

from tonghop.xlsx.xml_edit import (
    ATTRIBUTES,
    NotKept,
    append,
    attributes,
    children,
    element,
    prefix,
    splice,
    with_attributes,
)

# no style of Excel's own has this colour, so that a fill of it is known for ours
FILL = b"FFFFB3B5"
# font, fill, border, alignment of the findings sheet's cells, and what else is in the style
_FONTS = (
    b'<sz val="11"/>',
    b'<b/><sz val="11"/>',
    b'<b/><sz val="15"/>',
    b'<u/><sz val="11"/><color rgb="FF0563C1"/>',
    b'<i/><sz val="11"/>',
)
_LOOKS = {
    "text": (0, 0, 0, b'vertical="top"'),
    "title": (2, 0, 0, b'vertical="center"'),
    "note": (4, 0, 0, b'vertical="top"'),
    "head": (1, 1, 1, b'horizontal="center" vertical="center" wrapText="1"'),
    "cell": (0, 0, 1, b'vertical="top" wrapText="1"'),
    "number": (0, 0, 1, b'horizontal="center" vertical="top"'),
    "link": (3, 0, 1, b'horizontal="center" vertical="top"'),
}


class StylesPart:
    """The styles of a workbook; new ones are added behind the old, whose numbers stay."""

    def __init__(self, xml: bytes):
        self._xml, self._p = _unfilled(xml), prefix(xml)
        self.added: dict[bytes, list[bytes]] = {b"fonts": [], b"fills": [], b"borders": [], b"cellXfs": []}
        self._old = {name: self._section(name) for name in self.added}
        self._filled: dict[int, int] = {}

    def _section(self, name: bytes) -> list[bytes]:
        place = element(self._xml, name)
        if place is None:
            raise NotKept("built")
        return [self._xml[start:end] for _, start, end in children(self._xml, place[1], place[2])]

    def _add(self, name: bytes, element: bytes) -> int:
        if element not in self.added[name]:
            self.added[name].append(element)
        return len(self._old[name]) + self.added[name].index(element)

    def filled(self, style: int) -> int:
        """The style that is like another but for our fill, which keeps the old colour where no eye sees it."""
        if style not in self._filled:
            p, styles, fills = self._p, self._old[b"cellXfs"], self._old[b"fills"]
            xf = styles[style] if style < len(styles) else b'<%sxf numFmtId="0" fontId="0" borderId="0"/>' % p
            tag = re.match(rb"<[^>]*>", xf)
            assert tag
            number = int(attributes(tag[0]).get(b"fillId", 0))
            old = fills[number] if number < len(fills) else b""
            colour = re.search(rb"<(?:\w+:)?fgColor%s/?>" % ATTRIBUTES, old) if b'"solid"' in old else None
            behind = colour[1].strip() if colour else b'indexed="64"'
            fill = self._add(
                b"fills",
                b'<%sfill><%spatternFill patternType="solid"><%sfgColor rgb="%s"/><%sbgColor %s/>'
                b"</%spatternFill></%sfill>" % (p, p, p, FILL, p, behind, p, p),
            )
            new = with_attributes(tag[0], fillId=b"%d" % fill, applyFill=b"1") + xf[tag.end() :]
            self._filled[style] = self._add(b"cellXfs", new)
        return self._filled[style]

    def of_findings(self) -> dict[str, int]:
        """The styles of the findings sheet, added: number by name."""
        p = self._p
        fonts = [
            self._add(b"fonts", re.sub(rb"<(/?)", rb"<\1" + p, b'<font>%s<name val="Times New Roman"/></font>' % look))
            for look in _FONTS
        ]
        side = b"".join(
            b'<%s%s style="thin"><%scolor rgb="FFBFBFBF"/></%s%s>' % (p, s, p, p, s)
            for s in (b"left", b"right", b"top", b"bottom")
        )
        border = self._add(b"borders", b"<%sborder>%s<%sdiagonal/></%sborder>" % (p, side, p, p))
        fill = self._add(
            b"fills",
            b'<%sfill><%spatternFill patternType="solid"><%sfgColor rgb="FFE7ECF3"/></%spatternFill></%sfill>' % (p, p, p, p, p),
        )
        # quotePrefix: what begins like a formula stays text when somebody edits it
        return {
            name: self._add(
                b"cellXfs",
                b'<%sxf numFmtId="0" fontId="%d" fillId="%d" borderId="%d" xfId="0" quotePrefix="1" '
                b'applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1">'
                b"<%salignment %s/></%sxf>" % (p, fonts[f], fill * g, border * b, p, alignment, p),
            )
            for name, (f, g, b, alignment) in _LOOKS.items()
        }

    def xml(self) -> bytes:
        """The part with everything that was added."""
        xml = self._xml
        for name, new in self.added.items():
            if new:
                xml = append(xml, name, b"".join(new), len(self._old[name]) + len(new))
        return xml


def _unfilled(xml: bytes) -> bytes:
    """Styles in which our own fill of an earlier return is again what was behind it."""
    place = element(xml, b"fills")
    if place is None:
        raise NotKept("built")
    edits, p = [], prefix(xml)
    for _, start, end in children(xml, place[1], place[2]):
        colours = {
            name: text.strip() for name, text in re.findall(rb"<(?:\w+:)?(fgColor|bgColor)%s/?>" % ATTRIBUTES, xml[start:end])
        }
        if b'"%s"' % FILL in colours.get(b"fgColor", b"").upper():
            behind = colours.get(b"bgColor", b"")
            plain = b'"64"' in behind or not behind or FILL in behind.upper()
            new = b'patternType="none"/>' if plain else b'patternType="solid"><%sfgColor %s/></%spatternFill>' % (p, behind, p)
            edits.append((start, end, b"<%sfill><%spatternFill %s</%sfill>" % (p, p, new, p)))
    return splice(xml, edits)
