"""The demo data of a sandbox: what is sent to the public API, in order. Pure."""

from typing import Any

VEHICLE = "DEMO-1"
INCIDENT = "DEMO-INCIDENT-1"
OPEN_INCIDENT = "CreateIncident"
DEVICES: tuple[dict[str, Any], ...] = (
    {
        "serial_number": "DEMO-MONITOR-1",
        "device_class": "multiparameter",
        "model": "Demo monitor",
        "vehicle_id": VEHICLE,
    },
    {"serial_number": "DEMO-OXIMETER-1", "device_class": "oximeter", "model": "Demo oximeter", "vehicle_id": VEHICLE},
    {"serial_number": "DEMO-DEFIB-1", "device_class": "defib", "model": "Demo defibrillator", "vehicle_id": VEHICLE},
)
MEASURING = "DEMO-OXIMETER-1"


def incident(document: str) -> dict[str, Any]:
    """The GraphQL request that opens the incident, with the approved document's own text."""
    drafted = {"type": "medical", "priority": "high", "units": [VEHICLE], "cadIncidentId": INCIDENT}
    return {"query": document, "variables": {"input": drafted}}


def encounter() -> dict[str, Any]:
    return {
        "care_model": "prehospital_emergency",
        "vehicle_id": VEHICLE,
        "crew_ids": ["DEMO-CREW-1"],
        "cad_incident_id": INCIDENT,
    }


def observation(encounter_id: str) -> dict[str, Any]:
    """An oxygen saturation of 97 %."""
    return {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 97, "unit_code": "%", "encounter_id": encounter_id}
