"""Which cells of one answer are withheld: the small ones, and those that would give them away by subtraction."""

from collections.abc import Collection, Mapping
from datetime import date

import msgspec

SMALL_CELL = 5


class Cell(msgspec.Struct, frozen=True):
    """Cases of one indicator in one period; a time has as many in the numerator as in the denominator."""

    numerator: int
    denominator: int

    @property
    def is_small(self) -> bool:
        """1 to 4 cases, or all but 1 to 4 of them."""
        return 0 < self.numerator < SMALL_CELL or 0 < self.denominator - self.numerator < SMALL_CELL


def withheld(total: Cell, line: Mapping[date, Cell], inside: Collection[date]) -> frozenset[date]:
    """Of a sparkline beside its range's total; the months `inside` are those that lie wholly in the range.

    What the total leaves without the visible months inside must not be small: the next smallest months go too until it is not.
    """
    hidden = {month for month, cell in line.items() if cell.is_small}
    if total.is_small:
        return frozenset(hidden)
    seen = [month for month in inside if month in line and month not in hidden and line[month].denominator]
    numerator = total.numerator - sum(line[month].numerator for month in seen)
    denominator = total.denominator - sum(line[month].denominator for month in seen)
    for month in sorted(seen, key=lambda month: (line[month].denominator, month)):
        if not Cell(numerator, denominator).is_small:
            break
        hidden.add(month)
        numerator += line[month].numerator
        denominator += line[month].denominator
    return frozenset(hidden)
