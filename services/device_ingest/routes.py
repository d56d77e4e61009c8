"""Every call of this service."""

from services.device_ingest import endpoints
from services.device_ingest.models import (
    BatchAnswer,
    Device,
    DeviceChange,
    DeviceFilter,
    Enrolment,
    Observation,
    ObservationBatch,
    ObservationDraft,
    ObservationFilter,
    UnreadBatch,
    Vehicle,
    VehicleFilter,
)
from shared.web.routing import Operation, Part

READ, WRITE = "argus:devices:read", "argus:devices:write"
DEVICES = "/api/v1/devices"
DEVICE = DEVICES + "/{device_id}"
IDEMPOTENCY = ("Idempotency-Key",)
SPO2 = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}


OPERATIONS = [
    Operation(
        "GET",
        DEVICES,
        endpoints.list_devices,
        "List medical devices",
        READ,
        {200: list[Device]},
        "IEEE 11073 devices enrolled for the caller's organisation, newest first.",
        query=DeviceFilter,
    ),
    Operation(
        "GET",
        f"{DEVICES}/vehicles",
        endpoints.list_vehicles,
        "List the vehicles that devices are on",
        READ,
        {200: list[Vehicle]},
        "In the order of their ids, with their devices counted and their last contact. Retired devices do not count.",
        query=VehicleFilter,
    ),
    Operation(
        "POST",
        f"{DEVICES}/enrol",
        endpoints.enrol_device,
        "Enrol a medical device",
        WRITE,
        {201: Device, 200: Device},
        "Keyed by serial number: 201 for a new device, 200 for a known one, which is updated.",
        body=Enrolment,
        headers=IDEMPOTENCY,
        refusals={409: "A call with this Idempotency-Key is under way"},
        example={"serial_number": "SN-0001", "device_class": "defib", "manufacturer": "ACME"},
    ),
    Operation(
        "GET",
        DEVICE,
        endpoints.read_device,
        "Read a device",
        READ,
        {200: Device},
        "Also a retired one.",
    ),
    Operation(
        "PATCH",
        DEVICE,
        endpoints.change_device,
        "Move, rest or retire a device",
        WRITE,
        {200: Device},
        "Changes the fields it names. A retired device sends no observations; enrol it again to use it again.",
        body=DeviceChange,
        refusals={409: "The device is retired: enrol it again to use it again"},
        example={"vehicle_id": "AMB-43"},
    ),
    Operation(
        "GET",
        f"{DEVICE}/observations",
        endpoints.list_observations,
        "List a device's observations",
        READ,
        {200: list[Observation]},
        "Latest first by time of observation; `since` is inclusive, `until` exclusive. With `mdc_code` a call looks at 10,000 observations:"
        " a short page, or an empty one, may have a `Link` to the next.",
        query=ObservationFilter,
    ),
    Operation(
        "POST",
        f"{DEVICE}/observations",
        endpoints.record_observation,
        "Submit an observation",
        WRITE,
        {201: Observation},
        "An MDC code (ISO/IEEE 11073-10101) with its exact value in a UCUM unit; 201 means that it is on disk. The same observation sent"
        " again (device, code, time, value) is recorded once and gets the same answer.",
        body=ObservationDraft,
        headers=IDEMPOTENCY,
        refusals={
            409: "The same observation is recorded for another encounter, or a call with this Idempotency-Key is under way. Or "
            "`limit-reached`: the organisation stores as many observations as it may"
        },
        example=SPO2,
    ),
    Operation(
        "POST",
        f"{DEVICE}/observations:batch",
        endpoints.record_observations,
        "Submit up to 500 observations",
        WRITE,
        {200: BatchAnswer},
        "Each observation is recorded or refused by itself, and has a result of its own in the same order. Its status is 409"
        " (`limit-reached`) where the organisation stores as many observations as it may.",
        body=UnreadBatch,
        shown_body=ObservationBatch,
        headers=IDEMPOTENCY,
        refusals={409: "A call with this Idempotency-Key is under way"},
        example={"observations": [SPO2]},
    ),
    Operation(
        "GET",
        f"{DEVICE}/observations/{{observation_id}}",
        endpoints.read_observation,
        "Read an observation",
        READ,
        {200: Observation},
        "With the exact digits that were sent.",
    ),
]
PART = Part(
    "Devices",
    "devices",
    "Medical devices and their observations, in the terms of IEEE 11073.",
    OPERATIONS,
    {"device_id": "dev_1", "observation_id": "obs_1"},
)
