"""The fields of the API's answers that the pages of quality show."""

from datetime import date, datetime, timedelta

import msgspec


class BehindCount(msgspec.Struct, frozen=True, kw_only=True):
    """One encounter behind a count of an indicator."""

    encounter_id: str
    day: date
    outcome: str
    minutes: float | None = None
    reason: str | None = None


class EncountersBehind(msgspec.Struct, frozen=True, kw_only=True):
    encounters: list[BehindCount]
    next_cursor: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report: `to_date` is the day after its last one."""

    id: str
    state: str
    period: str
    from_date: date
    to_date: date
    names: list[str] | None = None
    schedule_id: str | None = None
    sandbox: bool = False
    withheld: bool | None = None
    created_at: datetime
    made_at: datetime | None = None
    expires_at: datetime

    @property
    def last_date(self) -> date:
        return self.to_date - timedelta(days=1)


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    reports: list[Report]
    next_cursor: str | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    every: str
    day: int
    time_zone: str
    period: str
    names: list[str] | None = None
    paused: bool
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_report_id: str | None = None
    last_error: str | None = None


class Schedules(msgspec.Struct, frozen=True, kw_only=True):
    schedules: list[Schedule]
    next_cursor: str | None = None
