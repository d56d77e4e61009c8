"""Counts per indicator and period, and how a change of one encounter changes them."""

from collections.abc import Mapping
from datetime import date

import msgspec

from services.graphql_api.acqi.outcome import Outcome

FIELDS = ("met", "not_met", "excluded", "unknown")


class Tally(msgspec.Struct):
    """Cases of one indicator in one period, or the difference between two such counts. `times` is keyed by tenths of a minute."""

    met: int = 0
    not_met: int = 0
    excluded: int = 0
    unknown: int = 0
    times: dict[int, int] = {}

    def count(self, outcome: Outcome, weight: int) -> None:
        if isinstance(outcome, int):
            self.times[outcome] = self.times.get(outcome, 0) + weight
        else:
            setattr(self, outcome, getattr(self, outcome) + weight)

    def is_zero(self) -> bool:
        return not (self.met or self.not_met or self.excluded or self.unknown or any(self.times.values()))

    def bins(self) -> list[int]:
        """`times` as a list, index by index; empty for an indicator that is not a time."""
        used = [tenths for tenths, count in self.times.items() if count]
        return [self.times.get(tenths, 0) for tenths in range(max(used) + 1)] if used else []


# Indicator and UTC day.
Tallies = dict[tuple[str, date], Tally]


def add(tallies: Tallies, day: date, outcomes: Mapping[str, Outcome], weight: int) -> None:
    """Counts one encounter's outcomes in, or with weight -1 out."""
    for name, outcome in outcomes.items():
        tallies.setdefault((name, day), Tally()).count(outcome, weight)


def by_month(tallies: Tallies) -> Tallies:
    """The same counts by calendar month, keyed by its first day."""
    months: Tallies = {}
    for (name, day), tally in tallies.items():
        month = months.setdefault((name, day.replace(day=1)), Tally())
        for field in FIELDS:
            setattr(month, field, getattr(month, field) + getattr(tally, field))
        for tenths, count in tally.times.items():
            month.times[tenths] = month.times.get(tenths, 0) + count
    return months
