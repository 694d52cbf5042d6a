"""Formulas of binary workbooks (.xls, .xlsb) as text, for formula.py.

Such a formula is a run of tokens in the order in which it is computed: its operands first, then what is done with them
(MS-XLS 2.5.198, MS-XLSB 2.5.97). The two kinds of file differ in how wide a row's number is.
"""

import struct

from tonghop.reading.formula import Formula
from tonghop.reading.layout import coordinate
from tonghop.reading.plain_sheet import simple
from tonghop.xlsx.xml_edit import letters

_SIGNS = {0x03: "+", 0x04: "-", 0x05: "*", 0x06: "/"}
_SUM = 4  # its number among the functions
SHARED = 0x01  # the only token of a cell whose formula is kept once for several


def computable(
    cells: dict[tuple[int, int], bytes], shared: dict[tuple[int, int], bytes], wide: bool
) -> tuple[dict[str, Formula], set[str]]:
    """The formulas of cells that may be computed here, and the cells of all others.

    `shared` is what several cells share, by the first of them. `wide` is the way of .xlsb.
    """
    formulas: dict[str, Formula] = {}
    kept: set[str] = set()
    for (row, column), own in cells.items():
        if own[:1] == bytes([SHARED]):
            size = struct.calcsize(first := "<2I" if wide else "<2H")
            own = shared.get(struct.unpack(first, own[1:].ljust(size)[:size]), b"")
        found = text(own, row, column, wide)
        if found and (formula := simple(found, row, column)):
            formulas[coordinate(row, column)] = formula
        else:
            kept.add(coordinate(row, column))
    return formulas, kept


def text(tokens: bytes, row: int, column: int, wide: bool) -> str | None:
    """The formula of a cell, counted from 0; None where it has a token other than those of sums, products and differences."""
    stack: list[str] = []
    at = 0
    try:
        while at < len(tokens):
            at = _take(tokens, at, stack, row, column, wide)
    except (IndexError, KeyError, struct.error):
        return None
    return stack[0] if len(stack) == 1 else None


def _take(tokens: bytes, at: int, stack: list[str], row: int, column: int, wide: bool) -> int:
    """Take in one token; where the next one is. Raises KeyError, IndexError and struct.error for one that is not known."""
    kind, at = tokens[at], at + 1
    # that of an operand says in two bits how its value is used
    kind = kind & 0x1F | 0x20 if kind >= 0x20 else kind
    if kind in (0x24, 0x25, 0x2C, 0x2D):
        return _reference(tokens, at, stack, (row, column) if kind >= 0x2C else None, wide, 1 + (kind & 1))
    if kind in _SIGNS:
        last = stack.pop()
        stack.append(f"({stack.pop()}{_SIGNS[kind]}{last})")
    elif kind in (0x12, 0x13, 0x15):
        stack.append(f"({'-' if kind == 0x13 else ''}{stack.pop()})")
    elif kind == 0x1E:
        stack.append(str(struct.unpack_from("<H", tokens, at)[0]))
        at += 2
    elif kind == 0x1F:
        stack.append(f"{struct.unpack_from('<d', tokens, at)[0]:f}")
        at += 8
    elif kind == 0x19 and tokens[at] in (0x10, 0x40):  # a sum of one argument; blanks in what was typed
        if tokens[at] == 0x10:
            stack.append(f"SUM({stack.pop()})")
        at += 3
    elif kind == 0x22 and struct.unpack_from("<H", tokens, at + 1)[0] == _SUM:
        count = tokens[at]
        if not 0 < count <= len(stack):
            raise IndexError
        stack[-count:] = [f"SUM({','.join(stack[-count:])})"]
        at += 3
    else:
        raise KeyError
    return at


def _reference(tokens: bytes, at: int, stack: list[str], cell: tuple[int, int] | None, wide: bool, corners: int) -> int:
    """Take in a cell or a range; of a shared formula, relative to the cell that has it."""
    rows = struct.unpack_from(f"<{corners}{'I' if wide else 'H'}", tokens, at)
    at += corners * (4 if wide else 2)
    columns = struct.unpack_from(f"<{corners}H", tokens, at)
    height, width = (1 << 20, 1 << 14) if wide else (1 << 16, 1 << 8)
    names = []
    for row, said in zip(rows, columns, strict=True):
        column = said & (width - 1)
        if cell:
            row = (row + cell[0]) % height if said & 0x8000 else row
            column = (column + cell[1]) % width if said & 0x4000 else column
        names.append(f"${letters(column + 1)}${row + 1}")
    stack.append(":".join(names))
    return at + 2 * corners
