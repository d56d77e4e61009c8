"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, overload

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_GET_MEASURE_REPORTS = Operation("getMeasureReports", "GET", "/api/v1/acqi/measure-reports", {200: dict[str, Any]})
_LIST_INDICATOR_ENCOUNTERS = Operation(
    "listIndicatorEncounters", "GET", "/api/v1/acqi/indicators/{}/encounters", {200: models.acqi.IndicatorEncounters}
)
_CREATE_REPORT = Operation(
    "createReport", "POST", "/api/v1/acqi/reports", {202: models.acqi.Report}, body="json", keyed=True
)
_LIST_REPORTS = Operation("listReports", "GET", "/api/v1/acqi/reports", {200: models.acqi.Reports})
_GET_REPORT = Operation("getReport", "GET", "/api/v1/acqi/reports/{}", {200: models.acqi.Report})
_DELETE_REPORT = Operation("deleteReport", "DELETE", "/api/v1/acqi/reports/{}", {204: None})
_DOWNLOAD_REPORT = Operation("downloadReport", "GET", "/api/v1/acqi/reports/{}/content", {200: bytes})
_CREATE_REPORT_SCHEDULE = Operation(
    "createReportSchedule",
    "POST",
    "/api/v1/acqi/report-schedules",
    {201: models.acqi.ReportSchedule},
    body="json",
    keyed=True,
)
_LIST_REPORT_SCHEDULES = Operation(
    "listReportSchedules", "GET", "/api/v1/acqi/report-schedules", {200: models.acqi.ReportSchedules}
)
_GET_REPORT_SCHEDULE = Operation(
    "getReportSchedule", "GET", "/api/v1/acqi/report-schedules/{}", {200: models.acqi.ReportSchedule}
)
_UPDATE_REPORT_SCHEDULE = Operation(
    "updateReportSchedule", "PATCH", "/api/v1/acqi/report-schedules/{}", {200: models.acqi.ReportSchedule}, body="json"
)
_DELETE_REPORT_SCHEDULE = Operation("deleteReportSchedule", "DELETE", "/api/v1/acqi/report-schedules/{}", {204: None})


class Indicators:
    """The quality indicators as FHIR MeasureReports, and reports that are made once or by a schedule. `acqiMetrics` of
    GraphQL has the same figures with confidence intervals and trends.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def get_measure_reports(
        self,
        *,
        from_date: str,
        to_date: str,
        names: str | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Export the quality indicators as FHIR R4 MeasureReports.

        A batch that a FHIR R4 server may execute again and again: each report replaces that of the same days.
        `measure` is the canonical URL of the definition, which is served there, with its version. The denominator
        is without the excluded and the unknown. Where the organisation withholds small counts, a range is of whole
        months that have ended, and a withheld count has the data-absent-reason `masked`.

        Scope: `argus:acqi:read`.

        `from_date`: The first day, UTC.
        `to_date`: The day after the last one, UTC.
        `names`: Names of indicators, separated by commas.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(
            Call(
                _GET_MEASURE_REPORTS,
                query={"from_date": from_date, "to_date": to_date, "names": names},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
            )
        )

    def list_indicator_encounters(
        self,
        name: str,
        *,
        from_date: str,
        to_date: str,
        limit: int | None = None,
        cursor: str | None = None,
        population: Literal["denominator", "excluded", "not_met", "numerator", "unknown"] | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.acqi.IndicatorEncounter]:
        """List the encounters behind a quality indicator.

        The encounters that an indicator counts in a range of days, with its judgement of each, newest first. It
        also needs the scope `argus:epcr:read`. Each page is an entry of the audit trail. Where the organisation
        withholds small counts, no encounters are listed: lists of several indicators would tell a withheld count.

        Scope: `argus:acqi:read`.

        `name`: The name, for people.
        `from_date`: The first day, UTC.
        `to_date`: The day after the last one, UTC.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `population`: `numerator`, `denominator`, `not_met` (in the denominator and not in the numerator),
        `excluded`, or `unknown` (the record does not say). A time has the same encounters in `numerator` and
        `denominator`, and none that are `not_met`.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._pages(
            Call(
                _LIST_INDICATOR_ENCOUNTERS,
                path=(name,),
                query={
                    "from_date": from_date,
                    "to_date": to_date,
                    "limit": limit,
                    "cursor": cursor,
                    "population": population,
                },
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
                page="encounters",
            )
        )

    def create_report(
        self,
        body: models.acqi.ReportDraft,
        *,
        x_tenant_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.Report:
        """Make a report of the quality indicators.

        Of a calendar month, quarter or year that has ended, in UTC; without `from_date` of the last one. The
        figures are those of `acqiMetrics` at the time when it is made, within seconds: follow it, or wait for the
        event `report.ready`. Small counts are withheld as there. A report is kept until `expires_at`; later
        corrections of records do not change it.

        Scope: `argus:acqi:read`.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _CREATE_REPORT,
                headers={"X-Tenant-ID": x_tenant_id, "Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_reports(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        schedule_id: str | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.acqi.Report]:
        """List reports.

        Those of the organisation, newest first, or those of a schedule.

        Scope: `argus:acqi:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `schedule_id`: Only the reports of this schedule.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._pages(
            Call(
                _LIST_REPORTS,
                query={"limit": limit, "cursor": cursor, "schedule_id": schedule_id},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
                page="reports",
            )
        )

    @overload
    def get_report(
        self,
        report_id: str,
        *,
        x_tenant_id: str | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> models.acqi.Report: ...

    @overload
    def get_report(
        self, report_id: str, *, x_tenant_id: str | None = None, if_none_match: str, timeout: float | None = None
    ) -> models.acqi.Report | None: ...

    def get_report(
        self,
        report_id: str,
        *,
        x_tenant_id: str | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.Report | None:
        """Follow a report.

        Poll it with `If-None-Match`: while nothing changes the answer is 304.

        Scope: `argus:acqi:read`.

        None means that nothing has changed since `if_none_match`.

        `report_id`: The report's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_REPORT,
                path=(report_id,),
                headers={"X-Tenant-ID": x_tenant_id, "If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    def delete_report(self, report_id: str, *, x_tenant_id: str | None = None, timeout: float | None = None) -> None:
        """Delete a report.

        For the whole organisation, before it expires.

        Scope: `platform:apps`.

        `report_id`: The report's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(
            Call(_DELETE_REPORT, path=(report_id,), headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )

    def download_report(
        self,
        report_id: str,
        *,
        format: Literal["csv", "fhir"] | None = None,
        language: Literal["en", "it"] | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Download a report.

        As CSV for a spreadsheet, in English or Italian, or as the FHIR R4 batch of MeasureReports that the export
        of indicators gives. Each download is an entry of the audit trail. Files of a sandbox are marked: the column
        `sandbox`, and `HTEST`.

        Scope: `argus:acqi:read`.

        `report_id`: The report's id.
        `format`: `csv` for a spreadsheet, `fhir` for a FHIR R4 batch of MeasureReports.
        `language`: The language of the CSV.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(
            Call(
                _DOWNLOAD_REPORT,
                path=(report_id,),
                query={"format": format, "language": language},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
            )
        )

    def create_report_schedule(
        self,
        body: models.acqi.ScheduleDraft,
        *,
        x_tenant_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.ReportSchedule:
        """Schedule reports.

        A report every week, month or quarter, at six in the morning of the time zone: each of the last `period`
        that has ended. A run that was missed is made up.

        Scope: `argus:acqi:schedule`.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _CREATE_REPORT_SCHEDULE,
                headers={"X-Tenant-ID": x_tenant_id, "Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_report_schedules(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.acqi.ReportSchedule]:
        """List schedules of reports.

        Those of the organisation, newest first, each with its next run, its last one and that one's error.

        Scope: `argus:acqi:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._pages(
            Call(
                _LIST_REPORT_SCHEDULES,
                query={"limit": limit, "cursor": cursor},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
                page="schedules",
            )
        )

    def get_report_schedule(
        self, schedule_id: str, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> models.acqi.ReportSchedule:
        """Read a schedule of reports.

        With its next run, its last one and that one's error.

        Scope: `argus:acqi:read`.

        `schedule_id`: The schedule's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(
            Call(_GET_REPORT_SCHEDULE, path=(schedule_id,), headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )

    def update_report_schedule(
        self,
        schedule_id: str,
        body: models.acqi.ScheduleChange,
        *,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.ReportSchedule:
        """Change, pause or resume a schedule of reports.

        Only the given fields change. A paused schedule has no next run; once resumed, it goes on with the first run
        after now.

        Scope: `argus:acqi:schedule`.

        `schedule_id`: The schedule's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(
            Call(
                _UPDATE_REPORT_SCHEDULE,
                path=(schedule_id,),
                headers={"X-Tenant-ID": x_tenant_id},
                body=body,
                timeout=timeout,
            )
        )

    def delete_report_schedule(
        self, schedule_id: str, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a schedule of reports.

        Its reports stay until they expire.

        Scope: `argus:acqi:schedule`.

        `schedule_id`: The schedule's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._call(
            Call(_DELETE_REPORT_SCHEDULE, path=(schedule_id,), headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )


class AsyncIndicators:
    """The quality indicators as FHIR MeasureReports, and reports that are made once or by a schedule. `acqiMetrics` of
    GraphQL has the same figures with confidence intervals and trends.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def get_measure_reports(
        self,
        *,
        from_date: str,
        to_date: str,
        names: str | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Export the quality indicators as FHIR R4 MeasureReports.

        A batch that a FHIR R4 server may execute again and again: each report replaces that of the same days.
        `measure` is the canonical URL of the definition, which is served there, with its version. The denominator
        is without the excluded and the unknown. Where the organisation withholds small counts, a range is of whole
        months that have ended, and a withheld count has the data-absent-reason `masked`.

        Scope: `argus:acqi:read`.

        `from_date`: The first day, UTC.
        `to_date`: The day after the last one, UTC.
        `names`: Names of indicators, separated by commas.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(
                _GET_MEASURE_REPORTS,
                query={"from_date": from_date, "to_date": to_date, "names": names},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
            )
        )

    def list_indicator_encounters(
        self,
        name: str,
        *,
        from_date: str,
        to_date: str,
        limit: int | None = None,
        cursor: str | None = None,
        population: Literal["denominator", "excluded", "not_met", "numerator", "unknown"] | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.acqi.IndicatorEncounter]:
        """List the encounters behind a quality indicator.

        The encounters that an indicator counts in a range of days, with its judgement of each, newest first. It
        also needs the scope `argus:epcr:read`. Each page is an entry of the audit trail. Where the organisation
        withholds small counts, no encounters are listed: lists of several indicators would tell a withheld count.

        Scope: `argus:acqi:read`.

        `name`: The name, for people.
        `from_date`: The first day, UTC.
        `to_date`: The day after the last one, UTC.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `population`: `numerator`, `denominator`, `not_met` (in the denominator and not in the numerator),
        `excluded`, or `unknown` (the record does not say). A time has the same encounters in `numerator` and
        `denominator`, and none that are `not_met`.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._pages(
            Call(
                _LIST_INDICATOR_ENCOUNTERS,
                path=(name,),
                query={
                    "from_date": from_date,
                    "to_date": to_date,
                    "limit": limit,
                    "cursor": cursor,
                    "population": population,
                },
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
                page="encounters",
            )
        )

    async def create_report(
        self,
        body: models.acqi.ReportDraft,
        *,
        x_tenant_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.Report:
        """Make a report of the quality indicators.

        Of a calendar month, quarter or year that has ended, in UTC; without `from_date` of the last one. The
        figures are those of `acqiMetrics` at the time when it is made, within seconds: follow it, or wait for the
        event `report.ready`. Small counts are withheld as there. A report is kept until `expires_at`; later
        corrections of records do not change it.

        Scope: `argus:acqi:read`.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _CREATE_REPORT,
                headers={"X-Tenant-ID": x_tenant_id, "Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_reports(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        schedule_id: str | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.acqi.Report]:
        """List reports.

        Those of the organisation, newest first, or those of a schedule.

        Scope: `argus:acqi:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `schedule_id`: Only the reports of this schedule.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._pages(
            Call(
                _LIST_REPORTS,
                query={"limit": limit, "cursor": cursor, "schedule_id": schedule_id},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
                page="reports",
            )
        )

    @overload
    async def get_report(
        self,
        report_id: str,
        *,
        x_tenant_id: str | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> models.acqi.Report: ...

    @overload
    async def get_report(
        self, report_id: str, *, x_tenant_id: str | None = None, if_none_match: str, timeout: float | None = None
    ) -> models.acqi.Report | None: ...

    async def get_report(
        self,
        report_id: str,
        *,
        x_tenant_id: str | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.Report | None:
        """Follow a report.

        Poll it with `If-None-Match`: while nothing changes the answer is 304.

        Scope: `argus:acqi:read`.

        None means that nothing has changed since `if_none_match`.

        `report_id`: The report's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_REPORT,
                path=(report_id,),
                headers={"X-Tenant-ID": x_tenant_id, "If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    async def delete_report(
        self, report_id: str, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a report.

        For the whole organisation, before it expires.

        Scope: `platform:apps`.

        `report_id`: The report's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(_DELETE_REPORT, path=(report_id,), headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )

    async def download_report(
        self,
        report_id: str,
        *,
        format: Literal["csv", "fhir"] | None = None,
        language: Literal["en", "it"] | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Download a report.

        As CSV for a spreadsheet, in English or Italian, or as the FHIR R4 batch of MeasureReports that the export
        of indicators gives. Each download is an entry of the audit trail. Files of a sandbox are marked: the column
        `sandbox`, and `HTEST`.

        Scope: `argus:acqi:read`.

        `report_id`: The report's id.
        `format`: `csv` for a spreadsheet, `fhir` for a FHIR R4 batch of MeasureReports.
        `language`: The language of the CSV.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(
                _DOWNLOAD_REPORT,
                path=(report_id,),
                query={"format": format, "language": language},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
            )
        )

    async def create_report_schedule(
        self,
        body: models.acqi.ScheduleDraft,
        *,
        x_tenant_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.ReportSchedule:
        """Schedule reports.

        A report every week, month or quarter, at six in the morning of the time zone: each of the last `period`
        that has ended. A run that was missed is made up.

        Scope: `argus:acqi:schedule`.

        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _CREATE_REPORT_SCHEDULE,
                headers={"X-Tenant-ID": x_tenant_id, "Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_report_schedules(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.acqi.ReportSchedule]:
        """List schedules of reports.

        Those of the organisation, newest first, each with its next run, its last one and that one's error.

        Scope: `argus:acqi:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return self._client._pages(
            Call(
                _LIST_REPORT_SCHEDULES,
                query={"limit": limit, "cursor": cursor},
                headers={"X-Tenant-ID": x_tenant_id},
                timeout=timeout,
                page="schedules",
            )
        )

    async def get_report_schedule(
        self, schedule_id: str, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> models.acqi.ReportSchedule:
        """Read a schedule of reports.

        With its next run, its last one and that one's error.

        Scope: `argus:acqi:read`.

        `schedule_id`: The schedule's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(_GET_REPORT_SCHEDULE, path=(schedule_id,), headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )

    async def update_report_schedule(
        self,
        schedule_id: str,
        body: models.acqi.ScheduleChange,
        *,
        x_tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> models.acqi.ReportSchedule:
        """Change, pause or resume a schedule of reports.

        Only the given fields change. A paused schedule has no next run; once resumed, it goes on with the first run
        after now.

        Scope: `argus:acqi:schedule`.

        `schedule_id`: The schedule's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(
                _UPDATE_REPORT_SCHEDULE,
                path=(schedule_id,),
                headers={"X-Tenant-ID": x_tenant_id},
                body=body,
                timeout=timeout,
            )
        )

    async def delete_report_schedule(
        self, schedule_id: str, *, x_tenant_id: str | None = None, timeout: float | None = None
    ) -> None:
        """Delete a schedule of reports.

        Its reports stay until they expire.

        Scope: `argus:acqi:schedule`.

        `schedule_id`: The schedule's id.
        `x_tenant_id`: The tenant of the token. A different tenant gets 403.
        """
        return await self._client._call(
            Call(_DELETE_REPORT_SCHEDULE, path=(schedule_id,), headers={"X-Tenant-ID": x_tenant_id}, timeout=timeout)
        )
