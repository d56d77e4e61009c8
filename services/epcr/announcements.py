"""What others are told when an encounter was written: subscribers an event without a word of the patient, graphql-api the facts."""

from collections.abc import Sequence

from services.epcr.facts import facts_of
from services.epcr.models.observations import LinkedObservation
from services.epcr.models.record import Encounter, Status
from shared import ids
from shared.messages import EncounterFacts, Event


def created(encounter: Encounter) -> tuple[Event, EncounterFacts]:
    return _event(encounter, "epcr.encounter.created"), facts_of(encounter, [])


def changed(
    encounter: Encounter, before: Status, observations: Sequence[LinkedObservation]
) -> tuple[Event, EncounterFacts]:
    """`before` is the status it had: an encounter is completed once, and updated ever after."""
    is_completed = encounter.status == "completed" and before != "completed"
    type = "epcr.encounter.completed" if is_completed else "epcr.encounter.updated"
    return _event(encounter, type), facts_of(encounter, observations)


def read_late(encounter: Encounter) -> Event:
    """Of a device's readings that came in after the handover: whoever fetched the encounter then hears of nothing else any more."""
    return _event(encounter, "epcr.encounter.updated")


def _event(encounter: Encounter, type: str) -> Event:
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
