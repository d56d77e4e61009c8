"""Every call about encounters in the public contract."""

from services.epcr.encounters import endpoints
from services.epcr.encounters.models import (
    BUNDLES,
    TRANSACTION,
    EncounterFilter,
    EncounterList,
    EncounterView,
    ReadBundle,
    ReadEncounter,
)
from services.epcr.encounters.representations import FHIR
from services.epcr.records.models import EncounterDraft
from shared.web.routing import AnyOf, Content, Operation

READ, WRITE = endpoints.READ, endpoints.WRITE
ENCOUNTERS = endpoints.PATH
ENCOUNTER = ENCOUNTERS + "/{encounter_id}"

MINIMUM = {
    "care_model": "prehospital_emergency",
    "vehicle_id": "AMB-42",
    "crew_ids": ["usr_1"],
    "cad_incident_id": "cad_999",
}
OPERATIONS = [
    Operation(
        "GET",
        ENCOUNTERS,
        endpoints.list_encounters,
        "List ePCR encounters",
        READ,
        {200: EncounterList},
        "By the dispatch system's incident, by status.",
        query=EncounterFilter,
    ),
    Operation(
        "POST",
        ENCOUNTERS,
        endpoints.create_encounter,
        "Create an ePCR encounter",
        WRITE,
        {201: EncounterView},
        "From an external CAD-to-ePCR integration. The first four fields are enough; the whole record may be sent. What names the "
        "patient is kept encrypted and never shown again, to you or to anyone else. An app that is shown moved times cannot.",
        body=EncounterDraft,
        headers=("Idempotency-Key",),
        refusals={
            409: "There is an encounter for this incident, vehicle and patient; `encounter_id` names it. Or `limit-reached`: the record "
            "would have more bytes than the `limit`, or your organisation has used its allowance of stored bytes"
        },
        example=MINIMUM,
    ),
    Operation(
        "GET",
        ENCOUNTER,
        endpoints.read_encounter,
        "Fetch an ePCR encounter",
        READ,
        {200: (Content("application/json", AnyOf((EncounterView, BUNDLES))), Content(FHIR, TRANSACTION))},
        f"The de-identified record, or with `format=fhir` or `Accept: {FHIR}` the same bundle as `fhir-bundle`.",
        query=ReadEncounter,
        has_etag=True,
    ),
    Operation(
        "GET",
        f"{ENCOUNTER}/fhir-bundle",
        endpoints.export_bundle,
        "Export an encounter as a FHIR R4 Bundle",
        READ,
        {200: (Content(FHIR, TRANSACTION), Content("application/json", BUNDLES))},
        "A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries are conditional on "
        "their identifiers. It never changes a Patient that is there; sex, year of birth and country are an Observation. After a "
        "correction of who the patient is it also marks the resources that you fetched under the former identity as entered in error. "
        "An encounter of any length is streamed; `readings=summary` sends each series of a device's readings as one Observation. "
        "`max_entries` cuts it into several, each whole in itself, for servers that take only so many.",
        id="getFhirBundle",
        query=ReadBundle,
        has_etag=True,
    ),
]
IDS = {"encounter_id": "enc_123"}
