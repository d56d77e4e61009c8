"""Suppression: the figures that are withheld so that small counts stay unknown, however answers are subtracted. Pure.

One fixed table is published, as by statistical offices: calendar months, quarters and years that have ended. A month is in it unless it
is small; a quarter or a year, unless it is small or its remainder is, after all that is shown within it is subtracted. Every answer is
a sum of entries of that table, so that a difference of answers shows no more than the table does. A quarter is judged by its months
and never the other way round, so that a later publication makes no earlier one too much.

Indicators that share cases could be subtracted from one another, too. Their cells are one entry: it is small if any of them is, and
it is in the table only where the entry of the indicator is that holds their cases (`Indicator.part_of`, `Indicator.within`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from services.graphql_api.acqi.cache import Counts
from services.graphql_api.acqi.definitions import Indicator
from services.graphql_api.acqi.indicators import BY_NAME, PARTS

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


class Withheld(NamedTuple):
    """The hidden counts of a metric. A hidden fraction also hides the figures that are computed from it."""

    fraction: bool = False
    excluded: bool = False
    unknown: bool = False


NOTHING_WITHHELD = Withheld()
ByMonth = Sequence[tuple[date, Mapping[str, Counts]]]
"""The counts of each of consecutive months, by indicator."""
CellOf = Callable[[Indicator, Counts], Cell]


def related(names: Collection[str]) -> list[str]:
    """These indicators and those by whose counts they are withheld, each once."""
    found = dict.fromkeys(names)
    waiting = list(names)
    while waiting:
        one = BY_NAME[waiting.pop()]
        others = {one.within, one.part_of, *(part.name for part in PARTS[one.part_of or one.name])} - {None, *found}
        found |= dict.fromkeys(name for name in others if name is not None)
        waiting += [name for name in others if name is not None]
    return list(found)


def cell(indicator: Indicator, counts: Counts) -> Cell:
    """Numerator and denominator."""
    if indicator.is_time:
        return _whole(sum(counts.bins))
    return Cell(counts.met, counts.met + counts.not_met)


def _whole(number: int) -> Cell:
    return Cell(number, number)


CELLS: tuple[CellOf, CellOf, CellOf] = (
    cell,
    lambda _, counts: _whole(counts.excluded),
    lambda _, counts: _whole(counts.unknown),
)
"""The counts of `Withheld`, in its order."""


class Withholding:
    """The hidden counts of the sum of consecutive months, which have the counts of all `related` indicators. Each is decided once."""

    def __init__(self, inside: ByMonth) -> None:
        self._months = [month for month, _ in inside]
        self._counts = [counts for _, counts in inside]
        self._known: dict[tuple[str, CellOf | None], bool] = {}

    def of(self, name: str) -> Withheld:
        return Withheld(*(self._is_hidden(BY_NAME[name], cell_of) for cell_of in CELLS))

    def hides_fraction(self, name: str) -> bool:
        return self._is_hidden(BY_NAME[name], cell)

    def _is_hidden(self, indicator: Indicator, cell_of: CellOf) -> bool:
        if indicator.within is not None:
            return self._is_hidden_with_all(indicator, BY_NAME[indicator.within])
        whole = indicator.part_of
        if whole is not None:
            return self._is_hidden(BY_NAME[whole], cell_of) or self._are_parts_hidden(BY_NAME[whole], cell_of)
        key = (indicator.name, cell_of)
        if key not in self._known:
            self._known[key] = self._is_withheld([cell_of(indicator, counts[key[0]]) for counts in self._counts])
        return self._known[key]

    def _are_parts_hidden(self, whole: Indicator, cell_of: CellOf) -> bool:
        key = (f"parts of {whole.name}", cell_of)
        if key not in self._known:
            self._known[key] = self._is_withheld([_divided(whole, counts, cell_of) for counts in self._counts])
        return self._known[key]

    def _is_hidden_with_all(self, indicator: Indicator, holder: Indicator) -> bool:
        """All counts or none, since the holder's number of cases tells the sum of those that are hidden."""
        key = (indicator.name, None)
        if key not in self._known:
            self._known[key] = any(self._is_hidden(holder, cell_of) for cell_of in CELLS) or self._is_withheld(
                [_with_the_rest(indicator, holder, counts) for counts in self._counts]
            )
        return self._known[key]

    def _is_withheld(self, entries: Sequence[Cell] | Sequence[Together]) -> bool:
        return entries[0].is_small if len(entries) == 1 else not is_answered(self._months, entries)


def _divided(whole: Indicator, counts: Mapping[str, Counts], cell_of: CellOf) -> Together:
    """The parts and the rest of one month."""
    parts = [cell_of(part, counts[part.name]) for part in PARTS[whole.name]]
    rest = cell_of(whole, counts[whole.name]).denominator - sum(part.denominator for part in parts)
    return Together((*parts, _whole(rest)))


def _with_the_rest(indicator: Indicator, holder: Indicator, counts: Mapping[str, Counts]) -> Together:
    """The counts of one month, and of the holder's cases that are not the indicator's."""
    own = counts[indicator.name]
    rest = cases(holder, counts[holder.name]) - cases(indicator, own)
    return Together((*(cell_of(indicator, own) for cell_of in CELLS), _whole(rest)))


def cases(indicator: Indicator, counts: Counts) -> int:
    """The size of the population."""
    return cell(indicator, counts).denominator + counts.excluded + counts.unknown
