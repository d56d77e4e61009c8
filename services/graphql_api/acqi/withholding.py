"""The counts of an indicator that are withheld where small counts stay unknown, also from indicators that share its cases. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from services.graphql_api.acqi.cache import Counts
from services.graphql_api.acqi.definitions import Indicator
from services.graphql_api.acqi.indicators import BY_NAME, PARTS
from services.graphql_api.acqi.suppression import Cell, Together, is_answered


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
