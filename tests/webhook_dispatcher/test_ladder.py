"""Retries: when, how many, and not sooner than the receiver asked, within reason."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher.sending import ladder

DEFAULT = ladder.parse_schedule(ladder.DEFAULT)
CHANCE = st.floats(min_value=0, max_value=1, exclude_max=True)


def test_the_default_ladder_is_ten_attempts_over_three_days() -> None:
    assert DEFAULT == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert sum(DEFAULT) == pytest.approx(75.6 * 3600, rel=0.001)


def test_after_the_last_rung_there_is_no_further_attempt() -> None:
    assert ladder.next_wait(DEFAULT, 9) is not None
    assert ladder.next_wait(DEFAULT, 10) is None


@given(st.integers(1, 9), CHANCE)
def test_jitter_moves_a_wait_by_at_most_a_fifth(failures: int, chance: float) -> None:
    wait = ladder.next_wait(DEFAULT, failures, chance=chance)
    assert wait is not None
    assert 0.8 * DEFAULT[failures - 1] <= wait <= 1.2 * DEFAULT[failures - 1]


@given(st.integers(1, 9), st.floats(0, ladder.LONGEST_WAIT), CHANCE)
def test_retry_after_is_never_undercut_by_jitter_and_counts_up_to_an_hour_or_twice_the_step(
    failures: int, asked: float, chance: float
) -> None:
    wait = ladder.next_wait(DEFAULT, failures, asked, chance)
    most = max(2 * DEFAULT[failures - 1], 3600)
    assert wait is not None
    assert min(asked, most) <= wait <= 1.1 * max(most, 1.2 * DEFAULT[failures - 1])


def test_a_receiver_that_asks_for_a_day_waits_an_hour_and_at_most_a_tenth_more() -> None:
    assert ladder.next_wait((10,), 1, 86_400, chance=0) == 3600
    assert ladder.next_wait((10,), 1, 86_400, chance=1) == pytest.approx(3960)
    assert ladder.next_wait((7200,), 1, 86_400, chance=0) == 14_400


def test_a_receiver_slows_us_down_by_these_statuses() -> None:
    assert sorted(ladder.SLOWING) == [429, 502, 503, 504]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.2s,1", (0.2, 1)), ("250ms", (0.25,)), ("1m, 2h ,1d", (60, 7200, 86400))],
)
def test_a_schedule_is_waits_with_units(text: str, seconds: tuple[float, ...]) -> None:
    assert ladder.parse_schedule(text) == seconds


@pytest.mark.parametrize("text", ["", "5s,", "soon", "-1s", "5 s", "1w", "5s;5m"])
def test_a_schedule_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="WEBHOOK_RETRY_SCHEDULE"):
        ladder.parse_schedule(text)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 1.5 ", 1.5),
        ("Mon, 23 Mar 2026 12:00:30 GMT", 30),
        ("Mon, 23 Mar 2026 12:00:30", 30),
        ("Mon, 23 Mar 2026 13:00:30 +0100", 30),
        ("0.5", 0.5),
        ("999999999999", 86_400),
        ("Mon, 23 Mar 2126 12:00:30 GMT", 86_400),
        (None, None),
        ("", None),
        ("-5", None),
        ("0", None),
        ("soon", None),
        ("Mon, 23 Mar 2020 12:00:30 GMT", None),
        ("1" * 400, None),
        ("١٢", None),
        ("Mon, 99 Mar 99999999999 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_ignored(
    value: str | None, seconds: float | None
) -> None:
    assert ladder.retry_after_seconds(value, datetime(2026, 3, 23, 12, tzinfo=UTC)) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_a_receiver_can_write_raises(value: str) -> None:
    seconds = ladder.retry_after_seconds(value)
    assert seconds is None or 0 < seconds <= ladder.LONGEST_WAIT
