"""Suppression: the figures that are withheld so that small counts stay unknown, however answers are subtracted. Pure.

One fixed table is published, as by statistical offices: calendar months, quarters and years that have ended. A month is in it unless it
is small; a quarter or a year, unless it is small or its remainder is, after all that is shown within it is subtracted. Every answer is
a sum of entries of that table, so that a difference of answers shows no more than the table does. A quarter is judged by its months
and never the other way round, so that a later publication makes no earlier one too much.

Indicators that share cases could be subtracted from one another, too. Their cells are one entry: it is small if any of them is, and
it is in the table only where the entry of the indicator is that holds their cases (`Indicator.part_of`, `Indicator.within`).
"""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from typing import Any, Protocol, TypeVar

import msgspec

SMALL_CELL = 5
YEAR, QUARTER, MONTH = 12, 3, 1


class Cell(msgspec.Struct, frozen=True):
    """Cases of one indicator in one period; a time has as many in the numerator as in the denominator."""

    numerator: int
    denominator: int

    @property
    def is_small(self) -> bool:
        """Whether there are 1 to 4 cases, or all but 1 to 4."""
        return 0 < self.numerator < SMALL_CELL or 0 < self.denominator - self.numerator < SMALL_CELL

    def plus(self, other: "Cell") -> "Cell":
        return Cell(self.numerator + other.numerator, self.denominator + other.denominator)


class Together(msgspec.Struct, frozen=True):
    """Cells of one period that are shown together or not at all, since those that are shown would tell the others."""

    cells: tuple[Cell, ...]

    @property
    def is_small(self) -> bool:
        return any(cell.is_small for cell in self.cells)

    def plus(self, other: "Together") -> "Together":
        return Together(tuple(one.plus(two) for one, two in zip(self.cells, other.cells, strict=True)))


class Addable(Protocol):
    @property
    def is_small(self) -> bool: ...

    def plus(self, other: Any, /) -> Any: ...


Entry = TypeVar("Entry", bound=Addable)


def added(cells: Sequence[Entry]) -> Entry:
    """The sum of at least one."""
    return reduce(lambda one, two: one.plus(two), cells)


def is_small_in_all(cells: Sequence[Entry]) -> bool:
    """Whether the sum is small; the sum of none is not."""
    return bool(cells) and added(cells).is_small


def parts(months: Sequence[date]) -> list[range]:
    """The entries of the table whose sum is `months`, which are consecutive, as ranges of indexes: years, quarters and months."""
    found: list[range] = []
    start = 0
    while start < len(months):
        left, before = len(months) - start, months[start].month - 1
        length = next(length for length in (YEAR, QUARTER, MONTH) if left >= length and before % length == 0)
        found.append(range(start, start + length))
        start += length
    return found


def is_shown(cells: Sequence[Entry]) -> bool:
    """Whether the table has the month, the quarter or the year of these 1, 3 or 12 cells."""
    return not added(cells).is_small and not is_small_in_all(_not_shown_within(cells))


def _not_shown_within(cells: Sequence[Entry]) -> list[Entry]:
    """The months that are neither in the table nor in a shown quarter."""
    if len(cells) == MONTH:
        return [cell for cell in cells if cell.is_small]
    length = QUARTER if len(cells) == YEAR else MONTH
    smaller = [cells[start : start + length] for start in range(0, len(cells), length)]
    return [cell for entry in smaller if not is_shown(entry) for cell in _not_shown_within(entry)]


def is_answered(months: Sequence[date], cells: Sequence[Entry]) -> bool:
    """Whether the sum of consecutive months is a sum of entries of the table."""
    return all(is_shown(cells[part.start : part.stop]) for part in parts(months))
