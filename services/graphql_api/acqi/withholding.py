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


NOTHING_WITHHELD, ALL_WITHHELD = Withheld(), Withheld(True, True, True)
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


def _excluded(_: Indicator, counts: Counts) -> Cell:
    return _whole(counts.excluded)


def _unknown(_: Indicator, counts: Counts) -> Cell:
    return _whole(counts.unknown)


def of_months(name: str, inside: ByMonth) -> Withheld:
    """The hidden counts of the sum of these months, which have the counts of all `related` indicators."""
    indicator = BY_NAME[name]
    months = [month for month, _ in inside]
    if indicator.within is not None:
        return _of_the_same_cases(indicator, BY_NAME[indicator.within], inside)

    def is_hidden(cell_of: CellOf) -> bool:
        if indicator.part_of is None:
            return not is_answered(months, [cell_of(indicator, counts[name]) for _, counts in inside])
        whole = BY_NAME[indicator.part_of]
        cells = [cell_of(whole, counts[whole.name]) for _, counts in inside]
        divided = [_divided(whole, counts, cell_of) for _, counts in inside]
        return not (is_answered(months, cells) and is_answered(months, divided))

    return Withheld(is_hidden(cell), is_hidden(_excluded), is_hidden(_unknown))


def _divided(whole: Indicator, counts: Mapping[str, Counts], cell_of: CellOf) -> Together:
    """The parts and the rest of one month."""
    parts = [cell_of(part, counts[part.name]) for part in PARTS[whole.name]]
    rest = cell_of(whole, counts[whole.name]).denominator - sum(part.denominator for part in parts)
    return Together((*parts, _whole(rest)))


def _of_the_same_cases(indicator: Indicator, holder: Indicator, inside: ByMonth) -> Withheld:
    """All counts or none, since the holder's number of cases tells the sum of those that are hidden."""
    if of_months(holder.name, inside) != NOTHING_WITHHELD:
        return ALL_WITHHELD
    entries = [_with_the_rest(indicator, holder, counts) for _, counts in inside]
    return NOTHING_WITHHELD if is_answered([month for month, _ in inside], entries) else ALL_WITHHELD


def _with_the_rest(indicator: Indicator, holder: Indicator, counts: Mapping[str, Counts]) -> Together:
    """The counts of one month, and of the holder's cases that are not the indicator's."""
    own = counts[indicator.name]
    rest = cases(holder, counts[holder.name]) - cases(indicator, own)
    return Together((cell(indicator, own), _excluded(indicator, own), _unknown(indicator, own), _whole(rest)))


def cases(indicator: Indicator, counts: Counts) -> int:
    """The size of the population."""
    return cell(indicator, counts).denominator + counts.excluded + counts.unknown
