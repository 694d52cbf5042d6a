"""The styles of a workbook, and what marks at cells and the findings sheet add to them."""

import re

from tonghop.xlsx.xml_edit import NotKept, append, children, element, prefix, splice

# the likeliest wrong cell of a finding, and the others that it concerns
WRONG, BESIDE = b"FFFFB3B5", b"FFFFE3E4"
_MARKS = {"wrong": WRONG, "beside": BESIDE}
# what a stylesheet holds after its differential styles
_AFTER_DXFS = (b"tableStyles", b"colors", b"extLst")
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
        self._xml, self._p = _with_dxfs(xml), prefix(xml)
        self.added: dict[bytes, list[bytes]] = {b"fonts": [], b"fills": [], b"borders": [], b"cellXfs": [], b"dxfs": []}
        self._old = {name: self._section(name) for name in self.added}

    def _section(self, name: bytes) -> list[bytes]:
        place = element(self._xml, name)
        if place is None:
            raise NotKept("built")
        return [self._xml[start:end] for _, start, end in children(self._xml, place[1], place[2])]

    def _add(self, name: bytes, element: bytes) -> int:
        if element not in self.added[name]:
            self.added[name].append(element)
        return len(self._old[name]) + self.added[name].index(element)

    def mark(self, name: str) -> int:
        """The number of the differential style of a mark, made where an earlier return left none."""
        fill = _MARKS[name]
        old = next((n for n, dxf in enumerate(self._old[b"dxfs"]) if fill in dxf.upper()), None)
        if old is not None:
            return old
        # a differential fill has its colour in bgColor; some programs look for it in fgColor
        look = b'<patternFill patternType="solid"><fgColor rgb="%s"/><bgColor rgb="%s"/></patternFill>' % (fill, fill)
        return self._add(b"dxfs", re.sub(rb"<(/?)", rb"<\1" + self._p, b"<dxf><fill>%s</fill></dxf>" % look))

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


def _with_dxfs(xml: bytes) -> bytes:
    """A stylesheet with a place for differential styles."""
    if element(xml, b"dxfs"):
        return xml
    root = element(xml, b"styleSheet")
    if root is None:
        raise NotKept("built")
    at = next((start for name, start, _ in children(xml, *root[1:3]) if name in _AFTER_DXFS), root[2])
    return splice(xml, [(at, at, b'<%sdxfs count="0"/>' % prefix(xml))])
