"""Small counts stay unknown for any subtraction of answers: an attack with every range at once."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.graphql_api.acqi import report
from services.graphql_api.acqi.cache import Cases, Period, Snapshot
from services.graphql_api.acqi.report import Days, InvalidRange, check_is_published, next_month
from services.graphql_api.acqi.suppression import Cell, added, is_answered, is_shown, is_small_in_all, parts

pytestmark = pytest.mark.full

FIRST = date(2024, 11, 1)


def months(count: int, first: date = FIRST) -> list[date]:
    found = [first]
    while len(found) < count:
        found.append(next_month(found[-1]))
    return found


def cells() -> st.SearchStrategy[Cell]:
    counts = st.one_of(st.integers(0, 4), st.integers(0, 12))
    return st.tuples(counts, counts).map(lambda pair: Cell(pair[0], pair[0] + pair[1]))


class Attacker:
    """Solves for all that follows from the answers: each is the exact sum of some months."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: dict[int, list[Fraction]] = {}

    def learn(self, start: int, end: int) -> None:
        row = self._reduced([Fraction(start <= number < end) for number in range(self.size)])
        pivot = next((number for number, value in enumerate(row) if value), None)
        if pivot is not None:
            self.rows[pivot] = [value / row[pivot] for value in row]

    def knows(self, start: int, end: int) -> bool:
        """Whether the sum of those months can be computed."""
        return not any(self._reduced([Fraction(start <= number < end) for number in range(self.size)]))

    def _reduced(self, row: list[Fraction]) -> list[Fraction]:
        for pivot in sorted(self.rows):
            if factor := row[pivot]:
                row = [value - factor * known for value, known in zip(row, self.rows[pivot], strict=True)]
        return row


def runs(size: int) -> list[tuple[int, int]]:
    return [(start, end) for start in range(size) for end in range(start + 1, size + 1)]


def attacked(of: Sequence[Cell]) -> Attacker:
    """Who has asked for every range of whole months, and so for every sparkline too."""
    attacker, named = Attacker(len(of)), months(len(of))
    for start, end in runs(len(of)):
        if is_answered(named[start:end], of[start:end]):
            attacker.learn(start, end)
    return attacker


@settings(max_examples=60)
@given(st.lists(cells(), min_size=16, max_size=16))
def test_no_differences_of_ranges_tell_a_small_count_of_any_row_of_months(of: list[Cell]) -> None:
    attacker = attacked(of)
    for start, end in runs(len(of)):
        if added(of[start:end]).is_small:
            assert not attacker.knows(start, end)


@settings(max_examples=60)
@given(st.lists(cells(), min_size=12, max_size=12))
def test_what_a_shown_year_leaves_when_all_shown_within_is_subtracted_is_not_small(year: list[Cell]) -> None:
    quarters = [year[start : start + 3] for start in range(0, 12, 3)]
    left = [
        month
        for quarter in quarters
        if not is_shown(quarter)
        for month in quarter
        if not is_shown([month])
    ]  # fmt: skip
    if is_shown(year):
        assert not added(year).is_small
        assert not is_small_in_all(left)
    for quarter in quarters:
        if is_shown(quarter):
            assert not is_small_in_all([month for month in quarter if month.is_small])


def test_the_attack_that_subtracts_a_month_from_a_quarter_learns_nothing() -> None:
    """Large, small, large: neither the quarter nor any range over the small month may be shown beside the other two."""
    of, quarter = [Cell(40, 90), Cell(2, 30), Cell(50, 99)], months(3, date(2025, 1, 1))
    assert [is_shown([cell]) for cell in of] == [True, False, True]
    assert not is_shown(of)
    assert not is_answered(quarter, of)
    assert not is_answered(quarter[:2], of[:2])


def test_what_is_rare_is_shown_by_the_quarter_or_the_year() -> None:
    rare = [Cell(2, 9)] * 12
    assert not is_shown(rare[:1])
    assert is_shown(rare[:3])
    assert is_shown(rare)
    rarer = [Cell(1, 9), *[Cell(0, 9)] * 2] * 4
    assert not is_shown(rarer[:3])
    assert not is_shown(rarer)  # 4 in all
    assert is_shown([Cell(2, 9), *rarer[1:]])  # 5 in all, though no quarter shows


def test_what_was_shown_when_a_quarter_ended_is_taken_into_account_when_its_year_ends() -> None:
    """Three quarters were there to be read before anyone knew that the fourth would be small."""
    year = [Cell(20, 60)] * 9 + [Cell(1, 20), Cell(1, 20), Cell(1, 20)]
    assert all(is_shown(year[start : start + 3]) for start in (0, 3, 6))
    assert not is_shown(year)


def test_a_row_of_months_is_made_of_the_longest_entries_of_the_table() -> None:
    assert [len(part) for part in parts(months(20, date(2024, 11, 1)))] == [1, 1, 12, 3, 3]
    assert [len(part) for part in parts(months(5, date(2025, 2, 1)))] == [1, 1, 3]
    assert [len(part) for part in parts(months(24, date(2024, 1, 1)))] == [12, 12]
    assert parts([]) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 3, 2), date(2026, 4, 1)),
        (date(2026, 3, 1), date(2026, 3, 31)),
        (date(2026, 3, 1), date(2026, 4, 2)),
        (date(2026, 10, 1), date(2026, 12, 1)),
        (date(2026, 11, 1), date(2026, 11, 25)),
    ],
)
def test_a_range_that_would_isolate_days_or_that_still_runs_is_refused(start: date, end: date) -> None:
    with pytest.raises(InvalidRange, match=r"whole calendar months .* 2026-11-01 at the latest"):
        check_is_published(Days(start, end), date(2026, 11, 25))


def test_whole_months_that_have_ended_may_be_asked_for() -> None:
    check_is_published(Days(date(2026, 10, 1), date(2026, 11, 1)), date(2026, 11, 1))
    check_is_published(Days(date(2020, 2, 1), date(2026, 11, 1)), date(2026, 11, 25))


def answer(*, suppress: bool, excluded: int = 0) -> tuple[int | None, int | None, list[int | None]]:
    """Of a quarter with one small month: numerator, excluded, and the sparkline's numerators."""
    days = Days(date(2026, 1, 1), date(2026, 4, 1))
    whole, line = report.periods(days), report.trend(days)
    periods: dict[Period, Cases] = {period: Cases() for period in [*whole, *line]}
    for period, cases in periods.items():
        cases.put("rosc_survival", (2 if period.start.month == 3 else 8, 10, excluded, 0), ())
    (metric,) = report.metrics(Snapshot(1, suppress, periods), ["rosc_survival"], whole, line)
    return metric.numerator, metric.excluded, [point.numerator for point in metric.sparkline]


def test_a_quarter_with_one_small_month_is_withheld_with_it() -> None:
    assert answer(suppress=True) == (None, 0, [8] * 11 + [None])
    assert answer(suppress=False) == (18, 0, [8] * 11 + [2])


def test_other_counts_follow_the_same_rule_by_themselves() -> None:
    assert answer(suppress=True, excluded=1)[1] is None
    assert answer(suppress=True, excluded=2)[1] == 6
    assert answer(suppress=False, excluded=1)[1] == 3


def test_a_cell_is_small_by_its_cases_or_by_the_rest_of_them() -> None:
    assert [Cell(n, 12).is_small for n in (0, 1, 4, 5, 7, 8, 11, 12)] == [
        *(False, True, True, False, False, True, True, False)
    ]
