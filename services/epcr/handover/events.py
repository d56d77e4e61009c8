"""Events of handovers: ids only."""

from datetime import UTC, datetime
from typing import Any, Literal

from services.epcr.encounters.models import EncounterRow
from services.epcr.handover.models import Destination, Emergency
from shared.messaging.messages import Event
from shared.primitives import ids


def destination_changed(row: EncounterRow, destination: Destination, state: Literal["bound", "ended"]) -> Event:
    """For the destination's app alone."""
    data = {"destination_id": destination.id, "state": state}
    return _event("epcr.destination.changed", row, data, [destination.client_id])


def emergency_opened(row: EncounterRow, emergency: Emergency, client_id: str, reason: str) -> Event:
    data = {"destination_id": emergency.destination_id, "emergency_id": emergency.id, "client_id": client_id}
    return _event("epcr.emergency_access.opened", row, data | {"reason": reason})


def outcome_recorded(row: EncounterRow, destination: Destination, version: int) -> Event:
    return _event("epcr.outcome.recorded", row, {"destination_id": destination.id, "version": version})


def _event(type: str, row: EncounterRow, data: dict[str, Any], recipients: list[str] | None = None) -> Event:
    return Event(
        event_id=ids.new_id("evt"),
        type=type,
        timestamp=datetime.now(UTC),
        data={"encounter_id": row.id, "organization_id": row.tenant_id} | data,
        test=row.test,
        recipients=recipients,
    )
