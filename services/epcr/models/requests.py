"""Query strings."""

from typing import Annotated, Literal

from msgspec import Meta

from services.epcr.models.record import Status
from shared import http
from shared.pagination import Page

# A transaction of its own needs room for Patient, Encounter, a device and its observation.
SMALLEST = 4


class EncounterFilter(Page):
    cad_incident_id: http.ExternalId | None = None
    status: Status | None = None


class ReadEncounter(http.Body):
    """`format=fhir` asks for the transaction bundle."""

    format: Literal["json", "fhir"] | None = None
    max_entries: Annotated[int, Meta(ge=SMALLEST, le=10_000)] | None = None


class ReadBundle(http.Body):
    max_entries: Annotated[int, Meta(ge=SMALLEST, le=10_000)] | None = None
