"""Messages as device-ingest and auth send them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.messaging.messages import ClinicalApp, DeviceDescribed, Observation, ObservationsRecorded
from shared.primitives import ids


def spo2(value: str | None = "98.0", **fields: Any) -> Observation:
    """A reading of an oximeter."""
    values: dict[str, Any] = {
        "id": ids.new_id("obs"),
        "device_id": ids.new_id("dev"),
        "device_class": "oximeter",
        "mdc_code": "MDC_PULS_OXIM_SAT_O2",
        "mdc_code10": 150456,
        "value": None if value is None else Decimal(value),
        "unit_code": "%" if value is not None else None,
        "observed_at": datetime(2026, 3, 23, 10, 15, tzinfo=UTC),
    }
    return Observation(**values | fields)


def recorded(encounter_id: str, *observations: Observation) -> ObservationsRecorded:
    return ObservationsRecorded(encounter_id=encounter_id, observations=list(observations))


def app_changed(client_id: str, version: int = 1, **fields: Any) -> ClinicalApp:
    values: dict[str, Any] = {"status": "active", "pseudonym_domain": client_id, "deidentification": "exact"}
    return ClinicalApp(client_id=client_id, version=version, **values | fields)


def described(device_id: str, minute: int = 0, **fields: Any) -> DeviceDescribed:
    """At a minute of the hour."""
    values: dict[str, Any] = {"manufacturer": "Corpuls", "model": "Corpuls3"}
    at = datetime(2026, 3, 23, 9, minute, tzinfo=UTC)
    return DeviceDescribed(device_id=device_id, described_at=at, **values | fields)
