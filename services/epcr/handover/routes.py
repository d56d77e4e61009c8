"""Every call about destinations, identified reading and disclosures."""

from services.epcr.encounters.models import TRANSACTION
from services.epcr.encounters.representations import FHIR
from services.epcr.encounters.routes import ENCOUNTER, READ, WRITE
from services.epcr.handover import destinations, endpoints
from services.epcr.handover.models import (
    DOCUMENT,
    Arrivals,
    Destination,
    DestinationChange,
    DestinationDraft,
    DestinationNamed,
    DestinationPage,
    Destinations,
    DisclosurePage,
    Disclosures,
    Emergency,
    EmergencyDraft,
    EmergencyReviews,
    EncounterDestination,
    Handover,
    ReadHandover,
    Sender,
)
from shared.web.http import Page
from shared.web.routing import AnyOf, Content, Operation

ADMINISTRATOR = destinations.ADMINISTRATOR
HANDOVER = endpoints.HANDOVER
DESTINATIONS = destinations.PATH
DESTINATION = DESTINATIONS + "/{destination_id}"
CLOSED = {403: "A scope is missing, or `handover-closed`: the reading ended; `reason` says why"}
EXAMPLE = {
    "name": "Cork University Hospital, emergency department",
    "code": "724",
    "code_system": "urn:oid:1.2.372.980010.2.1",
    "type": "emergency_department",
    "client_id": "app_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "legal_basis": "provision_of_care",
    "agreement": "DSA-2026-014",
    "readable_days": 30,
    "allows_break_glass": True,
}
EMERGENCY = {
    "destination_id": "dst_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "reason": "patient_present",
    "explanation": "The crew came to us because the other hospital was full.",
}
OPERATIONS = [
    Operation(
        "GET",
        "/api/v1/epcr/sender",
        destinations.read_sender,
        "Read how documents name your service",
        READ,
        {200: Sender},
        "The name, official code and telephone number that handovers show as author and custodian, and the time zone of their texts.",
    ),
    Operation(
        "PUT",
        "/api/v1/epcr/sender",
        destinations.set_sender,
        "Set how documents name your service",
        ADMINISTRATOR,
        {200: Sender},
        "Handovers name it as author and custodian.",
        body=Sender,
        example={
            "name": "Riviera Emergency Services",
            "code": "118-IM",
            "code_system": "urn:oid:2.16.840.1.113883.2.9.4.1.2",
            "phone": "+39 0183 555 0100",
            "time_zone": "Europe/Rome",
        },
    ),
    Operation(
        "GET",
        DESTINATIONS,
        destinations.list_destinations,
        "List destinations",
        READ,
        {200: Destinations},
        "The destinations of your organisation, newest first; `code` and `active` narrow them.",
        query=DestinationPage,
    ),
    Operation(
        "POST",
        DESTINATIONS,
        destinations.create_destination,
        "Create a destination",
        ADMINISTRATOR,
        {201: Destination},
        "A hospital, its official code, its app and the legal basis. That app reads who the patient is, of encounters that are bound "
        "for the destination alone: from the moment the encounter names it until some days after the encounter ended.",
        body=DestinationDraft,
        headers=("Idempotency-Key",),
        refusals={409: "There is a destination with this code, or the organisation has its most"},
        example=EXAMPLE,
    ),
    Operation(
        "GET",
        DESTINATION,
        destinations.read_destination,
        "Inspect a destination",
        READ,
        {200: Destination},
        "A destination with its app and the legal basis of its reading.",
    ),
    Operation(
        "PATCH",
        DESTINATION,
        destinations.change_destination,
        "Change a destination",
        ADMINISTRATOR,
        {200: Destination},
        "Changes the given fields, at once: another app or `active: false` ends the reading of the former app.",
        body=DestinationChange,
        refusals={409: "There is a destination with this code"},
        example={"readable_days": 14},
    ),
    Operation(
        "DELETE",
        DESTINATION,
        destinations.delete_destination,
        "Delete a destination",
        ADMINISTRATOR,
        {204: None},
        "Deletes a destination that no encounter had. For one that encounters had, `active: false` ends all reading.",
        refusals={409: "Encounters had this destination"},
    ),
    Operation(
        "GET",
        f"{ENCOUNTER}/destination",
        destinations.read_destination_of,
        "Read the destination of an encounter",
        WRITE,
        {200: EncounterDestination},
        "The place that the encounter is bound for, and until when its app may read the handover.",
        id="getEncounterDestination",
    ),
    Operation(
        "PUT",
        f"{ENCOUNTER}/destination",
        destinations.name_destination,
        "Bind an encounter for a destination",
        WRITE,
        {200: EncounterDestination},
        "From now on the app of the destination may read who the patient is, so send it with the pre-alert. Another destination ends the "
        "reading of the former one at once. Both apps get `epcr.destination.changed`. Naming a destination again begins no new days: where "
        "they are over, an administrator opens reading again with `reopening`, the reason of which is in the audit trail.",
        body=DestinationNamed,
        refusals={
            403: "A scope is missing (for `reopening` `platform:apps`), or the destination is that of your own app",
            409: "The encounter is cancelled, had too many destinations, or `days_are_over`",
        },
        example={"destination_id": "dst_01jdkfx3c8e2r9v5m7q4t6w0ya"},
        id="setEncounterDestination",
    ),
    Operation(
        "DELETE",
        f"{ENCOUNTER}/destination",
        destinations.end_destination,
        "End the destination of an encounter",
        WRITE,
        {204: None},
        "Ends the reading of its app at once.",
        id="endEncounterDestination",
    ),
    Operation(
        "GET",
        "/api/v1/epcr/arrivals",
        endpoints.list_arrivals,
        "List the encounters bound for your destinations",
        HANDOVER,
        {200: Arrivals},
        "Those whose handover your app may read now, newest first.",
        query=Page,
    ),
    Operation(
        "GET",
        f"{ENCOUNTER}/handover",
        endpoints.read_handover,
        "Read the handover of an encounter",
        HANDOVER,
        {
            200: (
                Content("application/json", Handover),
                Content(FHIR, AnyOf((DOCUMENT, TRANSACTION))),
                Content("application/pdf", None),
            )
        },
        "The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a FHIR transaction, or "
        "as a PDF whose hash is in both. A server may execute the transaction again and again. It never changes a Patient that is there: "
        "when the crew learns another name, number, sex or date of birth, the other resources move to a new Patient that replaces the "
        "former one. After a correction of who the patient is it also marks the resources that your destination took under the former "
        "identity as entered in error, and lists the Patients of it for your index. Of devices' readings the first, lowest, highest and "
        "last of each kind are shown. Each answer is recorded as a disclosure, which the patient may ask for. Other encounters of the "
        "incident are listed, with the care of the same patient where you may read that handover too.",
        query=ReadHandover,
        refusals=CLOSED,
        has_etag=True,
    ),
    Operation(
        "POST",
        f"{ENCOUNTER}/handover/emergency",
        endpoints.open_emergency,
        "Open a handover in an emergency",
        HANDOVER,
        {201: Emergency},
        "For four hours, for an encounter that is bound for another destination or for none, if the organisation allows it to your "
        "destination. The organisation's administrator sees the reason, and subscribers to `epcr.emergency_access.opened` are notified.",
        body=EmergencyDraft,
        headers=("Idempotency-Key",),
        refusals={
            403: "A scope is missing, or the organisation does not allow emergency access to the destination",
            409: "Your app opened its most in 24 hours, or a call with this Idempotency-Key is under way",
        },
        example=EMERGENCY,
    ),
    Operation(
        "GET",
        "/api/v1/epcr/emergencies",
        endpoints.list_emergencies,
        "Review emergency access",
        ADMINISTRATOR,
        {200: EmergencyReviews},
        "Every emergency access of your organisation's apps with its explanation, newest first.",
        query=Page,
    ),
    Operation(
        "GET",
        f"{ENCOUNTER}/disclosures",
        endpoints.list_disclosures,
        "List the disclosures of a patient's data",
        ADMINISTRATOR,
        {200: Disclosures},
        "Every answer with identified data of the patient, of this and the patient's other encounters: to whom, for what, when, and which "
        "content.",
        query=DisclosurePage,
    ),
]
IDS = {"destination_id": "dst_123"}
