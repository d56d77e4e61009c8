"""What the public contract says of this service."""

from typing import Annotated, Any

import msgspec

from services.device_ingest.models import (
    MAX_BATCH,
    Device,
    DeviceChange,
    DeviceFilter,
    Enrolment,
    Observation,
    ObservationDraft,
    ObservationFilter,
)
from shared import http
from shared.openapi import Operation, Part

READ, WRITE = "argus:devices:read", "argus:devices:write"
DEVICES = "/api/v1/devices"
DEVICE = DEVICES + "/{device_id}"
IDEMPOTENCY = ("Idempotency-Key",)
SPO2 = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}


class ObservationBatch(http.Body):
    """Readings of one device, each taken or refused by itself."""

    observations: Annotated[list[ObservationDraft], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class BatchItem(msgspec.Struct, omit_defaults=True):
    """201 with the observation's id, or the status and problem document it would have been answered alone."""

    status: int
    id: str | None = None
    error: dict[str, Any] | None = None


class BatchAnswer(msgspec.Struct):
    """One result for each observation, in their order."""

    results: list[BatchItem]


OPERATIONS = [
    Operation(
        "GET",
        DEVICES,
        "List medical devices",
        READ,
        {200: list[Device]},
        "IEEE 11073 devices enrolled for the caller's organisation, newest first.",
        query=DeviceFilter,
    ),
    Operation(
        "POST",
        f"{DEVICES}/enrol",
        "Enrol a medical device",
        WRITE,
        {201: Device, 200: Device},
        "Keyed by serial number: 201 for a new device, 200 for one known before, whose fields are then updated.",
        body=Enrolment,
        headers=IDEMPOTENCY,
        refusals={409: "A call with this Idempotency-Key is under way"},
        example={"serial_number": "SN-0001", "device_class": "defib", "manufacturer": "ACME"},
    ),
    Operation("GET", DEVICE, "Read a device", READ, {200: Device}),
    Operation(
        "PATCH",
        DEVICE,
        "Move, rest or retire a device",
        WRITE,
        {200: Device},
        body=DeviceChange,
        refusals={409: "The device is retired: enrol it again to use it again"},
        example={"vehicle_id": "AMB-43"},
    ),
    Operation(
        "GET",
        f"{DEVICE}/observations",
        "List a device's observations",
        READ,
        {200: list[Observation]},
        "Latest first by time of observation; `since` is inclusive, `until` exclusive.",
        query=ObservationFilter,
    ),
    Operation(
        "POST",
        f"{DEVICE}/observations",
        "Submit an observation",
        WRITE,
        {201: Observation},
        "An MDC code (ISO/IEEE 11073-10101) with its exact value in a UCUM unit; 201 means that it is on disk. The same reading sent again"
        " (device, code, time, value) is one observation, answered alike.",
        body=ObservationDraft,
        headers=IDEMPOTENCY,
        refusals={
            409: "The same reading stands for another encounter, or a call with this Idempotency-Key is under way"
        },
        example=SPO2,
    ),
    Operation(
        "POST",
        f"{DEVICE}/observations:batch",
        "Submit up to 500 observations",
        WRITE,
        {200: BatchAnswer},
        body=ObservationBatch,
        headers=IDEMPOTENCY,
        refusals={409: "A call with this Idempotency-Key is under way"},
        example={"observations": [SPO2]},
    ),
    Operation("GET", f"{DEVICE}/observations/{{observation_id}}", "Read an observation", READ, {200: Observation}),
]
PART = Part(
    "Devices", "devices", "https://api.knogin.com", OPERATIONS, {"device_id": "dev_1", "observation_id": "obs_1"}
)
