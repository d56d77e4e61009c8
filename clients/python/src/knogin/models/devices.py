"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class BatchAnswer(Model, kw_only=True):
    """One result for each observation, in their order."""

    results: list[BatchItem]
    """One result for each observation"""


class BatchItem(Model, kw_only=True):
    """201 with the observation's id, or the status and problem document of its refusal."""

    status: int
    """The HTTP status that the observation would have got by itself"""
    id: str | None = None
    """The observation's id; null if it was refused"""
    error: dict[str, Any] | None = None
    """The problem document of the refusal; null if it was recorded"""


class Device(Model, kw_only=True):
    """A medical device of the caller's organisation. While it is `active` it may send observations."""

    id: str
    """The device's id, such as `dev_01jdk…`"""
    serial_number: str
    """The serial number that the maker gave; unique in the organisation"""
    device_class: str
    """The class of device; it decides which MDC codes are accepted. One of: bp, defib, ecg, etco2, glucose,
    multiparameter, oximeter, thermometer
    """
    status: str
    """Only an `active` device may send observations. One of: active, inactive, retired"""
    manufacturer: str | None
    """The maker"""
    model: str | None
    """The maker's model"""
    vehicle_id: str | None
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    enrolled_at: datetime
    """When it was enrolled"""
    updated_at: datetime
    """When it last changed"""
    last_contact_at: datetime | None
    """When the platform last recorded an observation of it (UTC), or up to a minute earlier; null before the first one
    """


class DeviceChange(Model, kw_only=True):
    """A JSON merge patch (RFC 7396): move to another vehicle, take out of use, retire."""

    vehicle_id: str | UnsetType | None = UNSET
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    status: Literal["active", "inactive", "retired"] | UnsetType = UNSET
    """`inactive` rests the device, `retired` ends its use"""
    manufacturer: str | UnsetType | None = UNSET
    """The maker"""
    model: str | UnsetType | None = UNSET
    """The maker's model"""


class Enrolment(Model, kw_only=True):
    """The description of a device. For a device enrolled before, a field left out keeps its value; null clears it."""

    serial_number: str
    """The serial number that the maker gave; unique in the organisation"""
    device_class: Literal["bp", "defib", "ecg", "etco2", "glucose", "multiparameter", "oximeter", "thermometer"]
    """The class of device; it decides which MDC codes are accepted"""
    manufacturer: str | UnsetType | None = UNSET
    """The maker"""
    model: str | UnsetType | None = UNSET
    """The maker's model"""
    vehicle_id: str | UnsetType | None = UNSET
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""


class Observation(Model, kw_only=True):
    """A recorded observation with the exact digits that were sent. `flags` holds `out-of-range` where the value is
    implausible.

    `encounter_link` is `pending` until the encounter's record holds it (`linked`), or epcr knows no encounter of
    that id (`unknown`).
    """

    id: str
    """The id"""
    device_id: str
    """The device's id"""
    mdc_code: str
    """The metric in ISO/IEEE 11073-10101: reference id such as `MDC_PULS_OXIM_SAT_O2`, or number; the catalogue lists
    those accepted
    """
    mdc_code10: int
    """The metric's 32-bit number: partition × 65536 + term"""
    value: float | None
    """The exact number that was sent; null where the device could not measure"""
    unit_code: str | None
    """The UCUM unit, such as `%` or `mm[Hg]`; the catalogue lists those of each code"""
    data_absent_reason: str | None
    """Why there is no value"""
    observed_at: datetime
    """When the device measured; now if left out"""
    recorded_at: datetime
    """When the platform stored it"""
    encounter_id: str | None
    """The encounter that it belongs to"""
    encounter_link: str | None
    """Whether the encounter's record holds it"""
    flags: list[str]
    """`out-of-range` if the value is outside the plausible range"""
    test: bool
    """Whether it is a demonstration or of a sandbox"""


class ObservationBatch(Model, kw_only=True):
    """Observations of one device. Each is recorded or refused by itself."""

    observations: list[ObservationDraft]
    """The observations, up to 500"""


class ObservationDraft(Model, kw_only=True):
    """An observation: `mdc_code` as reference id, number or `code^refid^MDC`, and either `value` or
    `data_absent_reason`.

    `observed_at` defaults to now; it is at most 5 minutes ahead and 7 days old. `test` marks demonstrations.
    """

    mdc_code: str | int
    """The metric in ISO/IEEE 11073-10101: reference id such as `MDC_PULS_OXIM_SAT_O2`, or number; the catalogue lists
    those accepted
    """
    value: float | UnsetType | None = UNSET
    """The number, in `unit_code`; every digit is kept"""
    unit_code: str | UnsetType | None = UNSET
    """The UCUM unit, such as `%` or `mm[Hg]`; the catalogue lists those of each code"""
    data_absent_reason: (
        Literal["error", "negative-infinity", "not-a-number", "not-performed", "positive-infinity", "unknown"]
        | UnsetType
        | None
    ) = UNSET
    """Why there is no value"""
    observed_at: datetime | UnsetType | None = UNSET
    """When the device measured; now if left out"""
    encounter_id: str | UnsetType | None = UNSET
    """The encounter that it belongs to"""
    test: bool | UnsetType = UNSET
    """Whether it is a demonstration or of a sandbox"""


class Vehicle(Model, kw_only=True):
    """A vehicle that devices are on. Retired devices do not count."""

    vehicle_id: str
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    devices: int
    """How many devices are on it, without retired ones"""
    last_contact_at: datetime | None
    """The latest last contact of its devices (UTC); null if none has sent an observation"""
