"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any, Literal

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_GET_MEASURE_REPORTS = Operation("getMeasureReports", "GET", "/api/v1/acqi/measure-reports", {200: dict[str, Any]})
_LIST_INDICATOR_ENCOUNTERS = Operation(
    "listIndicatorEncounters", "GET", "/api/v1/acqi/indicators/{}/encounters", {200: models.acqi.IndicatorEncounters}
)


class Indicators:
    """The quality indicators as FHIR MeasureReports. `acqiMetrics` of GraphQL has the same figures with confidence
    intervals and trends.
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


class AsyncIndicators:
    """The quality indicators as FHIR MeasureReports. `acqiMetrics` of GraphQL has the same figures with confidence
    intervals and trends.
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
