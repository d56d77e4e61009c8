"""The query and the answer of the export of indicators."""

from datetime import date
from typing import Annotated, Any

from msgspec import Meta

from shared.web import http

FHIR = "application/fhir+json"


class ReadMeasureReports(http.Body):
    """Whole UTC days, from `from_date` to the day before `to_date`. `names` are indicators, separated by commas; all without it."""

    from_date: Annotated[date, Meta(description="The first day, UTC")]
    to_date: Annotated[date, Meta(description="The day after the last one, UTC")]
    names: Annotated[str, Meta(description="Names of indicators, separated by commas", max_length=2_000)] | None = None


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
