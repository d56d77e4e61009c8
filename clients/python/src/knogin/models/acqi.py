"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class IndicatorEncounter(Model, kw_only=True):
    """One encounter behind a count, as the indicator judged it. The record itself is read from epcr, de-identified."""

    encounter_id: str
    """The encounter, as in `/api/v1/epcr/encounters/{encounter_id}`"""
    day: str
    """The day of the call, UTC"""
    outcome: str
    """The judgement; `measured` of a time. One of: excluded, measured, met, not_met, unknown"""
    minutes: float | None
    """The measured time, to a tenth; null for a share"""
    reason: str | None
    """The first reason of an excluded encounter. Null for others, and for one that was counted before reasons were
    stored
    """


class IndicatorEncounters(Model, kw_only=True):
    """A page, newest day first. It may be short, or empty, and have a next one: a page looks at a bounded number of
    encounters.
    """

    encounters: list[IndicatorEncounter]
    """The encounters of this page"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Report(Model, kw_only=True):
    """The indicators of a period as they were counted at `made_at`: later corrections do not change it.

    `withheld` says whether small counts are withheld in it. `schedule_id` is that of the schedule that asked for
    it.
    """

    id: str
    """The report's id"""
    state: str
    """`waiting` until it is made. One of: failed, ready, waiting"""
    period: str
    """How long the period is: a calendar month, quarter or year. One of: month, quarter, year"""
    from_date: str
    """The first day, UTC"""
    to_date: str
    """The day after the last one, UTC"""
    names: list[str] | None
    """Names of the indicators; null for all"""
    schedule_id: str | None
    """The schedule that asked for it; null where an app did"""
    sandbox: bool
    """Whether it is of a sandbox"""
    withheld: bool | None
    """Whether small counts are withheld in it; null until it is made"""
    created_at: datetime
    """When it was asked for"""
    made_at: datetime | None
    """When its indicators were counted; null until then"""
    expires_at: datetime
    """When it is deleted"""


class ReportDraft(Model, kw_only=True):
    """A report of a calendar month, quarter or year that has ended, in UTC. Without `from_date` it is the last one."""

    period: Literal["month", "quarter", "year"]
    """How long the period is: a calendar month, quarter or year"""
    from_date: str | UnsetType | None = UNSET
    """The first day, UTC; without it the last period that has ended"""
    names: list[str] | UnsetType | None = UNSET
    """Names of indicators; all without it"""


class ReportSchedule(Model, kw_only=True):
    """A schedule runs at six in the morning of its time zone, or as soon as the period has ended in UTC too.

    `last_error` is that of the last run: `too_many_reports` where the organisation had no room for one more,
    `failed` where the report
    could not be made. It is null after a run without an error.
    """

    id: str
    """The schedule's id"""
    every: str
    """How often it runs. One of: month, quarter, week"""
    day: int
    """The day of the week (1 is Monday), of the month, or of the first month of a quarter"""
    time_zone: str
    """The time zone by its IANA name"""
    period: str
    """The period of each report: the last one that has ended. One of: month, quarter, year"""
    names: list[str] | None
    """Names of the indicators; null for all"""
    paused: bool
    """Whether it is paused"""
    sandbox: bool
    """Whether it is of a sandbox"""
    created_at: datetime
    """When it was made"""
    next_run_at: datetime | None
    """When it runs next; null while it is paused"""
    last_run_at: datetime | None
    """When it last ran; null before its first run"""
    last_report_id: str | None
    """The last report that it asked for; null before the first"""
    last_error: str | None
    """The error of its last run; null where it had none"""


class ReportSchedules(Model, kw_only=True):
    """A page of schedules of reports"""

    schedules: list[ReportSchedule]
    """The schedules, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Reports(Model, kw_only=True):
    """A page of reports"""

    reports: list[Report]
    """The reports, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class ScheduleChange(Model, kw_only=True):
    """Only the given fields change. Null for `names` means all indicators."""

    every: Literal["month", "quarter", "week"] | UnsetType = UNSET
    """How often it runs"""
    day: int | UnsetType = UNSET
    """The day of the week (1 is Monday), of the month, or of the first month of a quarter"""
    time_zone: str | UnsetType = UNSET
    """The time zone by its IANA name"""
    period: Literal["month", "quarter", "year"] | UnsetType = UNSET
    """The period of each report: the last one that has ended"""
    names: list[str] | UnsetType | None = UNSET
    """Names of the indicators; null for all"""
    paused: bool | UnsetType = UNSET
    """True pauses it, false resumes it"""


class ScheduleDraft(Model, kw_only=True):
    """`day` is of the week (1 is Monday, 7 Sunday), of the month, or of the first month of a quarter (1 to 28).

    `period` is that of the reports: each is of the last one that has ended. Without it a schedule of every quarter
    makes reports of a
    quarter, any other of a month.
    """

    every: Literal["month", "quarter", "week"]
    """How often it runs"""
    day: int
    """The day of the week (1 is Monday), of the month, or of the first month of a quarter"""
    time_zone: str | UnsetType = UNSET
    """The time zone by its IANA name"""
    period: Literal["month", "quarter", "year"] | UnsetType | None = UNSET
    """The period of each report; without it a quarter for every quarter, else a month"""
    names: list[str] | UnsetType | None = UNSET
    """Names of indicators; all without it"""
