"""Calendar months, quarters and years that a report may be of, and the days on which a schedule runs. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.graphql_api.acqi.report import Days

Period = Literal["month", "quarter", "year"]
Every = Literal["week", "month", "quarter"]
MONTHS: dict[Period, int] = {"month": 1, "quarter": 3, "year": 12}
HOUR = time(6)
"""Of the time zone, when a schedule runs."""
LAST_DAY: dict[Every, int] = {"week": 7, "month": 28, "quarter": 28}


class Timing(NamedTuple):
    """`day` is of the week (1 is Monday), of the month, or of the first month of a quarter."""

    every: Every
    day: int
    time_zone: str
    period: Period

    @property
    def zone(self) -> ZoneInfo:
        """Raises ZoneInfoNotFoundError."""
        return ZoneInfo(self.time_zone)


def last_ended(period: Period, day: date) -> Days:
    """The last period that has ended when `day` begins."""
    month, length = _number(day), MONTHS[period]
    end = month - month % length
    return Days(_first(end - length), _first(end))


def beginning(period: Period, day: date) -> Days | None:
    """The period whose first day is `day`; None if none begins there."""
    month, length = _number(day), MONTHS[period]
    if day.day != 1 or month % length or day.year == date.max.year:
        return None
    return Days(day, _first(month + length))


def next_run(timing: Timing, after: datetime) -> datetime:
    """The first run after that time: at six in the time zone, or when the period has ended in UTC too."""
    day = after.astimezone(timing.zone).date()
    while True:
        is_its_day = (
            day.isoweekday() == timing.day
            if timing.every == "week"
            else day.day == timing.day and (timing.every == "month" or day.month % 3 == 1)
        )
        if is_its_day:
            ended = datetime.combine(last_ended(timing.period, day).end, time(), UTC)
            at = max(datetime.combine(day, HOUR, timing.zone).astimezone(UTC), ended)
            if at > after:
                return at
        day += timedelta(days=1)


def days_of(timing: Timing, run_at: datetime) -> Days:
    """The days of the report of a run."""
    return last_ended(timing.period, run_at.astimezone(timing.zone).date())


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)
