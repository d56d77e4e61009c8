"""The queries and the answers of the export of indicators, and of the encounters behind a count."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from services.graphql_api.acqi.definitions import Reason
from shared.web import http

FHIR = "application/fhir+json"


class ReadMeasureReports(http.Body):
    """Whole UTC days, from `from_date` to the day before `to_date`. `names` are indicators, separated by commas; all without it."""

    from_date: Annotated[date, Meta(description="The first day, UTC")]
    to_date: Annotated[date, Meta(description="The day after the last one, UTC")]
    names: Annotated[str, Meta(description="Names of indicators, separated by commas", max_length=2_000)] | None = None


Population = Literal["numerator", "denominator", "not_met", "excluded", "unknown"]
ShownOutcome = Literal["met", "not_met", "excluded", "unknown", "measured"]


class ListIndicatorEncounters(http.Page, kw_only=True):
    """Whole UTC days, from `from_date` to the day before `to_date`."""

    from_date: Annotated[date, Meta(description="The first day, UTC")]
    to_date: Annotated[date, Meta(description="The day after the last one, UTC")]
    population: Annotated[
        Population,
        Meta(
            description="`numerator`, `denominator`, `not_met` (in the denominator and not in the numerator), `excluded`, or"
            " `unknown` (the record does not say). A time has the same encounters in `numerator` and `denominator`, and none"
            " that are `not_met`"
        ),
    ] = "denominator"


class IndicatorEncounter(msgspec.Struct, frozen=True, kw_only=True):
    """One encounter behind a count, as the indicator judged it. The record itself is read from epcr, de-identified."""

    encounter_id: Annotated[str, Meta(description="The encounter, as in `/api/v1/epcr/encounters/{encounter_id}`")]
    day: Annotated[date, Meta(description="The day of the call, UTC")]
    outcome: Annotated[ShownOutcome, Meta(description="The judgement; `measured` of a time")]
    minutes: Annotated[float | None, Meta(description="The measured time, to a tenth; null for a share")]
    reason: Annotated[
        Reason | None,
        Meta(
            description="The first reason of an excluded encounter. Null for others, and for one that was counted before reasons were"
            " stored"
        ),
    ]


class IndicatorEncounters(msgspec.Struct, frozen=True, kw_only=True):
    """A page, newest day first. It may be short, or empty, and have a next one: a page looks at a bounded number of encounters."""

    encounters: list[IndicatorEncounter]
    next_cursor: str | None


BATCH: dict[str, Any] = {
    "type": "object",
    "description": "A FHIR R4 Bundle of type `batch`: one MeasureReport for each indicator.",
    "required": ["resourceType", "type", "timestamp", "entry"],
    "properties": {
        "resourceType": {"type": "string", "const": "Bundle", "description": "Always `Bundle`"},
        "type": {"type": "string", "const": "batch", "description": "Always `batch`"},
        "timestamp": {"type": "string", "format": "date-time", "description": "When the reports were made"},
        "entry": {
            "type": "array",
            "description": "The reports, in the order of the indicators",
            "items": {
                "type": "object",
                "description": "A report, and the request that stores it",
                "required": ["fullUrl", "resource", "request"],
                "properties": {
                    "fullUrl": {"type": "string", "description": "The entry's `urn:uuid`"},
                    "resource": {
                        "type": "object",
                        "description": "A FHIR R4 MeasureReport of type `summary`. A withheld count has the data-absent-reason `masked`",
                        "required": ["resourceType"],
                        "properties": {
                            "resourceType": {
                                "type": "string",
                                "const": "MeasureReport",
                                "description": "Always `MeasureReport`",
                            }
                        },
                        "additionalProperties": True,
                    },
                    "request": {
                        "type": "object",
                        "description": "The request that creates the report or replaces that of the same days",
                        "required": ["method", "url"],
                        "properties": {
                            "method": {"type": "string", "const": "PUT", "description": "Always `PUT`"},
                            "url": {"type": "string", "description": "The address below the FHIR server's base URL"},
                        },
                    },
                },
            },
        },
    },
    "additionalProperties": True,
}
