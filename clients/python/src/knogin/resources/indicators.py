"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any

from .._transport import Call, Caller, Operation

_GET_MEASURE_REPORTS = Operation("getMeasureReports", "GET", "/api/v1/acqi/measure-reports", {200: dict[str, Any]})


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
