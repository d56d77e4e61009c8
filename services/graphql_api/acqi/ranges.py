"""Ranges of whole UTC days, cut into the calendar months inside them and the days at their ends."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

LONGEST_DAYS = 3_660
SPARKLINE_MONTHS = 12


class InvalidRange(Exception):
    """Says what is wrong with the range."""


class Days(NamedTuple):
    """From the first day to the day after the last."""

    start: date
    end: date


def of_days(start: datetime, end: datetime) -> Days:
    """The days a span of time touches, half-open: an `end` at midnight is not part of it. Raises InvalidRange."""
    if start >= end:
        raise InvalidRange("fromDate must be before toDate.")
    first = start.astimezone(UTC).date()
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    if (last - first).days >= LONGEST_DAYS:
        raise InvalidRange(f"A range has at most {LONGEST_DAYS} days.")
    if last == date.max:
        raise InvalidRange("toDate is too late.")
    return Days(first, last + timedelta(days=1))


def check_is_published(days: Days, today: date) -> None:
    """Raises InvalidRange for anything but whole months that have ended: what a tenant shows that withholds small counts."""
    latest = today.replace(day=1)
    if days.start.day != 1 or days.end.day != 1 or days.end > latest:
        raise InvalidRange(
            "Small counts are withheld here, so a range is of whole calendar months (UTC) that have ended: "
            f"from the first of a month to the first of another, {latest.isoformat()} at the latest."
        )


def cut(days: Days) -> tuple[list[date], list[date]]:
    """(days, months) that together make up the range: the firsts of whole months, and the days outside them."""
    single: list[date] = []
    months: list[date] = []
    day = days.start
    while day < days.end:
        following = next_month(day)
        if day.day == 1 and following <= days.end:
            months.append(day)
            day = following
        else:
            single.append(day)
            day += timedelta(days=1)
    return single, months


def sparkline(days: Days) -> list[date]:
    """The firsts of twelve months, the last of which holds the range's last day."""
    last = days.end - timedelta(days=1)
    count = last.year * 12 + last.month - 1
    return [_first(number) for number in range(count - SPARKLINE_MONTHS + 1, count + 1)]


def next_month(day: date) -> date:
    number = day.year * 12 + day.month
    return date.max if number >= 12 * 10_000 else _first(number)


def _first(number: int) -> date:
    return date(max(1, number // 12), number % 12 + 1, 1)
