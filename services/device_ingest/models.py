"""Bodies and answers of devices and observations. `Device` and `Observation` are also the rows."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from shared.web import http
from shared.web.http import Page

DeviceClass = Literal["defib", "ecg", "oximeter", "bp", "glucose", "etco2", "thermometer", "multiparameter"]
DeviceStatus = Literal["active", "inactive", "retired"]
AbsentReason = Literal["not-a-number", "positive-infinity", "negative-infinity", "error", "not-performed", "unknown"]
EncounterLink = Literal["pending", "linked", "unknown"]
Flag = Literal["out-of-range"]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

MAX_BATCH = 500


class Enrolment(http.Body):
    """The description of a device. For a device enrolled before, a field left out keeps its value; null clears it."""

    serial_number: http.ExternalId
    device_class: DeviceClass
    manufacturer: Label | UnsetType | None = UNSET
    model: Label | UnsetType | None = UNSET
    vehicle_id: http.ExternalId | UnsetType | None = UNSET


class DeviceChange(http.Body):
    """A JSON merge patch (RFC 7396): move to another vehicle, take out of use, retire."""

    vehicle_id: http.ExternalId | UnsetType | None = UNSET
    status: DeviceStatus | UnsetType = UNSET
    manufacturer: Label | UnsetType | None = UNSET
    model: Label | UnsetType | None = UNSET


class DeviceFilter(Page):
    vehicle_id: http.ExternalId | None = None
    device_class: DeviceClass | None = None
    status: DeviceStatus | None = None
    silent_since: http.Timestamp | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A medical device of the caller's organisation. While it is `active` it may send observations."""

    id: str
    serial_number: str
    device_class: DeviceClass
    status: DeviceStatus
    manufacturer: str | None
    model: str | None
    vehicle_id: str | None
    enrolled_at: datetime
    updated_at: datetime
    last_contact_at: datetime | None


class VehicleFilter(Page):
    """Vehicles have no filter."""


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that devices are on. Retired devices do not count."""

    vehicle_id: str
    devices: int
    last_contact_at: datetime | None


class ObservationDraft(http.Body):
    """An observation: `mdc_code` as reference id, number or `code^refid^MDC`, and either `value` or `data_absent_reason`.

    `observed_at` defaults to now; it is at most 5 minutes ahead and 7 days old. `test` marks demonstrations.
    """

    mdc_code: str | int
    value: http.Number | None = None
    unit_code: str | None = None
    data_absent_reason: AbsentReason | None = None
    observed_at: http.Timestamp | None = None
    encounter_id: str | None = None
    test: bool = False


class UnreadBatch(http.Body):
    """An `ObservationBatch`. Its items are decoded one by one, so that one which does not fit leaves the others alone."""

    max_bytes: ClassVar[int] = 512 << 10
    by_item: ClassVar[bool] = True
    observations: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class ObservationBatch(http.Body):
    """Observations of one device. Each is recorded or refused by itself."""

    observations: Annotated[list[ObservationDraft], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class BatchItem(msgspec.Struct, omit_defaults=True):
    """201 with the observation's id, or the status and problem document of its refusal."""

    status: int
    id: str | None = None
    error: dict[str, Any] | None = None


class BatchAnswer(msgspec.Struct):
    """One result for each observation, in their order."""

    results: list[BatchItem]


class ObservationFilter(Page):
    """Half-open in time: `since` ≤ observed_at < `until`."""

    mdc_code: str | None = None
    since: http.Timestamp | None = None
    until: http.Timestamp | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded observation with the exact digits that were sent. `flags` holds `out-of-range` where the value is implausible.

    `encounter_link` is `pending` until the encounter's record holds it (`linked`), or epcr knows no encounter of that id (`unknown`).
    """

    id: str
    device_id: str
    mdc_code: str
    mdc_code10: int
    value: Decimal | None
    unit_code: str | None
    data_absent_reason: AbsentReason | None
    observed_at: datetime
    recorded_at: datetime
    encounter_id: str | None
    encounter_link: EncounterLink | None
    flags: list[Flag]
    test: bool
