"""The numbers of receipts and waivers, as people write them."""


def receipt_code(receipt_id: int) -> str:
    """A receipt's number as people write it."""
    return f"R{receipt_id:06d}"


def waiver_code(waiver_id: int) -> str:
    """A waiver's number as people write it."""
    return f"W{waiver_id:06d}"


def receipt_number(code: str) -> int | None:
    """The number of a receipt's code; None where it is none."""
    return _number(code, "R")


def waiver_number(code: str) -> int | None:
    """The number of a waiver's code; None where it is none."""
    return _number(code, "W")


def _number(code: str, letter: str) -> int | None:
    digits = code.strip().upper().removeprefix(letter)
    return int(digits) if digits.isascii() and digits.isdigit() else None
