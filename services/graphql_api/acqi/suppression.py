"""Which figures are withheld where a tenant wishes small counts to stay unknown, whatever is asked for and subtracted. Pure.

What is published is one fixed table, as statistical offices do: calendar months, quarters and years that have ended. A month is in it
if it is not small; a quarter or a year, if neither it is small nor what remains of it when everything shown within it is subtracted.
Every answer is a sum of entries of that table, so that no difference of answers tells more than the table does. Since a quarter is
judged by its months and never the other way round, what was published once is never too much because of what is published later.
"""

from collections.abc import Sequence
from datetime import date

import msgspec

SMALL_CELL = 5
YEAR, QUARTER, MONTH = 12, 3, 1


class Cell(msgspec.Struct, frozen=True):
    """Cases of one indicator in one period; a time has as many in the numerator as in the denominator."""

    numerator: int
    denominator: int

    @property
    def is_small(self) -> bool:
        """1 to 4 cases, or all but 1 to 4 of them."""
        return 0 < self.numerator < SMALL_CELL or 0 < self.denominator - self.numerator < SMALL_CELL


def added(cells: Sequence[Cell]) -> Cell:
    return Cell(sum(cell.numerator for cell in cells), sum(cell.denominator for cell in cells))


def parts(months: Sequence[date]) -> list[range]:
    """The entries of the table that make up a row of consecutive months, as indexes into it: years, then quarters, then months."""
    found: list[range] = []
    start = 0
    while start < len(months):
        left, before = len(months) - start, months[start].month - 1
        length = next(length for length in (YEAR, QUARTER, MONTH) if left >= length and before % length == 0)
        found.append(range(start, start + length))
        start += length
    return found


def is_shown(cells: Sequence[Cell]) -> bool:
    """Whether the table has the month, the quarter or the year that these 1, 3 or 12 months are."""
    return not added(cells).is_small and not added(_not_shown_within(cells)).is_small


def _not_shown_within(cells: Sequence[Cell]) -> list[Cell]:
    """The months that neither stand in the table themselves nor lie in a shown quarter below."""
    if len(cells) == MONTH:
        return [cell for cell in cells if cell.is_small]
    length = QUARTER if len(cells) == YEAR else MONTH
    below = [cells[start : start + length] for start in range(0, len(cells), length)]
    return [cell for entry in below if not is_shown(entry) for cell in _not_shown_within(entry)]


def is_answered(months: Sequence[date], cells: Sequence[Cell]) -> bool:
    """Whether a row of consecutive months is a sum of what the table shows."""
    return all(is_shown(cells[part.start : part.stop]) for part in parts(months))
