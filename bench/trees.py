"""How long it takes to say where all figures land after many redrawings; see README.md.

    python bench/trees.py [--units 100] [--redrawings 40]

Units in pairs; in each redrawing both of a pair are divided among two new ones, in known shares, long ones and unknown ones.
Prints landings and CPU seconds for half the redrawings and for all.
"""

import argparse
import time
from datetime import date, timedelta
from decimal import Decimal

from tonghop.catalogue.data import FOREVER
from tonghop.catalogue.landings import landings
from tonghop.catalogue.units import History, Succession, UnitVersion

START = date(2000, 1, 1)
SHARES: dict[str, tuple[Decimal | None, Decimal | None]] = {
    "known": (Decimal("0.3"), Decimal("0.7")),
    "thirds": (Decimal("0.3333333333333333"), Decimal("0.6666666666666667")),
    "unknown": (None, None),
}


def main() -> None:
    """Make a history for each kind of shares, and time it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--units", type=int, default=100)
    options.add_argument("--redrawings", type=int, default=40)
    given = options.parse_args()
    for name, shares in SHARES.items():
        for redrawings in (given.redrawings // 2, given.redrawings):
            made = history(given.units // 2, redrawings, shares)
            start = time.process_time()
            rows = landings(made)
            print(f"{name:8} {redrawings:4} redrawings  {len(rows):8,} landings  {time.process_time() - start:6.2f} s")


def history(pairs: int, redrawings: int, shares: tuple[Decimal | None, Decimal | None]) -> History:
    """Pairs of units under one root, each pair redrawn every hundred days."""
    days = [START + timedelta(days=100 * n) for n in range(redrawings + 1)]
    ends = [*(day - timedelta(days=1) for day in days[1:]), FOREVER]
    units = [_unit("n", START, FOREVER, None, "nation")]
    successions = []
    for pair in range(pairs):
        for n, (first, last) in enumerate(zip(days, ends, strict=True)):
            new = [f"{side}{pair}_{n}" for side in "ab"]
            units += [_unit(unit, first, last, "n", "grassroots") for unit in new]
            if n:
                successions += [
                    Succession(f"e{n}", f"{side}{pair}_{n - 1}", unit, first, share)
                    for side in "ab"
                    for unit, share in zip(new, shares, strict=True)
                ]
    return History(tuple(units), tuple(successions))


def _unit(unit: str, first: date, last: date, parent: str | None, level: str) -> UnitVersion:
    return UnitVersion(
        unit=unit, valid_from=first, valid_to=last, code=unit, name=unit, level=level, parent=parent, synthetic=True, source=""
    )


if __name__ == "__main__":
    main()
