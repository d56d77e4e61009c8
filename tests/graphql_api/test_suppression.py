"""Small cells stay withheld however the visible cells of one answer are subtracted."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.graphql_api.acqi import report
from services.graphql_api.acqi.ranges import Days
from services.graphql_api.acqi.snapshot import Cases, Period, Snapshot
from services.graphql_api.acqi.suppression import Cell, withheld

MONTHS = [date(2026, month, 1) for month in range(1, 13)]
YEAR = Days(date(2025, 11, 1), date(2026, 11, 1))


def cells() -> st.SearchStrategy[Cell]:
    pairs = st.tuples(st.integers(0, 12), st.integers(0, 12))
    return pairs.map(lambda pair: Cell(pair[0], pair[0] + pair[1]))


def added(of: list[Cell]) -> Cell:
    return Cell(sum(one.numerator for one in of), sum(one.denominator for one in of))


@given(st.lists(cells(), min_size=12, max_size=12), st.integers(0, 12), cells())
def test_the_total_without_the_visible_months_is_never_a_small_cell(line: list[Cell], count: int, days: Cell) -> None:
    by_month, inside = dict(zip(MONTHS, line, strict=True)), MONTHS[:count]
    total = added([*line[:count], days])
    hidden = withheld(total, by_month, inside)
    assert {month for month, cell in by_month.items() if cell.is_small} <= hidden
    if not total.is_small:
        visible = added([by_month[month] for month in inside if month not in hidden])
        rest = Cell(total.numerator - visible.numerator, total.denominator - visible.denominator)
        assert not rest.is_small


def test_beside_a_single_small_month_the_next_smallest_is_withheld_and_no_other() -> None:
    line = {month: Cell(20 + number, 50 + number) for number, month in enumerate(MONTHS)} | {MONTHS[6]: Cell(2, 12)}
    total = added(list(line.values()))
    assert withheld(total, line, MONTHS) == {MONTHS[6], MONTHS[0]}
    assert withheld(total, line, []) == {MONTHS[6]}
    whole = {month: Cell(20, 50) for month in MONTHS}
    assert withheld(added(list(whole.values())), whole, MONTHS) == set()


def answer(*, suppress: bool) -> list[int | None]:
    """The numerators of a year's months, one of which is a small cell."""
    whole, months = report.periods(YEAR), report.trend(YEAR)
    periods: dict[Period, Cases] = {period: Cases() for period in [*whole, *months]}
    for period, cases in periods.items():
        cases.put("rosc_survival", (2, 10, 0, 0) if period.start.month == 3 else (8, 10, 0, 0), ())
    (metric,) = report.metrics(Snapshot(1, suppress, periods), ["rosc_survival"], whole, months)
    assert metric.numerator == 2 + 11 * 8
    return [point.numerator for point in metric.sparkline]


def test_a_years_answer_does_not_give_its_one_small_month_away() -> None:
    assert answer(suppress=True).count(None) == 2
    assert None not in answer(suppress=False)
