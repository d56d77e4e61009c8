"""Figures of quality pages: intervals, comparisons, periods, and the geometry of a trend."""

from datetime import date
from pathlib import Path

import pytest

from services.console.quality import comparing, periods
from services.console.quality.chart import HEIGHT, WIDTH, Month, chart, wilson
from services.console.quality.comparing import Counted
from services.console.quality.periods import Period, PeriodFault
from services.graphql_api.acqi import report as platform

BUNDLE = Path("services/graphql_api/bundles/acqi-reporting/AcqiReport.graphql")
TODAY = date(2026, 5, 17)


def month(number: int, numerator: int | None, denominator: int | None) -> Month:
    value = numerator / denominator if denominator and numerator is not None else None
    return Month(date(2026, number, 1), numerator, denominator, value)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 1), (3, 10), (7, 7), (480, 1_000), (1, 100_000)])
def test_the_band_is_the_interval_that_the_platform_computes(numerator: int, denominator: int) -> None:
    assert wilson(numerator, denominator) == pytest.approx(platform.wilson(numerator, denominator))


def test_a_difference_has_the_interval_of_newcombe_s_own_example() -> None:
    change = comparing.of_shares(Counted(56, 70), Counted(48, 80))
    assert change
    assert (change.points, change.low, change.high) == pytest.approx((20.0, 5.24, 33.39), abs=0.01)


@pytest.mark.parametrize(
    ("now", "before", "improves", "expected"),
    [
        (Counted(56, 70), Counted(48, 80), "increase", "better"),
        (Counted(56, 70), Counted(48, 80), "decrease", "worse"),
        (Counted(48, 80), Counted(56, 70), "increase", "worse"),
        (Counted(3, 5), Counted(2, 5), "increase", "unclear"),
        (Counted(None, None), Counted(2, 5), "increase", "none"),
        (Counted(0, 0), Counted(2, 5), "increase", "none"),
    ],
)
def test_a_change_is_claimed_only_where_the_counts_allow_it(
    now: Counted, before: Counted, improves: str, expected: str
) -> None:
    assert comparing.verdict(comparing.of_shares(now, before), improves) == expected


def test_a_suppressed_month_and_one_without_cases_break_the_line() -> None:
    months = [month(1, 1, 10), month(2, 3, 10), month(3, None, None), month(4, 4, 10), month(5, 0, 0), month(6, 5, 10)]
    drawn = chart(months, is_share=True)
    assert len(drawn.lines) == 1
    assert len(drawn.dots) == 4
    assert [(gap.month.start.month, gap.month.suppressed) for gap in drawn.gaps] == [(3, True), (5, False)]


@pytest.mark.parametrize("share", [0.0, 0.004, 0.031, 0.5, 0.97, 1.0])
def test_the_axis_of_a_share_begins_at_nothing_and_holds_the_band(share: float) -> None:
    months = [month(number, round(share * 1_000), 1_000) for number in range(1, 13)]
    drawn = chart(months, is_share=True)
    assert drawn.ticks[0].value == 0
    assert 2 <= len(drawn.ticks) <= 7
    assert drawn.ticks[-1].value <= 1
    for dot in drawn.dots:
        assert dot.high is not None
        assert dot.low is not None
        assert 0 <= dot.high <= dot.y <= dot.low <= drawn.floor
        assert 0 <= dot.x <= WIDTH
        assert dot.y <= HEIGHT


@pytest.mark.parametrize("minutes", [0.0, 0.4, 7.9, 61.0, 179.9])
def test_the_axis_of_a_time_holds_its_highest_value(minutes: float) -> None:
    drawn = chart([Month(date(2026, 1, 1), 4, 4, minutes), Month(date(2026, 2, 1), 4, 4, 1.0)], is_share=False)
    assert drawn.ticks[-1].value >= minutes
    assert not drawn.bands
    assert len(drawn.ticks) <= 7


def test_one_month_alone_is_a_dot_in_the_middle() -> None:
    drawn = chart([month(1, 1, 2)], is_share=True)
    assert (drawn.dots[0].x, drawn.lines) == (WIDTH / 2, [])


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("month", date(2026, 4, 1), date(2026, 5, 1)),
        ("quarter", date(2026, 1, 1), date(2026, 4, 1)),
        ("year", date(2025, 5, 1), date(2026, 5, 1)),
    ],
)
def test_a_named_period_is_whole_and_has_ended(name: str, start: date, end: date) -> None:
    assert periods.named(name, TODAY) == Period(start, end)


def test_the_period_before_is_as_long_and_ends_where_the_other_begins() -> None:
    quarter = periods.named("quarter", date(2026, 1, 31))
    assert quarter == Period(date(2025, 10, 1), date(2026, 1, 1))
    assert quarter.before() == Period(date(2025, 7, 1), date(2025, 10, 1))
    assert quarter.a_year_before() == Period(date(2024, 10, 1), date(2025, 1, 1))


@pytest.mark.parametrize(
    ("start", "end", "fault"),
    [
        ("2026-03", "2026-01", "period_backwards"),
        ("2026-01", "2026-05", "period_not_ended"),
        ("2022-01", "2026-01", "period_too_long"),
        ("2026-1", "2026-02", "period_unreadable"),
        ("2026-13", "2026-13", "period_unreadable"),
        ("٢٠٢٦-01", "2026-02", "period_unreadable"),
        ("", "", "period_unreadable"),
        ("2999-12", "2999-12", "period_not_ended"),
        ("9999-12", "9999-12", "period_unreadable"),
    ],
)
def test_a_period_that_is_none_says_why(start: str, end: str, fault: str) -> None:
    with pytest.raises(PeriodFault, match=fault):
        periods.between(start, end, TODAY)


def test_the_console_asks_with_the_document_that_apps_are_approved_for() -> None:
    assert Path("services/console/quality/AcqiReport.graphql").read_text() == BUNDLE.read_text()
