"""Messages that a write of an encounter sends: an event without data of the patient for subscribers, facts for the indicators."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.epcr.encounters.facts import facts_of
from services.epcr.encounters.models import EncounterRow
from services.epcr.outcomes.facts import with_outcomes
from services.epcr.outcomes.models import OutcomeDraft
from services.epcr.records.models import Encounter, Status
from shared.messaging.messages import EncounterFacts, Event
from shared.primitives import ids


def created(encounter: Encounter) -> tuple[Event, EncounterFacts]:
    return _event(encounter, "epcr.encounter.created"), facts_of(encounter, [])


def changed(
    encounter: Encounter, before: Status, facts: EncounterFacts, outcomes: Sequence[OutcomeDraft]
) -> tuple[Event, EncounterFacts]:
    """`before` is the former status, `outcomes` the hospitals' reports.

    The change to completed is `completed`, each other change is `updated`."""
    is_completed = encounter.status == "completed" and before != "completed"
    type = "epcr.encounter.completed" if is_completed else "epcr.encounter.updated"
    return _event(encounter, type), with_outcomes(facts, outcomes)


def observed_late(encounter: EncounterRow) -> Event:
    """Notifies partners that late device observations changed a handed-over encounter."""
    return _event(encounter, "epcr.encounter.updated")


def identity_corrected(
    tenant_id: str, encounter_id: str, identity: int, version: int, recipients: list[str], *, test: bool
) -> Event:
    """Notifies the apps that fetched the encounter under its former identity."""
    data = {"encounter_id": encounter_id, "organization_id": tenant_id, "identity": identity, "version": version}
    return Event(
        event_id=ids.new_id("evt"),
        type="epcr.identity.corrected",
        timestamp=datetime.now(UTC),
        data=data,
        test=test,
        recipients=recipients,
    )


def _event(encounter: Encounter | EncounterRow, type: str) -> Event:
    return Event(
        event_id=ids.new_id("evt"),
        type=type,
        timestamp=encounter.updated_at,
        data={
            "encounter_id": encounter.id,
            "organization_id": encounter.tenant_id,
            "care_model": encounter.care_model,
            "status": encounter.status,
            "vehicle_id": encounter.vehicle_id,
            "cad_incident_id": encounter.cad_incident_id,
            "version": encounter.version,
        },
        test=encounter.test,
    )
