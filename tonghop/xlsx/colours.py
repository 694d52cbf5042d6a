"""Colours of the cells that findings name: conditional formats that always hold, so that no cell's own look is touched.

Every spreadsheet program keeps them, moves them with the cells, and shows the cell as it was once they are taken out. They are
known for ours by their formula, which is all that the programs leave as it is: colours become a palette's.
"""

import re
from collections.abc import Mapping

from tonghop.xlsx.styles import StylesPart
from tonghop.xlsx.xml_edit import NotKept, attributes, children, element, prefix, splice, with_attributes

SIGN = b"Tonghop"
_TOGETHER = 500  # cells that one format is given; nobody says how many a program takes
_ALWAYS = b'"%s"="%s"' % (SIGN, SIGN)
# what a sheet holds from its conditional formats on
_AFTER = frozenset(
    b"conditionalFormatting dataValidations "
    b"hyperlinks printOptions pageMargins pageSetup headerFooter rowBreaks colBreaks customProperties "
    b"cellWatches ignoredErrors smartTags drawing legacyDrawing legacyDrawingHF drawingHF picture oleObjects controls "
    b"webPublishItems tableParts extLst AlternateContent".split()
)


def add(xml: bytes, cells: Mapping[str, list[str]], styles: StylesPart) -> bytes:
    """A sheet with its cells marked, by the name of the mark (`StylesPart.mark`); a cell's first mark is seen."""
    body = element(xml, b"sheetData")
    if body is None:
        raise NotKept("built")
    p = prefix(xml)
    marks = [
        (styles.mark(name), " ".join(places[n : n + _TOGETHER]))
        for name, places in cells.items()
        for n in range(0, len(places), _TOGETHER)
    ]
    # ours come before the sender's own, which keep their order
    xml = _renumbered(xml, body[3], len(marks))
    at = next((start for name, start, _ in children(xml, body[3], len(xml)) if name in _AFTER), xml.rindex(b"</"))
    new = b"".join(
        b'<%sconditionalFormatting sqref="%s"><%scfRule type="expression" dxfId="%d" priority="%d"><%sformula>%s</%sformula>'
        b"</%scfRule></%sconditionalFormatting>" % (p, places.encode(), p, style, priority, p, _ALWAYS, p, p, p)
        for priority, (style, places) in enumerate(marks, start=1)
    )
    return splice(xml, [(at, at, new)])


def remove_ours(xml: bytes) -> bytes:
    """A sheet without the marks that an earlier return left."""
    edits = []
    body = element(xml, b"sheetData")
    for name, start, end in children(xml, body[3], len(xml)) if body else ():
        if name == b"conditionalFormatting":
            inside = xml.index(b">", start) + 1
            rules = children(xml, inside, max(xml.rfind(b"</", inside, end), inside))
            ours = [(a, b, b"") for _, a, b in rules if _is_ours(xml[a:b])]
            edits += [(start, end, b"")] if ours and len(ours) == len(rules) else ours
    return splice(xml, edits)


def _is_ours(rule: bytes) -> bool:
    return any(
        re.sub(rb"\s|&quot;|&#34;|&#x22;", lambda m: b"" if m[0].isspace() else b'"', formula) == _ALWAYS
        for formula in re.findall(rb"<(?:\w+:)?formula>([^<]*)<", rule)
    )


def _renumbered(xml: bytes, start: int, by: int) -> bytes:
    """A sheet whose rules of conditional formats come so many places later."""
    rules = re.finditer(rb"<(?:\w+:)?cfRule(?=\s)[^>]*>", xml[start:])
    return splice(
        xml,
        [
            (start + rule.start(), start + rule.end(), with_attributes(rule[0], priority=b"%d" % (int(old) + by)))
            for rule in rules
            if (old := attributes(rule[0]).get(b"priority", b"")).isdigit()
        ],
    )
