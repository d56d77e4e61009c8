"""Inputs and rows of incidents."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.graphql_api.inputs import PageSize
from shared.web import http

IncidentType = Literal["medical", "fire", "rescue", "traffic", "hazmat", "utility", "public_order", "other"]
Priority = Literal["critical", "high", "medium", "low"]
Status = Literal["open", "dispatched", "in_progress", "resolved", "closed"]
ClosedReason = Literal["resolved", "duplicate", "cancelled", "false_alarm", "transferred", "no_action_required"]
Units = Annotated[list[http.ExternalId], Meta(max_length=200)]


class Location(http.Body):
    """Degrees, rounded to two decimals before they are kept: about a kilometre."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]

    def __post_init__(self) -> None:
        self.latitude = round(self.latitude, 2)
        self.longitude = round(self.longitude, 2)


class Draft(http.Body):
    type: IncidentType
    priority: Priority
    location: Location | None = None
    units: Units | None = None
    cad_incident_id: http.ExternalId | None = None


class Change(http.Body):
    """Only the given fields change. Null clears a location and no other field."""

    type: IncidentType | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    location: Location | UnsetType | None = UNSET
    units: Units | UnsetType = UNSET


class Filter(http.Body):
    status: list[Status] | None = None
    type: list[IncidentType] | None = None
    priority: list[Priority] | None = None
    cad_incident_id: http.ExternalId | None = None


class Listed(http.Body):
    """The arguments of a list, besides its cursor."""

    first: PageSize
    filter: Filter


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `incidents`."""

    id: str
    tenant_id: str
    number: str
    type: IncidentType
    priority: Priority
    status: Status
    latitude: Decimal | None
    longitude: Decimal | None
    units: list[str]
    cad_incident_id: str | None
    closed_reason: ClosedReason | None
    sandbox: bool
    version: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None

    @property
    def location(self) -> dict[str, float] | None:
        if self.latitude is None or self.longitude is None:
            return None
        return {"latitude": float(self.latitude), "longitude": float(self.longitude)}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of an incident's timeline. `was` and `became` are codes or ids, never prose."""

    id: UUID
    incident_id: str
    at: datetime
    version: int
    kind: str
    was: str | None
    became: str | None


class ListedEntry(Entry, frozen=True, kw_only=True):
    """`found` is the number of entries of its incident, up to one more than are listed."""

    found: int


class Kept(msgspec.Struct, frozen=True):
    """The number of an incident's entries, and the bytes of their values."""

    number: int
    bytes: int


class Timeline(msgspec.Struct):
    """The newest entries of an incident, oldest first."""

    entries: list[ListedEntry] = msgspec.field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Each incident has an entry; an incident without any here has only larger ones."""
        return bool(self.entries) and len(self.entries) == self.entries[0].found
