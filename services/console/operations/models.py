"""The fields of the API's answers that the pages of operations show. Clinical content and identities are not among them."""

from datetime import datetime
from typing import Any

import msgspec


class Device(msgspec.Struct, frozen=True):
    id: str
    serial_number: str
    device_class: str
    status: str
    enrolled_at: datetime
    updated_at: datetime
    manufacturer: str | None = None
    model: str | None = None
    vehicle_id: str | None = None
    last_contact_at: datetime | None = None


class Vehicle(msgspec.Struct, frozen=True):
    vehicle_id: str
    devices: int
    last_contact_at: datetime | None = None


class Observation(msgspec.Struct, frozen=True):
    mdc_code: str
    observed_at: datetime
    recorded_at: datetime
    value: Any = None
    unit_code: str | None = None
    data_absent_reason: str | None = None


class Encounter(msgspec.Struct, frozen=True):
    id: str
    status: str
    care_model: str
    version: int
    created_at: datetime
    updated_at: datetime
    vehicle_id: str | None = None
    cad_incident_id: str | None = None


class Encounters(msgspec.Struct, frozen=True):
    encounters: list[Encounter]
    next_cursor: str | None = None


class EncounterPage(Encounter, frozen=True):
    times: dict[str, datetime | None] = {}


class Entry(msgspec.Struct, frozen=True):
    at: datetime
    kind: str
    from_: Any = msgspec.field(default=None, name="from")
    to: Any = None


class Incident(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    number: str
    type: str
    priority: str
    status: str
    created_at: datetime
    updated_at: datetime
    units: list[str] | None = None
    cad_incident_id: str | None = None
    closed_at: datetime | None = None
    closed_reason: str | None = None
    timeline: list[Entry] = []


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class Connection(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[Incident]
    page_info: PageInfo


class Incidents(msgspec.Struct, frozen=True):
    incidents: Connection


class OneIncident(msgspec.Struct, frozen=True):
    incident: Incident | None = None


class Provider(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str
    carrier_type: str
    is_default: bool = False
    is_active: bool = True
    routes: list["Route"] | None = None


class Route(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    phone_number: str
    target_subsystem: str
    is_active: bool
    subaccount: str | None = None
    provider: Provider | None = None


class Providers(msgspec.Struct, frozen=True, rename="camel"):
    telephony_providers: list[Provider] | None = None


class Resolution(msgspec.Struct, frozen=True, rename="camel"):
    telephony_resolution: Route | None = None
