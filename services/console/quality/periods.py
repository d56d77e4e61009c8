"""Periods of whole calendar months (UTC) that have ended, as reports of quality are published."""

from datetime import date
from typing import NamedTuple

FIRST_YEAR, LAST_YEAR = 2000, 2999
MOST_MONTHS = 36


class Period(NamedTuple):
    """From the first day of a month to the first day of another, which is not in it."""

    start: date
    end: date

    @property
    def months(self) -> int:
        return _number(self.end) - _number(self.start)

    @property
    def last_month(self) -> date:
        return _first(_number(self.end) - 1)

    def before(self) -> "Period":
        """The period of as many months that ends where this one begins."""
        return Period(_first(_number(self.start) - self.months), self.start)

    def a_year_before(self) -> "Period":
        return Period(_first(_number(self.start) - 12), _first(_number(self.end) - 12))


class PeriodFault(ValueError):
    """The period asked for is none. The argument is the key of a text that says why."""


def named(name: str, today: date) -> Period:
    """`month`, `quarter` or `year`: the last of each that has ended. Raises PeriodFault."""
    this_month = today.year * 12 + today.month - 1
    match name:
        case "month":
            return Period(_first(this_month - 1), _first(this_month))
        case "quarter":
            end = this_month - this_month % 3
            return Period(_first(end - 3), _first(end))
        case "year":
            return Period(_first(this_month - 12), _first(this_month))
    raise PeriodFault("period_unknown")


def ended(name: str, today: date, most: int) -> list[Period]:
    """The last calendar months, quarters or years that have ended, newest first, at most `most` of them."""
    length = {"month": 1, "quarter": 3, "year": 12}[name]
    this_month = today.year * 12 + today.month - 1
    end = this_month - this_month % length
    return [Period(_first(end - (back + 1) * length), _first(end - back * length)) for back in range(most)]


def between(start: str, end: str, today: date) -> Period:
    """From the month `start` to the month `end`, both included, as `2026-03`. Raises PeriodFault."""
    first, last = _month(start), _month(end)
    period = Period(_first(first), _first(last + 1))
    if last < first:
        raise PeriodFault("period_backwards")
    if period.end > today.replace(day=1):
        raise PeriodFault("period_not_ended")
    if period.months > MOST_MONTHS:
        raise PeriodFault("period_too_long")
    return period


def _month(text: str) -> int:
    year, _, month = text.partition("-")
    if not (len(year) == 4 and len(month) == 2 and (year + month).isascii() and (year + month).isdigit()):
        raise PeriodFault("period_unreadable")
    if not FIRST_YEAR <= int(year) <= LAST_YEAR or not 1 <= int(month) <= 12:
        raise PeriodFault("period_unreadable")
    return int(year) * 12 + int(month) - 1


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)
