"""Bodies, rows and answers of reports and their schedules."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.graphql_api.acqi.descriptions import Language
from services.graphql_api.reports.calendar import Every, Period, Timing
from shared.primitives.time_zones import TimeZone
from shared.web import http
from shared.web.http import Page

State = Literal["waiting", "ready", "failed"]
Format = Literal["csv", "fhir"]
RunError = Literal["too_many_reports", "failed"]
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=200)]
Day = Annotated[int, Meta(ge=1, le=28)]
ITALY = "Europe/Rome"


class ReportDraft(http.Body):
    """A report of a calendar month, quarter or year that has ended, in UTC. Without `from_date` it is the last one."""

    period: Period
    from_date: date | None = None
    names: Names | None = None


class Report(msgspec.Struct, kw_only=True):
    """The indicators of a period as they were counted at `made_at`: later corrections do not change it.

    `withheld` says whether small counts are withheld in it. `schedule_id` is that of the schedule that asked for it.
    """

    id: str
    state: State
    period: Period
    from_date: date
    to_date: date
    names: list[str] | None
    schedule_id: str | None
    sandbox: bool
    withheld: bool | None
    created_at: datetime
    made_at: datetime | None
    expires_at: datetime


class Reports(msgspec.Struct):
    reports: list[Report]
    next_cursor: str | None


class ListReports(Page):
    schedule_id: Annotated[str, Meta(max_length=64)] | None = None


class ReadContent(http.Body):
    """`language` is about the CSV: the descriptions of the indicators, and the separators of columns and decimals."""

    format: Format = "csv"
    language: Language = "en"


class ReportRow(msgspec.Struct, kw_only=True):
    """A row of `quality_reports`, without its files."""

    id: str
    tenant_id: str
    period: Period
    from_date: date
    to_date: date
    names: list[str] | None
    schedule_id: str | None
    sandbox: bool
    state: State
    withheld: bool | None
    created_at: datetime
    made_at: datetime | None

    def shown(self, kept_days: int) -> Report:
        return Report(
            id=self.id,
            state=self.state,
            period=self.period,
            from_date=self.from_date,
            to_date=self.to_date,
            names=self.names,
            schedule_id=self.schedule_id,
            sandbox=self.sandbox,
            withheld=self.withheld,
            created_at=self.created_at,
            made_at=self.made_at,
            expires_at=self.created_at + timedelta(days=kept_days),
        )


class ScheduleDraft(http.Body):
    """`day` is of the week (1 is Monday, 7 Sunday), of the month, or of the first month of a quarter (1 to 28).

    `period` is that of the reports: each is of the last one that has ended. Without it a schedule of every quarter makes reports of a
    quarter, any other of a month.
    """

    every: Every
    day: Day
    time_zone: TimeZone = ITALY
    period: Period | None = None
    names: Names | None = None


class ScheduleChange(http.Body):
    """Only the given fields change. Null for `names` means all indicators."""

    every: Every | UnsetType = UNSET
    day: Day | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    period: Period | UnsetType = UNSET
    names: Names | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET


class ReportSchedule(msgspec.Struct, kw_only=True):
    """A schedule runs at six in the morning of its time zone, or as soon as the period has ended in UTC too.

    `last_error` is that of the last run: `too_many_reports` where the organisation had no room for one more, `failed` where the report
    could not be made. It is null after a run without an error.
    """

    id: str
    every: Every
    day: int
    time_zone: str
    period: Period
    names: list[str] | None
    paused: bool
    sandbox: bool
    created_at: datetime
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_report_id: str | None
    last_error: RunError | None


class ReportSchedules(msgspec.Struct):
    schedules: list[ReportSchedule]
    next_cursor: str | None


class ScheduleRow(msgspec.Struct, kw_only=True):
    """A row of `report_schedules`."""

    id: str
    tenant_id: str
    every: Every
    day: int
    time_zone: str
    period: Period
    names: list[str] | None
    sandbox: bool
    created_at: datetime
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_report_id: str | None
    last_error: RunError | None

    @property
    def timing(self) -> Timing:
        return Timing(self.every, self.day, self.time_zone, self.period)

    def shown(self) -> ReportSchedule:
        return ReportSchedule(
            id=self.id,
            every=self.every,
            day=self.day,
            time_zone=self.time_zone,
            period=self.period,
            names=self.names,
            paused=self.next_run_at is None,
            sandbox=self.sandbox,
            created_at=self.created_at,
            next_run_at=self.next_run_at,
            last_run_at=self.last_run_at,
            last_report_id=self.last_report_id,
            last_error=self.last_error,
        )
