"""Answers about operations, which the examples of the contract do not have: GraphQL, and readings of a device."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from tests.console.answers import quality

INCIDENT: dict[str, Any] = {
    "id": "inc_01m88d0r6yfsvb6bv9qk0a8j4t",
    "number": "2026-000417",
    "type": "medical",
    "priority": "critical",
    "status": "in_progress",
    "location": None,
    "units": ["AMB-42", "Medic one"],
    "cadIncidentId": "cad_2pI99pA",
    "closedReason": None,
    "version": 3,
    "createdAt": "2026-11-25T03:47:01Z",
    "updatedAt": "2026-11-25T03:49:01Z",
    "closedAt": None,
    "timeline": [
        {"at": "2026-11-25T03:47:01Z", "kind": "created", "version": 1, "from": None, "to": None},
        {"at": "2026-11-25T03:48:01Z", "kind": "status", "version": 2, "from": "open", "to": "dispatched"},
        {"at": "2026-11-25T03:49:01Z", "kind": "annotated", "version": 3, "from": None, "to": "Second crew asked for."},
    ],
}
PROVIDER = {"id": "tpv_01m88d0r6yfsvb6bv9qk0a8j4t", "name": "Carrier of Riviera", "carrierType": "sip"}
ROUTE = {
    "id": "trt_01m88d0r6yfsvb6bv9qk0a8j4t",
    "providerId": PROVIDER["id"],
    "phoneNumber": "+390184",
    "subaccount": None,
    "targetSubsystem": "psap",
    "isActive": True,
    "version": 1,
}
DATA: dict[str, Any] = {
    "ListIncidents": {"incidents": {"nodes": [INCIDENT], "pageInfo": {"hasNextPage": True, "endCursor": "abc"}}},
    "GetIncident": {"incident": INCIDENT},
    "ListTelephonyProviders": {
        "telephonyProviders": [PROVIDER | {"isDefault": True, "isActive": True, "routes": [ROUTE]}]
    },
    "ResolveTelephonyRoute": {"telephonyResolution": ROUTE | {"provider": PROVIDER}},
    "AcqiReport": {"acqiMetrics": quality.METRICS},
}


def graphql(request: Request) -> Any:
    """By the name of the document that was sent."""
    text = json.loads(request._body)["query"]
    return {"data": next(data for name, data in DATA.items() if f" {name}(" in text or f" {name} " in text)}


def readings(age: timedelta = timedelta(seconds=4)) -> list[dict[str, Any]]:
    """Thirty readings of a saturation, one each five seconds, the newest of that age."""
    newest = datetime.now(UTC) - age
    return [
        {
            "id": f"obs_{place}",
            "mdc_code": "MDC_PULS_OXIM_SAT_O2",
            "value": 97.5 - place % 3,
            "unit_code": "%",
            "observed_at": (newest - timedelta(seconds=5 * place)).isoformat(),
            "recorded_at": (newest - timedelta(seconds=5 * place)).isoformat(),
        }
        for place in range(30)
    ]


def devices(request: Request | None = None) -> list[dict[str, Any]]:
    """Six devices, each one rung of the ladder of silence further down."""
    now = datetime.now(UTC)
    ages = [timedelta(minutes=2), timedelta(hours=3), timedelta(days=2), timedelta(days=12), timedelta(days=50), None]
    return [
        {
            "id": f"dev_01m88d0r19fjx8kh51pg6tdnv{place}",
            "serial_number": f"SN-pI99p{place}",
            "device_class": "multiparameter",
            "status": "retired" if place == 4 else "active",
            "manufacturer": "ACME",
            "model": None,
            "vehicle_id": "AMB-42",
            "enrolled_at": "2026-01-25T03:47:01.289030Z",
            "updated_at": "2026-01-25T03:47:01.300095Z",
            "last_contact_at": None if age is None else (now - age).isoformat(),
        }
        for place, age in enumerate(ages)
    ]


ANSWERS = {
    "GET /api/v1/devices": devices,
    "POST /graphql": graphql,
    "GET /api/v1/devices/{device_id}/observations": lambda request: readings(),
}
